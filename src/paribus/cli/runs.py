"""`paribus runs`: the runs of a folder, and sending one to a tracker."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from paribus.cli.display import PATH, say, show_json, show_text

if TYPE_CHECKING:
    from paribus.report.runs import RunRecord


@click.command()
@click.argument("folder", type=PATH, required=False)
@click.option("--mirror", metavar="NAME", help="Send each run to a tracker: wandb, tensorboard.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per run.")
def runs(folder: Path | None, mirror: str | None, as_json: bool) -> None:
    """List the runs in FOLDER, or one run; --mirror sends their metrics to a tracker.

    FOLDER defaults to $PARIBUS_RUNS, else ./runs.

    \b
    Examples:
      paribus runs
      paribus runs runs/pre --mirror wandb
    """
    from paribus.experiment import runs_folder
    from paribus.report.runs import read_runs
    from paribus.run_folder import RunPaths
    from paribus.text_table import text_table

    folder = folder or runs_folder()
    is_run = RunPaths(folder).config.exists()
    records = read_runs(_literal(folder) if is_run else f"{_literal(folder)}/*")
    if mirror is not None:
        _send(records, mirror)
    elif as_json:
        for record in records:
            show_json({"name": record.name, **record.summary()})
    else:
        show_text(text_table(["run", "state", "step", "best validation loss"], map(_row, records)))


def _literal(folder: Path) -> str:
    """A path as a glob pattern that matches it alone."""
    import glob

    return glob.escape(str(folder))


def _send(records: "list[RunRecord]", name: str) -> None:
    from paribus.tracking.mirrors import open_mirrors, replay

    for record in records:
        (mirror,) = open_mirrors([name], "--mirror")
        replay(record.rows, record.info(), mirror, record.status.state or "stopped")
        say(f"{record.folder}: {len(record.rows):,} rows sent to {name}")


def _row(record: "RunRecord") -> list[str]:
    best = record.best()
    steps = record.rows_of("train")
    return [
        record.name,
        record.status.state or "unknown",
        f"{steps[-1]['step']:,}" if steps else "0",
        "none yet" if best is None else f"{best['loss']:.4f} at step {best['step']:,}",
    ]
