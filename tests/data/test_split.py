import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paribus.data.split import Census, check_share, count_invalid_bytes, cut_point, divide
from paribus.errors import ConfigError

TEXTS = st.lists(st.binary(min_size=1, max_size=30), max_size=40)


def sides(documents, share):
    found = list(divide(documents, share, census := Census()))
    train = [document.text for document in found if not document.is_validation]
    return train, [document.text for document in found if document.is_validation], census


@given(TEXTS, st.sampled_from([0.0, 0.01, 0.3, 0.9]))
def test_no_text_is_lost_repeated_or_on_both_sides(texts, share):
    train, validation, census = sides(texts, share)
    assert census.n_duplicates == len(texts) - len(set(texts))
    assert sum(map(len, train + validation)) == sum(map(len, set(texts)))
    if not census.notes:
        assert set(train) | set(validation) == set(texts)
        assert not set(train) & set(validation)
    if texts:
        assert train


@given(st.permutations([b"text %d" % n for n in range(60)]))
def test_the_split_does_not_depend_on_order_or_repetition(texts):
    expected = sides([b"text %d" % n for n in range(60)], 0.3)
    found = sides(texts + texts[:10], 0.3)
    assert set(found[1]) == set(expected[1])
    assert set(found[0]) == set(expected[0])


def test_the_share_is_met():
    texts = [b"%d" % n for n in range(20_000)]
    n_validation = len(sides(texts, 0.1)[1])
    assert abs(n_validation - 2000) < 5 * (20_000 * 0.1 * 0.9) ** 0.5


def test_a_document_is_drawn_by_its_own_hash():
    texts = [b"%d" % n for n in range(1000)]
    expected = [
        text
        for text in texts
        if int.from_bytes(hashlib.sha256(text).digest()[16:22], "big") < 0.2 * 2**48
    ]
    assert sides(texts, 0.2)[1] == expected


def test_one_document_is_cut_behind_a_line_break_near_its_end():
    text = b"".join(b"line %d\n" % n for n in range(1000))
    [head], [tail], census = sides([text], 0.01)
    assert head + tail == text
    assert head.endswith(b"\n")
    assert len(text) // 100 <= len(tail) <= len(text) // 100 + 10
    assert census.notes == [
        f"validation is the end of the only document, its last {len(tail)} bytes"
    ]


def test_where_no_document_is_drawn_the_last_gives_its_end():
    texts = [b"a" * 5000 + b"\n", b"bee\n" * 1000]
    train, validation, census = sides(texts, 0.0002)
    assert train == [texts[0], texts[1][: -len(validation[0])]]
    assert validation == [b"bee\n"]
    assert "last document" in census.notes[0]


def test_a_last_document_of_about_the_share_is_taken_whole():
    train, validation, _ = sides([b"x" * 1000, b"short"], 0.004)
    assert (train, validation) == ([b"x" * 1000], [b"short"])


def test_one_letter_many_times_is_cut_all_the_same():
    [head], [tail], _ = sides([b"a" * 10_000], 0.01)
    assert (len(head), len(tail)) == (9900, 100)


def test_a_cut_never_parts_a_character():
    text = "é".encode() * 1000
    at = cut_point(text, 101)
    assert at == 1898
    text[:at].decode("utf-8")


def test_three_words_are_all_training_and_it_is_said():
    train, validation, census = sides([b"only three words"], 0.01)
    assert (train, validation) == ([b"only three words"], [])
    assert census.notes == ["too little text: validation is empty"]


def test_a_share_of_zero_is_silent():
    assert sides([b"a\nb\n"], 0.0)[1:][0] == []
    assert sides([b"a\nb\n"], 0.0)[2].notes == []


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_a_share_that_leaves_no_training_text_is_refused(share):
    with pytest.raises(ConfigError, match="1%"):
        check_share(share)


@pytest.mark.parametrize(
    ("text", "n_invalid"),
    [
        (b"plain", 0),
        ("é中🙂".encode(), 0),
        (b"a\xffb\xc3", 2),
        (b"\xed\xa0\x80", 3),
        (b"\xc0\xaf", 2),
    ],
)
def test_invalid_bytes_are_counted_one_by_one(text, n_invalid):
    assert count_invalid_bytes(text) == n_invalid
