"""The masks drawn in block_borders.h are those of the text above them, and end in its real split."""

import re
from itertools import pairwise

import pytest

from source_tree import ROOT

core = pytest.importorskip("paribus._core", reason="installed without the C++ core")

HEADER = (ROOT / "cpp/bpe/scan/block_borders.h").read_text(encoding="utf-8")
# No symbol takes a newline in these texts, so white is all white space.
CODE = re.sub(r"//.*|block\.|\s+", "", HEADER).replace("white_space", "white")
ROW = re.compile(r"^//     (\w+) +((?:[.1] )+[.1])(?:   (.+))?$")
CLASSES = {"white": " \n", "newlines": "\n"}


def drawings() -> list[tuple[str, dict[str, tuple[str, str | None]]]]:
    """Each text with its rows: name -> (bits, expression or note)."""
    found: list[tuple[str, dict[str, tuple[str, str | None]]]] = []
    for line in HEADER.splitlines():
        if line.startswith("//     text"):
            letters = "".join(line.split()[2:])
            found.append((letters.replace("_", " ").replace("n", "\n"), {}))
        elif match := ROW.match(line):
            found[-1][1][match[1]] = (match[2].replace(" ", "").replace(".", "0"), match[3])
    return found


def to_mask(bits: str) -> int:
    """The mask of a row, whose bit 0 is on the left."""
    return int(bits[::-1], 2)


def test_both_examples_are_drawn():
    assert [text for text, _ in drawings()] == ["a \n b", "a\n  \nb"]


@pytest.mark.parametrize(("text", "rows"), drawings())
def test_each_row_is_what_its_expression_gives(text, rows):
    masks: dict[str, int] = {}
    for name, (bits, expression) in rows.items():
        assert len(bits) == len(text)
        masks[name] = to_mask(bits)
        if name in CLASSES:
            assert bits == "".join("01"[letter in CLASSES[name]] for letter in text)
        elif name != "begins":
            assert expression
            expected = eval(expression, {"__builtins__": {}}, masks)
            assert masks[name] == expected & (1 << len(text)) - 1, name


@pytest.mark.parametrize(("text", "rows"), drawings())
def test_the_drawn_borders_are_those_of_the_split(text, rows):
    bits, note = rows["begins"]
    for pattern in ("cl100k", "o200k"):
        ends = core.split(text.encode(), pattern).tolist()
        assert to_mask(bits) == sum(1 << begin for begin in [0, *ends[:-1]])
    pieces = [text[a:b] for a, b in pairwise([0, *ends])]
    assert re.findall(r'"([^"]+)"', note) == [piece.replace("\n", "\\n") for piece in pieces]


def test_the_expressions_are_those_of_the_code():
    for _, rows in drawings():
        for name in ("blank", "after_newline", "last", "newline_after"):
            if name in rows:
                assert f"{name}={rows[name][1].replace(' ', '')};" in CODE


def test_a_carry_leaves_a_run_behind_its_last_one():
    rows = drawings()[1][1]
    blank, after = to_mask(rows["blank"][0]), to_mask(rows["after_newline"][0])
    assert bin(blank).count("1") == 2 and after & blank
    assert (blank + after) & ~blank == to_mask(rows["behind_run"][0])
