"""One-dimensional .npy files written piece by piece, and opened without trusting their header.

The header is padded to 128 bytes, so that its count can be patched when the last piece is written,
and has one spelling for one dtype and count: a reader compares it whole.
"""

import io
import math
import os
import struct
import tokenize
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from paribus.errors import DataError

HEADER_BYTES = 128
_DESCRIPTIONS = {"uint16": "<u2", "uint32": "<u4", "uint64": "<u8"}


def npy_header(dtype: str, count: int) -> bytes:
    """The header, version 1.0, of a one-dimensional array of `count` little-endian `dtype`."""
    shape = f"'descr': '{_DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': ({count},), "
    text = f"{{{shape}}}".ljust(HEADER_BYTES - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", HEADER_BYTES - 10) + text.encode("latin1")


def npy_bytes(dtype: str, count: int) -> int:
    """Size in bytes of the whole file."""
    return HEADER_BYTES + count * np.dtype(dtype).itemsize


class NpyWriter:
    """Appends to a new .npy file; `close` writes the count into its header."""

    def __init__(self, path: Path, dtype: str):
        self.dtype, self.count = dtype, 0
        self._file: IO[bytes] = path.open("xb")
        self._file.write(npy_header(dtype, 0))

    def append(self, values: np.ndarray) -> None:
        """Writes `values`; the caller has checked that `dtype` holds them."""
        little_endian = np.ascontiguousarray(values, dtype=_DESCRIPTIONS[self.dtype])
        self._file.write(little_endian.data.cast("B"))
        self.count += len(values)

    def close(self) -> None:
        with self._file:
            self._file.seek(0)
            self._file.write(npy_header(self.dtype, self.count))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            _abandon(self._file)


def open_npy(path: Path, dtype: str, count: int) -> np.ndarray[Any, np.dtype[Any]]:
    """Maps a file for reading; DataError unless header and size are those of `count` `dtype`."""
    with path.open("rb") as file:
        size, expected = os.fstat(file.fileno()).st_size, npy_bytes(dtype, count)
        if size != expected:
            raise DataError(
                f"{path}: expected {expected} bytes for {count} {dtype}, found {size}. "
                "The file is damaged: make the folder again"
            )
        header = file.read(HEADER_BYTES)
        if header != npy_header(dtype, count):
            raise DataError(
                f"{path}: expected the header of {count} {dtype} in .npy, found "
                f"{header[:HEADER_BYTES].rstrip()!r}. The file is damaged or foreign: make the "
                "folder again, or see paribus data import"
            )
        if not count:
            return np.empty(0, _DESCRIPTIONS[dtype])
        return np.memmap(
            file, dtype=_DESCRIPTIONS[dtype], mode="r", offset=HEADER_BYTES, shape=(count,)
        )


def npy_ids(data: bytes, source: Path | str) -> np.ndarray:
    """The integers of a .npy file that another tool may have written, as one row.

    Raises DataError for other values, and for a header that promises other than what follows.
    """
    stream = io.BytesIO(data)
    read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    try:
        shape, is_fortran, dtype = read[np.lib.format.read_magic(stream)[0]](stream)
    except (ValueError, KeyError, RecursionError, tokenize.TokenError) as error:
        raise DataError(
            f"{source}: expected a .npy file of ids, found another header. Write it with numpy.save"
        ) from error
    values = data[stream.tell() :]
    expected = math.prod(shape) * dtype.itemsize
    if dtype.kind not in "iu" or any(length < 0 for length in shape):
        raise DataError(
            f"{source}: expected a .npy file of integers, found {dtype} of shape {shape}"[:200]
        )
    if len(values) != expected:
        raise DataError(
            f"{source}: expected {expected} bytes of ids, as its header says, found {len(values)}. "
            "The file is damaged: write it again"
        )
    array = np.frombuffer(values, dtype).reshape(shape, order="F" if is_fortran else "C")
    return array.reshape(-1)


def _abandon(file: IO[bytes]) -> None:
    """Closes after an error: what is still buffered cannot be written, and does not matter."""
    try:
        file.close()
    except OSError:
        return
