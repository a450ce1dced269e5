import hashlib
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paribus.data.shards import copy_shards, gather, open_shards, verify
from paribus.errors import DataError, InputMissingError
from paribus.files import record_checksum

SHARD = "train-00000.npy"


def altered(folder, change, *, is_signed=True):
    """Changes the manifest; `is_signed`: with a checksum to match, so that later checks see it."""
    path = folder / "MANIFEST.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    if is_signed:
        record["checksum"] = record_checksum(record)
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
    "file of a strange name": lambda record: record["files"].update({"a\0b": record["files"][SHARD]}),
    "file of no UTF-8": lambda record: record["files"].update({"\udcff": record["files"][SHARD]}),
    "file size true": lambda record: record["files"][SHARD].update(bytes=True),
    "file hash": lambda record: record["files"][SHARD].update(sha256="0" * 63),
    "end of text": lambda record: record.update(end_of_text=257),
    "longest": lambda record: record["train"].update(longest_document=1 << 40),
    "more documents than tokens": lambda record: record["train"].update(documents=1 << 40),
    "no notes": lambda record: record["source"].pop("notes"),
    "notes of numbers": lambda record: record["source"].update(notes=[1]),
    "no source": lambda record: record.pop("source"),
    "negative count": lambda record: record["source"].update(n_duplicates=-1),
}  # fmt: skip


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("name", CHANGES)
def test_a_manifest_that_disagrees_is_refused(shards, name, is_signed):
    altered(shards.folder, CHANGES[name], is_signed=is_signed)
    refused(shards.folder)


def leaves(value, path=()):
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in items:
            yield from leaves(part, (*path, key))
    else:
        yield path


def test_every_field_of_a_manifest_is_covered_by_its_checksum(shards):
    path = shards.folder / "MANIFEST.json"
    whole = path.read_text(encoding="utf-8")
    for *parents, last in leaves(json.loads(whole)):
        record = part = json.loads(whole)
        for key in parents:
            part = part[key]
        part[last] = part[last] + 1 if type(part[last]) is int else "0" * 64
        path.write_text(json.dumps(record), encoding="utf-8")
        refused(shards.folder)


def test_every_flipped_bit_of_a_manifest_is_refused(shards):
    path = shards.folder / "MANIFEST.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        for bit in range(8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            refused(shards.folder)


def test_an_older_manifest_without_a_checksum_opens_and_verify_says_what_it_cannot_know(
    shards, caplog
):
    altered(shards.folder, lambda record: record.pop("checksum"), is_signed=False)
    verify(open_shards(shards.folder))
    assert "has no checksum of its own" in caplog.text


def sparse(path, n_bytes):
    with path.open("wb") as file:
        file.truncate(n_bytes)


def test_a_sparse_file_that_a_manifest_names_is_refused_before_it_is_read(shards):
    sparse(shards.folder / "more.txt", 6 << 30)
    entry = {"bytes": 6 << 30, "sha256": "0" * 64}
    altered(shards.folder, lambda record: record["files"].update({"more.txt": entry}))
    assert "at most" in refused(shards.folder)


@pytest.mark.parametrize("name", [SHARD, "train-documents.npy", "tokenizer.json", "MANIFEST.json"])
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(shards, name):
    (shards.folder / name).unlink()
    os.mkfifo(shards.folder / name)
    assert "found a pipe" in refused(shards.folder)


@pytest.mark.parametrize("name", [SHARD, "MANIFEST.json"])
def test_a_folder_in_place_of_a_file_is_refused(shards, name):
    (shards.folder / name).unlink()
    (shards.folder / name).mkdir()
    assert "found a folder" in refused(shards.folder)


def test_a_copy_holds_the_files_of_the_manifest_alone_as_regular_files(shards, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in shards.folder.iterdir():
        (linked / path.name).symlink_to(path)
    (linked / "foreign.txt").write_text("private", encoding="utf-8")
    (linked / "folder").mkdir()
    os.mkfifo(linked / "pipe")
    copy_shards(open_shards(linked), tmp_path / "copy")
    names = {path.name for path in shards.folder.iterdir()}
    assert {path.name for path in (tmp_path / "copy").iterdir()} == names
    assert all(path.is_file() and not path.is_symlink() for path in (tmp_path / "copy").iterdir())
    copied = open_shards(tmp_path / "copy")
    verify(copied)
    for path in shards.folder.iterdir():
        path.write_bytes(b"")  # what a link pointed to is copied, not linked
    verify(copied)


def test_starts_of_documents_out_of_order_are_found_by_verify(shards):
    name = "train-documents.npy"
    data = bytearray((shards.folder / name).read_bytes())
    data[128:144] = data[136:144] + data[128:136]
    (shards.folder / name).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    altered(shards.folder, lambda record: record["files"][name].update(sha256=digest))
    with pytest.raises(DataError, match="rising starts of documents"):
        verify(open_shards(shards.folder))


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
    altered(shards.folder, lambda record: record.update(vocab_size=256, end_of_text=None))
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
