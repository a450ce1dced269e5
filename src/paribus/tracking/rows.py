"""The rows of a metrics.jsonl, as every reader sees them."""

from pathlib import Path
from typing import Any

from paribus.errors import DataError
from paribus.files import read_bytes
from paribus.manifest import parse_json

Row = dict[str, Any]

SIZE_LIMIT = 4 << 30


def read_rows(path: Path) -> list[Row]:
    """The surviving rows of the log at `path`, in order.

    A torn line is dropped; a `resume` row with step k drops the earlier rows above k. Raises
    InputMissingError without the file, DataError, naming the line, for anything else.
    """
    surviving: list[Row] = []
    for row in _whole_rows(path):
        if row["kind"] == "resume":
            surviving = [earlier for earlier in surviving if earlier["step"] <= row["step"]]
        surviving.append(row)
    return surviving


def _whole_rows(path: Path) -> list[Row]:
    lines = read_bytes(path, limit=SIZE_LIMIT).split(b"\n")
    rows = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not _is_torn(line):
            rows.append(_checked(parse_json(line, f"{path}:{number}"), f"{path}:{number}"))
    return rows


def _is_torn(line: bytes) -> bool:
    """Whether a killed writer left `line`: a brace only ends a row (MetricsLog)."""
    return not line.endswith(b"}")


def _checked(row: Row, where: str) -> Row:
    kind, step = row.get("kind"), row.get("step")
    if not isinstance(kind, str):
        raise DataError(
            f"{where}: expected a row with a 'kind', found {kind!r}. The log is damaged"
        )
    if isinstance(step, bool) or not isinstance(step, int) or step < 0:
        raise DataError(f"{where}: expected a step from 0 up, found {step!r}. The log is damaged")
    return row
