"""What verbs share: names of options and devices, and how progress is shown."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from paribus.errors import ConfigError, UnavailableError
from paribus.tokenizer.limits import MAX_THREADS
from paribus.tracking.listener import Listener
from paribus.tracking.metrics import EvaluationMetrics, StepMetrics

PATH = click.Path(path_type=Path, readable=False)
"""A file or folder; what is wrong with it is found, and said, where it is read."""
THREADS = click.IntRange(1, MAX_THREADS)
DEVICES = click.Choice(["auto", "cpu", "cuda", "mps"])
PLAIN_SECONDS = 10.0
"""Between two lines where standard error is no terminal."""


@contextlib.contextmanager
def option_names() -> Iterator[None]:
    """A setting that a Python user calls `top_k` is `--top-k` in the errors raised within."""
    try:
        yield
    except (ConfigError, UnavailableError) as error:
        name, _, rest = str(error).partition(":")
        if name.isidentifier():
            error.args = (f"--{name.replace('_', '-')}:{rest}",)
        raise


class StatusLine:
    """Progress on standard error: one line that changes, or a line each ten seconds elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._every = 0.2 if self._is_terminal else PLAIN_SECONDS
        self._last = time.monotonic()
        self._open = False

    def show(self, text: str) -> None:
        """Shows `text`, if the last one has stood long enough."""
        if time.monotonic() - self._last < self._every:
            return
        self._last = time.monotonic()
        self._open = self._is_terminal
        click.echo(f"\r{text:<70}" if self._is_terminal else text, err=True, nl=not self._open)

    def end(self) -> None:
        """Leaves the line."""
        if self._open:
            click.echo(err=True)
            self._open = False


class TrainingDisplay(Listener):
    """A listener of the training loop that writes to standard error."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(
            stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True
        )
        self.is_live = self.console.is_terminal and not self.console.is_dumb_terminal
        self.start = time.monotonic()
        self.start_tokens: int | None = None
        self.last_plain = self.start
        self.bits_per_byte: float | None = None
        self._status = self.console.status("starting") if self.is_live else None
        if self._status:
            self._status.start()

    def __enter__(self) -> "TrainingDisplay":
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the live line."""
        if self._status:
            self._status.stop()

    def on_step(self, metrics: StepMetrics, n_steps: int) -> None:
        """Shows where the run is."""
        now = time.monotonic()
        if self.start_tokens is None:
            self.start, self.start_tokens = now, metrics.tokens
        text = self._progress(metrics, n_steps, now)
        if self._status:
            self._status.update(text)
        elif now - self.last_plain >= PLAIN_SECONDS:
            self.last_plain = now
            self._say(text)

    def on_evaluation(self, metrics: EvaluationMetrics, samples: Sequence[str]) -> None:
        """Shows the validation loss and the first sample."""
        self.bits_per_byte = metrics.bits_per_byte
        self._say(
            f"step {metrics.step}  validation loss {metrics.loss:.4f}  perplexity "
            f"{metrics.perplexity:.2f}  bits per byte {metrics.bits_per_byte:.4f}"
        )
        for sample in samples[:1]:
            self._say(f"  {one_line(sample)}")

    def on_saved(self, step: int) -> None:
        """Says that a checkpoint is durable."""
        self._say(f"saved step {step}")

    def on_note(self, text: str) -> None:
        """Says what the user should know."""
        self._say(text)

    def on_stage(self, text: str) -> None:
        """Says what has been done, on standard output."""
        if self._status:
            self.console.print(text)
        else:
            click.echo(text)

    def _say(self, text: str) -> None:
        if self._status:
            self.console.print(text)
        else:
            say(text)

    def _progress(self, metrics: StepMetrics, n_steps: int, now: float) -> str:
        # The rate of the whole stretch: one step's own is noise.
        made = metrics.tokens - (self.start_tokens or 0)
        rate = made / (now - self.start) if made else metrics.tokens_per_second
        left = (n_steps - metrics.step) * (metrics.tokens / metrics.step) / max(rate, 1e-9)
        bits = f"  bits per byte {self.bits_per_byte:.3f}" if self.bits_per_byte else ""
        return (
            f"step {metrics.step}/{n_steps}  loss {metrics.loss:.3f}{bits}  lr {metrics.lr:.1e}  "
            f"{thousands(rate)} tok/s  eta {clock(left)}"
        )


def say(text: str) -> None:
    """A line on standard error; a reader that is gone does not end the work."""
    with contextlib.suppress(BrokenPipeError):
        click.echo(text, err=True)


def clock(seconds: float) -> str:
    """Seconds as 4:05 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def thousands(value: float) -> str:
    """A rate in three digits: 950, 16.2k, 1.30M."""
    for limit, unit, digits in ((1e6, "M", 2), (1e3, "k", 1)):
        if value >= limit:
            return f"{value / limit:.{digits}f}{unit}"
    return f"{value:.0f}"


def one_line(text: str) -> str:
    """`text` on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
