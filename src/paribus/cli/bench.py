"""`paribus bench`: measurements beside other libraries."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.bench.sizes import SHAPES
from paribus.cli.byte_size import ByteSize
from paribus.cli.display import (
    DEVICES,
    PATH,
    THREADS,
    StatusLine,
    option_names,
    show,
    show_json,
    show_text,
)
from paribus.errors import ConfigError, OutOfMemoryError
from paribus.files import available_memory_bytes, check_absent, publish_file

if TYPE_CHECKING:
    from paribus.bench.material import Material, Sample
    from paribus.bench.rows import Row

COPIES = 3
"""Of the text, while it is made: as bytes, as a str, and as the bytes of that."""
PARTS = ("encode", "train", "decode", "prompt")
ONE_THREAD = {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}


@click.group()
def bench() -> None:
    """Measure Paribus beside other libraries: first what must be equal, then time, then ratios.

    \b
    Examples:
      paribus bench tokenizer --text stories.txt
      paribus bench train --shape baseline
    """


@bench.command()
@click.option("--text", type=PATH, help="A text file; else the built-in text.")
@click.option("--size", type=ByteSize(), help="Grow the text to this size, with variation: 1GB.")
@click.option("--tokenizer", type=PATH, help="Vocabulary; else GPT-2's, else one of the text.")
@click.option(
    "--pattern", type=click.Choice(["gpt2", "cl100k", "o200k"]), default="gpt2", show_default=True,
    help="What splits text before merging.",
)  # fmt: skip
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Parts; all by default.")
@click.option("--vocab-size", type=click.IntRange(min=400), default=10_000, show_default=True,
              help="Of the vocabularies that are trained.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True,
              help="Times that each is timed, in alternation.")  # fmt: skip
@click.option("--figure", type=PATH, help="Write the rates as a picture too: a new SVG file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tokenizer(only: tuple[str, ...], rounds: int, as_json: bool, **options: Any) -> None:
    """Encode, train and decode beside the libraries that are installed.

    Ids are compared first: a library whose ids differ gets no time. One thread each.

    \b
    Examples:
      paribus bench tokenizer
      paribus bench tokenizer --text stories.txt --only encode --json
    """
    _check_room(options["size"] or 0)
    if options["figure"]:
        check_absent(options["figure"])
    os.environ.update(ONE_THREAD)  # before a library is imported
    from paribus.bench.machine import machine
    from paribus.bench.material import material_in, sample_in
    from paribus.bench.rows import records
    from paribus.bench.tables import tables

    line = StatusLine()
    before = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample = sample_in(folder, options["text"], options["size"])
        material, origin = material_in(folder, options["tokenizer"], sample, options["pattern"])
        parts = only or PARTS
        rows = list(_rows(parts, material, sample, options["vocab_size"], rounds, line.show))
        n_bytes = len(sample.data)
    line.end()
    about = {**before, "load at the end": machine()["load"], "vocabulary": origin}
    about |= {"pattern": options["pattern"], "text": f"{sample.path.name}, {n_bytes:,} bytes"}
    if options["figure"]:
        from paribus.bench.figure import rates_figure

        publish_file(options["figure"], rates_figure(rows, f"{sample.path.name}, {origin}"))
    if as_json:
        show_json({"about": about, "rows": records(rows)})
        return
    show(*(f"{key:<16} {value}" for key, value in about.items()))
    show_text("\n" + tables(rows))


@bench.command()
@click.option(
    "--shape", type=click.Choice(list(SHAPES)), default="small", show_default=True,
    help="Size of the model and of the batch.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True,
    help="Of the matrix products.",
)  # fmt: skip
@click.option("--only", multiple=True, metavar="NAME", help="Libraries; all by default.")
@click.option("--nanogpt", type=PATH, help="A clone of nanoGPT, whose model.py is then run.")
@click.option("--device", type=DEVICES, default="cpu", show_default=True, help="Where to compute.")
@click.option("--threads", type=THREADS, help="CPU threads; all cores by default.")
@click.option("--eager", is_flag=True, help="Without the compiler, on both sides.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True,
              help="Times that each is timed, in alternation.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train(
    only: tuple[str, ...], device: str, threads: int | None, eager: bool, rounds: int,
    as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Train beside the libraries that are installed: whole steps, loss to optimizer.

    For each library our model gets its parts, so that both have equally many parameters, which is
    checked first. Both are compiled. The share of the peak is that of a large matrix product.

    \b
    Examples:
      paribus bench train
      paribus bench train --shape baseline --precision bf16 --nanogpt ../nanoGPT
    """
    from dataclasses import asdict

    from paribus.bench.machine import machine
    from paribus.bench.models import MODELS, nanogpt_source
    from paribus.bench.step_table import step_table
    from paribus.bench.steps import Setting, peak_of, step_rows
    from paribus.training.numerics import find_device

    if unknown := set(only) - set(MODELS):
        raise ConfigError(
            f"--only: expected some of {', '.join(MODELS)}, found {', '.join(sorted(unknown))}"
        )
    if options["nanogpt"] is not None:
        nanogpt_source(options["nanogpt"])
    with option_names():
        device = find_device(device)
    setting = Setting(
        device=device, threads=threads or os.cpu_count() or 1, compile=not eager, **options
    )
    line = StatusLine()
    about, peak = machine(), peak_of(setting)
    rows = list(step_rows(setting, list(only or MODELS), rounds, peak, line.show))
    line.end()
    about |= {
        "load at the end": machine()["load"],
        "steps": f"{setting.shape}, {setting.precision}, {device}, {setting.threads} threads",
        "matmul peak": f"{peak / 1e9:,.0f} GFLOP/s",
    }
    if as_json:
        show_json({"about": about, "rows": [asdict(row) for row in rows]})
        return
    show(*(f"{key:<16} {value}" for key, value in about.items()))
    show_text("\n" + step_table(rows))


def _check_room(n_bytes: int) -> None:
    """Refuses a text that memory could not hold, before it is made."""
    available = available_memory_bytes()
    if available is not None and COPIES * n_bytes > available:
        raise OutOfMemoryError(
            f"--size: expected at most {available // COPIES / 1e6:,.0f}MB, for {COPIES} copies of "
            f"the text take what memory is available, found {n_bytes / 1e6:,.0f}MB. Ask for less"
        )


def _rows(
    parts: tuple[str, ...], material: "Material", sample: "Sample", vocab_size: int, rounds: int,
    say: Any,
) -> "Iterator[Row]":  # fmt: skip
    from paribus.bench import encoding
    from paribus.bench.peers import PEERS
    from paribus.bench.trainers import TRAINERS
    from paribus.bench.training import training_rows

    if "encode" in parts:
        yield from encoding.encoding_rows(material, sample, PEERS, rounds, say)
    if "decode" in parts:
        yield from encoding.decoding_rows(material, sample, PEERS, rounds, say)
    if "prompt" in parts:
        yield from encoding.prompt_rows(material, PEERS, rounds, say)
    if "train" in parts:
        yield from training_rows(sample, vocab_size, TRAINERS, rounds, say)
