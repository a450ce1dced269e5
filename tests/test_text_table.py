"""Tables as text: alignment, widths in cells of a terminal, plain when piped."""

import os

import pytest
from rich.cells import cell_len

from paribus import text_table as module
from paribus.text_table import Column, fact_table, terminal_width, text_table


def test_numbers_stand_right_and_words_left():
    found = text_table(
        ["name", Column("bytes"), Column("speed", ".2f", "x"), "note"],
        [["a", 1234567, 1.5, ""], ["longer", 89, None, "slow"], ["b", None, 10.25, ""]],
    )
    assert found.splitlines() == [
        "| name   |     bytes |  speed | note |",
        "|--------|-----------|--------|------|",
        "| a      | 1,234,567 |  1.50x |      |",
        "| longer |        89 |      - | slow |",
        "| b      |         - | 10.25x |      |",
    ]


def test_a_column_with_one_word_stands_left():
    lines = text_table(["x"], [[100], ["many"], [7]]).splitlines()
    assert lines[2:] == ["| 100  |", "| many |", "| 7    |"]


def test_wide_characters_take_two_cells():
    lines = text_table(["名字", "n"], [["故事.txt", 1], ["e\u0301a", 22]]).splitlines()
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}
    assert lines[2] == "| 故事.txt |  1 |"
    assert lines[3] == "| e\u0301a       | 22 |"
    assert fact_table([("名字", "a"), ("name", "b")]).splitlines() == ["名字  a", "name  b"]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_table_is_no_wider_than_asked_and_loses_nothing(width):
    words = [f"word{n}" for n in range(40)] + ["x" * 100]
    found = text_table(["name", "text"], [["a", " ".join(words)]], width=width)
    assert max(map(cell_len, found.splitlines())) <= width
    kept = "".join(found.split("|")).replace(" ", "").replace("\n", "")
    assert all(word in kept for word in words)
    facts = fact_table([("name", " ".join(words)), ("n", 3)], width=width)
    assert max(map(cell_len, facts.splitlines())) <= width
    assert all(line.startswith("      ") for line in facts.splitlines()[1:-1])


def test_the_width_of_a_terminal_holds_only_in_a_terminal(monkeypatch):
    wide = [["y" * 300, 1]]
    assert terminal_width() is None
    assert len(text_table(["a", "b"], wide).splitlines()) == 3
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr(module.shutil, "get_terminal_size", lambda: os.terminal_size((80, 24)))
    assert max(map(len, text_table(["a", "b"], wide).splitlines())) <= 80


@pytest.mark.parametrize("name", ["FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE", "NO_COLOR"])
def test_output_is_plain_whatever_the_environment_says(monkeypatch, name):
    before = text_table(["a"], [["x" * 90]])
    monkeypatch.setenv(name, "40")
    assert text_table(["a"], [["x" * 90]]) == before
    assert "\x1b" not in before


def test_what_a_terminal_would_obey_is_escaped():
    found = text_table(["a"], [["\x1b[31mred\x07\nnext"]])
    assert found.splitlines()[2] == "| \\x1b[31mred\\x07\\nnext |"
    assert fact_table([("[bold]a", ":smile: [red]b")]) == "[bold]a  :smile: [red]b"


def test_facts_format_their_numbers():
    found = fact_table([("bytes", 1234567), ("loss", 0.5), ("seed", None)], indent=2)
    assert found.splitlines() == ["  bytes  1,234,567", "  loss   0.5", "  seed   -"]


def test_a_table_without_rows_shows_its_headings():
    assert text_table(["a", "b"], []).splitlines() == ["| a | b |", "|---|---|"]
    assert fact_table([]) == ""


def test_a_row_of_another_length_is_a_mistake():
    with pytest.raises(ValueError, match="zip"):
        text_table(["a", "b"], [["x", "y", "z"]])
