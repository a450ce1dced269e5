"""Rows as tables of text, in the layout in which results of tokenizers are published."""

from collections.abc import Callable, Sequence
from typing import Any

from paribus.bench.rows import records

Record = dict[str, Any]
Column = tuple[str, Callable[[Record], str]]


def _rate(unit: float, of: str, time: str) -> Callable[[Record], str]:
    return lambda row: _number(row[of] / row[time] / unit) if row[time] else "-"


def _seconds(unit: float) -> Callable[[Record], str]:
    return lambda row: _number(row["wall"] * unit) if row["wall"] is not None else "-"


def _times(key: str) -> Callable[[Record], str]:
    return lambda row: f"{row[key]:.2f}x" if row[key] else "-"


def _count(key: str) -> Callable[[Record], str]:
    return lambda row: f"{row[key]:,}" if row[key] else "-"


def _megabytes(key: str) -> Callable[[Record], str]:
    return lambda row: f"{row[key] / 1e6:,.1f}" if row[key] else "-"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


_VERSION: Column = ("version", lambda row: row["label"])
_FILE: Column = ("file", lambda row: row["file"])
_NOTE: Column = ("note", lambda row: row["note"])
_OURS: Column = ("ours / it", _times("ours_over_it"))
_PASS: tuple[Column, ...] = (
    _FILE,
    ("total tokens", _count("n_tokens")),
    _VERSION,
    ("seconds", _seconds(1)),
    ("k tokens/s", _rate(1e3, "n_tokens", "wall")),
    ("over naive", _times("over_naive")),
    ("MB/s of CPU", _rate(1e6, "n_bytes", "cpu")),
    _OURS,
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "encode first": (*_PASS, ("peak MB", _megabytes("peak_bytes"))),
    "encode warm": (*_PASS, _NOTE),
    "shard": _PASS,
    "decode": (*_PASS, _NOTE),
    "prompt": (_VERSION, ("microseconds", _seconds(1e6)), _OURS),
    "first call": (_VERSION, ("milliseconds", _seconds(1e3)), _OURS),
    "train": (
        _FILE,
        ("MB", _megabytes("n_bytes")),
        _VERSION,
        ("distinct pretokens", _count("n_pretokens")),
        ("vocabulary", _count("n_tokens")),
        ("run time s", _seconds(1)),
        ("CPU MB/s", _rate(1e6, "n_bytes", "cpu")),
        ("peak MB", _megabytes("peak_bytes")),
        _OURS,
        _NOTE,
    ),
}
TITLES = {
    "encode first": "Encoding, first pass of a fresh tokenizer; peak: of a process for it",
    "encode warm": "Encoding, warm",
    "shard": "File to ids on disk",
    "decode": "Decoding, ids to str",
    "prompt": "A prompt of 20 bytes, per call",
    "first call": "The first call after loading",
    "train": "Training, file to merges, gpt2 pattern, no special tokens",
}


def tables(rows: Sequence[Any]) -> str:
    """A table for each task that has rows."""
    found = records(rows)
    parts = []
    for task, columns in COLUMNS.items():
        if lines := [[show(row) for _, show in columns] for row in found if row["task"] == task]:
            parts.append(f"{TITLES[task]}\n{table([name for name, _ in columns], lines)}")
    return "\n\n".join(parts)


def table(header: list[str], lines: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    rule = ["-" * width for width in widths]
    rows = [header, rule, *lines]
    return "\n".join(
        f"| {' | '.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True))} |"
        for row in rows
    )
