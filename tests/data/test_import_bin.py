import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paribus.data import import_bin as module
from paribus.data.import_bin import import_bin
from paribus.errors import CannotCreateError, DataError, InputMissingError


def write(path, ids, dtype="<u2"):
    path.write_bytes(np.array(ids, dtype).tobytes())
    return path


def ids_of(shards, split):
    return [int(number) for shard in getattr(shards, split) for number in shard]


@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_ids_documents_and_bytes_come_over(tmp_path, byte_tokenizer, dtype):
    ids = [*b"first", 256, *b"second one", 256, *b"end", 256]
    path = write(tmp_path / "a.bin", ids, np.dtype(dtype))
    shards = import_bin(path, dtype, byte_tokenizer(), tmp_path / "out", validation=0.19)
    assert ids_of(shards, "train") == ids[:-4]
    assert ids_of(shards, "validation") == ids[-4:]
    assert shards.train_documents.tolist() == [0, 6]
    assert (shards.n_train_bytes, shards.n_validation_bytes) == (15, 3)


documents = st.lists(st.lists(st.integers(0, 255), max_size=6), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(documents, st.sampled_from([0.0, 0.1, 0.5]), st.integers(1, 20), st.booleans())
def test_nothing_is_lost_whatever_the_block_and_the_share(
    byte_tokenizer, documents, share, block, ends
):
    ids = [number for document in documents for number in [*document, 256]]
    ids = ids if ends else [*ids, 7]
    array = np.array(ids, np.uint16)
    stops = np.flatnonzero(array == 256) + 1
    stops = stops if ends else np.append(stops, len(ids))
    border = module._border(stops, int(len(ids) * (1 - share)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_TOKENS", block)
        found = list(module._blocks(array, stops, border, byte_tokenizer()))
    assert [int(number) for part in found for number in part.ids] == ids
    sides = [part.is_validation for part in found]
    assert sides == sorted(sides)
    assert sum(len(part.ids) for part in found if not part.is_validation) == border
    for part in found:
        inner = np.cumsum(part.lengths)[:-1]
        assert part.lengths.sum() == len(part.ids) and (part.lengths > 0).all()
        assert all(part.ids[stop - 1] == 256 for stop in inner)


def test_an_id_that_the_tokenizer_does_not_have_is_named_with_its_place(tmp_path, byte_tokenizer):
    path = write(tmp_path / "a.bin", [1, 2, 300])
    with pytest.raises(DataError, match=r"below 257, found 300 at token 2"):
        import_bin(path, "uint16", byte_tokenizer(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data", [b"", b"odd"])
def test_a_size_that_is_no_number_of_ids_is_refused(tmp_path, byte_tokenizer, data):
    (tmp_path / "a.bin").write_bytes(data)
    with pytest.raises(DataError, match="whole number"):
        import_bin(tmp_path / "a.bin", "uint16", byte_tokenizer(), tmp_path / "out")


def test_a_missing_file_and_an_output_in_use_are_refused(tmp_path, byte_tokenizer):
    with pytest.raises(InputMissingError, match="absent"):
        import_bin(tmp_path / "absent", "uint16", byte_tokenizer(), tmp_path / "out")
    with pytest.raises(CannotCreateError, match="another name"):
        write(tmp_path / "a.bin", [1])
        import_bin(tmp_path / "a.bin", "uint16", byte_tokenizer(), tmp_path)
