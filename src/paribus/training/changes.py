"""Which settings a resumed run may change, and which not."""

from collections.abc import Sequence
from pathlib import Path

from paribus.config.difference import differences
from paribus.config.load import dotted_keys
from paribus.errors import ConfigError
from paribus.experiment import Experiment

FREE_TO_CHANGE = (
    "training.steps",
    "training.layer_norms_every",
    "evaluation.",
    "checkpoint.",
    "tracking.",
    "data.dir",
    "data.workers",
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
RESOLVED = ("training.steps", "training.tokens", "training.epochs", "training.time", "data.dir")
"""Settings that a run records otherwise than they were asked for."""


def check_changes(
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


def check_same_settings(wanted: Experiment, recorded: Experiment, folder: Path) -> None:
    """Raises ConfigError if the run in `folder` was not started from `wanted`."""
    for key, _, value in differences(recorded, wanted):
        is_resolved = value is None or value == "auto" or key in RESOLVED
        if not is_resolved and not key.startswith(FREE_TO_CHANGE):
            raise ConfigError(
                f"{folder} holds a run with another {key} than {value!r}. "
                "Choose another run folder, or continue that run: paribus resume"
            )
    if wanted.training.steps not in (None, recorded.training.steps):
        raise ConfigError(
            f"{folder} holds a run of {recorded.training.steps} steps, "
            f"not {wanted.training.steps}. "
            "Extend it: paribus resume RUN training.steps=N"
        )
