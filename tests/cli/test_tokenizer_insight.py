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
