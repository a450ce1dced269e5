"""What commands share: types of options, and all that they print.

Nothing else in the package prints. Text passes through `terminal` on its way out, since much of it
comes from files that others wrote.
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from paribus.errors import ConfigError, UnavailableError
from paribus.terminal import one_line, printable
from paribus.tokenizer.limits import MAX_THREADS
from paribus.tracking.listener import Listener
from paribus.tracking.metrics import EvaluationMetrics, StepMetrics

PATH = click.Path(path_type=Path, readable=False)
"""A file or folder; it is checked when it is read."""
THREADS = click.IntRange(1, MAX_THREADS)
DEVICES = click.Choice(["auto", "cpu", "cuda", "mps"])
PLAIN_SECONDS = 10.0
"""Seconds between two progress lines if standard error is not a terminal."""


@contextlib.contextmanager
def option_names() -> Iterator[None]:
    """Renames a setting, such as `top_k`, to its option `--top-k` in errors raised within."""
    try:
        yield
    except (ConfigError, UnavailableError) as error:
        first, *others = error.args
        name, _, rest = first.partition(":")
        if name.isidentifier():
            error.args = (f"--{name.replace('_', '-')}:{rest}", *others)
        raise


class StatusLine:
    """Progress on standard error: a line that changes in a terminal, else one every ten seconds."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._every = 0.2 if self._is_terminal else PLAIN_SECONDS
        self._last = time.monotonic()
        self._open = False

    def show(self, text: str) -> None:
        """Shows `text`, unless the line changed only just now."""
        if time.monotonic() - self._last < self._every:
            return
        self._last = time.monotonic()
        self._open, text = self._is_terminal, one_line(text)
        with contextlib.suppress(OSError):
            click.echo(f"\r{text:<70}" if self._is_terminal else text, err=True, nl=not self._open)

    def end(self) -> None:
        """Ends the line, so that other text starts below it."""
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
            self._status.update(one_line(text))
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
            self._say(f"  {' '.join(sample.split())}")

    def on_saved(self, step: int) -> None:
        """Says that a checkpoint is durable."""
        self._say(f"saved step {step}")

    def on_note(self, text: str) -> None:
        """Says what the user should know."""
        self._say(text)

    def on_stage(self, text: str) -> None:
        """Says what has been done, on standard output."""
        if self._status:
            self.console.print(one_line(text))
        else:
            show(text)

    def _say(self, text: str) -> None:
        if self._status:
            self.console.print(one_line(text))
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


def say(text: str = "") -> None:
    """Prints one line to standard error; if it cannot be written, the work still continues."""
    with contextlib.suppress(OSError):
        click.echo(one_line(text), err=True)


def show(*lines: str) -> None:
    """Prints lines to standard output, one for each argument."""
    click.echo("\n".join(map(one_line, lines)))


def show_text(text: str) -> None:
    """Prints text of several lines, such as a table, to standard output."""
    click.echo(printable(text))


def show_json(record: Any) -> None:
    """Prints `record` to standard output as one line of ASCII."""
    click.echo(json.dumps(record).replace("\x7f", "\\u007f"))


def show_raw(data: bytes) -> None:
    """Writes text that was asked for to standard output: to a terminal with escapes, else raw."""
    if sys.stdout.isatty():
        data = printable(data.decode("utf-8", "surrogateescape")).encode()
    click.echo(data, nl=False)


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
