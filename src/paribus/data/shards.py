"""TokenShards: a published folder of token ids, opened as memory maps and checked at the border."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paribus.data.npy import open_npy
from paribus.data.token_manifest import SPLITS, Split, content_hash, read_token_manifest
from paribus.errors import DataError, from_os_error
from paribus.files import MANIFEST, publish_copy
from paribus.manifest import has_checksum, verify_files

log = logging.getLogger("paribus")


@dataclass(frozen=True, eq=False)
class TokenShards:
    """Training and validation tokens, with the counts that the manifest states.

    The shards of a split are one stream, cut where a file would grow too large. Every document
    ends with the end-of-text id. Bytes are those of the documents' text.
    """

    folder: Path
    tokenizer_hash: str
    vocab_size: int
    dtype: str
    train: tuple[np.ndarray, ...]
    validation: tuple[np.ndarray, ...]
    train_documents: np.ndarray
    """Where each document starts in the stream, in tokens."""
    validation_documents: np.ndarray
    n_train_tokens: int
    n_validation_tokens: int
    n_train_bytes: int
    n_validation_bytes: int
    content_hash: str
    """SHA-256 over the SHA-256 of every shard: equal for equal tokens in equal shards."""
    manifest: dict[str, Any]

    @property
    def notes(self) -> list[str]:
        """What the user should know about the text and its split, one line each."""
        return self.manifest["source"]["notes"]


def open_shards(folder: Path, *, tokenizer_hash: str | None = None) -> TokenShards:
    """Opens what `prepare` published; reads headers, no tokens.

    Raises InputMissingError without a manifest, and DataError if a size, a header or a count
    disagrees with it, or if the text was encoded with a tokenizer other than `tokenizer_hash`.
    """
    record = read_token_manifest(folder)
    if tokenizer_hash is not None and record["tokenizer_hash"] != tokenizer_hash:
        raise DataError(
            f"tokenizer of {folder}: expected {tokenizer_hash[:16]}, found "
            f"{record['tokenizer_hash'][:16]}. Encode the text again: paribus data prepare TEXT "
            "--tokenizer TOKENIZER --out DIR"
        )
    try:
        arrays = {split: _open_split(folder, record, split) for split in SPLITS}
        starts = {split: _open_starts(folder, record, split) for split in SPLITS}
    except OSError as error:
        raise from_os_error(error, folder) from error
    return TokenShards(
        folder=folder,
        tokenizer_hash=record["tokenizer_hash"],
        vocab_size=record["vocab_size"],
        dtype=record["dtype"],
        train=arrays["train"],
        validation=arrays["validation"],
        train_documents=starts["train"],
        validation_documents=starts["validation"],
        n_train_tokens=record["train"]["tokens"],
        n_validation_tokens=record["validation"]["tokens"],
        n_train_bytes=record["train"]["bytes"],
        n_validation_bytes=record["validation"]["bytes"],
        content_hash=content_hash(record),
        manifest=record,
    )


def verify(shards: TokenShards) -> None:
    """Reads every byte: SHA-256 of every file, ids below vocab_size, documents in order."""
    if not has_checksum(shards.manifest):
        log.warning(
            "%s has no checksum of its own, so its counts cannot be verified. Prepare the text "
            "again to get one", shards.folder / MANIFEST,
        )  # fmt: skip
    verify_files(shards.folder, shards.manifest)
    for shard in (*shards.train, *shards.validation):
        for start in range(0, len(shard), 1 << 24):
            largest = int(shard[start : start + (1 << 24)].max())
            if largest >= shards.vocab_size:
                raise DataError(
                    f"{shards.folder}: expected ids below {shards.vocab_size}, found {largest}. "
                    "Make the folder again"
                )
    _verify_starts(shards, shards.train_documents, shards.n_train_tokens)
    _verify_starts(shards, shards.validation_documents, shards.n_validation_tokens)


def _verify_starts(shards: TokenShards, starts: np.ndarray, n_tokens: int) -> None:
    ends = np.append(starts[1:], np.uint64(n_tokens))
    if len(starts) and (starts[0] != 0 or (starts >= ends).any()):
        raise DataError(
            f"{shards.folder}: expected rising starts of documents, found others. "
            "Make the folder again"
        )


def copy_shards(shards: TokenShards, target: Path) -> None:
    """Publishes exactly the files that the manifest of `shards` names as the folder `target`."""
    publish_copy(shards.folder, [*shards.manifest["files"], MANIFEST], target)


def gather(shards: tuple[np.ndarray, ...], positions: np.ndarray) -> np.ndarray:
    """The ids at `positions` (any shape) of the stream that `shards` form, as int64."""
    if len(shards) == 1:
        return shards[0][positions].astype(np.int64)
    borders = np.cumsum([0, *(len(shard) for shard in shards)])
    owners = np.searchsorted(borders, positions, side="right") - 1
    ids = np.empty(positions.shape, np.int64)
    for owner in np.unique(owners):
        here = owners == owner
        ids[here] = shards[owner][positions[here] - borders[owner]]
    return ids


def _open_split(folder: Path, record: dict[str, Any], split: Split) -> tuple[np.ndarray, ...]:
    return tuple(
        open_npy(folder / shard["name"], record["dtype"], shard["tokens"])
        for shard in record[split]["shards"]
    )


def _open_starts(folder: Path, record: dict[str, Any], split: Split) -> np.ndarray:
    return open_npy(folder / f"{split}-documents.npy", "uint64", record[split]["documents"])
