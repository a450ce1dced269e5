"""What a run needs before anything is written: everything is read, checked and resolved."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paribus import checkpoint
from paribus.config.load import load
from paribus.data.shards import TokenShards, open_shards
from paribus.device import find_device
from paribus.errors import ConfigError, DataError
from paribus.experiment import Experiment, check_resolved
from paribus.files import check_unlocked
from paribus.generation.decode import encode_prompt
from paribus.model.accounting import check_vocab_size
from paribus.model.signal import position_signal_warning
from paribus.optim.schedule import check_schedule
from paribus.run_folder import RunPaths, check_no_links, check_run_folder
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tracking.listener import Listener, Listeners
from paribus.tracking.mirrors import open_mirrors
from paribus.training import record
from paribus.training.budget import check_budget, parse_duration
from paribus.training.changes import check_changes
from paribus.training.early_stop import EarlyStop
from paribus.training.loader import open_batches
from paribus.training.plan import lack_of_memory
from paribus.training.resolve import resolve_budget, resolve_machine


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run, checked and resolved; nothing is written yet."""

    paths: RunPaths
    experiment: Experiment
    shards: TokenShards
    tokenizer: Tokenizer
    listener: Listener
    budget_seconds: float | None
    changes: dict[str, object] = field(default_factory=dict)
    """Settings that a resumed run has changed, with their new values."""


def prepare(
    experiment: Experiment, listeners: Sequence[Listener], budget_seconds: float | None
) -> Plan:
    """Reads and checks all that a new run needs, and decides every `auto`."""
    folder = folder_of(experiment)
    paths = RunPaths(folder)
    if folder.is_dir():  # before the calibration, and again under the lock of the run
        check_no_links(folder)
        check_unlocked(folder)
        record.check_unused(paths)
    check_budget(experiment)
    listener = _with_own(experiment, listeners)
    shards, tokenizer = _open_data(experiment.data.dir, folder)
    if shards.n_validation_tokens < 2:
        listener.on_note("the text is too short to hold any out: the loss is that of training")
    _check_prompts(experiment, tokenizer)
    open_batches(experiment, shards)  # refuses text that is too short before anything is written
    resolved = _resolve(experiment, shards, listener)
    time_budget = experiment.training.time
    if time_budget is not None:
        budget_seconds = parse_duration(time_budget)
    return Plan(
        paths=paths,
        experiment=resolved,
        shards=shards,
        tokenizer=tokenizer,
        listener=listener,
        budget_seconds=budget_seconds,
    )


def prepare_resume(
    folder: Path,
    overrides: Sequence[str],
    listeners: Sequence[Listener],
    data: Path | None,
    allow_change: Sequence[str],
) -> Plan:
    """Reads and checks all that a resumed run needs."""
    paths = check_run_folder(folder)
    check_unlocked(folder)
    before = checkpoint.read_experiment(folder)
    experiment = load(Experiment, paths.config, overrides)
    changes = check_changes(before, experiment, allow_change)
    check_resolved(experiment, paths.config)
    find_device(experiment.training.device, "training.device")
    listener = _with_own(experiment, listeners)
    tokenizer = Tokenizer.from_files(paths.tokenizer)
    _check_prompts(experiment, tokenizer)
    if "data.dir" in changes:
        data = data or experiment.data.dir
    if data is not None:
        open_shards(data)  # a folder without token data is named, though the run has a copy
    shards = record.find_shards(paths, tokenizer.hash, data)
    open_batches(experiment, shards)
    if lack := lack_of_memory(experiment):
        listener.on_note(lack)
    has_steps = any(text.partition("=")[0].strip() == "training.steps" for text in overrides)
    return Plan(
        paths=paths,
        experiment=experiment,
        shards=shards,
        tokenizer=tokenizer,
        listener=listener,
        budget_seconds=None if has_steps else record.read_budget_seconds(paths),
        changes=changes,
    )


def folder_of(experiment: Experiment) -> Path:
    if experiment.run.dir is None:
        raise ConfigError("run.dir: expected a folder, found null. Set run.dir, or give --run DIR")
    return experiment.run.dir


def _with_own(experiment: Experiment, listeners: Sequence[Listener]) -> Listener:
    """The caller's listeners, and those that the settings ask for."""
    evaluation = experiment.evaluation
    own: list[Listener] = list(open_mirrors(experiment.tracking.mirrors))
    if evaluation.patience is not None:
        own.append(EarlyStop(evaluation.patience, evaluation.min_delta))
    return Listeners([*listeners, *own])


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
            f"found {tokenizer.hash[:16]}. Put it back, or encode the text again"
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
    if drowned := position_signal_warning(resolved.model):
        listener.on_note(drowned)
    batch_at = open_batches(resolved, shards).at
    if lack := lack_of_memory(resolved):
        listener.on_note(lack)
    return resolve_budget(resolved, shards, batch_at, listener.on_note)[0]


def _check_prompts(experiment: Experiment, tokenizer: Tokenizer) -> None:
    """Refuses, before step 0, a sample that the first evaluation could not begin."""
    for prompt in experiment.evaluation.prompts:
        try:
            encode_prompt(tokenizer, prompt, experiment.model.context_length)
        except ConfigError as error:
            message = str(error).removeprefix("prompt: ")
            raise ConfigError(
                f"evaluation.prompts: {prompt[:40]!r}: {message}, or set evaluation.prompts=[]"
            ) from error
