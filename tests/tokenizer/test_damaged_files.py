"""Hundreds of damaged tokenizer files: each is refused in one line, or loads and works."""

import base64
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from damage import cuts_and_flips, damaged
from tokenizer_texts import TORTURE

from paribus.errors import DataError, ParibusError
from paribus.tokenizer import formats, ranks
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

TEXT = "low lower newest widest naïve 🦊 \n\n it's 2024 ".encode() * 3
SPECIALS = ["<|endoftext|>", "<|end of turn é|>"]
FORMS = ["tokenizer.json", "vocab.json", "merges.txt", "x.tiktoken"]
SECONDS = 1.0
"""That a refusal may take, of a file of some 10 KB as of one of 10 MB."""


@pytest.fixture(params=FORMS)
def good_file(request, tmp_path: Path) -> Path:
    """A file that is read, beside what it needs."""
    if request.param == "x.tiktoken":
        path = tmp_path / request.param
        path.write_bytes(ranks.as_bytes(train([TEXT], vocab_size=300, specials=()).vocabulary))
        return path
    pattern = "o200k" if request.param == "tokenizer.json" else "gpt2"
    made = train([TEXT], vocab_size=300, specials=SPECIALS, pattern=pattern).vocabulary
    formats.write_files(made, tmp_path)
    if request.param != "tokenizer.json":
        (tmp_path / "tokenizer.json").unlink()
    return tmp_path / request.param


def outcome(path: Path) -> str:
    """'refused' or 'read': what is refused says so in one line, what is read works."""
    began = time.process_time()
    try:
        vocabulary = formats.read(path, pattern=None if "tokenizer" in path.name else "gpt2")
    except ParibusError as error:
        message = str(error)
        assert isinstance(error, DataError) and error.exit_code == 65, message
        assert message.startswith(str(path.parent)) and message.isprintable(), message
        assert "expected" in message and "found" in message, message
        assert time.process_time() - began < SECONDS, message
        return "refused"
    assert_works(vocabulary)
    return "read"


def assert_works(vocabulary: Vocabulary) -> None:
    tokenizer = Tokenizer(vocabulary)
    specials = "".join(text for _, text in vocabulary.special_tokens)
    text = TEXT + specials.encode() + bytes(range(256))
    for allow_special in (False, True):
        ids = tokenizer.encode(text, allow_special=allow_special)
        assert tokenizer.decode_bytes(ids) == text
    assert int(ids.max()) < len(tokenizer) and len(vocabulary.hash) == 64


def count_outcomes(path: Path, files: Iterator[bytes]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for number, data in enumerate(files):
        path.write_bytes(data)
        try:
            counts[outcome(path)] += 1
        except BaseException as error:
            error.add_note(f"damaged file {number} of {path.name}: {data[:2000]!r}")
            raise
    return counts


def test_files_cut_and_flipped_are_refused_or_work(good_file):
    counts = count_outcomes(good_file, cuts_and_flips(good_file.read_bytes()))
    assert counts["refused"] >= 12


# 200 files of each of four forms; most of them are refused, 600 in all.
def test_files_damaged_at_random_are_refused_or_work(good_file):
    assert outcome(good_file) == "read"
    whole, random = good_file.read_bytes(), Random(good_file.name)
    files = (damaged(whole, random) for _ in range(200 * TORTURE))
    counts = count_outcomes(good_file, files)
    assert counts["refused"] >= 150 * TORTURE


def rank_lines(tokens: list[bytes]) -> bytes:
    return b"".join(base64.b64encode(token) + b" %d\n" % i for i, token in enumerate(tokens))


BYTES = [bytes([byte]) for byte in range(256)]
DOUBLED = [b"a" * (1 << power) for power in range(1, 15)]
HOSTILE = {
    "a key of 10 MB": ("vocab.json", b'{"' + b"a" * 10_000_000 + b'": 0}'),
    "depth 100,000": ("tokenizer.json", b'{"a":' * 100_000),
    "many keys, the last one twice": (
        "vocab.json",
        b"{" + b"".join(b'"%d": %d,' % (i, i) for i in range(50_000)) + b'"49999": 1}',
    ),
    "a number of 5000 digits": ("vocab.json", b'{"a": ' + b"9" * 5000 + b"}"),
    "a merge of 10 MB": ("merges.txt", b"a" * 10_000_000 + b" b\n"),
    "a million names in a merge": ("merges.txt", b"a " * 1_000_000 + b"\n"),
    "a token of 16 KB that its parts do not make": (
        "x.tiktoken",
        rank_lines([*BYTES, *DOUBLED, DOUBLED[-1][1:]]),
    ),
    "one id for 100,000 tokens": (
        "x.tiktoken",
        b"".join(base64.b64encode(b"%d" % i) + b" 7\n" for i in range(100_000)),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_a_second(tmp_path, name):
    formats.write_files(train([TEXT], vocab_size=300, pattern="gpt2").vocabulary, tmp_path)
    file_name, data = HOSTILE[name]
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / file_name).write_bytes(data)
    assert outcome(tmp_path / file_name) == "refused"


def test_the_command_refuses_a_damaged_file_with_65_and_one_line(good_file):
    good_file.write_bytes(good_file.read_bytes()[:-2])
    folder, text = good_file.parent, good_file.with_name("text")
    text.write_text("text", encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    command = [sys.executable, "-m", "paribus", "tokenizer", "encode", str(good_file), str(text)]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)
    assert ended.returncode == 65, ended
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ") and str(folder) in line and "expected" in line
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
