"""Rows of training steps as a table of text."""

from collections.abc import Callable, Sequence

from paribus.bench.steps import StepRow
from paribus.bench.tables import table

_COLUMNS: tuple[tuple[str, Callable[[StepRow], str]], ...] = (
    ("model of", lambda row: row.parts),
    ("version", lambda row: row.label),
    ("parameters", lambda row: f"{row.n_parameters:,}" if row.n_parameters else "-"),
    ("tokens/s", lambda row: _shown(row.tokens_per_second, ",.0f")),
    ("share of peak", lambda row: _shown(row.share_of_peak, ".2f")),
    ("peak GB", lambda row: _shown(row.peak_bytes and row.peak_bytes / 1e9, ".2f")),
    ("start s", lambda row: _shown(row.start_seconds, ".0f")),
    ("ours / it", lambda row: _shown(row.ours_over_it, ".2f", "x")),
    ("its memory / ours", lambda row: _shown(row.memory_over_ours, ".2f", "x")),
    ("note", lambda row: row.note),
)


def step_table(rows: Sequence[StepRow]) -> str:
    """One line a row."""
    lines = [[show(row) for _, show in _COLUMNS] for row in rows]
    return table([name for name, _ in _COLUMNS], lines)


def _shown(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else format(value, form) + unit
