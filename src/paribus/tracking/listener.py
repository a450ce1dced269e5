"""Who watches a run: a progress display, a mirror, a notebook, a test.

Every hook does nothing by default, so a listener states only what it cares about.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paribus.tracking.metrics import EvaluationMetrics, StepMetrics


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a run is, as told to its listeners before the first step."""

    id: str
    """The same for every process that works on the run, and for no other run."""
    name: str
    folder: Path
    config: dict[str, Any]
    """The resolved settings, as plain values."""
    step: int
    """The step that the run continues from; 0 for a new one."""
    n_steps: int
    losses: tuple[float, ...] = ()
    """Validation losses of the evaluations up to `step`, oldest first."""


class Listener:
    """Told what a run does while it trains. An exception in a hook ends the run."""

    def on_start(self, run: RunInfo) -> None:
        """Training is about to begin."""

    def on_step(self, metrics: StepMetrics, n_steps: int) -> None:
        """One weight update of `n_steps` was made."""

    def on_evaluation(self, metrics: EvaluationMetrics, samples: Sequence[str]) -> None:
        """The validation loss was measured, and texts were generated."""

    def on_saved(self, step: int) -> None:
        """The checkpoint of `step` is durable."""

    def on_note(self, text: str) -> None:
        """Something that the user should know."""

    def on_row(self, row: dict[str, Any]) -> None:
        """A row was appended to metrics.jsonl."""

    def on_end(self, state: str) -> None:
        """Training ended: finished, stopped or failed."""

    def reason_to_stop(self) -> str | None:
        """Why the run should save and end now; None to continue. Asked before every step."""
        return None


class Listeners(Listener):
    """Several listeners as one; each hook is passed on in order."""

    def __init__(self, listeners: Iterable[Listener] = ()):
        self._all = tuple(listeners)

    def on_start(self, run: RunInfo) -> None:
        for one in self._all:
            one.on_start(run)

    def on_step(self, metrics: StepMetrics, n_steps: int) -> None:
        for one in self._all:
            one.on_step(metrics, n_steps)

    def on_evaluation(self, metrics: EvaluationMetrics, samples: Sequence[str]) -> None:
        for one in self._all:
            one.on_evaluation(metrics, samples)

    def on_saved(self, step: int) -> None:
        for one in self._all:
            one.on_saved(step)

    def on_note(self, text: str) -> None:
        for one in self._all:
            one.on_note(text)

    def on_row(self, row: dict[str, Any]) -> None:
        for one in self._all:
            one.on_row(row)

    def on_end(self, state: str) -> None:
        for one in self._all:
            one.on_end(state)

    def reason_to_stop(self) -> str | None:
        reasons = [one.reason_to_stop() for one in self._all]
        return next((reason for reason in reasons if reason is not None), None)
