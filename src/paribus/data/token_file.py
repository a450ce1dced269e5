"""One text file to one .npy file of its ids, a block at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from paribus.data.npy import NpyWriter
from paribus.data.shard_writer import token_dtype
from paribus.data.streams import read_blocks
from paribus.files import publish_written


class BlockTokenizer(Protocol):
    """What this file needs of a tokenizer."""

    def __len__(self) -> int: ...
    def encode_blocks(
        self, pieces: Iterable[bytes], *, allow_special: bool = False, threads: int | None = None
    ) -> Iterator[np.ndarray]: ...


def encode_file(
    text: Path | str,
    tokenizer: BlockTokenizer,
    out: Path,
    *,
    allow_special: bool = False,
    threads: int | None = None,
    replaces: bool = False,
) -> int:
    """Publishes the ids of a text as the .npy file `out`; returns how many.

    Holds a block of text and its ids, however long the text. Raises what `read_blocks` raises,
    CannotCreateError where `out` is there and not `replaces`, StorageError.
    """
    n_ids = 0

    def write(temporary: Path) -> None:
        nonlocal n_ids
        blocks = tokenizer.encode_blocks(
            read_blocks(text, binary=True), allow_special=allow_special, threads=threads
        )
        with NpyWriter(temporary, token_dtype(len(tokenizer))) as writer:
            for ids in blocks:
                writer.append(ids)
            n_ids = writer.count

    publish_written(out, write, replaces=replaces)
    return n_ids
