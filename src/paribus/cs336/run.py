"""The course's tests against Paribus: in a folder of their own, in a process of their own."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from paribus.cs336.clone import Clone, place_tests
from paribus.cs336.outcomes import INSTALL_EXTRA, Outcome, read_outcomes
from paribus.errors import DataError, UnavailableError

USER_SETTINGS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
"""Variables that would change what pytest does."""


def run_tests(clone: Clone) -> list[Outcome]:
    """What became of each test of the clone, in the order in which pytest ran them.

    Raises UnavailableError without pytest, DataError where pytest could not begin.
    """
    if importlib.util.find_spec("pytest") is None:
        raise UnavailableError(f"pytest: expected it installed, found none. {INSTALL_EXTRA}")
    with tempfile.TemporaryDirectory(prefix="paribus-cs336-") as name:
        folder = Path(name).resolve()
        place_tests(clone, folder)
        record = folder / "record.jsonl"
        done = _pytest(folder, record)
        outcomes = read_outcomes(record, clone, f"ended with exit code {done.returncode}")
    if not outcomes:
        raise DataError(f"{clone.tests}: expected tests, found that pytest says {_complaint(done)}")
    return outcomes


def _pytest(folder: Path, record: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in USER_SETTINGS}
    environment |= {
        "TIKTOKEN_CACHE_DIR": str(folder / "tiktoken"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONUTF8": "1",
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "paribus.cs336.recorder"),
            *("--paribus-record", str(record), "--continue-on-collection-errors", "tests"),
        ],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The line in which pytest says why it did not begin."""
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E ", "ERROR"))]
    return " ".join((errors or lines or ["nothing"])[-1].split())
