"""Takes the raw token files of other tools: bare ids in little-endian order, without a header."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from paribus.data.prepare import Block, Progress, TextTokenizer, publish_tokens
from paribus.data.shards import TokenShards
from paribus.data.split import check_share
from paribus.errors import DataError, InputMissingError, from_os_error
from paribus.files import check_unused

BLOCK_TOKENS = 4 << 20


def import_bin(
    path: Path,
    dtype: str,
    tokenizer: TextTokenizer,
    out: Path,
    *,
    validation: float = 0.01,
    progress: Progress | None = None,
) -> TokenShards:
    """Publishes the ids of `path` ("uint16" or "uint32") as a token folder.

    A document ends with the end-of-text id. Validation is the last share of the file, from the
    start of a document on where one starts there. Raises DataError for a size that is no whole
    number of ids and for an id that the tokenizer does not have.
    """
    check_share(validation)
    check_unused(out)
    ids = _mapped(path, np.dtype(dtype).newbyteorder("<"))
    ends = _document_ends(ids, tokenizer, path)
    border = _border(ends, int(len(ids) * (1 - validation)))

    def describe() -> dict[str, Any]:
        return {"source": {"paths": [str(path)], "validation": validation, "notes": []}}

    blocks = _blocks(ids, ends, border, tokenizer)
    return publish_tokens(out, tokenizer, blocks, describe, progress)


def _mapped(path: Path, dtype: np.dtype) -> np.ndarray:
    try:
        n_bytes = path.stat().st_size
        if not n_bytes or n_bytes % dtype.itemsize:
            raise DataError(
                f"{path}: expected a whole number of {dtype.itemsize}-byte ids, found {n_bytes} "
                "bytes. Name the right --dtype, or copy the file again"
            )
        return np.memmap(path, dtype=dtype, mode="r")
    except FileNotFoundError as error:
        raise InputMissingError(f"{path}: expected a file of ids, found none") from error
    except OSError as error:
        raise from_os_error(error, path) from error


def _document_ends(ids: np.ndarray, tokenizer: TextTokenizer, path: Path) -> np.ndarray:
    """Where each document ends; reads the file once and refuses ids out of range."""
    ends = [np.empty(0, np.int64)]
    for start in range(0, len(ids), BLOCK_TOKENS):
        block = ids[start : start + BLOCK_TOKENS]
        if int(block.max()) >= len(tokenizer):
            at = int(np.argmax(block >= len(tokenizer)))
            raise DataError(
                f"{path}: expected ids below {len(tokenizer)}, found {int(block[at])} at token "
                f"{start + at}. Name the tokenizer and the --dtype that made the file"
            )
        if tokenizer.end_of_text is not None:
            ends.append(np.flatnonzero(block == tokenizer.end_of_text) + (start + 1))
    found = np.concatenate(ends)
    return found if len(found) and found[-1] == len(ids) else np.append(found, len(ids))


def _border(ends: np.ndarray, wanted: int) -> int:
    """The last end of a document at or before `wanted`; `wanted` where that is too far off."""
    nearest = int(ends[max(0, np.searchsorted(ends, wanted, side="right") - 1)])
    return nearest if wanted // 2 < nearest <= wanted else wanted


def _blocks(
    ids: np.ndarray, ends: np.ndarray, border: int, tokenizer: TextTokenizer
) -> Iterator[Block]:
    """Whole documents, block by block; training up to `border`, validation behind it."""
    stops = np.union1d(ends, [border]).astype(np.int64)
    stops = stops[stops > 0]
    first, start = 0, 0
    while first < len(stops):
        side_end = border if start < border else len(ids)
        limit = min(start + BLOCK_TOKENS, side_end)
        last = max(int(np.searchsorted(stops, limit, side="right")), first + 1)
        found = np.asarray(ids[start : stops[last - 1]])
        lengths = np.diff(stops[first:last], prepend=start)
        yield Block(start >= border, found, lengths, tokenizer.count_bytes(found))
        first, start = last, int(stops[last - 1])
