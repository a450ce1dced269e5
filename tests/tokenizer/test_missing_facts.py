"""Files that do not name the pattern or the special tokens: nothing is guessed silently."""

import inspect
import json
import logging
import shutil

import pytest

from paribus.errors import ConfigError, DataError
from paribus.tokenizer import formats, ranks
from paribus.tokenizer.patterns import EXPRESSIONS
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

TEXT = "I'LL say 12345 words,\r\n\r\n  it's naïve \t\n".encode() * 5
PATTERNS = [name for name in EXPRESSIONS if name != "none"]


def trained(pattern, specials=("<|endoftext|>",)) -> Vocabulary:
    return train([TEXT], vocab_size=290, specials=list(specials), pattern=pattern).vocabulary


@pytest.fixture(params=EXPRESSIONS)
def vocabulary(request):
    return trained(request.param)


@pytest.fixture
def folder(tmp_path, vocabulary):
    """vocab.json, merges.txt and tokenizer.json."""
    formats.write_files(vocabulary, tmp_path)
    return tmp_path


NAMES = ["vocab.json", "merges.txt", "x.tiktoken"]


def lone_file(name, vocabulary, tmp_path):
    """A file that names no pattern, with what it needs in its folder and no tokenizer.json."""
    if name == "x.tiktoken":
        plain = Vocabulary.build(vocabulary.pattern, [], vocabulary.merges, "cs336")
        (tmp_path / name).write_bytes(ranks.as_bytes(plain))
    else:
        formats.write_files(vocabulary, tmp_path)
        (tmp_path / "tokenizer.json").unlink()
    return tmp_path / name


@pytest.mark.parametrize("name", NAMES)
def test_a_file_without_a_pattern_asks_for_it(vocabulary, tmp_path, name):
    path = lone_file(name, vocabulary, tmp_path)
    for place in (path, path.parent):
        for read in (formats.read, Tokenizer.from_files):
            with pytest.raises(ConfigError, match=r"^pattern: \S+ names none, [^\n]+$"):
                read(place)
            assert read(place, pattern=vocabulary.pattern) is not None
    found = Tokenizer.from_files(path, pattern=vocabulary.pattern)
    shift = 1 - len(found.vocabulary.special_tokens)  # ranks have no special token in front
    assert (found.encode(TEXT) + shift).tolist() == Tokenizer(vocabulary).encode(TEXT).tolist()


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt"])
def test_a_tokenizer_json_beside_the_pair_names_the_pattern(folder, vocabulary, name, caplog):
    assert formats.read(folder / name) == vocabulary
    shutil.copy(folder / "vocab.json", folder / "x_vocab.json")
    shutil.copy(folder / "merges.txt", folder / "x_merges.txt")
    assert formats.read(folder / f"x_{name}") == vocabulary
    assert caplog.records == []


def test_a_tokenizer_json_beside_ranks_names_pattern_and_special_tokens(folder, vocabulary, caplog):
    # Its only special token has id 0, so the ranks alone have a gap.
    (folder / "x.tiktoken").write_bytes(ranks.as_bytes(vocabulary))
    assert formats.read(folder / "x.tiktoken") == vocabulary
    assert caplog.records == []
    (folder / "tokenizer.json").unlink()
    with pytest.raises(DataError, match=r"read tokenizer\.json"):
        formats.read(folder / "x.tiktoken", pattern="gpt2")


@pytest.mark.parametrize("name", ["vocab.json", "tokenizer.json", ""])
def test_a_pattern_that_contradicts_tokenizer_json_is_refused(folder, vocabulary, name):
    for pattern in EXPRESSIONS:
        if pattern == vocabulary.pattern:
            assert formats.read(folder / name, pattern=pattern) == vocabulary
        else:
            with pytest.raises(ConfigError, match=rf"expected {vocabulary.pattern}, as \S+ says"):
                formats.read(folder / name, pattern=pattern)


def test_a_tokenizer_json_of_other_tokens_says_nothing_about_these(folder, vocabulary):
    other = train([b"other text altogether " * 9], vocab_size=280, pattern="o200k").vocabulary
    formats.write_files(other, folder)
    (folder / "y_vocab.json").write_bytes(json.dumps(formats.ids_by_name(vocabulary)).encode())
    (folder / "y_merges.txt").write_text(
        formats.gpt2_files.merges_text(vocabulary), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="names none"):
        formats.read(folder / "y_vocab.json")
    assert formats.read(folder / "y_vocab.json", pattern=vocabulary.pattern) == vocabulary


def test_a_foreign_tokenizer_json_is_an_error_unless_the_pattern_is_given(folder, vocabulary):
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=r"tokenizer\.json: "):
        formats.read(folder / "vocab.json")
    assert formats.read(folder / "vocab.json", pattern=vocabulary.pattern) == vocabulary


def test_what_is_assumed_about_special_tokens_is_said(vocabulary, tmp_path, caplog):
    plain = lone_file("x.tiktoken", vocabulary, tmp_path)
    formats.read(plain, pattern=vocabulary.pattern)
    pair = lone_file("vocab.json", vocabulary, tmp_path)
    formats.read(pair, pattern=vocabulary.pattern)
    of_ranks, of_pair = [record.getMessage() for record in caplog.records]
    assert of_ranks == f"{plain}: rank files name no special tokens; reading it without any"
    assert of_pair.startswith(f"{pair}: reading 1 entry") and "'<|endoftext|>'" in of_pair
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_gpt2_is_known_by_its_tokens_in_both_forms(gpt2, gpt2_folder, tmp_path, caplog):
    assert formats.read(gpt2_folder / "gpt2_merges.txt") == gpt2 and gpt2.pattern == "gpt2"
    assert caplog.records == []
    (tmp_path / "any.tiktoken").write_bytes(ranks.as_bytes(gpt2))
    found = formats.read(tmp_path / "any.tiktoken")
    assert (found.pattern, found.ids, found.special_tokens) == ("gpt2", gpt2.ids, ())
    assert [record.getMessage()[-44:] for record in caplog.records] == [
        "name no special tokens; reading it without any"[-44:]
    ]
    changed = dict(gpt2.ids)
    changed[b" the"], changed[b" and"] = changed[b" and"], changed[b" the"]
    assert ranks.known_pattern(gpt2.ids) == "gpt2" and ranks.known_pattern(changed) is None


def test_known_ranks_are_those_that_tiktoken_names():
    public = pytest.importorskip("tiktoken_ext.openai_public")
    encodings = {"gpt2": "r50k_base", "cl100k": "cl100k_base", "o200k": "o200k_base"}
    assert {name for _, name in ranks.KNOWN_PATTERNS.values()} == set(encodings) == set(PATTERNS)
    for digest, name in ranks.KNOWN_PATTERNS.values():
        assert digest in inspect.getsource(getattr(public, encodings[name]))
