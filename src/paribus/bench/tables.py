"""Rows as text: one table for each task, in the layout in which results are published."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from paribus.bench.rows import Row
from paribus.text_table import Cell, Column, text_table


@dataclass(frozen=True)
class Figure:
    """A column of a table and its value in a row."""

    column: Column
    value: Callable[[Row], Cell]


@dataclass(frozen=True)
class Table:
    """What a task measures, and the columns that show it."""

    title: str
    figures: tuple[Figure, ...]

    def shown(self, rows: Sequence[Row]) -> str:
        """The title and a line for each row; a column that is empty in all rows is left out."""
        values = {figure: [figure.value(row) for row in rows] for figure in self.figures}
        filled = {figure: cells for figure, cells in values.items() if set(cells) - {None, ""}}
        lines = list(zip(*filled.values(), strict=True))
        table = text_table([figure.column for figure in filled], lines)
        return f"{self.title}\n\n{table}"


def tables(rows: Sequence[Row]) -> str:
    """A table for each task that has rows."""
    found = {task: [row for row in rows if row.task == task] for task in TABLES}
    return "\n\n".join(TABLES[task].shown(some) for task, some in found.items() if some)


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _text(heading: str, value: Callable[[Row], str]) -> Figure:
    return Figure(Column(heading), value)


def _count(heading: str, value: Callable[[Row], int | None]) -> Figure:
    return Figure(Column(heading), lambda row: value(row) or None)


def _measured(
    heading: str,
    value: Callable[[Row], float | None],
    factor: float = 1.0,
    form: str | Callable[[float], str] = _three_digits,
) -> Figure:
    return Figure(Column(heading, form), lambda row: _scaled(value(row), factor))


def _ratio(heading: str, value: Callable[[Row], float | None]) -> Figure:
    return Figure(Column(heading, ".2f", "x"), value)


_FILE = _text("file", lambda row: row.file)
_VERSION = _text("version", lambda row: row.label)
_NOTE = _text("note", lambda row: row.note)
_OURS = _ratio("ours / it", lambda row: row.ours_over_it)
_SECONDS = _measured("seconds", lambda row: row.wall)
_PEAK = _measured("peak MB", lambda row: row.peak_bytes, 1e-6, ",.1f")
_BYTES_PER_CPU_SECOND = _measured("MB/s of CPU", lambda row: row.bytes_per_cpu_second, 1e-6)
_PASS = (
    _FILE,
    _count("total tokens", lambda row: row.n_tokens),
    _VERSION,
    _SECONDS,
    _measured("k tokens/s", lambda row: row.tokens_per_second, 1e-3),
    _ratio("over naive", lambda row: row.over_naive),
    _BYTES_PER_CPU_SECOND,
    _OURS,
)

TABLES = {
    "encode first": Table(
        "Encoding, first pass of a fresh tokenizer; peak memory of a process that does only this",
        (*_PASS, _PEAK),
    ),
    "encode warm": Table("Encoding, second pass over the same text", (*_PASS, _NOTE)),
    "shard": Table("Text file to a file of ids", _PASS),
    "decode": Table("Decoding, ids to str", (*_PASS, _NOTE)),
    "prompt": Table(
        "One call with a prompt of 20 bytes",
        (_VERSION, _measured("microseconds", lambda row: row.wall, 1e6), _OURS),
    ),
    "first call": Table(
        "The first call after loading",
        (_VERSION, _measured("milliseconds", lambda row: row.wall, 1e3), _OURS),
    ),
    "train": Table(
        "Training a vocabulary, file to merges, gpt2 pattern, no special tokens",
        (
            _FILE,
            _measured("MB", lambda row: row.n_bytes, 1e-6, ",.1f"),
            _VERSION,
            _count("distinct pretokens", lambda row: row.n_pretokens),
            _count("vocabulary", lambda row: row.vocab_size),
            _SECONDS,
            _BYTES_PER_CPU_SECOND,
            _PEAK,
            _OURS,
            _NOTE,
        ),
    ),
    "step": Table(
        "Training steps: loss, backward pass, clipping, AdamW",
        (
            _text("parts of", lambda row: row.parts),
            _VERSION,
            _count("parameters", lambda row: row.n_parameters),
            _measured("tokens/s", lambda row: row.tokens_per_second, form=",.0f"),
            _measured("share of peak", lambda row: row.share_of_peak, form=".2f"),
            _measured("peak GB", lambda row: row.peak_bytes, 1e-9, ".2f"),
            _measured("start s", lambda row: row.start_seconds, form=",.0f"),
            _OURS,
            _ratio("its memory / ours", lambda row: row.memory_over_ours),
            _NOTE,
        ),
    ),
}
"""By task, in the order in which they are printed."""
