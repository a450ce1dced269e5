"""Costs that must not run away: time on adversarial text, memory of an encoding, a stop on request."""

import json
import signal
import subprocess
import sys
import time

import pytest
import shapes

from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary

pytest.importorskip("paribus._core", reason="installed without the C++ core")
FEW = ["a", "random letters", "random digits", "random Han", "emoji joiners"]


@pytest.mark.parametrize("shape", FEW)
def test_time_grows_with_the_text_and_not_faster(shape):
    small, large = (shapes.SHAPES[shape](size) for size in (1 << 20, 10 << 20))
    best = min(shapes.encoding_seconds(small) for _ in range(3))
    assert shapes.encoding_seconds(large) <= 10 * shapes.MOST_GROWTH * max(best, 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_every_shape_is_within_its_bounds(shape):
    line, is_good = shapes.row(shape, [1 << 20, 16 << 20])
    assert is_good, line


def test_encoding_takes_at_most_half_of_its_ids_beside_them():
    # Prose of few words: the cache of words is small. A page of thirty-two cannot matter.
    command = [sys.executable, shapes.__file__, "--alone", "prose", str(48 << 20)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    cost = shapes.Cost(*json.loads(ended.stdout))
    assert cost.memory <= cost.n_ids * 2 / 2 + (8 << 20)


class Stopped(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of the system")
@pytest.mark.parametrize("shape", ["prose", "a", "random letters"])
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
        assert time.monotonic() - began < 0.05 + 0.2
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert encoder.decode_bytes(encoder.encode(b"the aaa")) == b"the aaa"


def encode_under_a_limit(n_bytes: int) -> "subprocess.CompletedProcess[str]":
    """In a process that gets 512 MB beyond what it has: prints what came of it."""
    script = f"""
import resource, sys
sys.path.insert(0, {str(shapes.__file__).rsplit("/", 1)[0]!r})
import shapes
encoder = shapes.tokenizer()
text = shapes.SHAPES["random bytes"]({n_bytes})
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (512 << 20),) * 2)
try:
    print(encoder.encode(text, threads=2).size)
except MemoryError:
    print("MemoryError", encoder.decode_bytes(encoder.encode(b"still right")).decode())
"""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_without_memory_an_encoding_raises_and_the_encoder_answers_right():
    ended = encode_under_a_limit(384 << 20)
    assert (ended.returncode, ended.stdout) == (0, "MemoryError still right\n"), ended.stderr
