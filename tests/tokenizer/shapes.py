"""Texts that have brought tokenizers down, in any size, and what encoding and training on them cost.

    python tests/tokenizer/shapes.py [--megabytes 1 64] [--shapes NAME ...] [--one-line 1024]

Each shape and size runs in a process of its own. Prints a table and exits 1 where a cost is out of
bounds: time grows by more than 1.25 times the size, or more than 24 bytes of memory are taken for
a byte of text, the ids aside. $PARIBUS_GPT2 names a folder with GPT-2's vocabulary; without it one
is trained on the shapes.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from paribus.machine import peak_memory_bytes
from paribus.tokenizer import formats
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train

MOST_GROWTH = 1.25
"""Of the time, over that of the size: 80 times for 64 times the bytes."""
MOST_BYTES = 24
"""Of memory for a byte of text, beyond the text and its ids."""


class Cost(NamedTuple):
    """Seconds of CPU and bytes."""

    encoding: float
    training: float
    n_ids: int
    memory: int
    """The most that encoding took beyond the text and its ids; 0 where the system does not tell."""


def _repeated(piece: bytes) -> Callable[[int], bytes]:
    return lambda n_bytes: (piece * (n_bytes // len(piece) + 1))[:n_bytes]


def _random(alphabet: bytes, width: int = 1) -> Callable[[int], bytes]:
    """Letters by chance, each of `width` bytes."""

    def make(n_bytes: int) -> bytes:
        letters = np.frombuffer(alphabet, np.uint8).reshape(-1, width)
        places = np.random.default_rng(7).integers(0, len(letters), n_bytes // width, np.uint16)
        return letters[places].tobytes()

    return make


def _fibonacci(n_bytes: int) -> bytes:
    before, word = b"b", b"a"
    while len(word) < n_bytes:
        before, word = word, word + before
    return word[:n_bytes]


def _prose(n_bytes: int) -> bytes:
    random = Random(7)
    words = ["".join(random.choices("etaoinshr", k=random.randint(1, 9))) for _ in range(4000)]
    text = " ".join(random.choices(words, k=1 + min(n_bytes, 1 << 20) // 2)).encode()
    return _repeated(text)(n_bytes)


_HAN = "".join(map(chr, range(0x4E00, 0x9000))).encode()

SHAPES: dict[str, Callable[[int], bytes]] = {
    "prose": _prose,
    "a": _repeated(b"a"),
    "space": _repeated(b" "),
    "newline": _repeated(b"\n"),
    "tab": _repeated(b"\t"),
    "caret": _repeated(b"^"),
    "digit": _repeated(b"7"),
    "NUL": _repeated(b"\0"),
    "byte 0x80": _repeated(b"\x80"),
    "wide space": _repeated("\u3000".encode()),
    "random letters": _random(b"abcdefghijklmnopqrstuvwxyz"),
    "random digits": _random(b"0123456789"),
    "random Han": _random(_HAN, 3),
    "space and newline": _repeated(b" \n"),
    "'s": _repeated(b"'s"),
    "marks on one base": lambda n_bytes: b"e" + _repeated("\u0301".encode())(n_bytes - 1),
    "emoji joiners": _repeated("\U0001f469\u200d".encode()),
    "Fibonacci": _fibonacci,
    "random bytes": _random(bytes(range(256))),
}


@cache
def tokenizer() -> Tokenizer:
    """GPT-2's, else one trained on the shapes."""
    if folder := os.environ.get("PARIBUS_GPT2"):
        return Tokenizer(formats.read(Path(folder) / "gpt2_vocab.json"))
    blocks = [make(3000) for make in SHAPES.values()]
    return Tokenizer(train(blocks, vocab_size=2000).vocabulary)


def encoding_seconds(text: bytes) -> float:
    """CPU time of encoding on one thread by an encoder that knows no word yet."""
    encoder = Tokenizer(tokenizer().vocabulary)
    began = time.process_time()
    encoder.encode(text, threads=1)
    return time.process_time() - began


def encoding_cost(text: bytes) -> tuple[float, int, int]:
    """Seconds, number of ids, and memory beyond text and ids, in a process that is fresh."""
    encoder, before = tokenizer(), peak_memory_bytes()
    began = time.process_time()
    ids = encoder.encode(text, threads=1)
    seconds = time.process_time() - began
    after = peak_memory_bytes()
    memory = 0 if before is None or after is None else after - before - ids.nbytes
    assert encoder.decode_bytes(ids) == text
    return seconds, ids.size, memory


def measured(shape: str, n_bytes: int) -> Cost:
    """The costs in this process, which should have done nothing else."""
    text = SHAPES[shape](n_bytes)
    seconds, n_ids, memory = encoding_cost(text)
    began = time.process_time()
    train([text], vocab_size=300, pattern="none", threads=1)
    return Cost(seconds, time.process_time() - began, n_ids, memory)


def measured_alone(shape: str, n_bytes: int) -> Cost:
    """The costs in a fresh process."""
    command = [sys.executable, __file__, "--alone", shape, str(n_bytes)]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=3600)
    return Cost(*json.loads(ended.stdout))


def row(shape: str, sizes: list[int]) -> tuple[str, bool]:
    """A line of the table, and whether all costs are within bounds."""
    costs = [measured_alone(shape, size) for size in sizes]
    speed = sizes[-1] / costs[-1].encoding / 1e6
    bound = MOST_GROWTH * sizes[-1] / sizes[0]
    growth = [
        getattr(costs[-1], stage) / max(getattr(costs[0], stage), 0.005)
        for stage in ("encoding", "training")
    ]
    # Of a smaller text what the tables begin with would be the most of it.
    large = [(cost.memory, size) for cost, size in zip(costs, sizes, strict=True) if size > 1e7]
    per_byte = max((memory / size for memory, size in large), default=0.0)
    cells = f"{speed:8.1f} {growth[0]:8.1f} {growth[1]:8.1f} {per_byte:8.1f}"
    return f"{shape:20} {cells}", max(growth) <= bound and per_byte <= MOST_BYTES


def one_line(n_bytes: int) -> None:
    """One line of words, as large as asked for, comes back whole."""
    text = _prose(n_bytes)
    began = time.process_time()
    ids = tokenizer().encode(text)
    seconds = time.process_time() - began
    assert tokenizer().decode_bytes(ids) == text
    print(f"one line of {n_bytes >> 20} MB: {seconds:.1f} s of CPU, {ids.size} ids")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", nargs=2, type=int, default=[1, 64])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--one-line", type=int, default=0, help="megabytes")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        print(json.dumps(measured(chosen.alone[0], int(chosen.alone[1]))))
        return
    sizes = [megabytes << 20 for megabytes in chosen.megabytes]
    print(
        f"{'shape':20} {'MB/s':>8} {'encode':>8} {'train':>8} {'bytes':>8}  (times of "
        f"{chosen.megabytes[1]} MB over those of {chosen.megabytes[0]} MB)"
    )
    failed = 0
    for shape in chosen.shapes:
        line, is_good = row(shape, sizes)
        print(line + ("" if is_good else "  OUT OF BOUNDS"), flush=True)
        failed += not is_good
    if chosen.one_line:
        one_line(chosen.one_line << 20)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
