import numpy as np
import pytest

from paribus.data.npy import HEADER_BYTES, NpyWriter, npy_header, open_npy
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
