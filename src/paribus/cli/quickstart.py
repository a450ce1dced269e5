"""`paribus quickstart`: from text to a trained model, a chart and samples, in a few minutes."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paribus.cli.display import DEVICES, PATH, TrainingDisplay, option_names, show, show_text

if TYPE_CHECKING:
    from paribus.first_run.run import FirstRun

SAMPLE_TEMPERATURE = 0.7
"""Cooler than elsewhere: a model of a few minutes is unsure of most words."""


@click.command()
@click.option("--text", multiple=True, metavar="FILE", help="Text of your own; repeatable.")
@click.argument("more_text", nargs=-1, metavar="")
@click.option("--field", default="text", show_default=True, help="Field of JSON lines.")
@click.option(
    "--corpus", type=click.Choice(["fables", "pydocs", "tinystories"]), default="fables",
    show_default=True,
    help="Generated stories, Python's documentation, or stories to download (22 MB).",
)  # fmt: skip
@click.option("--time", "budget", default="5m", show_default=True, help="In all: 90s, 5m, 1h.")
@click.option("--run", type=PATH, help="Run folder [runs/quickstart].")
@click.option("--device", type=DEVICES, default="auto", show_default=True, help="Where to compute.")
def quickstart(
    text: tuple[str, ...], more_text: tuple[str, ...], field: str, corpus: str, budget: str,
    run: Path | None, device: str,
) -> None:  # fmt: skip
    """Train a tokenizer and a small model, and let it write.

    \b
    Examples:
      paribus quickstart
      paribus quickstart --text stories.txt --time 15m
      paribus quickstart --corpus pydocs --time 90s
    """
    if more_text and not text:
        raise click.UsageError(f"expected --text before {more_text[0]!r}")
    from paribus.first_run.run import quickstart as first_run

    with option_names(), TrainingDisplay() as display:
        made = first_run(
            [*text, *more_text], corpus=corpus, field=field, time_budget=budget, run=run,
            device=device, listeners=[display], say=display.on_stage,
        )  # fmt: skip
    _show(made)


def _show(made: "FirstRun") -> None:
    """The curve, the losses, a sample for each prompt, and what to try next."""
    from paribus.checkpoint import open_run
    from paribus.report.charts import terminal_chart
    from paribus.report.runs import read_run

    record = read_run(made.folder)
    points = list(zip(record.column("train", "step"), record.column("train", "loss"), strict=True))
    show_text(f"\ntraining loss (nats per token) by step\n{terminal_chart(points)}")
    opened = open_run(made.folder)
    best = next(row for row in record.rows_of("eval") if row["step"] == opened.step)
    bits = math.inf if best["bits_per_byte"] is None else best["bits_per_byte"]
    show(
        "",
        f"best step {opened.step}: validation loss {best['loss']:.4f}, perplexity "
        f"{best['perplexity']:.1f}, bits per byte {bits:.4f}",
    )
    # A model of a few words has a context of a few tokens.
    context = opened.experiment.model.context_length
    prompts = [p for p in made.prompts if len(opened.tokenizer.encode(p)) < context]
    for seed, prompt in enumerate(prompts):
        show_text(f"\n--- sample {seed + 1}\n{_sample(opened, prompt, seed)}")
    run = shlex.quote(str(made.folder))
    show_text(
        f"\nrun folder: {made.folder}\nnext:\n"
        f"  paribus generate {run} --prompt {prompts[0]!r} --temperature {SAMPLE_TEMPERATURE}\n"
        f"  paribus eval {run} --text FILE\n"
        f"  paribus resume {run} training.steps={2 * record.rows_of('train')[-1]['step']}"
    )


def _sample(opened, prompt: str, seed: int) -> str:
    from paribus.generation.decode import generate
    from paribus.generation.sampling import SamplingConfig

    n_tokens = opened.experiment.model.context_length - 8
    sampling = SamplingConfig(temperature=SAMPLE_TEMPERATURE, top_k=50)
    pieces = generate(
        opened.model, opened.tokenizer, prompt, max_tokens=max(1, n_tokens), sampling=sampling,
        seed=seed,
    )  # fmt: skip
    return prompt + "".join(pieces)
