"""The bytes of one input, block by block: plain, gzip, bzip2, xz, Zstandard, or standard input.

Compressed input is inflated as a stream and counted: what inflates to more than 20 GB, or to more
than 1000 times its size, is refused, and a file that ends early is an error, never a shorter text.
"""

import bz2
import itertools
import lzma
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from paribus.data.signatures import HEAD_BYTES, binary_format_of, compression_of
from paribus.errors import DataError, InputMissingError, UnavailableError, from_os_error

BLOCK_BYTES = 1 << 20
STANDARD_INPUT = "-"

INFLATED_LIMIT = 20 * 10**9
"""Bytes that one compressed file may inflate to."""
RATIO_LIMIT = 1000
"""Inflated bytes per stored byte, looked at above RATIO_FREE_BYTES."""
RATIO_FREE_BYTES = 256 << 20
"""Honest text of one repeated letter passes any ratio, so small results are not looked at."""


class Decompressor(Protocol):
    """What zlib, lzma and zstandard have in common: one object per compressed member."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def read_blocks(path: Path | str, *, binary: bool = False) -> Iterator[bytes]:
    """Yields the text of `path` in blocks, inflated if its name or its first bytes say so.

    "-" is standard input. With `binary` the bytes of a known binary format are taken as they are.
    Raises InputMissingError, AccessDeniedError, StorageError, DataError for a binary format and for
    a damaged or oversized compressed file, UnavailableError without the package zstandard.
    """
    if str(path) == STANDARD_INPUT:
        yield from _raw_blocks(sys.stdin.buffer, "standard input", BLOCK_BYTES)
        return
    path = Path(path)
    with _opened(path) as file:
        # 4 KiB at a time bounds what one call can inflate to: 128 MiB in Zstandard.
        head = next(_raw_blocks(file, path, 4096), b"")
        suffix = path.suffix.lower()
        suffix = suffix if suffix in DECOMPRESSORS else compression_of(head)
        if suffix is not None:
            stored = itertools.chain([head] if head else [], _raw_blocks(file, path, 4096))
            blocks = _inflated(stored, DECOMPRESSORS[suffix], path, suffix)
        else:
            blocks = itertools.chain([head], _raw_blocks(file, path, BLOCK_BYTES))
        yield from blocks if binary else _text_alone(blocks, path)


def _text_alone(blocks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """`blocks`, unless they begin like a binary format. Raises DataError, naming the format."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEAD_BYTES:
            break
    if found := binary_format_of(head):
        raise DataError(
            f"{path} is {found}, not text. Convert it to text, or take its bytes as they are with "
            "--binary"
        )
    if head:
        yield head
    yield from blocks


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise InputMissingError(
            f"{path}: expected a file, found none. Check the name, or make the file first"
        ) from error
    except OSError as error:
        raise from_os_error(error, path) from error


def _raw_blocks(file: IO[bytes], source: Path | str, n_bytes: int) -> Iterator[bytes]:
    while True:
        try:
            block = file.read(n_bytes)
        except OSError as error:
            raise from_os_error(error, source) from error
        if not block:
            return
        yield block


def _inflated(
    blocks: Iterable[bytes], start: Callable[[], Decompressor], path: Path, suffix: str
) -> Iterator[bytes]:
    member: Decompressor | None = None
    n_stored = n_inflated = 0
    for stored in blocks:
        n_stored += len(stored)
        while stored:
            if member is None:
                stored = stored.lstrip(b"\0") if n_inflated else stored  # padding between members
                if not stored:
                    break
                member = start()
            text, stored, member = _inflate(member, stored, path, suffix)
            n_inflated += len(text)
            _check_limits(n_stored, n_inflated, path)
            if text:
                yield text
    if member is not None or not n_stored:
        raise DataError(
            f"{path}: expected a whole compressed file, found its end missing after {n_stored} "
            "bytes. Copy or download it again"
        )


def _inflate(
    member: Decompressor, stored: bytes, path: Path, suffix: str
) -> tuple[bytes, bytes, Decompressor | None]:
    """The text of `stored`, the bytes left behind the member's end, the member if it goes on."""
    try:
        text = member.decompress(stored)
    except _damage_errors() as error:
        raise DataError(
            f"{path}: expected {suffix[1:]} data, found damage ({error}). "
            "Copy or download it again, or correct its name"
        ) from error
    return (text, member.unused_data, None) if member.eof else (text, b"", member)


def _check_limits(n_stored: int, n_inflated: int, path: Path) -> None:
    too_dense = n_inflated > RATIO_FREE_BYTES and n_inflated > RATIO_LIMIT * n_stored
    if too_dense or n_inflated > INFLATED_LIMIT:
        raise DataError(
            f"{path}: expected at most {INFLATED_LIMIT} bytes and {RATIO_LIMIT} times its size, "
            f"found {n_inflated} bytes inflated from {n_stored}. Decompress it yourself if you "
            "trust it"
        )


def _gzip() -> Decompressor:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)


def _bzip2() -> Decompressor:
    return bz2.BZ2Decompressor()


def _xz() -> Decompressor:
    return lzma.LZMADecompressor(memlimit=1 << 29)


def _zstandard() -> Decompressor:
    return _zstandard_package().ZstdDecompressor(max_window_size=1 << 27).decompressobj()


def _zstandard_package() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise UnavailableError(
            "reading .zst: expected zstandard, found none. "
            'uv sync --extra data, or pip install "paribus[data]"'
        ) from error
    return zstandard


def _damage_errors() -> tuple[type[Exception], ...]:
    package = sys.modules.get("zstandard")
    known = (zlib.error, lzma.LZMAError, EOFError, OSError)
    return (*known, package.ZstdError) if package else known


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    ".gz": _gzip,
    ".bz2": _bzip2,
    ".xz": _xz,
    ".zst": _zstandard,
}
