"""run.log: what the package says while a run is at work, a line each, no control characters."""

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

from paribus.files import append_line
from paribus.terminal import one_line

log = logging.getLogger("paribus")


class _Lines(logging.Handler):
    """Appends each record to a file."""

    def __init__(self, path: Path):
        super().__init__(logging.INFO)
        self.path = path

    def emit(self, record: logging.LogRecord) -> None:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(record.created))
        text = f"{moment} {record.levelname.lower()} {record.getMessage()}"
        append_line(self.path, one_line(text))


@contextlib.contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Writes the package's records to `path` while it is open."""
    handler = _Lines(path)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
