"""From text to a trained model, a chart and samples, within a time."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from paribus.data.prepare import prepare
from paribus.data.shards import TokenShards
from paribus.device import find_device
from paribus.errors import CannotCreateError, DataError, UnavailableError
from paribus.experiment import Experiment, check_run_name, runs_folder
from paribus.files import make_folder, publish_file, temporary_folder
from paribus.first_run import recipe
from paribus.first_run.texts import Text, built_in_text, own_text
from paribus.model.accounting import count_parameters
from paribus.report.charts import loss_chart
from paribus.report.runs import read_run
from paribus.run_folder import RunPaths
from paribus.tokenizer.formats import publish
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train as train_tokenizer
from paribus.tracking.listener import Listener
from paribus.tracking.metrics import StepMetrics
from paribus.training.budget import parse_duration, tokens_per_step
from paribus.training.run import resume, train

END_SECONDS = 10.0
"""Kept back for the last evaluation, the samples and the chart."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class FirstRun:
    """A finished first run."""

    folder: Path
    prompts: tuple[str, ...]
    """How to begin samples of its text."""


def quickstart(  # noqa: PLR0913 - the options of one command, each with its default
    text: Sequence[Path | str] = (),
    *,
    corpus: str = "fables",
    field: str = "text",
    time_budget: str = "5m",
    run: Path | None = None,
    device: str = "auto",
    listeners: Sequence[Listener] = (),
    say: Say = lambda text: None,
) -> FirstRun:
    """Trains a tokenizer and a small model on `text`, or on a built-in corpus, within a time.

    `say` is called with a line at each stage. Raises what `paribus quickstart` ends with.
    """
    deadline = time.monotonic() + parse_duration(time_budget, "--time")
    device = find_device(device)
    folder = run or _unused_run()
    check_run_name(folder)
    with _workshop(folder) as workshop:
        source = own_text(text, field) if text else built_in_text(corpus, workshop)
        say("measuring the speed of this machine")
        size = recipe.choose_size(max(0.0, deadline - time.monotonic() - END_SECONDS), device)
        shards = _prepare(source, size, workshop, say)
        seconds = max(0.0, deadline - time.monotonic() - END_SECONDS)
        experiment, speed = recipe.plan(size, shards, folder, seconds, device, source.prompts)
        _tell_plan(experiment, speed.step, say)
        _train(experiment, deadline - END_SECONDS, listeners)
    with contextlib.suppress(UnavailableError):  # the extra for charts is not installed
        publish_file(RunPaths(folder).chart, loss_chart(read_run(folder)))
    return FirstRun(folder=folder, prompts=source.prompts)


def _prepare(source: Text, size: recipe.Size, workshop: Path, say: Say) -> TokenShards:
    """Trains a tokenizer and encodes the text, as `tokenizer train` and `data prepare` do."""
    began = time.monotonic()
    blocks = list(source.blocks())
    n_bytes = sum(map(len, blocks))
    say(f"text: {source.name}, {_size(n_bytes)}")
    report = train_tokenizer(blocks, vocab_size=recipe.vocabulary_size(size, n_bytes))
    publish(report.vocabulary, workshop / "tokenizer")
    note = ", all that the text supports" if report.ran_out else ""
    say(f"tokenizer: {report.vocabulary.size} tokens{note} ({time.monotonic() - began:.1f} s)")

    began = time.monotonic()
    tokenizer = Tokenizer.from_files(workshop / "tokenizer")
    shards = prepare(source.files, tokenizer, workshop / "data", field=source.field)
    for line in shards.notes:
        say(f"warning: {line}")
    say(
        f"tokens: {shards.n_train_tokens:,} to train on, {shards.n_validation_tokens:,} held out "
        f"({time.monotonic() - began:.1f} s)"
    )
    if shards.n_train_tokens < 2:
        raise DataError(
            f"{source.name}: expected at least 2 tokens to train on, found "
            f"{shards.n_train_tokens}. Give more text"
        )
    return shards


def _tell_plan(experiment: Experiment, step_seconds: float, say: Say) -> None:
    parameters = count_parameters(experiment.model)
    steps = experiment.training.steps or 0
    say(
        f"plan: {parameters.total:,} parameters ({parameters.non_embedding:,} non-embedding), "
        f"{steps:,} steps, {steps * tokens_per_step(experiment):,} tokens, about "
        f"{steps * step_seconds:.0f} s on {experiment.training.device}"
    )


class _EndInTime(Listener):
    """Asks the run to stop when the time left is just enough for the decay of its rate."""

    def __init__(self, experiment: Experiment, deadline: float):
        self._experiment, self._deadline = experiment, deadline
        self._began, self._first_step = time.monotonic(), 0
        self._reason: str | None = None

    def on_step(self, metrics: StepMetrics, n_steps: int) -> None:
        now = time.monotonic()
        if self._first_step == 0:  # the first step warms up: it says nothing of the others
            self._first_step, self._began = metrics.step, now
            return
        step_seconds = (now - self._began) / (metrics.step - self._first_step)
        end = recipe.steps_with_decay(metrics.step, self._experiment)
        if end < n_steps and now + step_seconds * (end - metrics.step) >= self._deadline:
            self._reason = "slower than measured: the run is shortened, and its decay follows"

    def reason_to_stop(self) -> str | None:
        return self._reason


def _train(experiment: Experiment, deadline: float, listeners: Sequence[Listener]) -> None:
    """Trains to the last step, or fewer if the machine is slower than measured.

    Fewer steps are a shorter run, not a run cut off: the rate is constant until the decay, so the
    updates so far are those of the shorter run, and its decay follows.
    """
    folder = train(experiment, [*listeners, _EndInTime(experiment, deadline)])
    made = read_run(folder).rows_of("train")[-1]["step"]
    if made < (experiment.training.steps or 0):
        resume(folder, [f"training.steps={recipe.steps_with_decay(made, experiment)}"], listeners)


def _unused_run() -> Path:
    runs = runs_folder()
    names = ["quickstart", *(f"quickstart-{n}" for n in range(2, 10_000))]
    return next(runs / name for name in names if not (runs / name).exists())


@contextlib.contextmanager
def _workshop(folder: Path) -> Iterator[Path]:
    """A folder for text, tokenizer and tokens beside the run, gone at the end."""
    if folder.exists() and any(folder.iterdir()):
        raise CannotCreateError(
            f"{folder}: expected no such folder or an empty one, found files. Choose another --run"
        )
    make_folder(folder.parent)
    with temporary_folder(folder.parent) as workshop:
        yield workshop


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{n_bytes:,} bytes"
