"""`paribus bench`: benchmarks against other libraries."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paribus.bench.models.sizes import SHAPES
from paribus.cli.byte_size import ByteSize
from paribus.cli.display import (
    DEVICES,
    PATH,
    THREADS,
    StatusLine,
    option_names,
    show_json,
    show_text,
)
from paribus.errors import ConfigError, OutOfMemoryError
from paribus.files import check_absent, publish_file
from paribus.machine import available_memory_bytes
from paribus.processes import thread_variables

if TYPE_CHECKING:
    from paribus.bench.library import Say
    from paribus.bench.rows import Row
    from paribus.bench.tokenizers.material import Material, Sample

COPIES = 3
"""Copies of the text in memory while it is made: bytes, a str, and the bytes of that."""
PARTS = ("encode", "train", "decode", "prompt")


@click.group()
def bench() -> None:
    """Benchmark against other libraries: check equality first, then measure time and memory.

    \b
    Examples:
      paribus bench tokenizer --text stories.txt
      paribus bench train --shape baseline
    """


@bench.command()
@click.option("--text", type=PATH, help="Text file; default: a built-in text.")
@click.option(
    "--size",
    type=ByteSize(),
    help="Grow the text to this size, such as 1GB, by adding variations of it.",
)
@click.option(
    "--tokenizer",
    type=PATH,
    help="Vocabulary; default: GPT-2's if it is on this machine, else one trained on the text.",
)
@click.option(
    "--pattern", type=click.Choice(["gpt2", "cl100k", "o200k"]), default="gpt2", show_default=True,
    help="Pattern that splits text before merging.",
)  # fmt: skip
@click.option(
    "--only",
    type=click.Choice(PARTS),
    multiple=True,
    help="What to measure; repeatable. Default: everything.",
)
@click.option("--vocab-size", type=click.IntRange(min=400), default=10_000, show_default=True,
              help="Size of the vocabularies to train.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True,
              help="How many times to time each version, in alternation.")  # fmt: skip
@click.option("--figure", type=PATH, help="Also draw the rates, as a new SVG file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tokenizer(only: tuple[str, ...], rounds: int, as_json: bool, **options: Any) -> None:
    """Compare encoding, training and decoding with the installed tokenizer libraries.

    Results are compared first: a library whose ids differ is not timed. Each uses one thread.

    \b
    Examples:
      paribus bench tokenizer
      paribus bench tokenizer --text stories.txt --only encode --json
    """
    _check_room(options["size"] or 0)
    if options["figure"]:
        check_absent(options["figure"])
    # Before a library is imported, which reads them.
    os.environ.update(thread_variables(1), TOKENIZERS_PARALLELISM="false")
    from paribus.bench.about import about_machine
    from paribus.bench.tokenizers.material import material_in, sample_in
    from paribus.bench.tokenizers.ratios import with_ratios
    from paribus.machine import load_average

    line = StatusLine()
    about, parts = about_machine(), only or PARTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample = sample_in(folder, options["text"], options["size"])
        material, origin = material_in(folder, options["tokenizer"], sample, options["pattern"])
        size = options["vocab_size"]
        rows = with_ratios(list(_measured(parts, material, sample, size, rounds, line.show)))
        n_bytes = len(sample.data)
    line.end()
    about |= {
        "load at the end": load_average(),
        "vocabulary": origin,
        "pattern": options["pattern"],
        "text": f"{sample.path.name}, {n_bytes:,} bytes",
    }
    if options["figure"]:
        from paribus.bench.tokenizers.figure import rates_figure

        publish_file(options["figure"], rates_figure(rows, f"{sample.path.name}, {origin}"))
    _show(about, rows, _how_to_install(parts), as_json)


@bench.command()
@click.option(
    "--shape", type=click.Choice(list(SHAPES)), default="small", show_default=True,
    help="Size of model and batch.",
)  # fmt: skip
@click.option(
    "--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True,
    help="Number format of the matrix products.",
)  # fmt: skip
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Library to compare with; repeatable. Default: all.",
)
@click.option("--nanogpt", type=PATH, help="Clone of nanoGPT; its model.py is executed.")
@click.option("--device", type=DEVICES, default="cpu", show_default=True, help="Where to compute.")
@click.option("--threads", type=THREADS, help="CPU threads. Default: all cores.")
@click.option("--eager", is_flag=True, help="Do not compile either side.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True,
              help="How many times to time each version, in alternation.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train(
    only: tuple[str, ...], device: str, threads: int | None, eager: bool, rounds: int,
    as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Compare whole training steps, from loss to optimizer, with the installed libraries.

    For each library, our model is built from the same parts, and the number of parameters is
    compared first. Both are compiled. "Share of peak" is relative to one large matrix product.
    Without other libraries, Paribus alone is measured.

    \b
    Examples:
      paribus bench train
      paribus bench train --shape baseline --precision bf16 --nanogpt ../nanoGPT
    """
    from paribus.bench.about import about_machine
    from paribus.bench.models.peers import MODELS, how_to_install, nanogpt_source
    from paribus.bench.models.training import Setting, peak_of, step_rows
    from paribus.device import find_device
    from paribus.machine import load_average

    if unknown := set(only) - set(MODELS):
        raise ConfigError(
            f"--only: expected one of {', '.join(MODELS)}, found {', '.join(sorted(unknown))}"
        )
    if options["nanogpt"] is not None:
        nanogpt_source(options["nanogpt"])
    with option_names():
        device = find_device(device)
    setting = Setting(
        device=device, threads=threads or os.cpu_count() or 1, compile=not eager, **options
    )
    line, names = StatusLine(), list(only or MODELS)
    about, peak = about_machine(), peak_of(setting)
    rows = list(step_rows(setting, names, rounds, peak, line.show))
    line.end()
    about |= {
        "load at the end": load_average(),
        "steps": f"{setting.shape}, {setting.precision}, {device}, {setting.threads} threads",
        "matmul peak": f"{peak / 1e9:,.0f} GFLOP/s",
    }
    _show(about, rows, how_to_install(names, setting.nanogpt), as_json)


def _check_room(n_bytes: int) -> None:
    """Refuses a text too large for the memory before making it."""
    available = available_memory_bytes()
    if available is not None and COPIES * n_bytes > available:
        raise OutOfMemoryError(
            f"--size: expected at most {available // COPIES / 1e6:,.0f}MB, because {COPIES} copies "
            f"of the text must fit into memory, found {n_bytes / 1e6:,.0f}MB. Choose a smaller size"
        )


def _measured(
    parts: tuple[str, ...], material: "Material", sample: "Sample", vocab_size: int, rounds: int,
    say: "Say",
) -> "Iterator[Row]":  # fmt: skip
    from paribus.bench.tokenizers import peers, trainers
    from paribus.bench.tokenizers.decoding import decoding_rows
    from paribus.bench.tokenizers.encoding import encoding_rows
    from paribus.bench.tokenizers.prompt import prompt_rows
    from paribus.bench.tokenizers.training import training_rows

    if "encode" in parts:
        yield from encoding_rows(material, sample, peers.PEERS, rounds, say)
    if "decode" in parts:
        yield from decoding_rows(material, sample, peers.PEERS, rounds, say)
    if "prompt" in parts:
        yield from prompt_rows(material, peers.PEERS, rounds, say)
    if "train" in parts:
        yield from training_rows(sample, vocab_size, trainers.TRAINERS, rounds, say)


def _how_to_install(parts: tuple[str, ...]) -> list[str]:
    """The line that installs the libraries that the measured parts lack."""
    from paribus.bench.library import install_hint
    from paribus.bench.tokenizers import peers, trainers

    encoders = peers.PEERS.values() if set(parts) - {"train"} else ()
    learners = trainers.TRAINERS.values() if "train" in parts else ()
    hint = install_hint([*encoders, *learners])
    return [hint] if hint else []


def _show(
    about: dict[str, str], rows: "Sequence[Row]", to_install: "Sequence[str]", as_json: bool
) -> None:
    """Prints what was measured, where, and how to measure the libraries that are missing."""
    from paribus.bench.tables import tables
    from paribus.text_table import fact_table

    if as_json:
        record = {"about": about, "rows": [row.record() for row in rows]}
        show_json(record | {"to_install": list(to_install)})
        return
    show_text(fact_table(about.items()))
    show_text(f"\n{tables(rows)}")
    if to_install:
        lines = "".join(f"\n  {line}" for line in to_install)
        show_text(f"\nSome libraries are not installed. To measure them too:{lines}")
