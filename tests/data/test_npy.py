import io
import os

import numpy as np
import pytest

from paribus.data.npy import (
    HEADER_BYTES,
    MAGIC,
    NpyWriter,
    npy_header,
    npy_ids,
    open_npy,
    read_row,
)
from paribus.errors import DataError


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
def test_what_is_written_in_pieces_numpy_maps_and_reads(tmp_path, dtype):
    pieces = [np.arange(5), np.arange(0), np.arange(60_000, 60_003)]
    with NpyWriter(tmp_path / "a.npy", dtype) as writer:
        for piece in pieces:
            writer.append(piece.astype(np.uint32))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r", allow_pickle=False)
    assert mapped.dtype == np.dtype(dtype)
    assert mapped.tolist() == np.concatenate(pieces).tolist()
    assert np.array_equal(open_npy(tmp_path / "a.npy", dtype, 8), mapped)


def test_the_header_is_the_one_that_numpy_writes(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(1000, dtype="<u2"))
    assert (tmp_path / "a.npy").read_bytes()[:HEADER_BYTES] == npy_header("uint16", 1000)


def test_an_empty_array_opens(tmp_path):
    NpyWriter(tmp_path / "a.npy", "uint16").close()
    assert open_npy(tmp_path / "a.npy", "uint16", 0).shape == (0,)


def test_every_flipped_byte_of_the_header_and_every_other_size_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    with NpyWriter(path, "uint16") as writer:
        writer.append(np.arange(4))
    whole = path.read_bytes()
    damaged = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(HEADER_BYTES)]
    damaged += [whole[:size] for size in (0, 1, 7, 127, 128, 129, len(whole) - 1)] + [whole + b"\0"]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"a\.npy: expected .*, found ") as error:
            open_npy(path, "uint16", 4)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "array", [np.asfortranarray(np.zeros((2, 2), "<u2")), np.zeros(4, ">u2"), np.zeros(4, "<i2")]
)
def test_arrays_of_another_kind_and_the_same_size_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match="header of 4 uint16"):
        open_npy(tmp_path / "a.npy", "uint16", 4)


def test_an_error_while_writing_is_passed_on_and_closes_the_file(tmp_path):
    with pytest.raises(ZeroDivisionError), NpyWriter(tmp_path / "a.npy", "uint16") as writer:
        raise ZeroDivisionError
    assert writer._file.closed


HEADER = "{'descr': '<u2', 'fortran_order': False, 'shape': (%s), }"


def npy(header, body=b"\7\0\x09\0", version=b"\1\0"):
    text, width = header.encode("latin-1"), 2 if version == b"\1\0" else 4
    return MAGIC + version + len(text).to_bytes(width, "little") + text + body


@pytest.mark.parametrize(
    "array",
    [
        np.arange(5, dtype="<u2"), np.arange(6, dtype=">i8").reshape(2, 3), np.arange(3, dtype="i1"),
        np.asfortranarray(np.arange(6, dtype="<u4").reshape(2, 3)), np.array(7), np.empty((0, 3), "<u2"),
        np.asfortranarray(np.empty((3, 0, 2), "<u2")),
    ],
    ids=lambda array: f"{array.dtype.str} {array.shape}",
)  # fmt: skip
def test_the_integers_of_numpy_are_read_as_numpy_reads_them(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    row = npy_ids(buffer.getvalue(), "x")
    assert row.dtype == array.dtype
    assert row.tolist() == array.reshape(-1).tolist()
    for version in ((2, 0), (3, 0)):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version=version)
        assert npy_ids(buffer.getvalue(), "x").tolist() == row.tolist()


def test_the_keys_of_a_header_stand_in_any_order():
    text = "{'shape': (2,), 'fortran_order': False, 'descr': '<u2'}  \n"
    assert npy_ids(npy(text), "x").tolist() == [7, 9]


BAD_HEADERS = [
    "", "{", "{'descr'", "(" * 9000, "[" * 60_000, "[1", "\xff", "{'a': 1\\\n", "{" * 300, "'''", "\t\x0c(",
    HEADER % "3,", HEADER % "-1,", HEADER % "1e400,", HEADER % f"{10**18},", HEADER % f"{1 << 70},",
    HEADER % ("9" * 5000 + ","), HEADER % ("1, " * 60 + "2,"), HEADER % "None,", HEADER % "2", HEADER % "x,",
    (HEADER % "2,").replace("<u2", "|O"), (HEADER % "1,").replace("<u2", "<f4"),
    (HEADER % "2,").replace("<u2", "|V0"), (HEADER % "2,").replace("'<u2'", "[('a', '<u2')]"),
    (HEADER % "2,").replace("False", "__import__('os')"), (HEADER % "2,").replace("False", "1"),
    (HEADER % "2,").replace(", }", ", 'descr': '<u2', }"), HEADER[:20] + HEADER % "2,",
]  # fmt: skip


@pytest.mark.parametrize("header", BAD_HEADERS, ids=lambda header: header[:50])
def test_a_header_that_lies_or_is_no_header_is_refused_in_one_line(header, tmp_path):
    (tmp_path / "x.npy").write_bytes(npy(header[:65_535]))
    for read in (
        lambda: npy_ids((tmp_path / "x.npy").read_bytes(), tmp_path / "x.npy"),
        lambda: read_row(tmp_path / "x.npy", limit=1 << 20),
    ):
        with pytest.raises(DataError, match=r"x\.npy: expected .*, found ") as error:
            read()
        assert "\n" not in str(error.value)


def test_a_header_cut_anywhere_is_refused():
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    for size in range(len(buffer.getvalue())):
        with pytest.raises(DataError, match="expected"):
            npy_ids(buffer.getvalue()[:size], "x")


def test_a_row_is_read_within_its_limit_and_can_be_written_to(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(50, dtype="<u2"))
    row = read_row(tmp_path / "x.npy", limit=100)
    assert row.tolist() == list(range(50))
    assert row.flags.writeable
    with pytest.raises(DataError, match="at most"):
        read_row(tmp_path / "x.npy", limit=99)
    np.save(tmp_path / "x.npy", np.zeros((2, 2), "<u2"))
    with pytest.raises(DataError, match="expected a row of token ids"):
        read_row(tmp_path / "x.npy", limit=100)
    (tmp_path / "x.npy").unlink()
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(DataError, match="found a pipe"):
        read_row(tmp_path / "x.npy", limit=100)
