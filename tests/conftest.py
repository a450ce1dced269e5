"""What all tests share: one thread, and token data small enough to train on in a second."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

# Before torch is imported. One thread: results do not depend on the machine, and two test runs
# do not fight over its cores.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

TINY = """\
model: {d_model: 16, n_layers: 1, n_heads: 2, context_length: 16}
optimizer: {lr: 1e-2}
schedule: {warmup_steps: 2, min_lr: 1e-3}
training: {steps: 8, batch_size: 4, threads: 1, compile: off, device: cpu, loss_rows: 32}
evaluation: {every: 4, tokens: 256, prompts: [Once], sample_tokens: 4}
checkpoint: {every: 2}
"""


@dataclass(frozen=True)
class TinyData:
    """Fables, their tokenizer of 300 ids, the token shards, and a config of a tiny model."""

    text: Path
    tokenizer: Path
    tokens: Path
    config: Path


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    from paribus.cli.tokenizer import publish_tokenizer
    from paribus.data.prepare import prepare
    from paribus.sample_text.fables import generate
    from paribus.tokenizer.tokenizer import Tokenizer
    from paribus.tokenizer.train import train

    folder = tmp_path_factory.mktemp("tiny")
    made = TinyData(*(folder / n for n in ("fables.txt", "tokenizer", "tokens", "tiny.yaml")))
    made.text.write_bytes(generate(60_000))
    report = train([made.text.read_bytes()], vocab_size=300, specials=["<|endoftext|>"])
    publish_tokenizer(report, made.tokenizer)
    prepare([made.text], Tokenizer.from_files(made.tokenizer), made.tokens, validation=0.1)
    made.config.write_text(TINY, encoding="utf-8")
    return made


@pytest.fixture
def tiny_experiment(tiny_data, tmp_path):
    """Makes the experiment of a run of 8 steps: the name of its folder, then overrides."""
    from paribus.experiment import load_experiment

    def make(name="run", *overrides):
        given = (f"data.dir={tiny_data.tokens}", f"run.dir={tmp_path / name}", *overrides)
        return load_experiment(tiny_data.config, given)

    return make
