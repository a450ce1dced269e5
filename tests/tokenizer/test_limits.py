"""Costs that must not run away: time on adversarial text, memory of an encoding, a stop on request."""

import ast
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import shapes

from paribus.tokenizer import patterns
from paribus.tokenizer.patterns import as_classes
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary

pytest.importorskip("paribus._core", reason="installed without the C++ core")
FEW = ["a", "random letters", "random digits", "random Han", "emoji joiners"]


@pytest.mark.parametrize("shape", FEW)
def test_time_grows_with_the_text_and_not_faster(shape):
    small, large = (shapes.SHAPES[shape](size) for size in (1 << 20, 10 << 20))
    best = min(shapes.encoding_seconds(small) for _ in range(3))
    # Ten times the text leaves the near caches, which alone makes it up to 1.7 times slower; what
    # grows with the square takes 100 times as long. `make torture` has the bound for 64 times.
    assert min(shapes.encoding_seconds(large) for _ in range(2)) <= 25 * best


@pytest.mark.slow
@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_every_shape_is_within_its_bounds(shape):
    line, is_good = shapes.row(shape, [1 << 20, 16 << 20])
    assert is_good, line


def in_a_fresh_process(code: str) -> str:
    """What `code` prints; it finds `shapes`."""
    folder = str(Path(shapes.__file__).parent)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r})\n{code}"]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


MEMORY_OF_ENCODING = """
import resource
import shapes
from paribus.machine import peak_memory_bytes
encoder = shapes.tokenizer()
with open(PATH, "rb") as file:
    text = file.read()
held = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
ids = encoder.encode(text, threads=THREADS)
print([peak_memory_bytes() - held, ids.nbytes])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", ["prose", "'s"])
def test_encoding_takes_at_most_its_ids_and_half_of_them(tmp_path, shape, threads):
    path = tmp_path / "text"  # made in another process: what making it takes would hide the rest
    path.write_bytes(shapes.SHAPES[shape](60 << 20))
    code = MEMORY_OF_ENCODING.replace("PATH", repr(str(path))).replace("THREADS", str(threads))
    memory, n_bytes_of_ids = ast.literal_eval(in_a_fresh_process(code))
    # Few words: 8 MB is more than enough to remember them, and for what threads hold back.
    assert n_bytes_of_ids <= memory <= 1.5 * n_bytes_of_ids + (8 << 20)


class Stopped(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of the system")
@pytest.mark.parametrize("shape", ["prose", "a"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_signal_stops_an_encoding_at_once(shape, threads):
    def stop(*_):
        raise Stopped

    text = shapes.SHAPES[shape](24 << 20)
    text = text * (8 if shape == "prose" else 1)
    encoder = Tokenizer(Vocabulary.build("gpt2", [], [(b"a", b"a"), (b"t", b"h")], "cs336"))
    former = signal.signal(signal.SIGALRM, stop)
    try:
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Stopped):
            encoder.encode(text, threads=threads)
        waited = time.monotonic() - began - 0.05
        assert waited < 0.2
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert encoder.decode_bytes(encoder.encode(b"the aaa")) == b"the aaa"


SHORT_OF_MEMORY = """
import resource
import shapes
encoder, text = shapes.tokenizer(), shapes.SHAPES["byte 0x80"](48 << 20)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
try:
    print(encoder.encode(text, threads=1).size)
except MemoryError:
    print("MemoryError, then", encoder.decode(encoder.encode("a right answer")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_without_memory_an_encoding_raises_and_the_encoder_answers_right():
    assert in_a_fresh_process(SHORT_OF_MEMORY) == "MemoryError, then a right answer\n"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="a POSIX timer is needed")
def test_the_reference_looks_at_a_long_text_in_steps_that_a_signal_ends():
    text = "é" * 30_000_000  # some 2 s; ASCII would be done before the signal
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    began = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            as_classes(text)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 1


def test_classes_of_a_text_in_pieces_are_those_of_its_characters(monkeypatch):
    text = "Ab 1é²\u3000ǅʰ中🦊" * 3
    whole = as_classes(text)
    monkeypatch.setattr(patterns, "PIECE", 4)
    assert as_classes(text) == whole == "".join(map(as_classes, text))
