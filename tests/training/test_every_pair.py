"""Any two choices meet in some row, and every row computes and trains."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from axes import ROWS, config_of, name_of
from paribus.data.batches import Batch
from paribus.experiment import Experiment
from paribus.optim.config import ScheduleConfig, SGDConfig
from paribus.training.config import TrainingConfig
from paribus.training.objective import build_objective
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
    objective = build_objective(experiment.training)
    losses = [train_step(state, batch(), experiment, objective).loss for _ in range(12)]
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
        objective = build_objective(experiment.training)
        losses.append(train_step(state, batch(), experiment, objective).loss)
    assert losses[1] == pytest.approx(losses[0], rel=2e-2)
    for name, parameter in state.model.named_parameters():
        assert torch.isfinite(parameter).all(), name
        assert torch.isfinite(parameter.grad).all(), name


def compiled_rows(backend, numbers):
    """The largest differences from eager by row, from a process without checks of shapes."""
    script = Path(__file__).with_name("compiled_rows.py")
    done = subprocess.run(
        [sys.executable, script, backend, *map(str, numbers)],
        env=os.environ | {"PYTHONPATH": str(script.parents[1])},
        capture_output=True,
        encoding="utf-8",
        timeout=540,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_with_every_value():
    """Numbers of few rows in which each value of each axis stands."""
    missing = {(name, str(value)) for row in ROWS for name, value in row.items()}
    numbers = []
    while missing:
        seen = [missing & {(name, str(value)) for name, value in row.items()} for row in ROWS]
        numbers.append(max(range(len(ROWS)), key=lambda i: len(seen[i])))
        missing -= seen[numbers[-1]]
    return numbers


def test_every_choice_traced_in_one_graph_equals_eager():
    assert all(d < 1e-5 for d in compiled_rows("aot_eager", rows_with_every_value()).values())


@pytest.mark.slow
def test_every_pair_traced_in_one_graph_equals_eager():
    assert all(d < 1e-5 for d in compiled_rows("aot_eager", range(len(ROWS))).values())


@pytest.mark.slow
@pytest.mark.parametrize("number", COMPILED, ids=lambda i: name_of(ROWS[i]))
def test_a_compiled_row_equals_eager(number):
    assert all(d < 1e-5 for d in compiled_rows("inductor", [number]).values())
