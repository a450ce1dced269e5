"""`paribus tokenizer`: train, encode, decode as scripts call them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from paribus.cli.tokenizer.group import tokenizer
from paribus.errors import CannotCreateError, ConfigError, DataError, InputMissingError
from paribus.tokenizer.tokenizer import Tokenizer

TEXT = "low lower <|endoftext|>\nnewest widest naïve 🦊\n" * 20


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text(TEXT, encoding="utf-8", newline="")

    def invoke(*arguments, stdin=None):
        return CliRunner().invoke(tokenizer, list(arguments), input=stdin)

    return invoke


@pytest.fixture
def trained(run):
    result = run("train", "in.txt", "--vocab-size", "280", "--out", "t")
    assert result.exit_code == 0, result.output
    return run


def test_training_writes_three_files_and_says_what_it_did(trained, tmp_path):
    names = {path.name for path in (tmp_path / "t").iterdir()}
    assert names == {"vocab.json", "merges.txt", "tokenizer.json", "MANIFEST.json"}
    result = trained("train", "in.txt", "--vocab-size", "280", "--out", "u")
    assert "280 ids from" in result.stdout and "distinct pretokens" in result.stdout
    assert Tokenizer.from_files("t").hash == Tokenizer.from_files("u").hash


def test_both_implementations_and_standard_input_give_the_same_files(trained, tmp_path):
    options = ("--vocab-size", "280", "--threads", "2", "--impl")
    for impl in ("naive", "fast"):
        result = trained("train", "-", *options, impl, "--out", impl, stdin=TEXT.encode())
        assert result.exit_code == 0, result.output
        for name in ("vocab.json", "merges.txt", "tokenizer.json"):
            assert (tmp_path / impl / name).read_bytes() == (tmp_path / "t" / name).read_bytes()


def test_options_reach_the_vocabulary(run):
    result = run(
        *("train", "in.txt", "--vocab-size", "300", "--special", "none", "--ties", "hf"),
        *("--pattern", "o200k", "--max-token-length", "4", "--json", "--out", "t"),
    )
    report, vocabulary = json.loads(result.stdout), Tokenizer.from_files("t").vocabulary
    assert vocabulary.special_tokens == () and vocabulary.pattern == "o200k"
    assert vocabulary.byte_ids[ord("!")] == 0
    assert max(map(len, vocabulary.tokens)) == 4
    assert report["hash"] == vocabulary.hash and report["vocab_size"] == vocabulary.size
    assert report["bytes"] == len(TEXT.encode()) and report["ran_out"] is (vocabulary.size < 300)


def test_several_special_tokens_and_the_field_of_json_lines(run, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"story": "aaab"}\n' * 9, encoding="utf-8")
    result = run(
        *("train", "in.jsonl", "--field", "story", "--special", "<|a|>", "--special", "<|b|>"),
        *("--vocab-size", "260", "--out", "t"),
    )
    assert result.exit_code == 0, result.output
    vocabulary = Tokenizer.from_files("t").vocabulary
    assert vocabulary.special_tokens == ((0, "<|a|>"), (1, "<|b|>"))
    assert vocabulary.merges == ((b"a", b"a"), (b"aa", b"a"))


def test_a_text_that_runs_out_of_pairs_is_a_warning_and_no_error(run):
    result = run("train", "-", "--vocab-size", "9999", "--out", "t", "--json", stdin=b"abc")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1].startswith("warning: ")
    assert json.loads(result.stdout)["vocab_size"] == 259


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("absent.txt", "--vocab-size", "300", "--out", "u"), InputMissingError),
        (("-", "--vocab-size", "300", "--out", "u"), DataError),
        (("in.txt", "--vocab-size", "256", "--out", "u"), ConfigError),
        (("in.txt", "--vocab-size", "300", "--special", "", "--out", "u"), ConfigError),
        (("in.txt", "--vocab-size", "300", "--out", "t"), CannotCreateError),
    ],
)
def test_what_cannot_be_trained_is_refused(trained, tmp_path, arguments, kind):
    result = trained("train", *arguments, stdin=b"")
    assert isinstance(result.exception, kind) and "\n" not in str(result.exception)
    assert not (tmp_path / "u").exists()


def test_ids_go_out_and_text_comes_back(trained, tmp_path):
    encoded = trained("encode", "t", "in.txt")
    assert encoded.exit_code == 0 and encoded.stdout.endswith("\n")
    ids = [int(word) for word in encoded.stdout.split(" ")]
    assert ids == Tokenizer.from_files("t").encode(TEXT).tolist() and 0 not in ids
    assert trained("decode", "t", "-", stdin=encoded.stdout).stdout_bytes == TEXT.encode()
    (tmp_path / "ids.txt").write_text(encoded.stdout, encoding="ascii")
    assert trained("decode", "t", "ids.txt").stdout_bytes == TEXT.encode()


def test_special_tokens_are_made_where_they_are_allowed(trained):
    encoded = trained("encode", "t", "-", "--allow-special", stdin=TEXT.encode())
    assert encoded.stdout.split().count("0") == 20
    assert trained("decode", "t", "-", stdin=encoded.stdout).stdout_bytes == TEXT.encode()


def test_ids_can_be_an_array(trained, tmp_path):
    result = trained("encode", "t", "in.txt", "--out", "ids.npy")
    assert result.exit_code == 0 and result.stdout == ""
    ids = np.load(tmp_path / "ids.npy")
    assert ids.dtype == np.uint16
    assert ids.tolist() == Tokenizer.from_files("t").encode(TEXT).tolist()
    assert trained("decode", "t", "ids.npy").stdout_bytes == TEXT.encode()


def test_bytes_that_are_no_utf8_come_back(trained):
    data = b"\xff\xfe\x00low\r\n\xe2\x82"
    encoded = trained("encode", "t", "-", stdin=data)
    assert trained("decode", "t", "-", stdin=encoded.stdout).stdout_bytes == data


def test_an_empty_text_has_no_ids(trained):
    encoded = trained("encode", "t", "-", stdin=b"")
    assert (encoded.exit_code, encoded.stdout_bytes) == (0, b"")
    assert trained("decode", "t", "-", stdin=b"").stdout_bytes == b""


@pytest.mark.parametrize("stdin", [b"1 two", b"1.5", b"-1", b"280", b"9" * 30, b"\xff"])
def test_ids_that_are_none_are_refused(trained, stdin):
    result = trained("decode", "t", "-", stdin=stdin)
    assert isinstance(result.exception, DataError) and "expected" in str(result.exception)
    assert "\n" not in str(result.exception)
