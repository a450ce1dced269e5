"""Named tensors and JSON, to and from one published folder; and a run folder, opened."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from paribus.config.load import load
from paribus.errors import DataError, InputMissingError, StorageError
from paribus.experiment import Experiment, RunPaths
from paribus.files import make_folder, publish_folder, remove_folder, reserve
from paribus.manifest import read_json, read_manifest, verify_files
from paribus.model.transformer import Transformer
from paribus.tokenizer.tokenizer import Tokenizer

FORMAT = {"format_name": "paribus-checkpoint", "version": 1}
Which = Literal["best", "last"] | int

log = logging.getLogger("paribus")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All that a run needs to go on as if it had never stopped."""

    step: int
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    """Moments by `<parameter name>.<moment>`, and the random states."""
    state: dict[str, Any]
    """Position, chain of the metrics, seconds, hashes: plain JSON."""
    validation_loss: float | None
    """Nats per token of the last evaluation, None before the first."""


@dataclass(frozen=True)
class SavedStep:
    """A whole checkpoint on disk, as its manifest describes it."""

    folder: Path
    step: int
    validation_loss: float | None


def save(run: Path, snapshot: Snapshot, *, tokenizer_hash: str) -> Path:
    """Publishes `run/checkpoints/step-…`; where this returns, the checkpoint is durable.

    One of the same step gives its place up only then.
    """
    folder = folder_of(run, snapshot.step)
    make_folder(folder.parent)
    tensors = [*snapshot.weights.values(), *snapshot.optimizer.values()]
    reserve(folder.parent, sum(t.numel() * t.element_size() for t in tensors))

    def write_files(temporary: Path) -> None:
        try:
            save_file(_on_cpu(snapshot.weights), temporary / "model.safetensors")
            save_file(_on_cpu(snapshot.optimizer), temporary / "optimizer.safetensors")
        except safetensors.SafetensorError as error:
            raise StorageError(
                f"{folder}: expected room for the checkpoint, found {error}. Free some space or "
                "raise the limit, and resume; what was saved before is whole"
            ) from error
        state = json.dumps(snapshot.state | {"step": snapshot.step}, indent=1, allow_nan=False)
        (temporary / "state.json").write_text(state, encoding="utf-8")

    record = {
        "format": FORMAT["format_name"],
        "version": FORMAT["version"],
        "step": snapshot.step,
        "validation_loss": snapshot.validation_loss,
        "tokenizer": tokenizer_hash,
    }
    publish_folder(folder, write_files, record, replaces=True)
    return folder


def is_wanted(run: Path, step: int, validation_loss: float | None) -> bool:
    """Whether a checkpoint is to be written: there is none, or one without the loss known now."""
    folder = folder_of(run, step)
    if not folder.exists():
        return True
    return (
        validation_loss is not None and read_manifest(folder, **FORMAT)["validation_loss"] is None
    )


def saved_steps(run: Path, *, verify: bool = True) -> Iterator[SavedStep]:
    """The whole checkpoints of a run, newest first; damaged ones are named in a warning.

    Without `verify` the sizes of files are compared alone, not their SHA-256.
    """
    for path in sorted(RunPaths(run).checkpoints.glob("step-*"), key=_by_step, reverse=True):
        try:
            record = read_manifest(path, **FORMAT)
            if verify:
                verify_files(path, record)
            yield _saved_step(path, record)
        except (DataError, InputMissingError) as error:
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
        weights=read_tensors(saved.folder / "model.safetensors"),
        optimizer=read_tensors(saved.folder / "optimizer.safetensors"),
        state=read_json(saved.folder / "state.json"),
        validation_loss=saved.validation_loss,
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises DataError where it is damaged."""
    try:
        return load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise DataError(f"{path}: expected a safetensors file, found {error}") from error


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
        if _by_step(path) > _by_step(folder_of(run, step)):
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
    tokenizer = Tokenizer.from_files(folder / "tokenizer")
    saved = find(folder, step)
    expected = read_manifest(saved.folder, **FORMAT)["tokenizer"]
    if tokenizer.hash != expected:
        raise DataError(
            f"{folder / 'tokenizer'}: expected the tokenizer {expected[:16]}… of the checkpoint, "
            f"found {tokenizer.hash[:16]}…. Put the run's own tokenizer back"
        )
    model = Transformer(experiment.model)
    load_weights(model, read_tensors(saved.folder / "model.safetensors"), saved.folder)
    return OpenedRun(folder, experiment, tokenizer, model.to(device).eval(), saved.step)


def read_experiment(folder: Path) -> Experiment:
    """The resolved settings of a run folder."""
    config = folder / "config.yaml"
    if not config.is_file():
        raise InputMissingError(
            f"{folder}: expected a run folder with config.yaml, found none. "
            "A run is made by: paribus train CONFIG --run DIR"
        )
    return load(Experiment, config)


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


def folder_of(run: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return RunPaths(run).checkpoints / f"step-{step:08d}"


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _saved_step(path: Path, record: dict[str, Any]) -> SavedStep:
    step, loss = record.get("step"), record.get("validation_loss")
    if not isinstance(step, int) or f"step-{step:08d}" != path.name:
        raise DataError(f"{path}: expected the step in its name, found step {step!r}")
    if loss is not None and not isinstance(loss, float):
        raise DataError(f"{path}: expected a validation loss, found {loss!r}")
    return SavedStep(path, step, loss)


def _by_step(path: Path) -> tuple[int, str]:
    """The order of checkpoint names, those of more than eight digits last."""
    return (len(path.name), path.name)


def _by_loss(saved: SavedStep) -> tuple[float, int]:
    """Lowest loss first; of equal ones, and of those without a loss, the newest."""
    loss = float("inf") if saved.validation_loss is None else saved.validation_loss
    return (loss, -saved.step)
