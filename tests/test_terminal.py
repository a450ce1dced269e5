"""What a terminal would obey is escaped; everything else is left as it is."""

import io
import sys
import unicodedata

import pytest

from paribus.errors import ConfigError, DataError, StoppedError, from_os_error
from paribus.terminal import one_line, printable

KEPT = "naïve 中文 🦊 👩\u200d💻 שלום \u00a0\u3000é́ \\x1b ÿ"


def test_ordinary_text_stays_as_it_is():
    assert one_line(KEPT) == printable(KEPT) == KEPT


def test_whatever_a_terminal_obeys_becomes_an_escape():
    kinds = {"Cc", "Cs", "Zl", "Zp"}
    directions = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    everything = [chr(code) for code in range(sys.maxunicode + 1)]
    obeyed = {
        c
        for c in everything
        if unicodedata.category(c) in kinds or unicodedata.bidirectional(c) in directions
    }
    assert {c for c in everything if one_line(c) != c} == obeyed
    assert {c for c in everything if printable(c) != c} == obeyed - {"\n", "\t"}
    assert all(one_line(c) == repr(c)[1:-1] for c in obeyed)


def test_escapes_read_like_those_of_python():
    assert one_line("a\x1b[2J\r\n\x9b\u202e\udcff") == r"a\x1b[2J\r\n\x9b\u202e\udcff"
    assert printable("a\n\tb\r\n") == "a\n\tb\\r\n"
    assert one_line(one_line("\x1b")) == r"\x1b"


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J", "a\u202eb", "a\udcff", "a\rb\x85c\u2028"])
def test_an_error_is_one_line_whatever_its_names_are(name):
    for error in (
        DataError(f"{name}: expected text, found none"),
        StoppedError(f"{name}: stopped", 130),
        from_os_error(FileNotFoundError(2, "No such file", name)),
        DataError(f"{name}: {DataError(name)}"),
    ):
        assert one_line(name) in str(error) and str(error) == one_line(str(error))
    assert str(ConfigError(f"{name}: first", "second")).split("\n") == [
        f"{one_line(name)}: first",
        "second",
    ]


class Terminal(io.TextIOWrapper):
    """Standard output of a terminal, which keeps what it is given."""

    def __init__(self, is_terminal):
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8")
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal

    def written(self):
        self.flush()
        return self.bytes.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_text_that_was_asked_for_is_raw_in_a_pipe_and_escaped_in_a_terminal(
    monkeypatch, is_terminal
):
    from paribus.cli.display import show_raw

    stream = Terminal(is_terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    data = "a\n\x1b[2J\u202e🦊".encode() + b"\xff"
    show_raw(data)
    escaped = "a\n\\x1b[2J\\u202e🦊\\udcff".encode()
    assert stream.written() == (escaped if is_terminal else data)
