"""Vocabularies: layout, hash and what cannot be one."""

import hashlib
import subprocess
import sys

import pytest

from paribus.errors import ConfigError, DataError
from paribus.tokenizer.byte_names import BYTE_NAMES, token_name
from paribus.tokenizer.vocabulary import Vocabulary, byte_layout

MERGES = [(b"h", b"e"), (b"he", b"l")]
TEXTS = ["<|endoftext|>", "<|pad|>"]


def test_ids_are_special_tokens_then_bytes_then_merges():
    vocabulary = Vocabulary.build("gpt2", TEXTS, MERGES, "cs336")
    assert vocabulary.tokens[:4] == (b"<|endoftext|>", b"<|pad|>", b"\0", b"\x01")
    assert vocabulary.tokens[258:] == (b"he", b"hel") and vocabulary.size == 260
    assert vocabulary.merge_ids == ((106, 103, 258), (258, 110, 259))


def test_the_layout_hf_has_bytes_in_the_printable_order():
    vocabulary = Vocabulary.build("gpt2", [], MERGES, "hf")
    assert vocabulary.tokens[:3] == (b"!", b'"', b"#")
    assert vocabulary.tokens[188:190] == (b"\0", b"\x01") and vocabulary.tokens[255] == b"\xad"


def test_bytes_have_the_names_of_gpt2():
    assert token_name(b" the\n") == "ĠtheĊ" and token_name(b"\xad\xff\0") == "ŃÿĀ"
    assert len(set(BYTE_NAMES.values())) == 256


def test_the_hash_is_that_of_the_content():
    vocabulary = Vocabulary.build("gpt2", TEXTS, MERGES, "cs336")
    others = [
        Vocabulary.build("o200k", TEXTS, MERGES, "cs336"),
        Vocabulary.build("gpt2", TEXTS[::-1], MERGES, "cs336"),
        Vocabulary.build("gpt2", TEXTS, MERGES[:1], "cs336"),
        Vocabulary.build("gpt2", TEXTS, MERGES, "hf"),
    ]
    assert len({vocabulary.hash, *(other.hash for other in others)}) == 5
    assert vocabulary.hash == Vocabulary.build("gpt2", TEXTS, MERGES, "cs336").hash
    empty = '{"bytes":[%s],"merges":[],"pattern":"gpt2","specials":[]}'
    content = empty % ",".join(map(str, range(256)))
    expected = hashlib.sha256(content.encode()).hexdigest()
    assert Vocabulary.build("gpt2", [], [], "cs336").hash == expected


@pytest.mark.parametrize(
    ("texts", "expected"), [(["<a>", "<|endoftext|>"], 1), (["<a>", "<b>"], 0), ([], None)]
)
def test_the_end_of_text_is_found(texts, expected):
    assert Vocabulary.build("gpt2", texts, [], "cs336").end_of_text == expected


@pytest.mark.parametrize(
    ("texts", "message"),
    [([""], "empty"), (["<a>", "<a>"], "twice"), (["a"], "names no byte"), (["\ud800"], "UTF-8")],
)
def test_special_tokens_that_cannot_be_are_refused(texts, message):
    with pytest.raises(ConfigError, match=message):
        Vocabulary.build("gpt2", texts, [], "cs336")


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        ([(b"a", b"bc")], "merge 0: expected two tokens made before it, found 'bc'"),
        ([(b"a", b"b"), (b"a", b"b")], "merge 1: expected a new pair"),
        ([(b"abc", b"abc")], "made before it"),
        ([(b"", b"a")], "made before it"),
    ],
)
def test_merges_that_cannot_be_are_refused(merges, message):
    with pytest.raises(DataError, match=message):
        Vocabulary.build("gpt2", [], merges, "cs336")


@pytest.mark.parametrize("byte_ids", [[0] * 256, range(1, 257), [*range(255), 1 << 31]])
def test_ids_with_gaps_or_repetitions_are_refused(byte_ids):
    with pytest.raises(DataError, match="different ids"):
        Vocabulary("gpt2", (), tuple(byte_ids), ())


BAD_VOCABULARIES = """
from paribus.errors import DataError
from paribus.tokenizer.vocabulary import Vocabulary

def is_refused(byte_ids, merges):
    try:
        Vocabulary("gpt2", (), tuple(byte_ids), tuple(merges))
    except DataError:
        return True
    return False

assert False, "python -O leaves assertions out"
print(is_refused(range(256), []), is_refused(range(1, 257), []),
      is_refused(range(256), [(b"ab", b"c")]))
"""


def test_no_check_of_a_vocabulary_is_an_assertion():
    command = [sys.executable, "-O", "-c", BAD_VOCABULARIES]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert ended.stdout.split() == ["False", "True", "True"]


def test_a_special_token_with_the_name_of_another_token_is_refused():
    with pytest.raises(DataError, match="names no other token"):
        Vocabulary.build("gpt2", ["Ġt"], [(b" ", b"t")], "cs336")


def test_unknown_choices_are_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="gpt2, cl100k, o200k, none"):
        Vocabulary.build("gpt3", [], [], "cs336")
    with pytest.raises(ConfigError, match="cs336 or hf"):
        byte_layout(0, "random")  # type: ignore[arg-type]
