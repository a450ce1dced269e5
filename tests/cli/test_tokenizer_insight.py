import json

import pytest

from paribus.tokenizer import formats
from paribus.tokenizer.vocabulary import Vocabulary

MERGES = [(b"t", b"h"), (b"th", b"e"), (b" ", b"the")]
SMALL = Vocabulary.build("gpt2", ["<|endoftext|>"], MERGES, "cs336")


@pytest.fixture
def folder(tmp_path):
    formats.publish(SMALL, tmp_path / "small")
    return tmp_path / "small"


def test_the_verbs_show_what_was_found(cli, folder, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("the the", encoding="utf-8")
    explained = cli("tokenizer", "explain", folder, "the'\x1b[1m")
    assert explained.code == 0
    assert "merge 1     'the'\n" in explained.out
    assert "\x1b" not in explained.out
    found = json.loads(cli("tokenizer", "stats", folder, text, "--json").out)[str(text)]
    assert (found["bytes"], found["tokens"], found["fertility"]) == (7, 2, 1.0)
    assert "bytes per token  3.500" in cli("tokenizer", "stats", folder, text).out
    assert json.loads(cli("tokenizer", "compare", folder, folder, "--json").out)["is_equal"]
    assert cli("tokenizer", "compare", folder, folder).out.startswith("equal: ")
    assert cli("tokenizer", "stats", folder, tmp_path / "absent").code == 66


def test_profile_prints_stages_and_functions(cli, tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("the other, then the others\n" * 50, encoding="utf-8")
    shown = cli("tokenizer", "profile", text, "--vocab-size", 270).out
    assert "training\n  read" in shown and "encoding\n  scan" in shown
    found = json.loads(cli("tokenizer", "profile", text, "--impl", "naive", "--json").out)
    assert any(part["name"].startswith("reference.") for part in found["encoding"])


def test_convert_writes_ranks_and_folders_that_read_back(cli, folder, tmp_path):
    ranks, again = tmp_path / "small.tiktoken", tmp_path / "again"
    plain = Vocabulary.build("gpt2", [], MERGES, "cs336")
    formats.publish(plain, tmp_path / "plain")
    assert cli("tokenizer", "convert", tmp_path / "plain", ranks).code == 0
    assert cli("tokenizer", "convert", ranks, again, "--pattern", "gpt2").code == 0
    assert formats.read(ranks, pattern="gpt2").hash == formats.read(again).hash == plain.hash
    assert cli("tokenizer", "convert", folder, again).code == 73


@pytest.mark.peers
def test_what_convert_writes_gives_tiktoken_our_ids(cli, tmp_path):
    from tiktoken.load import load_tiktoken_bpe

    plain = Vocabulary.build("gpt2", [], MERGES, "cs336")
    formats.publish(plain, tmp_path / "plain")
    cli("tokenizer", "convert", tmp_path / "plain", tmp_path / "small.tiktoken")
    assert load_tiktoken_bpe(str(tmp_path / "small.tiktoken")) == plain.ids
