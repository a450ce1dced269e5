"""Long pretokens cost time in proportion to their length, in encoding and in training."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from paribus.tokenizer import formats
from paribus.tokenizer.tokenizer import Tokenizer

core = pytest.importorskip("paribus._core", reason="installed without the C++ core")

SHAPES = {
    "one letter": b"a",
    "spaces": b" ",
    "digits": b"7",
    "a symbol": b"^",
    "zero bytes": b"\0",
    "invalid bytes": b"\x80",
    "space and newline": b" \n",
    "ideographic spaces": "\u3000".encode(),
    "marks": "\u0301".encode(),
    "random letters": None,
}


def make(shape: str, n_bytes: int) -> bytes:
    if SHAPES[shape] is None:
        return np.random.default_rng(0).integers(97, 123, n_bytes, np.uint8).tobytes()
    return SHAPES[shape] * (n_bytes // len(SHAPES[shape]))


def best_of_three(call) -> float:
    def seconds():
        start = time.process_time()
        call()
        return time.process_time() - start

    return min(seconds() for _ in range(3))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    folder = os.environ.get("PARIBUS_GPT2")
    if not folder:
        pytest.skip("set PARIBUS_GPT2 to a folder with gpt2_vocab.json and gpt2_merges.txt")
    return Tokenizer(formats.read(Path(folder) / "gpt2_vocab.json"))


# A quadratic step would make the ratio 256 and not 16; caches and noise are granted a factor of 3.
@pytest.mark.parametrize("shape", SHAPES)
def test_encoding_a_text_16_times_as_long_takes_16_times_as_long(tokenizer, shape):
    short, long = make(shape, 1 << 16), make(shape, 1 << 20)
    assert tokenizer.decode_bytes(tokenizer.encode(long)) == long
    t_short = best_of_three(lambda: tokenizer.encode(short))
    t_long = best_of_three(lambda: tokenizer.encode(long))
    assert t_long < 16 * 3 * max(t_short, 1e-3)


@pytest.mark.parametrize("shape", ["one letter", "spaces", "random letters"])
def test_training_on_a_word_16_times_as_long_takes_16_times_as_long(shape):
    def train(text):
        return core.train(
            [text],
            pattern="none",
            specials=[],
            n_merges=200,
            byte_ids=[*range(256)],
            first_merge_id=256,
            ties="hf",
            threads=1,
        )

    short, long = make(shape, 1 << 16), make(shape, 1 << 20)
    t_short, t_long = best_of_three(lambda: train(short)), best_of_three(lambda: train(long))
    assert t_long < 16 * 3 * max(t_short, 1e-3)
