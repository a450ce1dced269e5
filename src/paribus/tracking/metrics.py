"""MetricsLog: one flushed JSON line for every step, evaluation and event of a run; nothing is cut.

The rows of the training steps form a chain: each carries a hash of the one before it and of its own
numbers, so that two runs whose last chains are equal had equal losses, norms and batches all along.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from paribus.files import append_line, sync_file

FIRST_CHAIN = "0" * 16
"""The chain before the first step."""
CLOCK_FIELDS = frozenset({"seconds", "tokens_per_second", "mfu", "memory_bytes"})
"""Fields in which two equal runs may differ."""


@dataclass(frozen=True, kw_only=True)
class StepMetrics:
    """What one weight update did."""

    step: int
    """Updates made, this one included."""
    tokens: int
    """Tokens trained on, those of this step included."""
    loss: float
    """Mean cross-entropy of the batch, nats per token."""
    lr: float
    grad_norm: float
    """Global norm of the gradients before clipping."""
    grad_norm_clipped: float
    batch: str
    """16 hexadecimal digits of the SHA-256 of the token ids."""
    seconds: float
    """Training time of the run, without evaluation; goes on after a resume."""
    tokens_per_second: float
    mfu: float | None = None
    """Share of the device's peak that the model's own FLOPs reach; None where no peak is known."""
    memory_bytes: int | None = None
    """Peak memory."""


@dataclass(frozen=True, kw_only=True)
class EvaluationMetrics:
    """The loss on the validation tokens after `step` updates."""

    step: int
    loss: float
    """Nats per token."""
    perplexity: float
    bits_per_byte: float


@dataclass(frozen=True, kw_only=True)
class LayerNorms:
    """Euclidean norms of all tensors of a layer together, before an update."""

    layer: str
    """`layers.0`, or a part outside of the blocks as `token_embedding`."""
    grad_norm: float
    """Norm of the gradients before clipping."""
    weight_norm: float


class MetricsLog:
    """The writer of a metrics.jsonl; `on_row` is called with every row that it appends."""

    def __init__(self, path: Path, on_row: Callable[[dict[str, Any]], None] | None = None):
        self.path = path
        self._on_row = on_row

    def train(self, metrics: StepMetrics, chain: str) -> str:
        """Appends the row of a step after `chain`, that of the step before; returns the next."""
        fields = asdict(metrics)
        clock = {name: fields.pop(name) for name in list(fields) if name in CLOCK_FIELDS}
        row = _without_non_finite({"kind": "train", **fields})
        chain = next_chain(chain, row)
        self._append({**row, "chain": chain, **_without_non_finite(clock)})
        self._report_non_finite(metrics.step, fields | clock)
        return chain

    def eval(self, metrics: EvaluationMetrics) -> None:
        """Appends the row of an evaluation."""
        fields = asdict(metrics)
        self._append(_without_non_finite({"kind": "eval", **fields}))
        self._report_non_finite(metrics.step, fields)

    def layers(self, step: int, norms: Iterable[LayerNorms]) -> None:
        """Appends a row for each layer, with the norms that update `step` found."""
        for one in norms:
            self._append(_without_non_finite({"kind": "layers", "step": step, **asdict(one)}))

    def event(self, step: int, name: str, **details: str | float | None) -> None:
        """Appends something worth knowing that is not a measurement."""
        row = {"kind": "event", "step": step, "name": name}
        self._append(_without_non_finite(row | details))

    def resume(self, step: int) -> None:
        """Continues from `step`: readers drop earlier rows above it."""
        self._append({"kind": "resume", "step": step})

    def sync(self) -> None:
        """Makes the rows durable; called before a checkpoint is published."""
        if self.path.exists():
            sync_file(self.path)

    def _append(self, row: dict[str, Any]) -> None:
        # Rows are flat and only the end of one is a bare brace: so a torn line shows.
        inside = json.dumps(row, allow_nan=False).removesuffix("}")
        append_line(self.path, inside.replace("}", "\\u007d") + "}")
        if self._on_row is not None:
            self._on_row(row)

    def _report_non_finite(self, step: int, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            if _is_non_finite(value):
                self.event(step, "non_finite", field=name, value=str(value))


def next_chain(previous: str, row: dict[str, Any]) -> str:
    """16 hexadecimal digits of SHA-256(previous chain + the row's fields before it, as JSON)."""
    text = previous + json.dumps(row, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_non_finite(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if _is_non_finite(value) else value for name, value in row.items()}


def _is_non_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
