"""The run folder: the names of its files, what it records, and the refusal of links in it.

Imports no torch. `training` and `checkpoint` write the files; docs/run-folder.md describes them.
"""

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge

from paribus.errors import DataError, InputMissingError, from_os_error
from paribus.manifest import read_json
from paribus.records import read_record

Count = Annotated[int, Ge(0)]


@dataclass(frozen=True)
class RunPaths:
    """The names in a run folder."""

    folder: Path

    @property
    def config(self) -> Path:
        """Resolved and complete settings."""
        return self.folder / "config.yaml"

    @property
    def environment(self) -> Path:
        """Command, versions, hardware, what each `auto` became."""
        return self.folder / "environment.json"

    @property
    def status(self) -> Path:
        """State, step, reason, exit code."""
        return self.folder / "status.json"

    @property
    def metrics(self) -> Path:
        """One JSON line for each step, evaluation and event."""
        return self.folder / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        """Text at each evaluation."""
        return self.folder / "samples.jsonl"

    @property
    def log(self) -> Path:
        """What the run said."""
        return self.folder / "run.log"

    @property
    def tokenizer(self) -> Path:
        """A copy of the tokenizer."""
        return self.folder / "tokenizer"

    @property
    def data_record(self) -> Path:
        """Content hash, last path and counts of the shards."""
        return self.folder / "data.json"

    @property
    def data(self) -> Path:
        """The run's own copy of small shards."""
        return self.folder / "data"

    @property
    def validation(self) -> Path:
        """The validation tokens that evaluation uses."""
        return self.folder / "validation.npy"

    @property
    def checkpoints(self) -> Path:
        """One folder for each saved step."""
        return self.folder / "checkpoints"

    @property
    def lock(self) -> Path:
        """Held by the process that trains."""
        return self.folder / "run.lock"

    @property
    def chart(self) -> Path:
        """The loss curve."""
        return self.folder / "loss.svg"

    def checkpoint(self, step: int) -> Path:
        """The folder of a saved step."""
        return self.checkpoints / f"step-{step:08d}"


@dataclass(frozen=True, kw_only=True)
class RunStatus:
    """status.json: how far a run is, and how it ended."""

    state: Literal["running", "stopped", "failed", "finished"] | None = None
    step: Count | None = None
    reason: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """data.json: which token data a run trains on."""

    content_hash: str
    path: str
    train_tokens: Count
    """Training tokens."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What environment.json says of a wall-clock budget."""

    budget_seconds: Annotated[float, Ge(0)] | None = None


def read_status(paths: RunPaths) -> RunStatus:
    """How a run ended; all None for one that was killed before it said so."""
    return read_record(paths.status, RunStatus) if paths.status.exists() else RunStatus()


def run_id(paths: RunPaths) -> str:
    """Tells this run from others, wherever its folder lies: by when and how it was started."""
    record = read_json(paths.environment) if paths.environment.exists() else {}
    facts = [paths.folder.name, record.get("started"), record.get("command")]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def check_run_folder(folder: Path) -> RunPaths:
    """The paths of a run folder that may be opened.

    Raises InputMissingError if it is not a run folder, DataError if it leads outside itself.
    """
    paths = RunPaths(folder)
    check_no_links(folder)
    if not paths.config.is_file():
        raise InputMissingError(
            f"{folder}: expected a run folder with config.yaml, found none. "
            "A run is made by: paribus train CONFIG --run DIR"
        )
    return paths


def check_no_links(folder: Path) -> None:
    """Raises DataError if anything below `folder` is neither a regular file nor a real folder.

    A run folder may come from a stranger: a link in it would have a writer change, and a reader
    read, what lies elsewhere; a pipe would have it wait forever. The folder itself may be a link.
    """
    try:
        pending = [folder] if folder.is_dir() else []
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    mode = entry.stat(follow_symlinks=False).st_mode
                    if stat.S_ISDIR(mode):
                        pending.append(Path(entry.path))
                    elif not stat.S_ISREG(mode):
                        raise DataError(
                            f"{entry.path} is {_kind(mode)}. A run folder holds files and folders "
                            "of its own: replace it by what belongs there"
                        )
    except FileNotFoundError:  # a running trainer removed a checkpoint meanwhile
        return check_no_links(folder)
    except OSError as error:
        raise from_os_error(error, folder) from error


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    return "a pipe" if stat.S_ISFIFO(mode) else "a socket or a device"
