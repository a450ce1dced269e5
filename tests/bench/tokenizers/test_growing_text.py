"""Growing text: repeatable, of the length asked for, with words that keep coming."""

import random

import pytest

from paribus.bench.tokenizers.growing_text import growing_text

DRAW = random.Random(3)
SOURCE = " ".join("".join(DRAW.choices("etaoinshrd", k=9)) for _ in range(500)).encode()


def test_the_same_seed_gives_the_same_text_of_the_length_asked_for():
    text = b"".join(growing_text(1_000_000, 1, SOURCE))
    assert len(text) == 1_000_000
    assert text == b"".join(growing_text(1_000_000, 1, SOURCE))
    assert text != b"".join(growing_text(1_000_000, 2, SOURCE))


def test_distinct_words_grow_more_slowly_than_the_text_and_do_not_stop():
    text = b"".join(growing_text(4_000_000, 1, SOURCE))
    quarter, whole = len(set(text[:1_000_000].split())), len(set(text.split()))
    assert 1.5 * quarter < whole < 3.5 * quarter


def test_characters_of_the_source_stay_whole():
    text = b"".join(growing_text(300_000, 1, SOURCE + " né Ελλάδα 한국어".encode() * 100))
    assert "Ελλάδα" in text[: text.rindex(b" ")].decode()


def test_a_source_without_words_is_refused():
    with pytest.raises(ValueError, match="at least one ASCII word"):
        next(growing_text(10, 1, b" \n"))
