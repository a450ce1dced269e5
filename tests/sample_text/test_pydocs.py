import re

import pytest

from paribus.sample_text import pydocs
from paribus.sample_text.pydocs import SEPARATOR, gather

PROSE = "A sentence of plain English that says something about the function below it. "


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(pydocs, "_roots", lambda: [tmp_path])
    monkeypatch.setattr(pydocs, "_topics", lambda: iter([["A topic. " * 20]]))

    def write(name, *docstrings, code=""):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [f'def f{n}():\n    """{text}"""\n' for n, text in enumerate(docstrings)]
        path.write_text("".join(parts) + code, encoding="utf-8")

    return write


def test_several_megabytes_of_this_installation_are_english():
    text = gather(1 << 20)
    assert 900_000 < len(text) <= 1 << 20
    words = re.findall(rb"[a-z]+", text)
    assert 0.03 < words.count(b"the") / len(words) < 0.12
    assert text.count(SEPARATOR) > 50


def test_gathering_again_gives_the_same():
    assert gather(300_000) == gather(300_000)


def test_topics_come_first_and_docstrings_are_read_without_running_the_file(root, tmp_path):
    marker = tmp_path / "ran"
    text = (PROSE * 3).strip()
    root("a.py", text, code=f"open({str(marker)!r}, 'w')\nraise SystemExit\n")
    assert gather() == b"A topic. " * 20 + SEPARATOR + text.encode() + b"\n"
    assert not marker.exists()


def test_paragraphs_seen_before_and_interpreter_sessions_are_left_out(root):
    extra = "Another paragraph, found in one place only, and long enough to be kept. " * 2
    root("a.py", PROSE * 2)
    root("b.py", f"{PROSE * 2}\n\n    {extra}\n\n    >>> f()\n    3\n    ")
    text = gather()
    assert text.count(PROSE.strip().encode() * 1) == 2
    assert text.count(b"Another paragraph") == 2
    assert b">>>" not in text


def test_what_cannot_be_parsed_and_tests_are_skipped(root, tmp_path):
    root("broken.py", PROSE * 2, code="def (")
    root("tests/test_a.py", "Tested. " + PROSE * 2)
    (tmp_path / "nul.py").write_bytes(b'"""' + PROSE.encode() * 3 + b'"""\0')
    (tmp_path / "latin.py").write_bytes(b'"""\xe9' + PROSE.encode() * 3 + b'"""')
    assert gather() == b"A topic. " * 20 + b"\n"


def test_the_limit_holds(root):
    for number in range(50):
        root(f"m{number}.py", f"Module {number}. " + PROSE * 3)
    assert len(gather(2000)) <= 2000
