"""Every command that takes a tokenizer asks for the pattern that its files do not name."""

import json

import numpy as np
import pytest

from paribus.tokenizer import formats, ranks
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train

TEXT = "I'LL say 12345 words,\n\n  it's ÉTÉ \t\n" * 5


@pytest.fixture
def lone(tmp_path, monkeypatch):
    """x.tiktoken of a cl100k tokenizer, with a text and raw ids."""
    monkeypatch.chdir(tmp_path)
    vocabulary = train([TEXT.encode()], vocab_size=290, specials=[], pattern="cl100k").vocabulary
    (tmp_path / "ranks").mkdir()
    (tmp_path / "ranks" / "x.tiktoken").write_bytes(ranks.as_bytes(vocabulary))
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8", newline="")
    np.arange(200, dtype=np.uint16).tofile(tmp_path / "ids.bin")
    (tmp_path / "ids.txt").write_text("70 71", encoding="ascii")
    formats.publish(vocabulary, tmp_path / "whole")
    return vocabulary


COMMANDS = [
    ("tokenizer", "encode", "ranks/x.tiktoken", "text.txt"),
    ("tokenizer", "encode", "ranks", "text.txt", "--out", "made"),
    ("tokenizer", "decode", "ranks/x.tiktoken", "ids.txt"),
    ("tokenizer", "explain", "ranks/x.tiktoken", "it's"),
    ("tokenizer", "stats", "ranks/x.tiktoken", "text.txt"),
    ("tokenizer", "compare", "ranks/x.tiktoken", "whole"),
    ("tokenizer", "compare", "whole", "ranks/x.tiktoken"),
    ("tokenizer", "convert", "ranks/x.tiktoken", "made"),
    ("data", "import", "ids.bin", "--tokenizer", "ranks/x.tiktoken", "--out", "made", "--val", "0"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:3]))
def test_a_command_asks_for_the_pattern_and_takes_it(cli, lone, tmp_path, command):
    refused = cli(*command)
    assert refused.code == 2 and refused.out == "" and not (tmp_path / "made").exists()
    assert refused.err.startswith("error: --pattern: ranks/x.tiktoken names none, ")
    assert len(refused.err.splitlines()) == 1
    done = cli(*command, "--pattern", "cl100k")
    assert done.code in (0, 65), done.err  # data without a document end is refused as such
    warned = "warning: ranks/x.tiktoken: rank files name no special tokens; reading it without any"
    assert done.err.splitlines()[0] == warned


def test_ids_through_ranks_are_those_of_the_tokenizer(cli, lone):
    encoded = cli("tokenizer", "encode", "ranks", "text.txt", "--pattern", "cl100k").out
    assert [int(word) for word in encoded.split()] == Tokenizer(lone).encode(TEXT).tolist()
    other = cli("tokenizer", "encode", "ranks", "text.txt", "--pattern", "gpt2").out
    assert other != encoded
    assert cli("tokenizer", "convert", "ranks", "made", "--pattern", "cl100k").code == 0
    assert Tokenizer.from_files("made").hash == lone.hash
    same = cli("tokenizer", "compare", "made", "ranks", "--pattern", "cl100k", "--json")
    assert json.loads(same.out)["is_equal"]


def test_a_pattern_that_contradicts_the_folder_is_refused(cli, lone):
    refused = cli("tokenizer", "encode", "whole", "text.txt", "--pattern", "gpt2")
    assert refused.code == 2
    assert refused.err.startswith("error: --pattern: expected cl100k, as whole/tokenizer.json says")


def test_convert_says_what_a_rank_file_leaves_out(cli, lone, tmp_path):
    options = {"vocab_size": 290, "specials": ["<|end|>"], "pattern": "o200k"}
    special = train([TEXT.encode()], **options).vocabulary
    formats.publish(special, tmp_path / "special")
    said = cli("tokenizer", "convert", "special", "s.tiktoken").err.splitlines()
    assert said[0] == f"s.tiktoken: {len(special.ids)} ids, to be read with the pattern o200k"
    assert said[1].startswith("warning: s.tiktoken: left out 1 special token ('<|end|>')")
    assert said[1].endswith("keep the folder") and len(said) == 2
