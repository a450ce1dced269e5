"""The readable tokenizer on examples that can be followed by hand."""

import doctest
import json
from collections import Counter

import numpy as np
import pytest

from paribus.errors import DataError
from paribus.tokenizer import reference
from paribus.tokenizer.byte_names import PRINTABLE_ORDER, token_name
from paribus.tokenizer.reference import Rules
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

# Sennrich et al. 2016 as the course tells it: low x5, lower x2, widest x3, newest x6.
LOW_LOWER = b"low low low low low lower lower " + b"widest " * 3 + b"newest " * 6


def test_the_examples_in_the_reference_are_right():
    failed, attempted = doctest.testmod(reference)
    assert failed == 0 and attempted >= 10


def rules(n_new_ids: int, ties="cs336", specials=()) -> Rules:
    return Rules("gpt2", tuple(specials), tuple(range(256)), n_new_ids, ties)


def test_pairs_of_the_example_are_counted_word_by_word():
    words = Counter(LOW_LOWER.split())
    counts = reference.count_pairs({reference.as_word(word): n for word, n in words.items()})
    assert counts[b"l", b"o"] == counts[b"o", b"w"] == 7
    assert counts[b"s", b"t"] == counts[b"e", b"s"] == 9
    assert counts[b"w", b"e"] == 8


def test_the_example_learns_what_is_learned_by_hand():
    # "none" with spaces as special tokens: words alone, as in the example.
    learned = reference.train(LOW_LOWER, Rules("none", (b" ",), tuple(range(256)), 6, "cs336"))
    assert learned.merges == [
        (b"s", b"t"),
        (b"e", b"st"),
        (b"o", b"w"),
        (b"l", b"ow"),
        (b"w", b"est"),
        (b"n", b"e"),
    ]
    assert learned.n_distinct_pretokens == 4 and not learned.ran_out


def test_a_word_of_the_example_is_encoded_by_the_earliest_merges():
    merges = [
        (b"s", b"t"),
        (b"e", b"st"),
        (b"o", b"w"),
        (b"l", b"ow"),
        (b"w", b"est"),
        (b"n", b"e"),
    ]
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    assert reference.merge_word(b"newest", ranks) == (b"ne", b"west")
    assert reference.merge_word(b"lowest", ranks) == (b"low", b"est")


def test_overlapping_pairs_are_joined_from_left_to_right():
    assert reference.merge_pair((b"a", b"a", b"a"), (b"a", b"a")) == (b"aa", b"a")
    assert reference.merge_word(b"aaaaa", {(b"a", b"a"): 0}) == (b"aa", b"aa", b"a")


def test_equal_counts_go_to_the_greatest_byte_strings_or_the_smallest_ids():
    # (a, b), (c, d) and the two bytes of ÿ come once each.
    text = "ab\ncd\nÿ\n".encode()
    assert reference.train(text, rules(1)).merges == [(b"\xc3", b"\xbf")]
    by_id = Rules("gpt2", (), _printable_ids(), 1, "hf")
    assert reference.train(text, by_id).merges == [(b"a", b"b")]


def _printable_ids() -> tuple[int, ...]:
    return tuple(PRINTABLE_ORDER.index(byte) for byte in range(256))


def test_special_tokens_are_borders_and_the_longest_wins():
    specials = [b"<s>", b"<s><s>"]
    text = b"a<s><s>b<s>c"
    assert reference.split_at_special_tokens(text, specials) == [
        b"a",
        b"<s><s>",
        b"b",
        b"<s>",
        b"c",
    ]
    learned = reference.train(b"ab<s>ab", rules(9, specials=specials))
    assert learned.merges == [(b"a", b"b")] and learned.ran_out


def test_a_byte_string_that_two_merges_make_has_one_id():
    merges = [(b"a", b"b"), (b"b", b"c"), (b"ab", b"c"), (b"a", b"bc"), (b"abc", b"d")]
    vocabulary = Vocabulary.build("none", [], merges, "cs336")
    assert vocabulary.size == 256 + 4
    assert vocabulary.tokens[256:] == (b"ab", b"bc", b"abc", b"abcd")
    assert [result for _, _, result in vocabulary.merge_ids] == [256, 257, 258, 258, 259]


def test_invalid_bytes_are_symbols_and_are_kept():
    assert reference.split(b"a\xff\xffb \x80c", "gpt2") == [b"a", b"\xff\xff", b"b", b" \x80", b"c"]
    assert reference.split(b"\xe2\x82", "o200k") == [b"\xe2\x82"]


@pytest.mark.parametrize(
    ("pattern", "pretokens"),
    [
        ("gpt2", ["It", "'s", " 2024", "!!", "  ", "\n", "Don", "'", "T", "  "]),
        ("cl100k", ["It", "'s", " ", "202", "4", "!!", "  \n", "Don", "'T", "  "]),
        ("o200k", ["It's", " ", "202", "4", "!!", "  \n", "Don'T", "  "]),
        ("none", ["It's 2024!!  \nDon'T  "]),
    ],
)
def test_each_pattern_cuts_a_sentence_its_own_way(pattern, pretokens):
    text = "It's 2024!!  \nDon'T  "
    assert [piece.decode() for piece in reference.split(text.encode(), pattern)] == pretokens


def test_the_end_of_a_text_is_cut_as_its_end():
    # "\n\n" is one pretoken at the end and two in front of text.
    assert reference.split(b"a\n\n", "gpt2") == [b"a", b"\n\n"]
    assert reference.split(b"a\n\nb", "gpt2") == [b"a", b"\n", b"\n", b"b"]


def test_an_unknown_id_is_refused_with_its_place():
    encoder = ReferenceEncoder(Vocabulary.build("gpt2", [], [], "cs336"))
    with pytest.raises(DataError, match=r"id 1: expected one below 256, found 256"):
        encoder.decode(np.array([1, 256], np.uint32))


def course_merges(folder) -> list[str]:
    lines = (folder / "train-bpe-reference-merges.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line]


def merge_names(vocabulary: Vocabulary) -> list[str]:
    return [" ".join(map(token_name, pair)) for pair in vocabulary.merges]


def test_the_first_merges_of_the_course_corpus_are_those_of_the_course(gpt2_folder):
    text = (gpt2_folder / "corpus.en").read_bytes()
    report = train([text], vocab_size=257 + 60, impl="naive")
    assert merge_names(report.vocabulary) == course_merges(gpt2_folder)[:60]


def test_the_course_corpus_gives_the_course_vocabulary(gpt2_folder):
    report = train([(gpt2_folder / "corpus.en").read_bytes()], vocab_size=500)
    assert merge_names(report.vocabulary) == course_merges(gpt2_folder)
    reference_ids = json.loads(
        (gpt2_folder / "train-bpe-reference-vocab.json").read_text(encoding="utf-8")
    )
    names = {token_name(token) for token in report.vocabulary.ids} | {"<|endoftext|>"}
    assert names == set(reference_ids)
