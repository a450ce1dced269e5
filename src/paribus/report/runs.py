"""RunRecord: what a run folder says about its run, read back without torch."""

import glob
import html
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paribus.arguments import checked
from paribus.config.load import load, to_plain
from paribus.errors import DataError, InputMissingError
from paribus.experiment import Experiment
from paribus.manifest import read_json
from paribus.run_folder import RunPaths, RunStatus, check_run_folder, read_status, run_id
from paribus.tracking.listener import RunInfo
from paribus.tracking.rows import Row, read_rows


@dataclass(frozen=True)
class RunRecord:
    """A run as its folder tells it: settings, surroundings, state, surviving metric rows."""

    folder: Path
    config: Experiment
    """The resolved settings."""
    environment: dict[str, Any]
    status: RunStatus
    rows: tuple[Row, ...]
    """Rows of metrics.jsonl in order, of every kind."""

    @property
    def name(self) -> str:
        """Name of the run folder."""
        return self.folder.name

    def rows_of(self, kind: str) -> list[Row]:
        """The rows of one kind: train, eval, layers, resume, event."""
        return [row for row in self.rows if row["kind"] == kind]

    def column(self, kind: str, field: str) -> np.ndarray:
        """One field of all rows of `kind` as float64; null becomes nan."""
        return np.array([_number(row, field, self.folder) for row in self.rows_of(kind)], float)

    def best(self) -> Row | None:
        """The evaluation with the lowest loss, the first of equals; None before any."""
        finite = [row for row in self.rows_of("eval") if row.get("loss") is not None]
        return min(finite, key=lambda row: row["loss"], default=None)

    def info(self) -> RunInfo:
        """The run as a mirror is told of it."""
        return RunInfo(
            id=run_id(RunPaths(self.folder)),
            name=self.name,
            folder=self.folder,
            config=to_plain(self.config),
            step=0,
            n_steps=self.config.training.steps or 0,
        )

    def summary(self) -> dict[str, str]:
        """What one wants to know first, as label and text."""
        steps, losses = self.column("train", "step"), self.column("train", "loss")
        best = self.best()
        facts = {"state": self.status.state or "unknown", "folder": str(self.folder)}
        if len(steps):
            facts |= {"step": f"{steps[-1]:,.0f}", "training loss": f"{losses[-1]:.4f}"}
        if best is not None:
            facts["best validation loss"] = f"{best['loss']:.4f} at step {best['step']:,}"
            if best.get("bits_per_byte") is not None:
                facts["bits per byte"] = f"{best['bits_per_byte']:.4f}"
        return facts

    def __repr__(self) -> str:
        facts = ", ".join(f"{label}: {text}" for label, text in self.summary().items())
        return f"RunRecord({self.name!r}, {facts})"

    def _repr_html_(self) -> str:
        return html_table(self.name, self.summary())


@checked
def read_run(folder: Path | str) -> RunRecord:
    """The record of one run folder.

    Raises InputMissingError if there is no run, DataError if its files are damaged or lead outside.
    """
    paths = check_run_folder(Path(folder))
    return RunRecord(
        folder=paths.folder,
        config=load(Experiment, paths.config),
        environment=read_json(paths.environment) if paths.environment.exists() else {},
        status=read_status(paths),
        # A run that was killed while it started has a config and not yet these.
        rows=tuple(read_rows(paths.metrics)) if paths.metrics.exists() else (),
    )


@checked
def read_runs(pattern: Path | str) -> list[RunRecord]:
    """The runs whose folders match a glob, in order of their names.

    Matches without a config.yaml are no runs and are left out; no run at all is InputMissingError.
    """
    # Unlike Path's, this leaves a home that does not exist as it is.
    found = os.path.expanduser(pattern)  # noqa: PTH111
    matches = sorted(glob.glob(found, recursive=True))  # noqa: PTH207
    folders = [Path(match) for match in matches if RunPaths(Path(match)).config.is_file()]
    if not folders:
        raise InputMissingError(
            f"{pattern}: expected run folders, found {len(matches)} matches and no config.yaml in "
            "them. paribus train CONFIG makes a run"
        )
    return [read_run(folder) for folder in folders]


def html_table(title: str, facts: dict[str, str]) -> str:
    """A small table for notebooks; every text is escaped."""
    cells = "".join(
        f'<tr><th style="text-align:left">{html.escape(label)}</th>'
        f'<td style="text-align:left">{html.escape(text)}</td></tr>'
        for label, text in facts.items()
    )
    return f"<table><caption>{html.escape(title)}</caption>{cells}</table>"


def _number(row: Row, field: str, folder: Path) -> float:
    value = row.get(field)
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(
            f"{RunPaths(folder).metrics}: expected a number as {field!r} of step {row['step']}, "
            f"found {value!r}. The log is damaged"
        )
    return float(value)
