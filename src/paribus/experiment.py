"""Experiment: the settings of all rooms, composed, and where configs, runs and their parts lie."""

import dataclasses
import os
import re
from collections.abc import Sequence
from pathlib import Path

from paribus.config.load import load
from paribus.config.settings import settings
from paribus.data.config import DataConfig
from paribus.errors import ConfigError, InputMissingError
from paribus.evaluation.config import EvaluationConfig
from paribus.model.config import ModelConfig
from paribus.optim.config import AdamWConfig, OptimizerConfig, ScheduleConfig
from paribus.tracking.config import TrackingConfig
from paribus.training.config import CheckpointConfig, TrainingConfig

RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


@settings
class RunConfig:
    """Where a run lies."""

    dir: Path | None = None
    """The run folder; null: runs/<config>-s<seed>."""


@settings
class Experiment:
    """Everything that a run is made from."""

    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = AdamWConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    data: DataConfig = DataConfig()
    run: RunConfig = RunConfig()
    tracking: TrackingConfig = TrackingConfig()

    @property
    def evaluation_batch_size(self) -> int:
        """Sequences that an evaluation takes at once."""
        training = self.training
        return self.evaluation.batch_size or training.batch_size // training.accumulation


def load_experiment(config: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """The experiment that a config file and `key=value` overrides describe, run.dir filled in."""
    path = find_config(config)
    experiment = load(Experiment, path, overrides, find_config)
    if experiment.run.dir is not None:
        return with_run_folder(experiment, experiment.run.dir)
    name = f"{path.stem}-s{experiment.training.seed}"
    return with_run_folder(experiment, runs_folder() / name)


def with_run_folder(experiment: Experiment, folder: Path) -> Experiment:
    """`experiment` at another run folder. Raises ConfigError for a name that no run may have."""
    check_run_name(folder)
    return dataclasses.replace(experiment, run=RunConfig(dir=folder))


def check_run_name(folder: Path) -> None:
    """Raises ConfigError for a name that no run may have."""
    if not RUN_NAME.fullmatch(folder.name):
        raise ConfigError(
            f"run.dir: expected a name of 1 to 64 letters, digits, '.', '_', '-', not starting "
            f"with '.' or '-', found {folder.name!r}"
        )


def check_resolved(experiment: Experiment, source: Path) -> None:
    """Raises ConfigError, naming `source`, for a setting that a run resolves and this one has not.

    Only config.yaml of a run folder is resolved.
    """
    training, model = experiment.training, experiment.model
    settings = {
        "training.device": training.device,
        "training.precision": training.precision,
        "training.compile": training.compile,
        "training.threads": training.threads,
        "training.steps": training.steps,
        "model.vocab_size": model.vocab_size,
        "schedule.warmup_steps": experiment.schedule.warmup_steps,
    }
    for key, value in settings.items():
        if value is None or value == "auto":
            raise ConfigError(
                f"{source}: {key}: expected the value that the run was started with, found "
                f"{'null' if value is None else value}. Copy the file from a copy of the run"
            )


def find_config(name: str | Path) -> Path:
    """The file of a config: a path, or a name in ./configs, ./configs/experiments or the package.

    Raises InputMissingError, listing where it looked.
    """
    if Path(name).is_file():
        return Path(name)
    folders = [Path("configs"), Path("configs/experiments"), *_installed_configs()]
    file_name = Path(name).name if Path(name).suffix in (".yaml", ".yml") else f"{name}.yaml"
    # A name of this project, never the last part of a mistyped path.
    is_name = str(Path(name).parent) in (".", "configs", str(Path("configs/experiments")))
    for folder in folders if is_name else ():
        if (folder / file_name).is_file():
            return folder / file_name
    known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    raise InputMissingError(
        f"{name}: expected a config file, found none, neither here nor among "
        f"{', '.join(known) or 'no shipped configs'}"
    )


def runs_folder() -> Path:
    """The folder of runs: $PARIBUS_RUNS, or ./runs."""
    return Path(os.environ.get("PARIBUS_RUNS", "runs"))


def _installed_configs() -> list[Path]:
    package = Path(__file__).parent
    # In a source tree the configs lie beside src; an installed package carries them.
    roots = [package / "configs", package.parents[1] / "configs"]
    root = next((root for root in roots if root.is_dir()), None)
    return [root, root / "experiments"] if root else []
