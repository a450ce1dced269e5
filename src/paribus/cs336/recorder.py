"""A plugin that pytest loads beside the course's tests: it writes what became of each.

One JSON line each; of a test that could not run it says what it lacked, by the exception itself.
"""

import json
from pathlib import Path
from typing import Any

from paribus.files import append_line

SAID_LIMIT = 200
"""Characters of an exception's text that are kept."""


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--paribus-record", help="The file to write to.")


def pytest_configure(config: Any) -> None:
    path = Path(config.getoption("--paribus-record"))
    config.pluginmanager.register(Recorder(path, config.rootpath))


class Recorder:
    """Listens to a session of pytest; its methods are pytest's hooks."""

    def __init__(self, path: Path, root: Path):
        self.path, self.root = path, root
        self.raised: dict[str, dict[str, str]] = {}

    def pytest_runtest_makereport(self, item: Any, call: Any) -> None:
        """Keeps what a test raised; the report itself is pytest's to make."""
        if call.excinfo is not None:
            self.raised[item.nodeid] = self._described(call.excinfo.value)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or not report.passed:
            fields = {} if report.passed else self.raised.get(report.nodeid, {})
            self._write(test=report.nodeid, seconds=report.duration, **_outcome(report), **fields)

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        """Takes a file that could not be imported; tests come by their own reports."""
        if report.when == "collect":
            error = call.excinfo.value.__cause__ or call.excinfo.value
            self._write(test=node.nodeid, outcome="failed", **self._described(error))

    def pytest_collectreport(self, report: Any) -> None:
        if report.skipped:
            self._write(test=report.nodeid, **_outcome(report))

    def pytest_collection_finish(self, session: Any) -> None:
        self._write(collected=[item.nodeid for item in session.items])

    def _described(self, error: BaseException) -> dict[str, str]:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:SAID_LIMIT]
        return {"said": said} | _lacking(error, self.root / "tests")

    def _write(self, **fields: Any) -> None:
        append_line(self.path, json.dumps(fields))


def _outcome(report: Any) -> dict[str, str]:
    if hasattr(report, "wasxfail"):
        return {"outcome": report.outcome, "note": f"expected to fail: {report.wasxfail}"}
    said = report.longrepr
    note = said[2].removeprefix("Skipped: ") if isinstance(said, tuple) else said
    return {"outcome": report.outcome, "note": note if isinstance(note, str) else ""}


def _lacking(error: BaseException | None, tests: Path) -> dict[str, str]:
    """The module, the file of the tests or the network that an exception says was not there."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return {"module": error.name.partition(".")[0]}
        if isinstance(error, FileNotFoundError) and error.filename:
            path = Path(error.filename).absolute()
            if path.is_relative_to(tests):
                return {"file": path.relative_to(tests.parent).as_posix()}
        if type(error).__module__.startswith("requests."):
            return {"network": str(error)}
        error = error.__cause__
    return {}
