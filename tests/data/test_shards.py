import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paribus.data.shards import gather, open_shards, verify
from paribus.errors import DataError, InputMissingError

SHARD = "train-00000.npy"


def altered(folder, change):
    path = folder / "MANIFEST.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def refused(folder):
    with pytest.raises(DataError, match=r"expected .*, found ") as error:
        open_shards(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


def test_opening_maps_and_reads_nothing(shards):
    again = open_shards(shards.folder)
    assert isinstance(again.train[0], np.memmap)
    assert again.content_hash == shards.content_hash
    assert np.array_equal(again.train[0], shards.train[0])
    verify(again)


def test_no_token_data_names_the_commands_that_make_it(tmp_path):
    with pytest.raises(InputMissingError, match=r"paribus tokenizer train .* paribus data prepare"):
        open_shards(tmp_path / "absent")


def test_the_tokens_of_another_tokenizer_are_refused_with_both_hashes(shards):
    with pytest.raises(DataError, match="paribus data prepare") as error:
        open_shards(shards.folder, tokenizer_hash="f" * 64)
    assert "f" * 16 in str(error.value)
    assert shards.tokenizer_hash[:16] in str(error.value)


@pytest.mark.parametrize("name", [SHARD, "validation-00000.npy", "train-documents.npy"])
def test_a_file_of_any_other_size_is_refused(shards, name):
    path = shards.folder / name
    whole = path.read_bytes()
    cuts = [whole[:n] for n in (0, 1, 7, 8, 127, 128, 129, len(whole) // 2, len(whole) - 1)]
    for data in [*cuts, whole + b"\0"]:
        path.write_bytes(data)
        assert name in refused(shards.folder)
    path.unlink()
    assert name in refused(shards.folder)


def test_every_flipped_header_byte_is_refused(shards):
    path = shards.folder / SHARD
    whole = path.read_bytes()
    for at in range(128):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        assert SHARD in refused(shards.folder)


CHANGES = {
    "version": lambda record: record.update(version=2),
    "format": lambda record: record.update(format="paribus-checkpoint"),
    "dtype": lambda record: record.update(dtype="uint32"),
    "object dtype": lambda record: record.update(dtype="object"),
    "vocabulary": lambda record: record.update(vocab_size=65_537),
    "negative": lambda record: record.update(vocab_size=-1),
    "boolean": lambda record: record.update(vocab_size=True),
    "tokenizer": lambda record: record.update(tokenizer_hash=3),
    "split missing": lambda record: record.pop("validation"),
    "count": lambda record: record["train"].update(tokens=record["train"]["tokens"] + 1),
    "huge": lambda record: record["train"].update(tokens=1 << 64),
    "documents": lambda record: record["train"].update(documents=0),
    "shard tokens": lambda record: record["train"]["shards"][0].update(tokens=1),
    "shard name": lambda record: record["train"]["shards"][0].update(name="../x.npy"),
    "shard twice": lambda record: record["train"].update(shards=record["train"]["shards"] * 2),
    "file missing": lambda record: record["files"].pop(SHARD),
    "file elsewhere": lambda record: record["files"].update({"../x": record["files"][SHARD]}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_manifest_that_disagrees_is_refused(shards, name):
    altered(shards.folder, CHANGES[name])
    refused(shards.folder)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\x80pickle", b"{" * 100_000, b'{"a": NaN}'])
def test_a_manifest_that_is_no_json_object_is_refused(shards, data):
    (shards.folder / "MANIFEST.json").write_bytes(data)
    refused(shards.folder)


def test_a_flipped_token_is_found_by_verify(shards):
    path = shards.folder / SHARD
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="SHA-256"):
        verify(open_shards(shards.folder))


def test_an_id_outside_the_vocabulary_is_found_by_verify(shards):
    altered(shards.folder, lambda record: record.update(vocab_size=256))
    with pytest.raises(DataError, match="ids below 256, found 256"):
        verify(open_shards(shards.folder))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.data())
def test_gathering_from_shards_equals_gathering_from_their_concatenation(sizes, data):
    whole = np.arange(sum(sizes), dtype=np.uint16) * 3
    shards = tuple(np.split(whole, np.cumsum(sizes)[:-1]))
    positions = np.array(
        data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=6, max_size=6))
    ).reshape(2, 3)
    found = gather(shards, positions)
    assert found.dtype == np.int64
    assert np.array_equal(found, whole[positions])
