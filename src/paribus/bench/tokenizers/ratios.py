"""Ratios of rows that measure the same task."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from paribus.bench.rows import NAIVE, OURS, Row


def with_ratios(rows: Sequence[Row]) -> list[Row]:
    """The rows with their speed relative to our naive version, and ours relative to theirs."""
    return [
        replace(
            row,
            over_naive=_ratio(row, _counterpart(rows, row, NAIVE)),
            ours_over_it=_ratio(_counterpart(rows, row, OURS), row),
        )
        for row in rows
    ]


def _ratio(row: Row | None, other: Row | None) -> float | None:
    """How many times as fast as `other` a row is, by CPU time per byte of text."""
    mine = row.bytes_per_cpu_second if row else None
    theirs = other.bytes_per_cpu_second if other else None
    return mine / theirs if mine and theirs else None


def _counterpart(rows: Iterable[Row], row: Row, library: str) -> Row | None:
    """The first row of `library` for the same task, preferably of the same text. The time of
    training does not grow in proportion to its text: there only the same text counts."""
    found = [other for other in rows if (other.task, other.library) == (row.task, library)]
    same = [other for other in found if other.file == row.file]
    return next(iter(same or ([] if row.task == "train" else found)), None)
