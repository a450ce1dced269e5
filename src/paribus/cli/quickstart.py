"""`paribus quickstart`: from text to a trained model, a chart and samples, in a few minutes."""

import dataclasses
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paribus.cli.display import (
    DEVICES,
    PATH,
    TrainingDisplay,
    clock,
    option_names,
    say,
    show,
    show_text,
)

if TYPE_CHECKING:
    from paribus.data.shards import TokenShards
    from paribus.experiment import Experiment

TEXT_LIMIT = 256 << 20
"""Bytes read: more than a few minutes of training can use."""
VOCABULARIES = ((1_000_000, 4096), (100_000, 1024), (0, 512))
"""(least bytes of text, size of the vocabulary)"""
MOST_EPOCHS = 20.0
"""Passes over the text after which a small model only learns it by heart."""
END_SECONDS = 15.0
"""Kept back for the last evaluation, the samples and the chart."""
EVALUATIONS = 6
TRAINING_SHARE = 0.92
"""Of the time left for training; the rest pays for evaluation and checkpoints."""


@dataclass(frozen=True)
class Corpus:
    """Text to train on, and how to begin a sample of it."""

    name: str
    read: Callable[[], bytes]
    prompts: tuple[str, ...]


@click.command()
@click.option("--text", multiple=True, metavar="FILE", help="Text of your own; may be repeated.")
@click.argument("more_text", nargs=-1, metavar="")
@click.option(
    "--corpus", "corpus_name", type=click.Choice(["pydocs", "fables"]), default="pydocs",
    show_default=True, help="Built-in text: Python's documentation, or generated stories.",
)  # fmt: skip
@click.option("--time", "budget", default="5m", show_default=True, help="In all: 90s, 5m, 1h.")
@click.option("--run", type=PATH, help="Run folder [runs/quickstart].")
@click.option("--device", type=DEVICES, default="auto", show_default=True, help="Where to compute.")
def quickstart(
    text: tuple[str, ...], more_text: tuple[str, ...], corpus_name: str, budget: str,
    run: Path | None, device: str,
) -> None:  # fmt: skip
    """Train a tokenizer and a small model, and let it write.

    \b
    Examples:
      paribus quickstart
      paribus quickstart --text stories.txt --time 15m
      paribus quickstart --corpus fables --time 90s
    """
    start = time.monotonic()
    if more_text and not text:
        raise click.UsageError(f"expected --text before {more_text[0]!r}")
    from paribus.experiment import check_run_name
    from paribus.training.budget import parse_duration
    from paribus.training.numerics import find_device

    seconds = parse_duration(budget, "--time")
    with option_names():
        device = find_device(device)
    folder = run or _unused_run()
    check_run_name(folder)
    corpus = _own_text([*text, *more_text]) if text else BUILT_IN[corpus_name]
    with _workshop(folder) as workshop:
        data = _make_data(corpus, workshop)
        experiment, training_seconds = _plan(data, corpus, folder, device, start + seconds)
        _train(experiment, training_seconds)
    _show_results(folder, corpus)


def _make_data(corpus: Corpus, workshop: Path) -> "TokenShards":
    from paribus.data.prepare import prepare
    from paribus.files import publish_file
    from paribus.tokenizer.formats import publish
    from paribus.tokenizer.tokenizer import Tokenizer
    from paribus.tokenizer.train import train

    began = time.monotonic()
    text = corpus.read()
    _stage("text", f"{corpus.name}, {_size(len(text))}", began)
    publish_file(workshop / "text.txt", text)

    began = time.monotonic()
    size = next(vocab for least, vocab in VOCABULARIES if len(text) >= least)
    report = train([text], vocab_size=size)
    publish(report.vocabulary, workshop / "tokenizer")
    note = ", all the text supports" if report.ran_out else ""
    _stage("tokenizer", f"{report.vocabulary.size} tokens{note}", began)

    began = time.monotonic()
    tokenizer = Tokenizer.from_files(workshop / "tokenizer")
    shards = prepare([workshop / "text.txt"], tokenizer, workshop / "data")
    for note in shards.notes:
        say(f"warning: {note}")
    held_out = shards.n_validation_tokens
    _stage("tokens", f"{shards.n_train_tokens:,} to train on, {held_out:,} held out", began)
    return shards


def _plan(
    shards: "TokenShards", corpus: Corpus, folder: Path, device: str, deadline: float
) -> tuple["Experiment", float]:
    """The experiment that fits the time left, and the seconds it is meant to train."""
    from paribus.errors import DataError
    from paribus.model.accounting import count_parameters
    from paribus.training.budget import tokens_per_step
    from paribus.training.numerics import resolve_machine
    from paribus.training.plan import measure_speed, open_batches

    if shards.n_train_tokens < 2:
        raise DataError(
            f"{corpus.name}: expected at least 2 tokens to train on, found "
            f"{shards.n_train_tokens}. Give more text"
        )
    experiment = resolve_machine(_small_model(shards, corpus, folder, device))
    step_seconds = measure_speed(experiment, open_batches(experiment, shards).at).step
    left = max(0.0, deadline - time.monotonic() - END_SECONDS) * TRAINING_SHARE
    most_steps = MOST_EPOCHS * shards.n_train_tokens / tokens_per_step(experiment)
    steps = max(2, int(min(left / step_seconds, max(most_steps, 100))))
    parameters = count_parameters(experiment.model)
    show(
        f"plan: {parameters.total:,} parameters ({parameters.non_embedding:,} non-embedding), "
        f"{steps:,} steps, {steps * tokens_per_step(experiment):,} tokens, about "
        f"{clock(steps * step_seconds)} on {experiment.training.device}"
    )
    return _of_steps(experiment, steps), steps * step_seconds


def _of_steps(experiment: "Experiment", steps: int) -> "Experiment":
    """`experiment` of `steps` steps, evaluated and saved a few times on the way."""
    every = max(10, -(-steps // EVALUATIONS))
    return dataclasses.replace(
        experiment,
        training=dataclasses.replace(experiment.training, steps=steps),
        evaluation=dataclasses.replace(experiment.evaluation, every=every),
        checkpoint=dataclasses.replace(experiment.checkpoint, every=every),
    )


def _small_model(shards: "TokenShards", corpus: Corpus, folder: Path, device: str) -> "Experiment":
    from paribus.data.config import DataConfig
    from paribus.evaluation.config import EvaluationConfig
    from paribus.experiment import Experiment, with_run_folder
    from paribus.model.config import ModelConfig
    from paribus.optim.config import AdamWConfig, ScheduleConfig
    from paribus.training.config import TrainingConfig

    context = min(128, shards.n_train_tokens - 1)
    experiment = Experiment(
        model=ModelConfig(
            vocab_size=shards.vocab_size, context_length=context, d_model=128, n_heads=4
        ),
        optimizer=AdamWConfig(lr=4e-3),
        schedule=ScheduleConfig(warmup_steps=None, min_lr=4e-5),
        training=TrainingConfig(batch_size=32, device=device, compile="off"),  # type: ignore[arg-type]
        evaluation=EvaluationConfig(tokens=32_768, prompts=corpus.prompts[:1]),
        data=DataConfig(dir=shards.folder),
    )
    return with_run_folder(experiment, folder)


def _train(experiment: "Experiment", budget_seconds: float) -> None:
    from paribus.training.run import train

    display = TrainingDisplay()
    try:
        train(experiment, display, budget_seconds=budget_seconds)
    finally:
        display.close()


def _show_results(folder: Path, corpus: Corpus) -> None:
    from paribus.checkpoint import open_run
    from paribus.errors import UnavailableError
    from paribus.experiment import RunPaths
    from paribus.files import publish_file
    from paribus.report.charts import loss_chart, terminal_chart
    from paribus.report.runs import read_run

    record = read_run(folder)
    points = list(zip(record.column("train", "step"), record.column("train", "loss"), strict=True))
    show("", "training loss (nats per token) by step")
    show_text(terminal_chart(points))
    try:
        publish_file(RunPaths(folder).chart, loss_chart(record))
    except UnavailableError as error:
        say(f"warning: no loss.svg: {error}")
    opened = open_run(folder)
    best = next(row for row in record.rows_of("eval") if row["step"] == opened.step)
    bits = math.inf if best["bits_per_byte"] is None else best["bits_per_byte"]
    show(
        "",
        f"best step {opened.step}: validation loss {best['loss']:.4f}, perplexity "
        f"{best['perplexity']:.1f}, bits per byte {bits:.4f}",
    )
    # A model of a few words has a context of a few tokens.
    context = opened.experiment.model.context_length
    prompts = [p for p in corpus.prompts if len(opened.tokenizer.encode(p)) < context]
    for seed, prompt in enumerate(prompts):
        show_text(f"\n--- sample {seed + 1}\n{_sample(opened, prompt, seed)}")
    run = shlex.quote(str(folder))
    show(
        "",
        f"run folder: {folder}",
        "next:",
        f"  paribus generate {run} --prompt {prompts[0]!r} --temperature 0.7",
        f"  paribus eval {run} --text FILE",
        f"  paribus resume {run} training.steps={2 * record.rows_of('train')[-1]['step']}",
    )


def _sample(opened, prompt: str, seed: int) -> str:
    from paribus.generation.decode import generate
    from paribus.generation.sampling import SamplingConfig

    n_tokens = opened.experiment.model.context_length - 8
    sampling = SamplingConfig(temperature=0.7, top_k=50)
    pieces = generate(
        opened.model, opened.tokenizer, prompt, max_tokens=max(1, n_tokens), sampling=sampling,
        seed=seed,
    )  # fmt: skip
    return prompt + "".join(pieces)


def _own_text(files: Sequence[str]) -> Corpus:
    from paribus.data.corpus import text_blocks

    def read() -> bytes:
        kept = bytearray()
        for block in text_blocks(files):
            kept += block
            if len(kept) > TEXT_LIMIT:
                say(f"warning: the first {_size(TEXT_LIMIT)} of the text are used")
                break
        return bytes(kept[:TEXT_LIMIT])

    return Corpus(", ".join(files), read, ("", "The", "One day"))


def _pydocs() -> bytes:
    from paribus.sample_text.pydocs import gather

    return gather()


def _fables() -> bytes:
    from paribus.sample_text.fables import generate

    return generate(4 << 20)


BUILT_IN = {
    "pydocs": Corpus("pydocs", _pydocs, ("Return the", "This function", "If the file")),
    "fables": Corpus("fables", _fables, ("Once", "One day", "The")),
}


def _unused_run() -> Path:
    from paribus.experiment import runs_folder

    runs = runs_folder()
    names = ["quickstart", *(f"quickstart-{n}" for n in range(2, 10_000))]
    return next(runs / name for name in names if not (runs / name).exists())


@contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder for text, tokenizer and tokens beside the run, gone at the end.

    The run keeps what it needs: hard links, so on the same file system.
    """
    from paribus.errors import CannotCreateError
    from paribus.files import make_folder, temporary_folder

    if folder.exists() and any(folder.iterdir()):
        raise CannotCreateError(
            f"{folder}: expected no such folder or an empty one, found files. Choose another --run"
        )
    make_folder(folder.parent)
    with temporary_folder(folder.parent) as workshop:
        yield workshop


def _stage(name: str, text: str, began: float) -> None:
    show(f"{name}: {text} ({time.monotonic() - began:.1f} s)")
    sys.stdout.flush()


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{n_bytes:,} bytes"
