"""The settings of an experiment, composed from all rooms, and where its config and run are."""

import dataclasses
import difflib
import errno
import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from paribus.config.load import load
from paribus.config.settings import settings
from paribus.data.config import DataConfig
from paribus.errors import ConfigError, InputMissingError, from_os_error
from paribus.evaluation.config import EvaluationConfig
from paribus.model.config import ModelConfig
from paribus.optim.config import AdamWConfig, OptimizerConfig, ScheduleConfig
from paribus.tracking.config import TrackingConfig
from paribus.training.config import CheckpointConfig, TrainingConfig

CONFIG_SUFFIXES = (".yaml", ".yml")
LONGEST_RUN_NAME = 64
RUN_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{LONGEST_RUN_NAME - 1}}}")


@settings
class RunConfig:
    """Where a run is stored."""

    dir: Path | None = None
    """The run folder; null: runs/<config>-s<seed>."""


@settings
class Experiment:
    """Every setting of a run."""

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
    """Reads a config with `key=value` overrides; run.dir gets its default name if it is null."""
    path = find_config(config)
    experiment = load(Experiment, path, overrides, find_config)
    folder = experiment.run.dir
    if folder is None:
        folder = runs_folder() / run_name(path.stem, experiment.training.seed)
    return with_run_folder(experiment, folder)


def with_run_folder(experiment: Experiment, folder: Path) -> Experiment:
    """`experiment` in another run folder. Raises ConfigError for an illegal name."""
    check_run_name(folder)
    return dataclasses.replace(experiment, run=RunConfig(dir=folder))


def run_name(config_name: str, seed: int) -> str:
    """The default name of a run: its config and its seed, in characters that are legal in a name.

    If letters are lost or cut off, six digits keep two configs apart.
    """
    ascii_name = unicodedata.normalize("NFKD", config_name).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_name).strip("-").lstrip(".-") or "config"
    end = f"-s{seed}"
    if len(name) + len(end) > LONGEST_RUN_NAME or _letters(name) != _letters(config_name):
        digits = hashlib.sha256(config_name.encode("utf-8", "surrogateescape")).hexdigest()[:6]
        end = f"-{digits}{end}"
    return name[: LONGEST_RUN_NAME - len(end)] + end


def _letters(name: str) -> str:
    """The letters and digits of a name without their accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if c.isalnum())


def check_run_name(folder: Path) -> None:
    """Raises ConfigError if a run folder has a name that a shell or a screen would not take."""
    if not RUN_NAME.fullmatch(folder.name):
        raise ConfigError(
            f"run.dir: expected a name of 1 to 64 letters, digits, '.', '_', '-', not starting "
            f"with '.' or '-', found {folder.name!r}"
        )


def check_resolved(experiment: Experiment, source: Path) -> None:
    """Raises ConfigError, naming `source`, for a setting that a run resolves and this one does not.

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
    """Finds a config by its path, or by its name below ./configs or in the package.

    The folders and the suffix may be left out: `experiments/ablation_pe_rope.yaml` and
    `ablation_pe_rope` are the same file. Raises InputMissingError with the nearest name.
    """
    if not isinstance(name, str | Path):
        raise ConfigError(f"config: expected a path or a name, found {name!r}")
    given = Path(name)
    for path in (given, *(Path(f"{given}{suffix}") for suffix in CONFIG_SUFFIXES)):
        if _is_file(path):
            return path
    known = _known_configs()
    wanted = _without_suffix(given.as_posix().removeprefix("./").removeprefix("configs/"))
    # Never only the last part of a path: that would accept a mistyped folder.
    ends = (path for key, path in known.items() if f"/{key}".endswith(f"/{wanted}"))
    found = known.get(wanted) or next(ends, None)
    if found is not None:
        return found
    raise InputMissingError(_not_found(given, known))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise from_os_error(error, path) from error


def _known_configs() -> dict[str, Path]:
    """The config files below ./configs and in the package, by path without suffix."""
    known: dict[str, Path] = {}
    for root in (Path("configs"), *_installed_configs()):
        for path in sorted(root.rglob("*.y*ml")):
            known.setdefault(_without_suffix(path.relative_to(root).as_posix()), path)
    return known


def _not_found(given: Path, known: dict[str, Path]) -> str:
    names = list(dict.fromkeys(key.rpartition("/")[2] for key in known))
    beside = [path.name for path in given.parent.glob("*.y*ml")]
    wanted = _without_suffix(given.name)
    near = difflib.get_close_matches(wanted, [*map(_without_suffix, beside), *names], n=1)
    advice = f". Did you mean {near[0]!r}?" if near else ""
    return (
        f"{given}: expected a config file, found none, neither here nor among "
        f"{', '.join(sorted(names)) or 'no shipped configs'}{advice}"
    )


def _without_suffix(name: str) -> str:
    return next((name.removesuffix(s) for s in CONFIG_SUFFIXES if name.endswith(s)), name)


def runs_folder() -> Path:
    """The folder of runs: $PARIBUS_RUNS, or ./runs."""
    return Path(os.environ.get("PARIBUS_RUNS", "runs"))


def _installed_configs() -> list[Path]:
    package = Path(__file__).parent
    # In a source tree the configs are next to src; an installed package contains them.
    roots = [package / "configs", package.parents[1] / "configs"]
    return [root for root in roots if root.is_dir()][:1]
