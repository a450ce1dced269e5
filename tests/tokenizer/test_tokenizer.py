"""The Tokenizer: round trips, special tokens, streams of text, wrong ids."""

import pickle
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from tokenizer_texts import byte_texts, texts

from paribus.errors import DataError
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train

TEXT = "Once upon a time there was a naïve fox 🦊🦊. It's the end.\n".encode() * 3
SPECIALS = ["<|endoftext|>", "<|endoftext|><|endoftext|>"]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train([TEXT], vocab_size=290, specials=SPECIALS).vocabulary)


@settings(max_examples=300, deadline=None)
@given(text=byte_texts)
def test_all_bytes_come_back(tokenizer, text):
    assert tokenizer.decode_bytes(tokenizer.encode(text)) == text
    assert tokenizer.decode_bytes(tokenizer.encode(text, allow_special=True)) == text


@settings(max_examples=200, deadline=None)
@given(text=texts)
def test_text_comes_back_whole_and_as_a_stream(tokenizer, text):
    ids = tokenizer.encode(text)
    pieces = list(tokenizer.decode_stream(ids.tolist()))
    assert tokenizer.decode(ids) == "".join(pieces) == text
    assert "" not in pieces


def test_text_makes_a_special_token_only_where_it_is_allowed(tokenizer):
    text = "a<|endoftext|>b"
    assert 0 not in tokenizer.encode(text)
    assert tokenizer.encode(text, allow_special=True).tolist().count(0) == 1
    twice = tokenizer.encode("<|endoftext|><|endoftext|>", allow_special=True)
    assert twice.tolist() == [1]
    undeclared = tokenizer.encode("<|pad|>", allow_special=True)
    assert len(undeclared) > 1 and tokenizer.decode(undeclared) == "<|pad|>"


def test_empty_text_has_no_ids(tokenizer):
    for text in ("", b""):
        ids = tokenizer.encode(text)
        assert ids.dtype == np.uint16 and ids.shape == (0,)
    assert tokenizer.decode([]) == "" and list(tokenizer.encode_iterable([])) == []
    assert tokenizer.encode_batch([]) == []
    assert [ids.tolist() for ids in tokenizer.encode_batch(["", ""])] == [[], []]


def test_half_a_character_becomes_the_replacement_character(tokenizer):
    ids = [tokenizer.token_to_id(bytes([byte])) for byte in "🦊".encode()]
    assert tokenizer.decode(ids[:2]) == "\ufffd"
    assert list(tokenizer.decode_stream(ids)) == ["🦊"]
    assert list(tokenizer.decode_stream(ids[:2])) == ["\ufffd"]
    broken = [*ids[:2], tokenizer.token_to_id("a")]
    assert "".join(tokenizer.decode_stream(broken)) == tokenizer.decode(broken) == "\ufffda"


def test_a_lone_surrogate_is_kept(tokenizer):
    ids = tokenizer.encode("a\ud800b")
    assert tokenizer.decode_bytes(ids) == b"a\xed\xa0\x80b"


@pytest.mark.parametrize(
    "ids", [[0, 320], [-1], [1 << 31], [1 << 70], [0.5], [[1]], [1, [2]], ["a"]]
)
def test_ids_that_are_none_are_refused(tokenizer, ids):
    for decode in (tokenizer.decode, tokenizer.decode_bytes, tokenizer.count_bytes):
        with pytest.raises(DataError, match="expected"):
            decode(ids)
    with pytest.raises(DataError, match="expected"):
        list(tokenizer.decode_stream(ids))


def test_a_large_id_does_not_wrap(tokenizer):
    with pytest.raises(DataError, match="found 4294967296"):
        tokenizer.decode(np.array([1 << 32]))


def test_tokens_are_found_by_text_and_by_bytes(tokenizer):
    assert tokenizer.token_to_id("<|endoftext|>") == tokenizer.end_of_text == 0
    assert tokenizer.token_to_id(b"<|endoftext|>") is None
    assert tokenizer.token_to_id(b"\xff") == 2 + 255
    assert tokenizer.token_to_id("no token of this") is None


def test_bytes_of_text_are_counted_without_special_tokens(tokenizer):
    ids = tokenizer.encode(TEXT + b"<|endoftext|>", allow_special=True)
    assert tokenizer.count_bytes(ids) == len(TEXT)
    assert tokenizer.count_bytes([]) == 0


def test_a_pickled_tokenizer_is_the_same(tokenizer):
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.hash == tokenizer.hash and len(copy) == len(tokenizer) == 290
    assert copy.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()
    assert repr(copy).startswith("Tokenizer(290 ids, pattern gpt2, 2 special, ")


def test_without_the_core_the_reference_takes_over_and_says_so(tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "paribus._core", None)
    with pytest.warns(UserWarning, match="slow Python reference"):
        slow = Tokenizer(tokenizer.vocabulary)
    assert isinstance(slow._encoder, ReferenceEncoder)
    assert slow.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()
    assert slow.encode(TEXT).dtype == tokenizer.encode(TEXT).dtype == np.uint16
    assert slow.decode_bytes(slow.encode(TEXT)) == TEXT
    assert list(slow.encode_iterable([TEXT[:5], TEXT[5:]])) == slow.encode(TEXT).tolist()
    batch = slow.encode_batch([TEXT, b"", b"fox"])
    assert [slow.decode_bytes(ids) for ids in batch] == [TEXT, b"", b"fox"]
    with pytest.warns(UserWarning, match="slow Python reference"):
        report = train([TEXT], vocab_size=290, specials=SPECIALS)
    assert report.vocabulary == tokenizer.vocabulary
