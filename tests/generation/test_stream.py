"""Stop strings in text that arrives in pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paribus.errors import ConfigError
from paribus.generation.stream import StoppableText

letters = st.text("ab", max_size=30)
stops = st.lists(st.text("ab", min_size=1, max_size=4), max_size=3)


def ended_whole(text: str, stop: list[str]) -> str:
    """The reference: grow the text letter by letter until a stop string is its end."""
    for end in range(len(text) + 1):
        complete = [s for s in stop if text[:end].endswith(s)]
        if complete:
            return text[: end - len(max(complete, key=len))]
    return text


@given(letters, stops, st.lists(st.integers(0, 30)))
def test_any_cutting_ends_the_text_at_the_same_place(text, stop, cuts):
    borders = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(borders)]
    stoppable = StoppableText(pieces, stop)
    assert "".join(stoppable) == ended_whole(text, stop)
    assert stoppable.stopped == any(s in text for s in stop)


def test_what_cannot_begin_a_stop_string_is_passed_on_at_once():
    passed: list[str] = []

    def pieces():
        for piece in ("once ", "upon\n", "a", "\n", "\nend"):
            yield piece
            passed.append("".join(seen))

    seen: list[str] = []
    for piece in StoppableText(pieces(), ["\n\n"]):
        seen.append(piece)
    assert passed == ["once ", "once upon", "once upon\na", "once upon\na"]
    assert "".join(seen) == "once upon\na"


def test_nothing_more_is_asked_for_after_the_stop_string():
    def pieces():
        yield "a stop here"
        raise AssertionError("asked for more")

    assert list(StoppableText(pieces(), ["stop"])) == ["a "]


def test_an_empty_stop_string_is_refused():
    with pytest.raises(ConfigError, match=r"^stop: expected some text"):
        StoppableText([], ["a", ""])
