"""What became of each test: passed, failed, skipped, or not runnable here, and why."""

import ast
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from paribus.cs336.clone import Clone, is_pointer
from paribus.files import read_bytes

Kind = Literal["passed", "failed", "skipped", "not runnable"]
KINDS: tuple[Kind, ...] = get_args(Kind)
EXTRA = ("pytest", "einops", "psutil", "tiktoken")
"""What the course's tests import beyond what Paribus needs."""
INSTALL_EXTRA = 'uv sync --extra cs336, or pip install "paribus[cs336]"'


@dataclass(frozen=True)
class Outcome:
    """One test of the course."""

    test: str
    """File and function: `test_model.py::test_linear`."""
    kind: Kind
    reason: str = ""
    seconds: float = 0.0


def read_outcomes(record: Path, clone: Clone, ended: str) -> list[Outcome]:
    """The outcome of every test that the record names; `ended` says how its process ended.

    A test without a word of how it went is a failed one.
    """
    lines = read_bytes(record).decode().splitlines() if record.exists() else []
    rows = [json.loads(line) for line in lines]
    found: dict[str, Outcome | None] = {t: None for row in rows for t in row.get("collected", ())}
    for row in rows:
        if "test" in row:
            _add(found, row, clone)
    lost = f"no result: the process {ended}"
    return [outcome or Outcome(_short(t), "failed", lost) for t, outcome in found.items()]


def _add(found: dict[str, Outcome | None], row: dict[str, Any], clone: Clone) -> None:
    kind, reason = _judged(row, clone)
    for test in _tests_of(row["test"], clone):
        before = found.get(test)
        # A test that passed may fail once more, while it is cleaned up after.
        if before is None or before.kind != "failed":
            found[test] = Outcome(_short(test), kind, reason, row.get("seconds", 0.0))


def _judged(row: dict[str, Any], clone: Clone) -> tuple[Kind, str]:
    if row["outcome"] == "passed":
        return "passed", row["note"]
    if lacks := _what_it_lacks(row, clone):
        return "not runnable", lacks
    if row["outcome"] == "skipped":
        return "skipped", row["note"]
    return "failed", row.get("said") or row["note"]


def _what_it_lacks(row: dict[str, Any], clone: Clone) -> str:
    if "module" in row:
        return _missing_module(row["module"], clone)
    if "file" in row:
        return _missing_file(row["file"], clone)
    return f"no network: {row['network']}" if "network" in row else ""


def _missing_module(name: str, clone: Clone) -> str:
    if (clone.path / name).is_dir():
        return f"{name} is the clone's own code, which is not what is tested here"
    if name in sys.stdlib_module_names:
        return f"this platform has no Python module {name}"
    install = INSTALL_EXTRA if name in EXTRA else f"pip install {name}"
    return f"the package {name} is not installed: {install}"


def _missing_file(name: str, clone: Clone) -> str:
    if is_pointer(clone.path / name):
        return f"{name} is an address that Git LFS has not followed: git lfs pull"
    if not (clone.path / ".git").exists():
        return f"{name} is not there: take it from the course's repository"
    return f"{name} is not there: git checkout -- {name}"


def _tests_of(name: str, clone: Clone) -> list[str]:
    """The test itself; of a file that could not be imported, the tests that stand in it."""
    if "::" in name:
        return [name]
    try:
        body = ast.parse(read_bytes(clone.path / name)).body
    except SyntaxError:
        return [name]
    functions = [node.name for node in body if isinstance(node, ast.FunctionDef)]
    return [f"{name}::{f}" for f in functions if f.startswith("test")] or [name]


def _short(test: str) -> str:
    return test.removeprefix("tests/")
