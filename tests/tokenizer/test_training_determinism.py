"""The tokenizer is the same whatever the threads, the blocks and the kind of input."""

import os
import subprocess
import sys
import threading

import pytest

from paribus.tokenizer.train import train

TEXT = (
    "The theme of the weather, they said: \u00e9t\u00e9, \u51ac\u5929, 2024!\n<|endoftext|>\n"
    "It's what we'll    see \t\n\n"
).encode() * 3000 + b"\xff\xfe tail"


@pytest.fixture(scope="module")
def expected() -> str:
    return train([TEXT], vocab_size=330, threads=1).vocabulary.hash


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("block", [1021, 1 << 16, 1 << 20])
def test_neither_threads_nor_blocks_change_the_tokenizer(expected, threads, block):
    blocks = (TEXT[at : at + block] for at in range(0, len(TEXT), block))
    assert train(blocks, vocab_size=330, threads=threads).vocabulary.hash == expected


def command(out, *files: str) -> list[str]:
    start = [sys.executable, "-m", "paribus", "tokenizer", "train", *files]
    return [*start, "--vocab-size", "330", "--out", str(out), "--json"]


def hash_of(result: subprocess.CompletedProcess[bytes]) -> str:
    import json

    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["hash"]


def test_a_file_and_standard_input_give_the_same(expected, tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT)
    from_file = subprocess.run(command(tmp_path / "a", str(path)), capture_output=True, timeout=60)
    piped = subprocess.run(
        command(tmp_path / "b", "-"), input=TEXT, capture_output=True, timeout=60
    )
    assert hash_of(from_file) == hash_of(piped) == expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this system")
def test_a_fifo_gives_the_same(expected, tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(TEXT,), daemon=True)
    writer.start()
    result = subprocess.run(command(tmp_path / "a", str(path)), capture_output=True, timeout=60)
    assert hash_of(result) == expected


def test_several_files_are_one_text_with_borders_between(tmp_path):
    half = TEXT.index(b"<|endoftext|>", len(TEXT) // 2)
    (tmp_path / "1.txt").write_bytes(TEXT[:half])
    (tmp_path / "2.txt").write_bytes(TEXT[half + len(b"<|endoftext|>") :])
    whole = train([TEXT], vocab_size=330).vocabulary.hash
    result = subprocess.run(
        command(tmp_path / "out", str(tmp_path / "1.txt"), str(tmp_path / "2.txt")),
        capture_output=True,
        timeout=60,
    )
    assert hash_of(result) == whole
