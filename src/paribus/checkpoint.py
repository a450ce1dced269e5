"""Named tensors and JSON, to and from one published folder; and a run folder, opened."""

import contextlib
import json
import logging
import math
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import safetensors
import torch
from annotated_types import Ge
from pydantic import StringConstraints
from safetensors.torch import load_file, save_file
from torch import Tensor

from paribus.config.load import load
from paribus.errors import DataError, InputMissingError, StorageError, from_os_error
from paribus.experiment import Experiment, check_resolved
from paribus.files import MANIFEST, make_folder, publish_folder, remove_folder, reserve
from paribus.manifest import read_manifest, verify_files
from paribus.model.accounting import count_parameters
from paribus.model.transformer import Transformer
from paribus.records import as_record, read_record
from paribus.run_folder import Count, RunPaths, check_run_folder
from paribus.tokenizer.tokenizer import Tokenizer

MODEL, OPTIMIZER, STATE = "model.safetensors", "optimizer.safetensors", "state.json"
FORMAT = {"format": "paribus-checkpoint", "version": 1}
Which = Literal["best", "last"] | int

log = logging.getLogger("paribus")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is, as state.json holds it."""

    tokens: Count
    """Tokens trained on."""
    seconds: Annotated[float, Ge(0)]
    """Training time without evaluation."""
    chain: Annotated[str, StringConstraints(pattern="^[0-9a-f]{16}$")]
    """Chain of the metrics."""
    scaler: dict[str, Any] | None
    """State of the fp16 gradient scaler."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All that a run needs to continue as if it had never stopped."""

    step: int
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    """Moments by `<parameter name>.<moment>`, and the random states."""
    progress: Progress
    validation_loss: float | None
    """Nats per token of the last evaluation, None before the first."""


@dataclass(frozen=True, kw_only=True)
class CheckpointRecord:
    """What the manifest of a checkpoint says besides its files."""

    step: Count
    validation_loss: float | None
    tokenizer: str
    """Hash of the tokenizer."""


@dataclass(frozen=True)
class SavedStep:
    """A whole checkpoint on disk, as its manifest describes it."""

    folder: Path
    step: int
    validation_loss: float | None
    tokenizer: str
    """Hash of the tokenizer."""


def save(run: Path, snapshot: Snapshot, *, tokenizer_hash: str) -> Path:
    """Publishes `run/checkpoints/step-…`; where this returns, the checkpoint is durable.

    One of the same step gives its place up only then.
    """
    folder = RunPaths(run).checkpoint(snapshot.step)
    make_folder(folder.parent)
    tensors = [*snapshot.weights.values(), *snapshot.optimizer.values()]
    reserve(folder.parent, sum(t.numel() * t.element_size() for t in tensors))

    def write_files(temporary: Path) -> None:
        with _writer_errors(folder):
            save_file(_on_cpu(snapshot.weights), temporary / MODEL)
            save_file(_on_cpu(snapshot.optimizer), temporary / OPTIMIZER)
        state = asdict(snapshot.progress) | {"step": snapshot.step}
        text = json.dumps(state, indent=1, allow_nan=False)
        (temporary / STATE).write_text(text, encoding="utf-8")

    record = FORMAT | {
        "step": snapshot.step,
        "validation_loss": snapshot.validation_loss,
        "tokenizer": tokenizer_hash,
    }
    publish_folder(folder, write_files, record, replaces=True)
    return folder


@contextlib.contextmanager
def _writer_errors(path: Path) -> Iterator[None]:
    """The writer of safetensors names the system's error in its text alone: it decides."""
    try:
        yield
    except safetensors.SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise StorageError(f"{path}: the weights could not be written: {error}") from error
        cause = OSError(int(number[1]), os.strerror(int(number[1])))
        raise from_os_error(cause, path, creating=True) from error


def is_wanted(run: Path, step: int, validation_loss: float | None) -> bool:
    """Whether a checkpoint is to be written: there is none, or one without the loss known now."""
    folder = RunPaths(run).checkpoint(step)
    return not folder.exists() or (
        validation_loss is not None and _read_saved(folder).validation_loss is None
    )


def saved_steps(run: Path, *, verify: bool = True) -> Iterator[SavedStep]:
    """The whole checkpoints of a run, newest first; damaged ones are named in a warning.

    Without `verify` only the sizes of files are compared, not their SHA-256.
    """
    for path in sorted(RunPaths(run).checkpoints.glob("step-*"), key=_by_step, reverse=True):
        try:
            yield _read_saved(path, verify=verify)
        except (DataError, InputMissingError) as error:
            if path.exists():  # else a running trainer has just pruned it
                log.warning("%s is not whole and is passed over: %s", path, error)


def find(run: Path, which: Which = "last") -> SavedStep:
    """The newest checkpoint, the one with the lowest validation loss, or the one of a step."""
    steps = saved_steps(run)
    if which == "last":
        found = next(steps, None)
    elif which == "best":
        found = min(steps, key=_by_loss, default=None)
    else:
        found = next((saved for saved in steps if saved.step == which), None)
    if found is None:
        wanted = "a checkpoint" if isinstance(which, str) else f"a checkpoint of step {which}"
        raise InputMissingError(
            f"{run}: expected {wanted}, found none that is whole. Train first: paribus train CONFIG"
        )
    return found


def read(saved: SavedStep) -> Snapshot:
    """The content of a checkpoint, on the CPU."""
    return Snapshot(
        step=saved.step,
        weights=read_tensors(saved.folder / MODEL),
        optimizer=read_tensors(saved.folder / OPTIMIZER),
        progress=read_record(saved.folder / STATE, Progress),
        validation_loss=saved.validation_loss,
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises DataError where it is damaged."""
    with _reader_errors(path):
        return load_file(path)


@contextlib.contextmanager
def _reader_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except safetensors.SafetensorError as error:
        raise DataError(f"{path}: expected a safetensors file, found {error}") from error
    except OSError as error:
        raise from_os_error(error, path) from error


def prune(run: Path, keep_last: int) -> None:
    """Removes old checkpoints; the newest `keep_last` and the best one stay.

    It follows each save, so it does not read the weights of those that stay.
    """
    steps = list(saved_steps(run, verify=False))
    keep = {saved.step for saved in steps[:keep_last]}
    scored = [saved for saved in steps if saved.validation_loss is not None]
    if scored:
        keep.add(min(scored, key=_by_loss).step)
    for saved in steps:
        if saved.step not in keep:
            remove_folder(saved.folder)


def remove_later(run: Path, step: int) -> None:
    """Removes every checkpoint above `step`, damaged ones too."""
    for path in list(RunPaths(run).checkpoints.glob("step-*")):
        if _by_step(path) > _by_step(RunPaths(run).checkpoint(step)):
            remove_folder(path)


@dataclass(frozen=True)
class OpenedRun:
    """A run folder, ready to generate and to evaluate."""

    folder: Path
    experiment: Experiment
    tokenizer: Tokenizer
    model: Transformer
    step: int


def open_run(folder: Path, *, device: str = "cpu", step: Which = "best") -> OpenedRun:
    """The experiment, the tokenizer and the weights of a run, from its folder alone.

    Raises InputMissingError where it is no run folder, DataError where its parts do not belong
    together.
    """
    experiment = read_experiment(folder)
    tokenizer = Tokenizer.from_files(RunPaths(folder).tokenizer)
    saved = find(folder, step)
    if tokenizer.hash != saved.tokenizer:
        raise DataError(
            f"{RunPaths(folder).tokenizer}: expected the tokenizer {saved.tokenizer[:16]} of the "
            f"checkpoint, found {tokenizer.hash[:16]}. Put the run's own tokenizer back"
        )
    check_size(experiment, saved)
    model = Transformer(experiment.model)
    load_weights(model, read_tensors(saved.folder / MODEL), saved.folder)
    return OpenedRun(folder, experiment, tokenizer, model.to(device).eval(), saved.step)


def read_experiment(folder: Path) -> Experiment:
    """The resolved settings of a run folder.

    Raises InputMissingError if it is not one, DataError if it leads outside itself.
    """
    paths = check_run_folder(folder)
    experiment = load(Experiment, paths.config)
    check_resolved(experiment, paths.config)
    return experiment


def check_size(experiment: Experiment, saved: SavedStep) -> None:
    """Refuses settings of a model that the saved weights cannot be, before it is built.

    Settings are a few bytes and may ask for any memory; a file of weights is as large as they are.
    """
    described = count_parameters(experiment.model).total
    path = saved.folder / MODEL
    held = sum(math.prod(shape) for shape in _shapes(path).values())
    # A variant of the user's own may be counted a little differently.
    if described > 2 * held + 1024:
        raise DataError(
            f"{path}: expected the {described:,} parameters that config.yaml describes, found "
            f"{held:,}. The settings are those of another model"
        )


def _shapes(path: Path) -> dict[str, list[int]]:
    """Names and shapes of the tensors of a file, from its header."""
    with _reader_errors(path), safetensors.safe_open(path, "pt") as file:
        return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118


def load_weights(model: torch.nn.Module, weights: dict[str, Tensor], source: Path) -> None:
    """Puts `weights` into `model`; every name and shape must agree."""
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if own != found:
        name = min(set(own.items()) ^ set(found.items()))[0]
        raise DataError(
            f"{source}: {name}: expected {own.get(name, 'no such tensor')}, found "
            f"{found.get(name, 'no such tensor')}. The weights are those of another model"
        )
    model.load_state_dict(weights)


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _read_saved(path: Path, *, verify: bool = False) -> SavedStep:
    manifest = read_manifest(path, format_name=FORMAT["format"], version=FORMAT["version"])
    record = as_record(manifest, CheckpointRecord, path / MANIFEST)
    if RunPaths(path.parent.parent).checkpoint(record.step).name != path.name:
        raise DataError(f"{path}: expected the step in its name, found step {record.step}")
    if manifest["files"].keys() != {MODEL, OPTIMIZER, STATE}:
        raise DataError(f"{path}: expected {MODEL}, {OPTIMIZER} and {STATE}, found other files")
    if verify:
        verify_files(path, manifest)
    return SavedStep(path, record.step, record.validation_loss, record.tokenizer)


def _by_step(path: Path) -> tuple[int, str]:
    """The order of checkpoint names, those of more than eight digits last."""
    return (len(path.name), path.name)


def _by_loss(saved: SavedStep) -> tuple[float, int]:
    """Lowest loss first; of equal ones, and of those without a loss, the newest."""
    loss = float("inf") if saved.validation_loss is None else saved.validation_loss
    return (loss, -saved.step)
