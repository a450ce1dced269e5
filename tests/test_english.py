"""English as STYLE asks for it: sentences that make sense alone, and everyday words."""

import ast
import re
from pathlib import Path

import pytest

from source_tree import PACKAGE, Source, other_sources, package_sources

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "ARCHITECTURE.md"]

FRAGMENTS = re.compile(r"(?:Of|Those of|That which|Begin of)\b")
"""Beginnings of a docstring that is not a sentence of its own."""
PHRASES = {
    r"\b[Gg]o(?:es)? on with\b": "continue",
    r"\b[Gg]o on:": "Continue:",
    r"\banew\b": "again",
    r"\b[Mm]end (?:it|its|the|them)\b": "fix",
    r"\bwhich is none\b": "which is not one",
    r"\bthat is none\b": "that is not one",
    r"\bhas not\b(?! \w+(?:ed|en|un|de)\b)": "has no",
    r"\bthe least that\b": "the smallest that",
    r"\bbeyond all sense\b": "absurd",
    r"\bbelieved in\b": "trusted",
    r"\bmakes? (?:a )?steps?\b": "run or take a step",
    r"\bcan as well be\b": "can be any",
    r"\b[Mm]easured? beside\b": "compare with",
}
"""Phrase -> what a native engineer would write."""


def docstrings(source: Source) -> list[tuple[str, str]]:
    """Place and text of every docstring, those behind constants and fields too."""
    return [
        (source.place(node), node.value.value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]


def texts(source: Source) -> list[tuple[str, str]]:
    """Place and text of every string: docstrings, help texts, messages."""
    return [
        (source.place(node), node.value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


SOURCES = [*package_sources(), *(s for s in other_sources() if s.name.startswith("tools"))]


def fragments(places: list[tuple[str, str]]) -> list[str]:
    return [f"{place}: {text[:60]!r}" for place, text in places if FRAGMENTS.match(text)]


def awkward(places: list[tuple[str, str]]) -> list[str]:
    return [
        f"{place}: {match.group()!r}, say {better!r}"
        for place, text in places
        for phrase, better in PHRASES.items()
        for match in re.finditer(phrase, " ".join(text.split()))
    ]


def test_a_docstring_is_a_sentence_of_its_own():
    assert [line for source in SOURCES for line in fragments(docstrings(source))] == []


def test_texts_of_the_program_are_in_everyday_words():
    assert [line for source in SOURCES for line in awkward(texts(source))] == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_in_everyday_words(page):
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    assert awkward([(f"{page}:{n}", line) for n, line in enumerate(lines, 1)]) == []


@pytest.mark.parametrize(
    "text", ["Go on with a run", "encode it anew", "an id that it has not", "mend its name"]
)
def test_an_awkward_phrase_is_found(text):
    assert awkward([("here", text)])


@pytest.mark.parametrize("text", ["it has not ended", "recommended", "the amendment", "go on"])
def test_ordinary_english_passes(text):
    assert awkward([("here", text)]) == []


def test_a_fragment_is_found():
    source = Source.parsed("model/block.py", 'A = 1\n"""Of the first step."""\n')
    assert fragments(docstrings(source))
    assert PACKAGE.is_dir()
