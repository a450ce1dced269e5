"""The fast path learns as the readable one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from paribus.data.prepare import prepare
from paribus.sample_text.pydocs import gather
from paribus.tokenizer.formats import publish
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train as train_tokenizer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pydocs")
    text = folder / "text.txt"
    text.write_bytes(gather(2 << 20))
    report = train_tokenizer([text.read_bytes()], vocab_size=4096)
    publish(report.vocabulary, folder / "tokenizer")
    prepare([text], Tokenizer.from_files(folder / "tokenizer"), folder / "data")
    return folder / "data"


def curve(shards, attention, **training):
    """The losses of a run in a process of its own, where nothing fell back to eager mode."""
    settings = {"steps": 200, "loss_rows": 1024, "compile": "off", "precision": "fp32"} | training
    script = Path(__file__).with_name("learning_curve.py")
    done = subprocess.run(
        [sys.executable, script, shards, attention, json.dumps(settings)],
        env={name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name},
        capture_output=True,
        encoding="utf-8",
        timeout=900,
    )
    assert done.returncode == 0 and "torch.compile failed" not in done.stderr, done.stderr
    return torch.tensor(json.loads(done.stdout))


@pytest.fixture(scope="module")
def readable(shards):
    return curve(shards, "manual", loss_rows=None)


@pytest.mark.parametrize("compile", ["off", "on"])
def test_two_hundred_steps_have_the_losses_of_the_readable_path(shards, readable, compile):
    fast = curve(shards, "sdpa", compile=compile)
    assert readable[-20:].mean() < readable[0] - 2  # it has learned
    # Rounding grows from step to step, but the curves stay one line.
    assert (fast - readable)[:20].abs().max() < 1e-3
    assert (fast - readable).abs().max() < 0.05
    assert abs((fast - readable)[-50:].mean()) < 0.005


def test_two_compiled_runs_on_two_threads_are_equal_bit_by_bit(shards):
    first, second = (curve(shards, "sdpa", compile="on", steps=25) for _ in range(2))
    assert torch.equal(first, second)


def test_two_hundred_steps_in_bfloat16_learn_as_much(shards, readable):
    fast = curve(shards, "sdpa", precision="bf16")
    assert abs((fast - readable)[-50:].mean()) < 0.03
