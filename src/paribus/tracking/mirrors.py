"""Mirrors: the rows of metrics.jsonl, sent to a tracker as they are written.

A mirror works on a thread of its own and never ends a run: if its tracker fails it warns once and
stops, since metrics.jsonl has everything and `paribus runs RUN --mirror NAME` sends it later.
"""

import importlib.metadata
import importlib.util
import logging
import os
import queue
import threading
from collections.abc import Iterable
from typing import Any, Protocol

from paribus.errors import ConfigError, UnavailableError
from paribus.tracking.listener import Listener, RunInfo
from paribus.tracking.rows import Row

ENTRY_POINTS = "paribus.trackers"
"""Group under which an installed package may register a tracker of its own."""
QUEUE_SIZE = 10_000
"""Rows that may wait for a slow tracker; more are dropped and counted."""
FINISH_SECONDS = 60.0
"""How long the end of a run waits for its mirrors."""

log = logging.getLogger("paribus")


class Tracker(Protocol):
    """Where a mirror sends a run."""

    requires: str
    """The module that it imports when it starts."""

    def start(self, run: RunInfo) -> None:
        """Opens the run, or opens it again after a resume."""

    def log(self, row: Row) -> None:
        """Takes one row of metrics.jsonl."""

    def finish(self, state: str) -> None:
        """Closes the run; `state` is finished, stopped or failed."""


class Wandb:
    """Weights & Biases. Project and folder follow WANDB_PROJECT and WANDB_DIR."""

    requires = "wandb"

    def start(self, run: RunInfo) -> None:
        import wandb  # type: ignore[import-not-found]

        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "paribus"),
            name=run.name,
            id=run.id,
            resume="allow",
            config=run.config,
        )
        self._run.define_metric("*", step_metric="step")

    def log(self, row: Row) -> None:
        text = {"event": row["name"]} if row["kind"] == "event" else {}
        self._run.log({"step": row["step"], **scalars(row), **text})

    def finish(self, state: str) -> None:
        self._run.summary["state"] = state
        self._run.finish(exit_code=int(state == "failed"))


class TensorBoard:
    """Event files in the folder `tensorboard` of the run."""

    requires = "tensorboardX"

    def start(self, run: RunInfo) -> None:
        from tensorboardX import SummaryWriter  # type: ignore[import-not-found]

        # A name of its own: that of a resume in the same second would be the same.
        self._writer = SummaryWriter(
            str(run.folder / "tensorboard"),
            purge_step=run.step + 1,
            filename_suffix=f".step-{run.step:08d}",
        )

    def log(self, row: Row) -> None:
        for name, value in scalars(row).items():
            self._writer.add_scalar(name, value, row["step"])
        if row["kind"] == "event":
            self._writer.add_text("event", str(row["name"]), row["step"])

    def finish(self, state: str) -> None:
        self._writer.close()


TRACKERS: dict[str, type[Tracker]] = {"wandb": Wandb, "tensorboard": TensorBoard}


class Mirror(Listener):
    """A listener that passes every row on to a tracker, without ever waiting for it."""

    def __init__(self, name: str, tracker: Tracker):
        self._name, self._tracker = name, tracker
        self._rows: queue.Queue[Row | None] = queue.Queue(QUEUE_SIZE)
        self._thread: threading.Thread | None = None
        self._state, self._n_dropped = "finished", 0

    def on_start(self, run: RunInfo) -> None:
        self._thread = threading.Thread(target=self._work, args=(run,), daemon=True)
        self._thread.start()

    def on_row(self, row: Row) -> None:
        try:
            self._rows.put_nowait(row)
        except queue.Full:
            self._n_dropped += 1

    def send(self, row: Row) -> None:
        """Passes a row on, and waits for a slow tracker."""
        self._rows.put(row)

    def on_end(self, state: str) -> None:
        self._state = state
        if self._thread is None:
            return
        try:
            self._rows.put(None, timeout=FINISH_SECONDS)
            self._thread.join(FINISH_SECONDS)
        except queue.Full:
            pass  # said below: the thread still runs
        if self._thread.is_alive() or self._n_dropped:
            self._warn(f"it is too slow, {self._n_dropped} rows were dropped")
        self._thread = None

    def _work(self, run: RunInfo) -> None:
        try:
            self._tracker.start(run)
            while (row := self._rows.get()) is not None:
                self._tracker.log(row)
            self._tracker.finish(self._state)
        except Exception as error:  # whatever a tracker does: metrics.jsonl has it all
            self._warn(f"{type(error).__name__}: {error}")
            while self._rows.get() is not None:
                pass

    def _warn(self, reason: str) -> None:
        log.warning(
            "the mirror %s stopped (%s). The run continues; send it later: "
            "paribus runs RUN --mirror %s", self._name, reason, self._name,
        )  # fmt: skip


def open_mirrors(names: Iterable[str], key: str = "tracking.mirrors") -> list[Mirror]:
    """The mirrors of these names, not started yet.

    Raises ConfigError for an unknown name, UnavailableError if its package is not installed.
    """
    return [Mirror(name, _tracker(name, key)) for name in dict.fromkeys(names)]


def _tracker(name: str, key: str) -> Tracker:
    foreign = {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINTS)}
    if name not in TRACKERS and name not in foreign:
        known = ", ".join([*TRACKERS, *foreign])
        raise ConfigError(f"{key}: expected one of {known}, found {name!r}")
    kind = TRACKERS[name] if name in TRACKERS else foreign[name].load()
    if importlib.util.find_spec(kind.requires) is None:
        raise UnavailableError(
            f"{key}: {name} needs the package {kind.requires}, which is not installed. "
            f'Install it: uv sync --extra {name}, or pip install "paribus[{name}]"'
        )
    return kind()


def scalars(row: Row) -> dict[str, float]:
    """The numbers of a row under the names that trackers show, such as `train/loss`."""
    prefix = {"eval": "validation", "layers": f"layers/{row.get('layer')}"}
    return {
        f"{prefix.get(row['kind'], row['kind'])}/{field}": value
        for field, value in row.items()
        if field != "step" and isinstance(value, int | float) and not isinstance(value, bool)
    }


def replay(rows: Iterable[dict[str, Any]], run: RunInfo, mirror: Mirror, state: str) -> None:
    """Sends a run that has ended, row by row."""
    mirror.on_start(run)
    for row in rows:
        mirror.send(row)
    mirror.on_end(state)
