"""Starts a run in a new folder, and resumes one where it stopped."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from paribus import checkpoint
from paribus.config.difference import differences
from paribus.config.load import dotted_keys, load, to_yaml
from paribus.data.shards import TokenShards, open_shards
from paribus.errors import ConfigError, DataError, ParibusError
from paribus.experiment import Experiment, RunPaths
from paribus.files import check_unlocked, locked, publish_file, sha256_of, sweep_temporaries
from paribus.interrupts import stop_flag
from paribus.model.accounting import check_vocab_size
from paribus.optim.schedule import check_schedule, learning_rate
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tracking.metrics import MetricsLog
from paribus.tracking.rows import read_rows
from paribus.training import record
from paribus.training.budget import check_budget, parse_duration
from paribus.training.loop import Listener, Run, Silent, train_to_the_end
from paribus.training.numerics import Numerics, find_device, matmul_peak, resolve_machine
from paribus.training.plan import lack_of_memory, open_batches, resolve_budget
from paribus.training.run_log import run_log
from paribus.training.state import TrainState

FREE_TO_CHANGE = (
    "training.steps",
    "training.layer_norms_every",
    "evaluation.",
    "checkpoint.",
    "data.dir",
)
"""Settings that a resume may change without --allow-change: they touch no update made so far."""
BEFORE_STEP_0 = "it acts only before step 0"
FIXED = {
    "training.tokens": BEFORE_STEP_0,
    "training.epochs": BEFORE_STEP_0,
    "training.time": BEFORE_STEP_0,
    "evaluation.tokens": BEFORE_STEP_0,
    "run.dir": BEFORE_STEP_0,
    "optimizer.kind": "the moments it has kept are of no use to another",
}
"""Settings that a resume cannot change at all, and why."""


def train(
    experiment: Experiment,
    listener: Listener | None = None,
    *,
    init_from: Path | None = None,
    budget_seconds: float | None = None,
) -> Path:
    """Trains `experiment` in its run folder, from step 0 to its last; returns the folder.

    `init_from` names a run whose best weights are the initial values; `budget_seconds` is the
    wall-clock budget behind a number of steps, where the caller has made it one. Raises
    CannotCreateError where the folder holds a run, UnavailableError where another process is at
    work in it.
    """
    listener = listener or Silent()
    folder = experiment.run.dir
    if folder is None:
        raise ConfigError("run.dir: expected a folder, found null. Set run.dir, or give --run DIR")
    if folder.is_dir():  # before the calibration, and again under the lock of the run
        check_unlocked(folder)
        record.check_unused(RunPaths(folder))
    check_budget(experiment)
    shards, tokenizer = _open_data(experiment.data.dir, folder)
    _check_prompts(experiment, tokenizer)
    open_batches(experiment, shards)  # refuses what is too short before anything is made
    resolved = _resolve(experiment, shards, listener)
    state = TrainState.create(resolved)
    init = None
    if init_from is not None:
        init = _take_weights(state, init_from, tokenizer, listener)
    with _at_work(RunPaths(folder)) as paths, stop_flag() as stop:
        record.check_unused(paths)
        validation, held_out = record.validation_tokens(shards, resolved.evaluation.tokens)
        if not held_out:
            listener.on_note("the text is too short to hold any out: the loss is that of training")
        time = experiment.training.time
        budget = budget_seconds if time is None else parse_duration(time)
        origin = {"budget_seconds": budget, "init_from": init}
        record.publish_validation(paths, validation)
        record.record_run(paths, experiment, resolved, shards, tokenizer, origin)
        run = _assemble(paths, resolved, shards, tokenizer, state)
        run = dataclasses.replace(run, listener=listener, stop=stop, budget_seconds=budget)
        train_to_the_end(run, state)
    return folder


def resume(
    folder: Path,
    overrides: Sequence[str] = (),
    listener: Listener | None = None,
    *,
    data: Path | None = None,
    allow_change: Sequence[str] = (),
) -> Path:
    """Goes on from the newest whole checkpoint of the run in `folder`, to its last step.

    On one machine with one thread count the result is that of a run that never stopped, bit for
    bit. `overrides` may extend training.steps, which then stands in place of a wall-clock budget
    and, without a schedule.horizon, stretches the schedule: the rate goes on as if the run had
    been that long from the start. What changes an update needs `allow_change`.
    """
    listener = listener or Silent()
    before = checkpoint.read_experiment(folder)
    with _at_work(RunPaths(folder)) as paths, stop_flag() as stop:
        experiment = load(Experiment, paths.config, overrides)
        changes = _check_changes(before, experiment, allow_change)
        find_device(experiment.training.device, "training.device")
        tokenizer = Tokenizer.from_files(paths.tokenizer)
        _check_prompts(experiment, tokenizer)
        if "data.dir" in changes:
            data = data or experiment.data.dir
        if data is not None:
            open_shards(data)  # a folder without token data is named, though the run has a copy
        shards = record.find_shards(paths, tokenizer.hash, data)
        saved = checkpoint.find(folder, "last")
        state = TrainState.create(experiment)
        state.restore(checkpoint.read(saved), saved.folder)
        run = _assemble(paths, experiment, shards, tokenizer, state)
        _check_extension(run, state)
        if any(text.partition("=")[0].strip() == "training.steps" for text in overrides):
            record.lift_budget(paths)
        if changes:
            publish_file(paths.config, to_yaml(experiment).encode())
        budget = record.read_budget_seconds(paths)
        run = dataclasses.replace(run, listener=listener, stop=stop, budget_seconds=budget)
        _tell_new_rate(before, run, state)
        _go_back_to(run, state, changes)
        train_to_the_end(run, state)
    return folder


def _open_data(source: Path, run: Path) -> tuple[TokenShards, Tokenizer]:
    """Token data and the tokenizer beside it, which encoded it; never from inside the new run."""
    if run.resolve() in source.resolve().parents:
        raise ConfigError(
            f"data.dir: expected a folder outside of the run folder {run}, found {source}. "
            "Choose another --run"
        )
    shards = open_shards(source)
    tokenizer = Tokenizer.from_files(shards.folder)
    if tokenizer.hash != shards.tokenizer_hash:
        raise DataError(
            f"tokenizer of {source}: expected {shards.tokenizer_hash[:16]}, which encoded it, "
            f"found {tokenizer.hash[:16]}. Put it back, or encode the text anew"
        )
    return shards, tokenizer


def _resolve(experiment: Experiment, shards: TokenShards, listener: Listener) -> Experiment:
    """The experiment with every `auto` and null that the data and this machine decide."""
    check_vocab_size(experiment.model, shards.vocab_size)
    model = dataclasses.replace(experiment.model, vocab_size=shards.vocab_size)
    resolved = resolve_machine(dataclasses.replace(experiment, model=model))
    if resolved.training.steps is not None:
        # Before any time is spent.
        check_schedule(resolved.schedule, resolved.optimizer.lr, resolved.training.steps)
    batch_at = open_batches(resolved, shards).at
    if lack := lack_of_memory(resolved):
        listener.on_note(lack)
    return resolve_budget(resolved, shards, batch_at, listener.on_note)[0]


def _check_prompts(experiment: Experiment, tokenizer: Tokenizer) -> None:
    """Refuses, before step 0, a sample that the first evaluation could not begin."""
    limit = experiment.model.context_length
    for prompt in experiment.evaluation.prompts:
        if (found := len(tokenizer.encode(prompt))) > limit:
            raise ConfigError(
                f"evaluation.prompts: expected at most {limit} tokens (model.context_length), "
                f"found {found} in {prompt[:40]!r}. Shorten it, or set evaluation.prompts=[]"
            )


def _assemble(
    paths: RunPaths,
    experiment: Experiment,
    shards: TokenShards,
    tokenizer: Tokenizer,
    state: TrainState,
) -> Run:
    validation = record.read_validation(paths, len(tokenizer))
    run = Run(
        paths=paths,
        experiment=experiment,
        tokenizer=tokenizer,
        batches=open_batches(experiment, shards),
        validation=validation,
        validation_bytes=tokenizer.count_bytes(validation[1:]),
        numerics=Numerics.build(state.model, experiment.training),
        metrics=MetricsLog(paths.metrics, state.chain),
        matmul_peak=matmul_peak(experiment.training.device, experiment.training.precision),
    )
    if state.scaler is not None:
        run.numerics.scaler.load_state_dict(state.scaler)
    return run


@contextlib.contextmanager
def _at_work(paths: RunPaths) -> Iterator[RunPaths]:
    """The run folder, locked, with what a killed writer left removed."""
    with locked(paths.folder):
        sweep_temporaries(paths.folder)
        sweep_temporaries(paths.checkpoints)
        with run_log(paths.log):
            yield paths


def _take_weights(
    state: TrainState, source: Path, tokenizer: Tokenizer, listener: Listener
) -> dict[str, object]:
    """Starts from the best weights of another run; returns what they are, for the record."""
    opened = checkpoint.open_run(source)
    if opened.tokenizer.hash != tokenizer.hash:
        raise ConfigError(
            f"--init-from {source}: expected the data's tokenizer {tokenizer.hash[:16]}, found "
            f"{opened.tokenizer.hash[:16]}. Encode the text with {source / 'tokenizer'}"
        )
    checkpoint.load_weights(state.model, opened.model.state_dict(), source)
    if others := differences(opened.model.config, state.model.config):
        keys = ", ".join(f"model.{key}" for key, *_ in others)
        listener.on_note(f"the weights were trained with another {keys}")
    weights = checkpoint.folder_of(source, opened.step) / "model.safetensors"
    return {"run": str(source), "step": opened.step, "sha256": sha256_of(weights)}


def _check_extension(run: Run, state: TrainState) -> None:
    if run.n_steps < state.step:
        raise ConfigError(
            f"training.steps: expected at least {state.step}, which are made, found {run.n_steps}"
        )
    check_schedule(run.experiment.schedule, run.experiment.optimizer.lr, run.n_steps)


def _tell_new_rate(before: Experiment, run: Run, state: TrainState) -> None:
    """An extended schedule is another schedule: says what it does to the next step."""
    assert before.training.steps is not None
    old, new = (
        learning_rate(state.step + 1, e.schedule, e.optimizer.lr, n_steps)
        for e, n_steps in ((before, before.training.steps), (run.experiment, run.n_steps))
    )
    if old != new:
        run.listener.on_note(
            f"the learning rate of step {state.step + 1} is {new:.3g} instead of {old:.3g}: "
            f"the schedule ends at step {run.experiment.schedule.horizon or run.n_steps} now"
        )


def _go_back_to(run: Run, state: TrainState, changes: dict[str, object]) -> None:
    """Makes the folder that of step `state.step`: later steps are undone, changes are recorded."""
    try:
        read_rows(run.paths.metrics)
    except ParibusError as error:
        run.listener.on_note(f"{error}. The run goes on; what reads its metrics will stop there")
    checkpoint.remove_later(run.paths.folder, state.step)
    losses = [s.validation_loss for s in checkpoint.saved_steps(run.paths.folder)]
    run.best_loss = min((loss for loss in losses if loss is not None), default=float("inf"))
    run.metrics.resume(state.step)
    for key, value in changes.items():
        run.metrics.event(state.step, "changed", key=key, value=_in_json(value))
    if state.step >= run.n_steps:
        run.listener.on_note(f"all {run.n_steps} steps are made; training.steps=N extends the run")


def _in_json(value: object) -> str | float | None:
    return value if isinstance(value, str | float | int | None) else str(value)


def _check_changes(
    before: Experiment, after: Experiment, allowed: Sequence[str]
) -> dict[str, object]:
    """The changed keys with their new values; raises ConfigError for one that is not allowed."""
    for key in allowed:
        if key not in dotted_keys(Experiment):
            raise ConfigError(f"--allow-change: expected a config key, found {key!r}")
    changes = {key: new for key, _, new in differences(before, after)}
    for key, value in changes.items():
        if key in FIXED:
            raise ConfigError(
                f"{key}: expected the value that the run was started with, found {value!r}: "
                f"{FIXED[key]}. Extend the run with training.steps=N, or start another"
            )
        if key not in allowed and not key.startswith(FREE_TO_CHANGE):
            raise ConfigError(
                f"{key}: expected the value that the run was started with, found {value!r}. "
                f"To change it all the same: --allow-change {key}"
            )
    return changes
