"""How far the training of a tokenizer is, and how long it will take."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from paribus.cli.display import StatusLine, clock


class TrainingProgress:
    """A status line: counting in bytes, then merging in merges, each with the time left."""

    def __init__(self, files: Sequence[str]) -> None:
        self._n_bytes = _size_of(files)
        self._line = StatusLine()
        self._stage = ""
        self._start = time.monotonic()

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._line.end()

    def show(self, stage: str, done: int, total: int | None) -> None:
        """Shows `done` of `total` (None: unknown) in one of the stages "count" and "merge"."""
        if stage != self._stage:
            self._stage, self._start = stage, time.monotonic()
        if stage == "count":
            total = max(total or 0, done, self._n_bytes) if self._n_bytes else None
            text = f"counting: {done / 1e6:,.0f}" + (
                f" of {total / 1e6:,.0f} MB" if total else " MB"
            )
        else:
            text = f"merging: {done} of {total}"
        self._line.show(text + self._time_left(done, total))

    def _time_left(self, done: int, total: int | None) -> str:
        if not done or not total:
            return ""
        return f", {clock((time.monotonic() - self._start) * (total - done) / done)} left"


def _size_of(files: Sequence[str]) -> int:
    """Bytes of the files where all are plain ones, else 0: unknown."""
    compressed = (".gz", ".zst", ".xz", ".jsonl", ".ndjson")
    if not all(Path(file).is_file() and not file.lower().endswith(compressed) for file in files):
        return 0
    return sum(Path(file).stat().st_size for file in files)
