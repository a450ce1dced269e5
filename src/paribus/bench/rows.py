"""Row: one measured line of a benchmark, and what follows from it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

OURS = "paribus"
NAIVE = "paribus naive"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one version took for one task. One that was refused has a note and no time."""

    task: str
    """encode first, encode warm, decode, shard, prompt, first call, train."""
    label: str
    """Library, its version and the route that was taken."""
    library: str
    file: str
    n_bytes: int = 0
    """Of text: of a stated part where the whole would take too long."""
    n_tokens: int = 0
    """Ids; of a training the size of the vocabulary."""
    wall: float | None = None
    """Seconds, the median."""
    cpu: float | None = None
    """Seconds of all threads together, the median."""
    peak_bytes: int | None = None
    """Of a process that does this once, Python and all."""
    n_pretokens: int | None = None
    """Distinct ones, in training."""
    note: str = ""

    def rate(self) -> float | None:
        """Bytes of text a second of CPU."""
        return self.n_bytes / self.cpu if self.cpu else None


def ratio(row: Row, other: Row | None) -> float | None:
    """How many times as fast as `other` a row is, by CPU time for each byte of text."""
    mine, theirs = row.rate(), other.rate() if other else None
    return mine / theirs if mine and theirs else None


def records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows for JSON, with the ratios that the tables show."""
    return [
        {
            **asdict(row),
            "over_naive": ratio(row, _counterpart(rows, row, NAIVE)),
            "ours_over_it": ratio(ours, row) if (ours := _counterpart(rows, row, OURS)) else None,
        }
        for row in rows
    ]


def _counterpart(rows: Iterable[Row], row: Row, library: str) -> Row | None:
    """The first row of `library` for the same task, of the same text where there is one. The time
    of a training is not in proportion to its text: there only the same text counts."""
    found = [other for other in rows if (other.task, other.library) == (row.task, library)]
    same = [other for other in found if other.file == row.file]
    return next(iter(same or ([] if row.task == "train" else found)), None)
