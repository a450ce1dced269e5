"""Starts a run in a new folder, and continues one from its newest checkpoint.

Both prepare (read and check, write nothing), begin (lock the folder, record), and train to the end.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from paribus import checkpoint
from paribus.config.difference import differences
from paribus.config.load import to_plain, to_yaml
from paribus.device import matmul_peak
from paribus.errors import ConfigError, ParibusError, UnavailableError
from paribus.evaluation.losses import EvaluationText
from paribus.experiment import Experiment
from paribus.files import (
    keep_own,
    locked,
    publish_file,
    sha256_of,
    sweep_temporaries,
)
from paribus.interrupts import StopFlag, stop_flag
from paribus.optim.schedule import check_schedule, learning_rate
from paribus.run_folder import RunPaths, run_id
from paribus.tracking.listener import Listener, RunInfo
from paribus.tracking.metrics import MetricsLog
from paribus.tracking.rows import read_rows
from paribus.training import record
from paribus.training.changes import check_same_settings
from paribus.training.compiler import CompilationError, with_compile
from paribus.training.loop import Job, train_to_the_end
from paribus.training.objective import build_objective
from paribus.training.prepare import Plan, folder_of, prepare, prepare_resume
from paribus.training.process_settings import process_settings
from paribus.training.run_log import run_log
from paribus.training.state import TrainState


def train(
    experiment: Experiment,
    listeners: Sequence[Listener] = (),
    *,
    init_from: Path | None = None,
    budget_seconds: float | None = None,
) -> Path:
    """Trains `experiment` in its run folder, from step 0 to its last; returns the folder.

    `init_from` names a run whose best weights are the initial values; `budget_seconds` is the
    wall-clock budget behind a number of steps that the caller has made of it. A run whose steps
    cannot be compiled continues uncompiled and says so. Raises CannotCreateError if the folder
    holds a run, UnavailableError if another process works in it.
    """
    plan = prepare(experiment, listeners, budget_seconds)
    source = None if init_from is None else _open_initial(init_from, plan)
    try:
        with process_settings(plan.experiment.training):
            state = TrainState.create(plan.experiment)
            init = None if source is None else _take_weights(state, source, plan)
            with _at_work(plan.paths) as stop:
                record.check_unused(plan.paths)
                record.record_run(
                    plan.paths, experiment, plan.experiment, plan.shards, plan.tokenizer,
                    {"budget_seconds": plan.budget_seconds, "init_from": init},
                )  # fmt: skip
                _train_to_the_end(plan, state, stop)
    except CompilationError as error:
        plan.listener.on_note(f"{error}. The run continues uncompiled")
        if not any(plan.paths.checkpoints.glob("step-*")):  # nothing could be compiled at all
            uncompiled = with_compile(experiment, "off")
            return train(uncompiled, listeners, init_from=init_from, budget_seconds=budget_seconds)
        changed = "training.compile"
        return resume(plan.paths.folder, [f"{changed}=off"], listeners, allow_change=[changed])
    return plan.paths.folder


def resume(
    folder: Path,
    overrides: Sequence[str] = (),
    listeners: Sequence[Listener] = (),
    *,
    data: Path | None = None,
    allow_change: Sequence[str] = (),
) -> Path:
    """Continues the run in `folder` from its newest whole checkpoint, to its last step.

    On one machine with one thread count the result is that of a run that never stopped, bit for
    bit. `overrides` may extend training.steps, which then replaces a wall-clock budget and, without
    a schedule.horizon, stretches the schedule: the rate continues as if the run had been that long
    from the start. A change of what an update computes needs `allow_change`. A resume that is
    refused changes nothing.
    """
    plan = prepare_resume(folder, overrides, listeners, data, allow_change)
    try:
        with process_settings(plan.experiment.training), _at_work(plan.paths) as stop:
            before = checkpoint.read_experiment(folder)
            saved = checkpoint.find(folder, "last")
            checkpoint.check_size(plan.experiment, saved)
            state = TrainState.create(plan.experiment)
            state.restore(checkpoint.read(saved), saved.folder)
            _check_extension(plan, state)
            _record_resume(plan, before, state)
            _train_to_the_end(plan, state, stop)
    except CompilationError as error:
        raise UnavailableError(
            f"{error}. The run was compiled so far. To continue uncompiled, with other rounding: "
            "add training.compile=off --allow-change training.compile"
        ) from error
    return folder


def train_or_resume(
    experiment: Experiment, listeners: Sequence[Listener] = (), *, init_from: Path | None = None
) -> Path:
    """Trains `experiment`, or continues the run of the same settings that its folder holds.

    Raises ConfigError if the folder holds a run of other settings.
    """
    folder = folder_of(experiment)
    if not any(RunPaths(folder).checkpoints.glob("step-*")):
        return train(experiment, listeners, init_from=init_from)
    check_same_settings(experiment, checkpoint.read_experiment(folder), folder)
    return resume(folder, (), listeners, data=experiment.data.dir)


def _open_initial(source: Path, plan: Plan) -> checkpoint.OpenedRun:
    """The run that `--init-from` names. Raises ConfigError if its tokenizer is another."""
    opened = checkpoint.open_run(source)
    if opened.tokenizer.hash != plan.tokenizer.hash:
        raise ConfigError(
            f"--init-from {source}: expected the data's tokenizer {plan.tokenizer.hash[:16]}, "
            f"found {opened.tokenizer.hash[:16]}. Encode the text with {RunPaths(source).tokenizer}"
        )
    return opened


def _take_weights(state: TrainState, opened: checkpoint.OpenedRun, plan: Plan) -> dict[str, object]:
    """Starts from the weights of another run; returns what they are, for the record."""
    source = opened.folder
    checkpoint.load_weights(state.model, opened.model.state_dict(), source)
    if others := differences(opened.model.config, state.model.config):
        keys = ", ".join(f"model.{key}" for key, *_ in others)
        plan.listener.on_note(f"the weights were trained with another {keys}")
    weights = RunPaths(source).checkpoint(opened.step) / checkpoint.MODEL
    return {"run": str(source), "step": opened.step, "sha256": sha256_of(weights)}


@contextlib.contextmanager
def _at_work(paths: RunPaths) -> Iterator[StopFlag]:
    """The run folder, locked, without what a killed writer left; signals ask the run to stop."""
    with locked(paths.folder):
        sweep_temporaries(paths.folder)
        sweep_temporaries(paths.checkpoints)
        for path in (paths.metrics, paths.samples, paths.log):
            keep_own(path)
        with run_log(paths.log), stop_flag() as stop:
            yield stop


def _train_to_the_end(plan: Plan, state: TrainState, stop: StopFlag) -> None:
    training = plan.experiment.training
    tokens = record.read_validation(plan.paths, len(plan.tokenizer))
    job = Job(
        paths=plan.paths,
        experiment=plan.experiment,
        tokenizer=plan.tokenizer,
        shards=plan.shards,
        validation=EvaluationText.of(plan.tokenizer, tokens),
        objective=build_objective(training),
        metrics=MetricsLog(plan.paths.metrics, plan.listener.on_row),
        matmul_peak=matmul_peak(training.device, training.precision),
        listener=plan.listener,
        stop=stop,
        began=time.monotonic() - state.seconds,
        budget_seconds=plan.budget_seconds,
    )
    plan.listener.on_start(_run_info(job, state))
    if state.step > 0 or plan.changes:
        _go_back_to(job, state, plan.changes)
    train_to_the_end(job, state)


def _run_info(job: Job, state: TrainState) -> RunInfo:
    rows = _rows_so_far(job) if state.step else []
    losses = [r["loss"] for r in rows if r["kind"] == "eval" and r["step"] <= state.step]
    return RunInfo(
        id=run_id(job.paths),
        name=job.paths.folder.name,
        folder=job.paths.folder,
        config=to_plain(job.experiment),
        step=state.step,
        n_steps=job.n_steps,
        losses=tuple(float("inf") if loss is None else loss for loss in losses),
    )


def _rows_so_far(job: Job) -> list[dict]:
    """The metrics so far. A damaged log does not end the run, but what reads it later does."""
    try:
        return read_rows(job.paths.metrics)
    except ParibusError as error:
        job.listener.on_note(f"{error}. The run continues; what reads its metrics will stop there")
        return []


def _check_extension(plan: Plan, state: TrainState) -> None:
    n_steps = plan.experiment.training.steps
    assert n_steps is not None
    if n_steps < state.step:
        raise ConfigError(
            f"training.steps: expected at least {state.step}, which are made, found {n_steps}"
        )
    check_schedule(plan.experiment.schedule, plan.experiment.optimizer.lr, n_steps)


def _record_resume(plan: Plan, before: Experiment, state: TrainState) -> None:
    """Writes what the resume changes; everything that could refuse it has been checked."""
    if plan.budget_seconds is None:
        record.lift_budget(plan.paths)
    if plan.changes:
        publish_file(plan.paths.config, to_yaml(plan.experiment).encode())
    _tell_new_rate(plan, before, state)


def _tell_new_rate(plan: Plan, before: Experiment, state: TrainState) -> None:
    """An extended schedule is another schedule: says what it does to the next step."""
    rates, steps = [], 0
    for one in (before, plan.experiment):
        steps = one.training.steps or 0
        rates.append(learning_rate(state.step + 1, one.schedule, one.optimizer.lr, steps))
    if rates[0] != rates[1]:
        plan.listener.on_note(
            f"the learning rate of step {state.step + 1} is {rates[1]:.3g} instead of "
            f"{rates[0]:.3g}: the schedule now ends at step "
            f"{plan.experiment.schedule.horizon or steps}"
        )


def _go_back_to(job: Job, state: TrainState, changes: dict[str, object]) -> None:
    """Turns the folder into that of step `state.step`: later steps are undone, changes recorded."""
    checkpoint.remove_later(job.paths.folder, state.step)
    losses = [s.validation_loss for s in checkpoint.saved_steps(job.paths.folder)]
    state.best_loss = min((loss for loss in losses if loss is not None), default=float("inf"))
    job.metrics.resume(state.step)
    for key, value in changes.items():
        job.metrics.event(state.step, "changed", key=key, value=_in_json(value))
    if state.step >= job.n_steps:
        job.listener.on_note(f"all {job.n_steps} steps are made; training.steps=N extends the run")


def _in_json(value: object) -> str | float | None:
    return value if isinstance(value, str | float | int | None) else str(value)
