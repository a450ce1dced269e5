"""`paribus eval`: how well a run predicts a text."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paribus.cli.display import DEVICES, PATH, option_names, show_json, show_text
from paribus.errors import DataError

if TYPE_CHECKING:
    import numpy as np

    from paribus.checkpoint import OpenedRun
    from paribus.evaluation.losses import Evaluation


@click.command("eval")
@click.argument("run", type=PATH)
@click.option(
    "--data",
    type=PATH,
    help="Token folder: its validation part.",
)
@click.option(
    "--text",
    type=click.Path(path_type=Path, readable=False, allow_dash=True),
    help="A text, read as one document: a file (txt, jsonl, gz, zst, xz), or - for standard input.",
)
@click.option("--device", type=DEVICES, default="auto", show_default=True, help="Where to compute.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(run: Path, data: Path | None, text: Path | None, device: str, as_json: bool) -> None:
    """Measure loss, perplexity and bits per byte of the best checkpoint of a run.

    Without --data and --text the validation tokens that the run keeps are used. Bits per byte can
    be compared between runs whose tokenizers differ.

    \b
    Examples:
      paribus eval runs/quickstart
      paribus eval runs/quickstart --text book.txt --json
    """
    if data is not None and text is not None:
        raise click.UsageError("--text: expected --data or --text, found both. Leave one out")

    from paribus.checkpoint import open_run
    from paribus.device import find_device
    from paribus.interrupts import stop_flag

    with option_names():
        device = find_device(device)
    opened = open_run(run, device=device)
    with stop_flag() as flag:

        def poll() -> None:
            if flag:
                raise flag.error(f"{run}: stopped, nothing was measured")

        found = _measure(opened, data, text, poll)
    if as_json:
        record = {"run": str(run), "step": opened.step, "source": str(text or data or run)}
        show_json(record | _finite(found))
    else:
        show_text(_table(found))


def _measure(
    opened: "OpenedRun", data: Path | None, text: Path | None, poll: Callable[[], None]
) -> "Evaluation":
    from paribus.data.corpus import text_blocks
    from paribus.evaluation.losses import EvaluationText, evaluate
    from paribus.evaluation.text import evaluate_text

    training = opened.experiment.training
    # In the number format of the training, unless this is another kind of device.
    is_same_device = opened.model.output_weight.device.type == training.device
    precision = training.precision if is_same_device else "fp32"
    batch_size = opened.experiment.evaluation_batch_size
    if text is not None:
        content = b"".join(text_blocks([text], separator=None, binary=True))
        return evaluate_text(
            opened.model, opened.tokenizer, content,
            batch_size=batch_size, precision=precision, poll=poll,
        )  # fmt: skip
    tokens = EvaluationText.of(opened.tokenizer, _validation_tokens(opened, data))
    return evaluate(opened.model, tokens, batch_size=batch_size, precision=precision, poll=poll)


def _validation_tokens(opened: "OpenedRun", data: Path | None) -> "np.ndarray":
    """The validation part of a token folder, or the tokens that the run keeps."""
    import numpy as np

    from paribus.data.shards import open_shards
    from paribus.run_folder import RunPaths
    from paribus.training.record import read_validation

    if data is None:
        return read_validation(RunPaths(opened.folder), len(opened.tokenizer))
    shards = open_shards(data, tokenizer_hash=opened.tokenizer.hash)
    if shards.n_validation_tokens < 2:
        raise DataError(
            f"{data}: expected validation tokens, found {shards.n_validation_tokens}. "
            "Prepare the data with --val 1%"
        )
    return np.concatenate(shards.validation)


def _table(found: "Evaluation") -> str:
    """Two columns, names and values."""
    from paribus.text_table import fact_table

    rows = [
        ("loss", f"{found.loss:.4f} nats per token"),
        ("perplexity", f"{found.perplexity:,.2f}"),
        ("bits per byte", f"{found.bits_per_byte:.4f}"),
        ("tokens", f"{found.n_tokens:,}"),
        ("bytes", f"{found.n_bytes:,}"),
    ]
    return fact_table(rows)


def _finite(found: "Evaluation") -> dict[str, float | None]:
    """The fields for JSON, which has no infinity."""
    return {k: v if math.isfinite(v) else None for k, v in asdict(found).items()}
