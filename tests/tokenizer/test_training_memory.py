"""Training within a limit of memory: the same merges, a peak below it, a refusal that tells the way."""

import json
import random
import re
import subprocess
import sys

import pytest

from paribus.errors import ConfigError, UnavailableError
from paribus.tokenizer.train import train

IN_A_PROCESS = """
import json, sys
from paribus.tokenizer.train import train

def blocks():
    with open(sys.argv[1], "rb") as file:
        while block := file.read(1 << 18):
            yield block

limit = int(sys.argv[2]) or None
report = train(blocks(), vocab_size=1000, threads=8, max_memory=limit)
print(json.dumps([report.vocabulary.hash, report.peak_bytes]))
"""


def random_words(n_words: int) -> bytes:
    rng = random.Random(7)
    return " ".join("".join(rng.choices("etaoinshrd", k=7)) for _ in range(n_words)).encode()


def repeated_words(n_distinct: int, n_words: int) -> bytes:
    """Each thread without a limit meets all of them and holds a table of its own."""
    words = random_words(n_distinct).split()
    return b" ".join(random.Random(8).choices(words, k=n_words))


def smallest_limit(text: bytes) -> int:
    with pytest.raises(ConfigError, match="max_memory: expected at least") as refused:
        train([text], vocab_size=1000, max_memory=1)
    found = re.search(r"at least (\d+)MB", str(refused.value))
    assert found
    return int(found[1]) * 10**6


@pytest.fixture(scope="module")
def trained_apart(tmp_path_factory):
    path = tmp_path_factory.mktemp("memory") / "words.txt"
    path.write_bytes(repeated_words(300_000, 2_000_000))

    def run(limit: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", IN_A_PROCESS, str(path), str(limit)]
        return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)

    return run


def test_the_peak_stays_below_the_limit_and_the_result_is_the_same(trained_apart):
    refused = trained_apart(20_000_000)
    limit = int(re.findall(r"expected at least (\d+)MB", refused.stderr)[-1]) * 10**6
    unlimited_hash, unlimited_peak = json.loads(trained_apart(0).stdout)
    limited_hash, limited_peak = json.loads(trained_apart(limit).stdout)
    assert limited_hash == unlimited_hash
    assert limited_peak < limit < unlimited_peak


def test_a_limit_that_does_not_suffice_names_one_that_does():
    text = random_words(20_000)
    limit = smallest_limit(text)
    report = train([text], vocab_size=1000, max_memory=limit)
    assert report.vocabulary == train([text], vocab_size=1000).vocabulary


def test_counts_on_disk_leave_no_file_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken():
        yield random_words(400_000)
        raise KeyboardInterrupt

    for source, ends in ((broken(), KeyboardInterrupt), ([random_words(10)], ConfigError)):
        with pytest.raises(ends):
            train(source, vocab_size=1000, threads=8, max_memory=1)
        assert not list(tmp_path.iterdir())


def test_a_limit_needs_the_fast_implementation():
    with pytest.raises(ConfigError, match="expected the fast implementation"):
        train([b"text"], vocab_size=300, impl="naive", max_memory=10**9)


def test_a_limit_needs_a_system_that_tells_the_memory(monkeypatch):
    monkeypatch.setattr("paribus.tokenizer.train.peak_memory_bytes", lambda: None)
    with pytest.raises(UnavailableError, match="max_memory: expected a system that tells"):
        train([b"text"], vocab_size=300, max_memory=10**9)
    assert train([b"text"], vocab_size=300).peak_bytes is None
