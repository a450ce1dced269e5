import pytest

from paribus.data.inspect import inspect
from paribus.data.prepare import prepare
from paribus.errors import DataError


def test_the_counts_are_those_of_the_text(tmp_path, write_corpus, byte_tokenizer):
    source = write_corpus([b"one\n", b"two \xff\xfe\n", b"one\n", b"the third is longest\n"])
    prepare([source], byte_tokenizer(), tmp_path / "out", validation=0)
    found = inspect(tmp_path / "out", verify_content=True)
    assert (found.documents, found.duplicate_documents) == (3, 1)
    assert (found.bytes, found.tokens) == (4 + 7 + 21, 4 + 7 + 21 + 3)
    assert (found.invalid_utf8_bytes, found.bytes_per_token) == (2, 1.0)
    assert (found.longest_document_bytes, found.longest_document_tokens) == (21, 22)
    assert (found.train_documents, found.validation_tokens, found.n_shards) == (3, 0, 1)
    assert found.verified


def test_both_sides_add_up(shards):
    found = inspect(shards.folder)
    assert found.train_tokens + found.validation_tokens == found.tokens
    assert found.train_documents + found.validation_documents == found.documents == 300
    assert found.train_bytes + found.validation_bytes == found.bytes
    assert not found.verified


def test_damage_that_only_the_content_shows_is_found_on_request(shards):
    path = shards.folder / "validation-00000.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    inspect(shards.folder)
    with pytest.raises(DataError, match="SHA-256"):
        inspect(shards.folder, verify_content=True)
