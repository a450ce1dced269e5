"""One-dimensional .npy files: written piece by piece, read without trusting their header.

Our header is padded to 128 bytes, so that the count can be patched once the last piece is written.
It has one spelling per dtype and count, so `open_npy` compares it as a whole. The headers of other
tools are matched against their grammar; nothing is evaluated.
"""

import math
import os
import re
import struct
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np

from paribus.errors import DataError
from paribus.files import open_regular, read_bytes

MAGIC = b"\x93NUMPY"
HEADER_BYTES = 128
_DESCRIPTIONS = {"uint16": "<u2", "uint32": "<u4", "uint64": "<u8"}


def npy_header(dtype: str, count: int) -> bytes:
    """Header, version 1.0, of a one-dimensional array of `count` little-endian `dtype`."""
    shape = f"'descr': '{_DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': ({count},), "
    text = f"{{{shape}}}".ljust(HEADER_BYTES - 11) + "\n"
    return MAGIC + b"\x01\x00" + struct.pack("<H", HEADER_BYTES - 10) + text.encode("latin1")


def npy_bytes(dtype: str, count: int) -> int:
    """Size of the whole file in bytes."""
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
    """Maps a file for reading; DataError unless size and header are those of `count` `dtype`."""
    with open_regular(path) as file:
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
                f"{header.rstrip()!r}. The file is damaged or was written by another tool: make "
                "the folder again, or see paribus data import"
            )
        if not count:
            return np.empty(0, _DESCRIPTIONS[dtype])
        return np.memmap(
            file, dtype=_DESCRIPTIONS[dtype], mode="r", offset=HEADER_BYTES, shape=(count,)
        )


def read_row(path: Path, *, limit: int) -> np.ndarray:
    """Reads a one-dimensional .npy file of integers into memory: at most `limit` bytes of them."""
    # A bytearray: PyTorch warns of arrays that cannot be written to.
    data = bytearray(read_bytes(path, limit=limit + HEADER_BYTES))
    shape = _foreign_header(data, path).shape
    if len(shape) != 1:
        raise DataError(
            f"{path}: expected a row of token ids, found an array of shape {shape}. "
            "Copy the file from a copy of the run"
        )
    return npy_ids(data, path)


def npy_ids(data: bytes | bytearray, source: Path | str) -> np.ndarray:
    """The integers of a .npy file that any tool may have written, as one row.

    Raises DataError for other values, and when the data is not as long as the header says.
    """
    header = _foreign_header(data, source)
    if re.fullmatch(r"[<>|=]?[iu][1248]", header.element) is None:
        raise DataError(
            f"{source}: expected a .npy file of integers, found {header.element!r} of shape "
            f"{header.shape}. Write the ids as integers"
        )
    dtype = np.dtype(header.element)
    n_bytes, expected = len(data) - header.n_bytes, math.prod(header.shape) * dtype.itemsize
    if n_bytes != expected:
        raise DataError(
            f"{source}: expected {expected} bytes of ids, as its header says, found {n_bytes}. "
            "The file is damaged: write it again"
        )
    row = np.frombuffer(data, dtype, offset=header.n_bytes) if expected else np.empty(0, dtype)
    return row.reshape(header.shape, order="F").reshape(-1) if header.is_fortran else row


class _Header(NamedTuple):
    """What the header of a .npy file says."""

    element: str
    """Type of an element: `<u2`."""
    is_fortran: bool
    shape: tuple[int, ...]
    n_bytes: int
    """Size of the header: where the data starts."""


_ITEM = r"'(descr|fortran_order|shape)': *('[^'\\]{1,20}'|True|False|\([0-9, L]{0,200}\))(?:, *)?"


_SHAPE = r"\((?:\d{1,18}L?,|\d{1,18}L?(?:, ?\d{1,18}L?){1,31},?)?\)"


def _foreign_header(data: bytes | bytearray, source: Path | str) -> _Header:
    width = {b"\1\0": 2, b"\2\0": 4, b"\3\0": 4}.get(bytes(data[6:8]), 0)
    n_bytes = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
    text = bytes(data[8 + width : n_bytes]).decode("latin-1")
    items = dict(re.findall(_ITEM, text))
    is_whole = data.startswith(MAGIC) and width and n_bytes <= len(data)
    if not (
        is_whole
        and re.fullmatch(rf"\{{ *(?:{_ITEM}){{3}}\}}\s*", text)
        and items.keys() == {"descr", "fortran_order", "shape"}
        and items["descr"].startswith("'")
        and items["fortran_order"] in ("True", "False")
        and re.fullmatch(_SHAPE, items["shape"])
    ):
        raise DataError(
            f"{source}: expected a .npy file of ids, found another header. Write it with numpy.save"
        )
    shape = tuple(map(int, re.findall(r"\d+", items["shape"])))
    is_fortran = items["fortran_order"] == "True" and math.prod(shape) > 0
    return _Header(items["descr"].strip("'"), is_fortran, shape, n_bytes)


def _abandon(file: IO[bytes]) -> None:
    """Closes after an error; what is still buffered is lost, and no longer needed."""
    try:
        file.close()
    except OSError:
        return
