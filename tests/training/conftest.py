"""Runs that are stopped on purpose, and what two equal runs have in common."""

import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from paribus import checkpoint
from paribus.errors import StoppedError
from paribus.tracking.listener import Listener
from paribus.tracking.metrics import CLOCK_FIELDS
from paribus.tracking.rows import read_rows
from paribus.training.run import train


class Recorder(Listener):
    """Keeps what a run said, and sends itself a signal after the step `stop_after`."""

    def __init__(self, stop_after=None, number=signal.SIGTERM):
        self.stop_after, self.number = stop_after, number
        self.steps, self.saved, self.notes = [], [], []

    def on_step(self, metrics, n_steps):
        self.steps.append(metrics)
        if metrics.step == self.stop_after:
            signal.raise_signal(self.number)

    def on_saved(self, step):
        self.saved.append(step)

    def on_note(self, text):
        self.notes.append(text)


@dataclass(frozen=True)
class Outcome:
    """All of a finished run that must not depend on how often it was stopped."""

    snapshot: checkpoint.Snapshot
    best_step: int
    rows: list

    def assert_equal(self, other):
        assert self.snapshot.step == other.snapshot.step
        assert self.snapshot.validation_loss == other.snapshot.validation_loss
        assert self.best_step == other.best_step
        for kind in ("weights", "optimizer"):
            mine, theirs = getattr(self.snapshot, kind), getattr(other.snapshot, kind)
            assert mine.keys() == theirs.keys()
            assert all(torch.equal(mine[name], theirs[name]) for name in mine), kind
        mine, theirs = (replace(one.snapshot.progress, seconds=0.0) for one in (self, other))
        assert mine == theirs
        assert self.rows == other.rows


def outcome(folder: Path) -> Outcome:
    rows = [
        {key: value for key, value in row.items() if key not in CLOCK_FIELDS}
        for row in read_rows(folder / "metrics.jsonl")
        if row["kind"] in ("train", "eval")
    ]
    newest, best = checkpoint.find(folder), checkpoint.find(folder, "best")
    return Outcome(checkpoint.read(newest), best.step, rows)


@pytest.fixture(scope="session")
def recorder():
    return Recorder


@pytest.fixture(scope="session")
def outcome_of():
    return outcome


@pytest.fixture
def stopped_run(tiny_experiment):
    """Starts a run that a signal stops after a step; gives its folder."""

    def start(name, *overrides, after=3, number=signal.SIGTERM):
        experiment = tiny_experiment(name, *overrides)
        with pytest.raises(StoppedError):
            train(experiment, [Recorder(after, number)])
        return experiment.run.dir

    return start


@pytest.fixture(scope="session")
def unbroken(tiny_data, tmp_path_factory):
    """The folder of the tiny run that nothing stopped."""
    from paribus.experiment import load_experiment

    folder = tmp_path_factory.mktemp("unbroken") / "run"
    return train(
        load_experiment(tiny_data.config, [f"data.dir={tiny_data.tokens}", f"run.dir={folder}"])
    )
