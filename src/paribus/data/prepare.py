"""From documents to a published folder of token shards.

Documents are encoded in blocks, one call of the tokenizer a block, and the end-of-text id follows
each. Neither the number of threads nor the size of a block changes a byte of the result.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from paribus.data.corpus import SEPARATOR, check_separator, documents, text_files
from paribus.data.shard_writer import ShardWriter, token_dtype
from paribus.data.shards import TokenShards, open_shards
from paribus.data.split import Census, Document, check_share, divide
from paribus.data.token_manifest import FORMAT, SPLITS, VERSION
from paribus.errors import DataError
from paribus.files import check_unused, publish_folder

BLOCK_BYTES = 16 << 20
BLOCK_DOCUMENTS = 1 << 16

Progress = Callable[[int, int], None]
"""Called after each block with the text bytes and tokens so far; it may raise to stop."""


class TextTokenizer(Protocol):
    """What this room needs of a tokenizer."""

    @property
    def hash(self) -> str: ...
    @property
    def end_of_text(self) -> int | None: ...
    def __len__(self) -> int: ...
    def encode_batch(
        self, texts: Sequence[bytes], *, threads: int | None = None
    ) -> list[np.ndarray]: ...
    def count_bytes(self, ids: np.ndarray) -> int: ...
    def save(self, folder: Path) -> None: ...


def prepare(  # noqa: PLR0913 - the settings of one command, each with its default
    paths: Sequence[Path | str],
    tokenizer: TextTokenizer,
    out: Path,
    *,
    validation: float = 0.01,
    separator: str | None = SEPARATOR,
    field: str = "text",
    binary: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> TokenShards:
    """Encodes the documents of `paths` and publishes them as the folder `out`.

    `validation` is the share of documents, from 0 to below 1. Repeated documents are dropped and
    counted. What the user should know stands in `notes`. Raises CannotCreateError
    where `out` holds files, InputMissingError, DataError for input without text, StorageError.
    """
    check_share(validation)
    check_separator(separator)
    check_unused(out)
    text_files(paths)
    census = Census()
    read = _watched(
        documents(paths, separator=separator, field=field, binary=binary), separator, census
    )
    blocks = encoded_blocks(divide(read, validation, census), tokenizer, threads)

    def describe() -> dict[str, Any]:
        source = {"paths": [str(path) for path in paths], "validation": validation}
        return {"source": source | asdict(census)}

    return publish_tokens(out, tokenizer, blocks, describe, progress)


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive documents of one side, as ids."""

    is_validation: bool
    ids: np.ndarray
    lengths: np.ndarray
    """Number of ids of each document."""
    n_bytes: int
    """Bytes of text that they stand for."""


def publish_tokens(
    out: Path,
    tokenizer: TextTokenizer,
    blocks: Iterable[Block],
    describe: Callable[[], dict[str, Any]],
    progress: Progress | None,
) -> TokenShards:
    """Publishes encoded blocks with the tokenizer's files; `describe` is asked at the end."""
    record: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "dtype": token_dtype(len(tokenizer)),
        "vocab_size": len(tokenizer),
        "tokenizer_hash": tokenizer.hash,
        "end_of_text": tokenizer.end_of_text,
    }

    def write(folder: Path) -> None:
        writers = _write_blocks(folder, len(tokenizer), blocks, progress)
        if not writers["train"].n_tokens:
            raise DataError(
                f"{out}: expected at least one document, found no text. Check the input files"
            )
        tokenizer.save(folder)
        record.update({split: writers[split].record() for split in SPLITS} | describe())

    publish_folder(out, write, record)
    return open_shards(out, tokenizer_hash=tokenizer.hash)


def _write_blocks(
    folder: Path, vocab_size: int, blocks: Iterable[Block], progress: Progress | None
) -> dict[str, ShardWriter]:
    with (
        ShardWriter(folder, "train", vocab_size) as train,
        ShardWriter(folder, "validation", vocab_size) as validation,
    ):
        for block in blocks:
            writer = validation if block.is_validation else train
            writer.append(block.ids, block.lengths, block.n_bytes)
            if progress is not None:
                progress(train.n_bytes + validation.n_bytes, train.n_tokens + validation.n_tokens)
    return {"train": train, "validation": validation}


def encoded_blocks(
    documents: Iterable[Document], tokenizer: TextTokenizer, threads: int | None
) -> Iterator[Block]:
    """Encodes documents block by block; the order within each side stays."""
    for is_validation, texts in _batches(documents):
        encoded = tokenizer.encode_batch(texts, threads=threads)
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        ids = np.concatenate(encoded) if len(encoded) > 1 else np.asarray(encoded[0])
        if tokenizer.end_of_text is not None:
            ids = np.insert(ids, np.cumsum(lengths), tokenizer.end_of_text)
            lengths = lengths + 1
        yield Block(is_validation, ids, lengths, sum(map(len, texts)))


def _batches(documents: Iterable[Document]) -> Iterator[tuple[bool, list[bytes]]]:
    pending: dict[bool, list[bytes]] = {False: [], True: []}
    n_bytes = {False: 0, True: 0}
    for document in documents:
        side = document.is_validation
        pending[side].append(document.text)
        n_bytes[side] += len(document.text)
        if n_bytes[side] >= BLOCK_BYTES or len(pending[side]) == BLOCK_DOCUMENTS:
            yield side, pending[side]
            pending[side], n_bytes[side] = [], 0
    for side in (False, True):
        if pending[side]:
            yield side, pending[side]


def _watched(documents: Iterable[bytes], separator: str | None, census: Census) -> Iterator[bytes]:
    """Passes documents on; says where separators stand within lines, as they divide nothing."""
    needle = separator.encode() if separator else None
    n_inline = 0
    for text in documents:
        if needle is not None:
            n_inline += text.count(needle)
        yield text
    if n_inline:
        census.notes.append(
            f"{separator} stands {n_inline} times within a line: there it is text and divides "
            "nothing; put it on lines of its own where it should"
        )
