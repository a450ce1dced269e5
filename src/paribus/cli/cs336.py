"""`paribus cs336`: the course's public tests, run against Paribus."""

import platform
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.cli.display import PATH, say, show_json, show_text
from paribus.errors import CheckFailedError

if TYPE_CHECKING:
    from paribus.cs336.outcomes import Outcome


@click.command()
@click.argument("path", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def cs336(path: Path, as_json: bool) -> None:
    """Run the public tests of CS336's assignment 1 against Paribus.

    PATH is your clone of the course's repository, Spring 2025 or Spring 2026; nothing is written
    to it. A test that is skipped, or that lacks a file or a package, counts as no pass.

    \b
    Example:
      paribus cs336 assignment1-basics
    """
    from paribus.cs336.clone import open_clone
    from paribus.cs336.run import run_tests
    from paribus.text_table import fact_table

    clone = open_clone(path)
    edition = clone.edition.name if clone.edition else "not known"
    say(f"running the tests of {path}, edition {edition}")
    outcomes = run_tests(clone)
    about = {"clone": str(path), "edition": edition, "python": platform.python_version()}
    if as_json:
        tests = [asdict(outcome) for outcome in outcomes]
        show_json(about | {"counts": _counts(outcomes), "tests": tests})
    else:
        show_text("\n".join([fact_table(about.items()), "", *_table(outcomes)]))
    _check(path, outcomes)


def _counts(outcomes: "Iterable[Outcome]") -> dict[str, int]:
    from paribus.cs336.outcomes import KINDS

    kinds = [outcome.kind for outcome in outcomes]
    return {kind: kinds.count(kind) for kind in KINDS}


def _table(outcomes: "list[Outcome]") -> list[str]:
    """A row of counts for each file, then everything that did not pass, with its reason."""
    from paribus.text_table import text_table

    files = dict.fromkeys(map(_file, outcomes))
    rows = [
        [file, *_counts(one for one in outcomes if _file(one) == file).values()] for file in files
    ]
    rows.append(["all", *_counts(outcomes).values()])
    lines = text_table(["file", *_counts([])], rows).splitlines()
    for kind in ("failed", "skipped", "not runnable"):
        lines += _listed(kind, [o for o in outcomes if o.kind == kind])
    return lines


def _listed(kind: str, outcomes: "list[Outcome]") -> list[str]:
    """The tests of one kind, those of one reason below it."""
    lines = ["", kind] if outcomes else []
    for reason in dict.fromkeys(outcome.reason for outcome in outcomes):
        lines.append(f"  {' '.join(reason.split())}")
        lines += [f"    {outcome.test}" for outcome in outcomes if outcome.reason == reason]
    return lines


def _file(outcome: "Outcome") -> str:
    return outcome.test.partition("::")[0]


def _check(path: Path, outcomes: "list[Outcome]") -> None:
    counts: dict[str, Any] = _counts(outcomes)
    if counts["failed"]:
        first = next(outcome for outcome in outcomes if outcome.kind == "failed")
        raise CheckFailedError(
            f"{path}: expected no failed test, found {counts['failed']}, the first "
            f"{first.test}: {first.reason or 'no reason given'}"
        )
    if not counts["passed"]:
        raise CheckFailedError(
            f"{path}: expected tests that pass, found none: all {len(outcomes)} were skipped or "
            "lack something that the table names"
        )
