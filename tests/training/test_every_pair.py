"""Any two choices meet in some row, and every row computes and trains."""

import jaxtyping
import pytest
import torch

from axes import ROWS, config_of, name_of, random_model
from closeness import assert_close
from paribus.data.batches import Batch
from paribus.experiment import Experiment
from paribus.optim.config import ScheduleConfig, SGDConfig
from paribus.training.config import TrainingConfig
from paribus.training.numerics import Numerics
from paribus.training.state import TrainState
from paribus.training.step import train_step

rows = pytest.mark.parametrize("row", ROWS, ids=name_of)
COMPILED = (0, 8, 16, 24, 32)
"""Rows that the real compiler sees."""


def batch():
    ids = torch.randint(0, 13, (4, 9), generator=torch.Generator().manual_seed(3))
    return Batch(ids[:, :-1], ids[:, 1:])


def experiment_of(row, precision="fp32"):
    optimizer = row["optimizer"](lr=3e-3, decay=row["decay"])
    training = TrainingConfig(
        steps=12, batch_size=4, precision=precision, device="cpu", compile="off", threads=1,
        z_loss=row["z_loss"], loss_rows=row["loss_rows"],
    )  # fmt: skip
    schedule = ScheduleConfig(kind=row["schedule"], warmup_steps=2, min_lr=1e-3)
    return Experiment(
        model=config_of(row), optimizer=optimizer, schedule=schedule, training=training
    )


@rows
def test_a_row_learns_one_batch(row):
    experiment = experiment_of(row)
    state = TrainState.create(experiment)
    before = {name: p.detach().clone() for name, p in state.model.named_parameters()}
    numerics = Numerics.build(state.model, experiment.training)
    losses = [train_step(state, batch(), experiment, numerics).loss for _ in range(12)]
    assert losses[-1] < losses[0]
    for name, parameter in state.model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        # A gradient below 1e-5 does not move a norm weight of 1 by the rule of SGD.
        is_slow = row["optimizer"] is SGDConfig and parameter.ndim == 1
        assert is_slow or not torch.equal(parameter, before[name]), name


@rows
def test_a_row_is_finite_in_bfloat16(row):
    losses = []
    for precision in ("fp32", "bf16"):
        experiment = experiment_of(row, precision)
        state = TrainState.create(experiment)
        numerics = Numerics.build(state.model, experiment.training)
        losses.append(train_step(state, batch(), experiment, numerics).loss)
    assert losses[1] == pytest.approx(losses[0], rel=2e-2)
    for name, parameter in state.model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.fixture
def unchecked_shapes():
    """The compiler cannot trace the run-time checks of annotations."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def compiled_equals_eager(row, backend):
    model = random_model(config_of(row))
    results = []
    for hidden in (
        model.hidden,
        torch.compile(model.hidden, backend=backend, fullgraph=True, dynamic=False),
    ):
        logits = model.logits(hidden(batch().tokens))
        gradients = torch.autograd.grad(logits.square().mean(), list(model.parameters()))
        results.append((logits.detach(), *gradients))
    for eager, compiled in zip(*results, strict=True):
        assert_close(compiled, eager, atol=2e-5, rtol=1e-4)


@rows
@pytest.mark.usefixtures("unchecked_shapes")
def test_a_row_traced_in_one_graph_equals_eager(row):
    compiled_equals_eager(row, "aot_eager")


@pytest.mark.slow
@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("row", [ROWS[i] for i in COMPILED], ids=name_of)
def test_a_compiled_row_equals_eager(row):
    compiled_equals_eager(row, "inductor")
