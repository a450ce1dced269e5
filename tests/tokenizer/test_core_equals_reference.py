"""The C++ core against the Python reference: the same pretokens, merges and ids on any bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_texts import TORTURE, byte_texts, cut, cuts, repetitive

from paribus.tokenizer import reference
from paribus.tokenizer.patterns import EXPRESSIONS
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

core = pytest.importorskip("paribus._core", reason="installed without the C++ core")

SPECIALS = ("<|s|>", "<|s|><|s|>", "<|endoftext|>")


@pytest.mark.parametrize("pattern", EXPRESSIONS)
@settings(max_examples=200 * TORTURE, deadline=None)
@given(text=byte_texts)
def test_both_split_any_bytes_alike(pattern, text):
    pretokens = reference.split(text, pattern)
    assert b"".join(pretokens) == text
    assert core.split(text, pattern).tolist() == np.cumsum([*map(len, pretokens)]).tolist()


@pytest.mark.parametrize("ties", ["cs336", "hf"])
@settings(max_examples=120 * TORTURE, deadline=None)
@given(
    text=byte_texts | repetitive,
    places=cuts,
    pattern=st.sampled_from(list(EXPRESSIONS)),
    n_new_ids=st.integers(0, 40),
    specials=st.sampled_from([(), SPECIALS[:1], SPECIALS]),
    limit=st.sampled_from([None, 1, 3]),
)
def test_both_learn_the_same_on_any_number_of_threads(
    ties, text, places, pattern, n_new_ids, specials, limit
):
    options = {
        "vocab_size": 256 + len(specials) + n_new_ids,
        "specials": specials,
        "pattern": pattern,
        "ties": ties,
        "max_token_length": limit,
    }
    naive = train([text, b"x"], impl="naive", **options)
    for threads in (1, 2, 3):
        fast = train(cut(text + b"x", places), threads=threads, **options)
        assert fast.vocabulary == naive.vocabulary
        assert fast.n_distinct_pretokens == naive.n_distinct_pretokens
        assert (fast.n_bytes, fast.ran_out) == (naive.n_bytes, naive.ran_out)


@settings(max_examples=200 * TORTURE, deadline=None)
@given(
    training_text=repetitive | byte_texts,
    texts=st.lists(repetitive | byte_texts, max_size=4),
    pattern=st.sampled_from(list(EXPRESSIONS)),
    ties=st.sampled_from(["cs336", "hf"]),
    allow_special=st.booleans(),
)
def test_both_encode_alike(training_text, texts, pattern, ties, allow_special):
    vocabulary = train(
        [training_text, b"x"], vocab_size=320, specials=SPECIALS, pattern=pattern, ties=ties
    ).vocabulary
    tokenizer, naive = Tokenizer(vocabulary), ReferenceEncoder(vocabulary)
    expected = [naive.encode(text, allow_special).tolist() for text in texts]
    for threads in (1, 3):
        batch = tokenizer.encode_batch(texts, allow_special=allow_special, threads=threads)
        assert [ids.tolist() for ids in batch] == expected
    for text, ids in zip(texts, expected, strict=True):
        assert tokenizer.encode(text, allow_special=allow_special).tolist() == ids
        assert tokenizer.decode_bytes(ids) == text == naive.decode(np.array(ids, np.uint32))


merge_lists = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=30
).map(
    lambda pairs: _merges_over([b"a", b"b", b"c"], pairs),
)


def _merges_over(letters, pairs):
    """Merges of tokens made before: among them are several that make one byte string."""
    tokens, merges = list(letters), []
    for a, b in pairs:
        merge = (tokens[a % len(tokens)], tokens[b % len(tokens)])
        if merge not in merges and len(merge[0] + merge[1]) <= 12:
            merges.append(merge)
            tokens.append(merge[0] + merge[1])
    return merges


@settings(max_examples=250 * TORTURE, deadline=None)
@given(merges=merge_lists, text=st.text(alphabet="abc", max_size=80).map(str.encode))
def test_both_follow_any_list_of_merges(merges, text):
    vocabulary = Vocabulary.build("none", [], merges, "cs336")
    expected = ReferenceEncoder(vocabulary).encode(text, False).tolist()
    assert Tokenizer(vocabulary).encode(text).tolist() == expected


def test_long_texts_are_cut_for_threads_without_a_trace():
    text = ("the 'll <|s|> \n\n  x's 12345 中文 !!\n/ " * 40_000).encode() + b"\xff\xe2\x82"
    vocabulary = train([text[:4000]], vocab_size=400, specials=SPECIALS, pattern="o200k").vocabulary
    tokenizer = Tokenizer(vocabulary)
    for allow_special in (False, True):
        one = tokenizer.encode(text, allow_special=allow_special, threads=1)
        many = tokenizer.encode(text, allow_special=allow_special, threads=3)
        assert np.array_equal(one, many)
        assert tokenizer.decode_bytes(one) == text
