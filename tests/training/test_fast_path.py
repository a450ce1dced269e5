"""The fast path learns as the readable one does."""

import pytest
import torch

from paribus.data.prepare import prepare
from paribus.experiment import Experiment
from paribus.model.config import ModelConfig
from paribus.optim.config import AdamWConfig, ScheduleConfig
from paribus.sample_text.pydocs import gather
from paribus.tokenizer.formats import publish
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train as train_tokenizer
from paribus.training.config import TrainingConfig
from paribus.training.numerics import Numerics
from paribus.training.plan import open_batches
from paribus.training.state import TrainState
from paribus.training.step import train_step

STEPS = 200


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pydocs")
    text = folder / "text.txt"
    text.write_bytes(gather(2 << 20))
    report = train_tokenizer([text.read_bytes()], vocab_size=4096)
    publish(report.vocabulary, folder / "tokenizer")
    return prepare([text], Tokenizer.from_files(folder / "tokenizer"), folder / "data")


def curve(shards, *, attention, loss_rows, compile, precision="fp32"):
    """The losses of a run at the small shape."""
    experiment = Experiment(
        model=ModelConfig(
            vocab_size=4096, context_length=128, d_model=128, attention_backend=attention
        ),
        optimizer=AdamWConfig(lr=4e-3),
        schedule=ScheduleConfig(warmup_steps=20, min_lr=4e-5),
        training=TrainingConfig(
            steps=STEPS, batch_size=32, device="cpu", precision=precision, threads=2,
            loss_rows=loss_rows, compile=compile,
        ),
    )  # fmt: skip
    state = TrainState.create(experiment)
    numerics = Numerics.build(state.model, experiment.training)
    batches = open_batches(experiment, shards)
    made = [train_step(state, batches.at(n), experiment, numerics).loss for n in range(STEPS)]
    torch.set_num_threads(1)
    return torch.tensor(made)


@pytest.fixture(scope="module")
def readable(shards):
    return curve(shards, attention="manual", loss_rows=None, compile="off")


@pytest.mark.slow
@pytest.mark.parametrize("compile", ["off", "on"])
def test_two_hundred_steps_have_the_losses_of_the_readable_path(shards, readable, compile):
    fast = curve(shards, attention="sdpa", loss_rows=1024, compile=compile)
    assert readable[-20:].mean() < readable[0] - 2  # it has learned
    # Rounding grows from step to step, but the curves stay one line.
    assert (fast - readable)[:20].abs().max() < 1e-3
    assert (fast - readable).abs().max() < 0.05
    assert abs((fast - readable)[-50:].mean()) < 0.005


@pytest.mark.slow
def test_two_hundred_steps_in_bfloat16_learn_as_much(shards, readable):
    fast = curve(shards, attention="sdpa", loss_rows=1024, compile="off", precision="bf16")
    assert abs((fast - readable)[-50:].mean()) < 0.03
