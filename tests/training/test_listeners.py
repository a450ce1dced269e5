"""Listeners of a run: several at once, one that may stop it, mirrors, and loader workers."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import ClassVar

import pytest

from paribus import checkpoint
from paribus.errors import ConfigError, UnavailableError
from paribus.tracking import mirrors
from paribus.tracking.listener import Listener, RunInfo
from paribus.tracking.metrics import EvaluationMetrics
from paribus.tracking.rows import read_rows
from paribus.training.early_stop import EarlyStop
from paribus.training.run import resume, train, train_or_resume


class Hooks(Listener):
    """Keeps the name of every hook that is called."""

    def __init__(self):
        self.calls, self.rows, self.info = [], [], None

    def on_start(self, run):
        self.info = run
        self.calls.append("start")

    def on_step(self, metrics, n_steps):
        self.calls.append(f"step {metrics.step}/{n_steps}")

    def on_evaluation(self, metrics, samples):
        self.calls.append(f"evaluation {metrics.step}")

    def on_saved(self, step):
        self.calls.append(f"saved {step}")

    def on_row(self, row):
        self.rows.append(row)

    def on_end(self, state):
        self.calls.append(f"end {state}")


def test_every_listener_hears_of_everything_in_order(tiny_experiment):
    one, other = Hooks(), Hooks()
    folder = train(tiny_experiment("run", "training.steps=4", "evaluation.every=2"), [one, other])
    assert one.calls == other.calls
    assert one.calls == [
        *("start", "saved 0", "step 1/4", "step 2/4", "evaluation 2", "saved 2"),
        *("step 3/4", "step 4/4", "evaluation 4", "saved 4", "end finished"),
    ]
    assert one.rows == [
        json.loads(line) for line in (folder / "metrics.jsonl").open(encoding="utf-8")
    ]
    assert (one.info.name, one.info.step, one.info.n_steps) == ("run", 0, 4)
    assert one.info.config["training"]["steps"] == 4


def test_a_resumed_run_is_told_to_its_listeners_as_the_same_run(stopped_run, tiny_experiment):
    folder = stopped_run("run", after=5)
    first, again = Hooks(), Hooks()
    resume(folder, listeners=[first])
    resume(folder, ["training.steps=10"], [again])
    assert (first.info.step, again.info.step) == (5, 8)
    assert first.info.id == again.info.id
    assert len(first.info.losses) == 1 and len(again.info.losses) == 2
    other = Hooks()
    train(tiny_experiment("other", "training.steps=3"), [other])
    assert other.info.id != first.info.id


def test_a_listener_may_end_the_run_which_is_saved(tiny_experiment):
    class Impatient(Listener):
        def __init__(self):
            self.step, self.notes = 0, []

        def on_step(self, metrics, n_steps):
            self.step = metrics.step

        def on_note(self, text):
            self.notes.append(text)

        def reason_to_stop(self):
            return "seen enough" if self.step == 3 else None

    listener = Impatient()
    folder = train(tiny_experiment("run"), [listener])
    status = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    assert status == {"state": "finished", "step": 3, "reason": "seen enough", "exit_code": 0}
    assert checkpoint.find(folder).step == 3
    assert any(note.startswith("seen enough (step 3 of 8)") for note in listener.notes)


def losses(stop: EarlyStop, *values: float) -> list[bool]:
    asked = []
    for value in values:
        metrics = EvaluationMetrics(step=1, loss=value, perplexity=1.0, bits_per_byte=1.0)
        stop.on_evaluation(metrics, [])
        asked.append(stop.reason_to_stop() is not None)
    return asked


def test_patience_counts_evaluations_since_the_lowest_loss():
    assert losses(EarlyStop(2, 0.0), 3, 2, 2.5, 1.9, 1.95, 1.9) == [False] * 5 + [True]
    assert losses(EarlyStop(1, 0.0), 3, 3) == [False, True], "an equal loss is no progress"
    assert losses(EarlyStop(1, 0.5), 3, 2.6) == [False, True], "nor is one that is hardly lower"
    assert losses(EarlyStop(1, 0.5), 3, 2.4, 1.8) == [False] * 3


def test_a_resumed_early_stop_knows_the_losses_before():
    info = {"id": "a", "name": "a", "folder": None, "config": {}, "step": 4, "n_steps": 8}
    whole, resumed = EarlyStop(2, 0.0), EarlyStop(2, 0.0)
    expected = losses(whole, 3, 2, 2.5, 2.6)
    resumed.on_start(RunInfo(**info, losses=(3, 2, 2.5)))
    assert losses(resumed, 2.6) == expected[-1:] == [True]


def test_a_run_stops_early_and_goes_on_without_patience(tiny_experiment, unbroken, outcome_of):
    # No loss is lower by 100 nats: the first evaluation is the best, the second ends the run.
    stopping = ("evaluation.patience=1", "evaluation.min_delta=100", "evaluation.every=2")
    folder = train(tiny_experiment("run", *stopping))
    assert checkpoint.find(folder).step == 4
    status = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    assert status["state"] == "finished" and "early stop" in status["reason"]
    assert checkpoint.find(resume(folder)).step == 4, "the reason still holds"
    resume(folder, ["evaluation.patience=null", "evaluation.every=4"])
    whole, stopped = outcome_of(unbroken), outcome_of(folder)
    assert all(
        (whole.snapshot.weights[n] == stopped.snapshot.weights[n]).all()
        for n in whole.snapshot.weights
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_read_the_same_batches(tiny_experiment, unbroken, outcome_of, workers):
    folder = train(tiny_experiment("run", f"data.workers={workers}"))
    outcome_of(folder).assert_equal(outcome_of(unbroken))


def test_a_run_with_workers_that_is_stopped_goes_on_without(stopped_run, unbroken, outcome_of):
    folder = stopped_run("run", "data.workers=2", number=signal.SIGINT)
    resume(folder, ["data.workers=0"])
    outcome_of(folder).assert_equal(outcome_of(unbroken))
    assert threading.active_count() == 1 or all(t.daemon for t in threading.enumerate()[1:])


def test_a_signal_to_the_whole_group_stops_a_run_with_workers_cleanly(tiny_experiment, tiny_data):
    experiment = tiny_experiment("run", "data.workers=2", "training.steps=100000")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "paribus", "train", tiny_data.config, f"data.dir={tiny_data.tokens}"),
            *(f"run.dir={experiment.run.dir}", "data.workers=2", "training.steps=100000"),
        ],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (experiment.run.dir / "samples.jsonl").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err and "DataLoader" not in err
    assert "stopped and saved at step" in err


def test_train_or_resume_starts_continues_and_refuses_another_run(
    tiny_experiment, stopped_run, unbroken, outcome_of
):
    folder = train_or_resume(tiny_experiment("new"))
    outcome_of(folder).assert_equal(outcome_of(unbroken))
    stopped_run("run")
    folder = train_or_resume(tiny_experiment("run"))
    outcome_of(folder).assert_equal(outcome_of(unbroken))
    assert train_or_resume(tiny_experiment("run")) == folder, "a finished run is what it is"
    for other in ("optimizer.lr=5e-2", "training.steps=9", "model.ffn=geglu"):
        with pytest.raises(ConfigError, match=f"holds a run .*{other.split('=')[0].split('.')[1]}"):
            train_or_resume(tiny_experiment("run", other))


class Kept:
    """A tracker that keeps what it is sent, and may fail."""

    requires = "json"
    made: ClassVar[list["Kept"]] = []
    fails_at = None

    def __init__(self):
        self.rows, self.state, self.run = [], None, None
        self.made.append(self)

    def start(self, run):
        self.run = run
        if self.fails_at == "start":
            raise OSError("no network")

    def log(self, row):
        if self.fails_at == "log":
            raise ValueError("bad row")
        self.rows.append(row)

    def finish(self, state):
        self.state = state


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr(Kept, "made", [])
    monkeypatch.setitem(mirrors.TRACKERS, "kept", Kept)
    return Kept


def test_a_mirror_gets_every_row_of_the_log(tiny_experiment, kept):
    folder = train(tiny_experiment("run", "tracking.mirrors=[kept]"))
    (tracker,) = kept.made
    assert tracker.rows == read_rows(folder / "metrics.jsonl")
    assert (tracker.run.name, tracker.state) == ("run", "finished")


@pytest.mark.parametrize("place", ["start", "log"])
def test_a_mirror_that_fails_warns_once_and_never_ends_a_run(
    tiny_experiment, kept, monkeypatch, unbroken, outcome_of, caplog, place
):
    monkeypatch.setattr(kept, "fails_at", place)
    folder = train(tiny_experiment("run", "tracking.mirrors=[kept]"))
    outcome_of(folder).assert_equal(outcome_of(unbroken))
    warnings = [r.getMessage() for r in caplog.records if "mirror" in r.getMessage()]
    assert len(warnings) == 1 and "paribus runs RUN --mirror kept" in warnings[0]


def test_a_mirror_that_cannot_be_had_is_refused_before_anything_is_written(tiny_experiment, kept):
    experiment = tiny_experiment("run", "tracking.mirrors=[elsewhere]")
    with pytest.raises(ConfigError, match=r"tracking\.mirrors: expected one of .*wandb"):
        train(experiment)
    kept.requires = "no_such_package"
    try:
        with pytest.raises(UnavailableError, match="no_such_package, which is not installed"):
            train(tiny_experiment("run", "tracking.mirrors=[kept]"))
    finally:
        kept.requires = "json"
    assert not experiment.run.dir.exists()


def test_rows_become_numbers_under_the_names_that_trackers_show():
    train_row = {"kind": "train", "step": 3, "loss": 2.5, "batch": "ab", "mfu": None}
    assert mirrors.scalars(train_row) == {"train/loss": 2.5}
    assert mirrors.scalars({"kind": "eval", "step": 3, "loss": 2.0}) == {"validation/loss": 2.0}
    layer = {"kind": "layers", "step": 3, "layer": "layers.0", "grad_norm": 1.0}
    assert mirrors.scalars(layer) == {"layers/layers.0/grad_norm": 1.0}
