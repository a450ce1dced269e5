"""The command `paribus`: its verbs, and what every error becomes."""

import importlib
import logging
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from paribus.cli.display import say, show_text
from paribus.errors import ParibusError, first_line, from_os_error, is_out_of_memory
from paribus.files import STOP_SIGNALS
from paribus.terminal import one_line

VERBS = {
    "quickstart": ("paribus.cli.quickstart:quickstart", "Train a small model in a few minutes."),
    "tokenizer": (
        "paribus.cli.tokenizer.group:tokenizer",
        "Train a tokenizer, encode and decode text.",
    ),
    "data": ("paribus.cli.data:data", "Turn text into token shards, and inspect them."),
    "train": ("paribus.cli.train:train", "Train a model from a config."),
    "resume": ("paribus.cli.train:resume", "Continue a stopped run."),
    "generate": ("paribus.cli.generate:generate", "Continue a text with a trained model."),
    "eval": ("paribus.cli.evaluate:evaluate", "Measure the loss of a trained model."),
    "runs": ("paribus.cli.runs:runs", "List runs, or send one to a tracker."),
    "bench": ("paribus.cli.bench:bench", "Benchmark against other libraries."),
    "plan": ("paribus.cli.plan:plan", "Show time and memory of a run, or find one that fits."),
    "accounting": (
        "paribus.cli.accounting:accounting",
        "Count parameters, FLOPs and memory of a config.",
    ),
    "cs336": ("paribus.cli.cs336:cs336", "Run the tests of CS336's assignment 1 against Paribus."),
    "info": ("paribus.cli.info:info", "Show this machine, devices and what is installed."),
}
"""verb -> (module:command, help line). A verb's module is imported when it runs, not before."""


class Verbs(click.Group):
    """A group that imports a verb only to run it, so that help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name][0].partition(":")
        return getattr(importlib.import_module(module), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=list(VERBS), ctx=ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # which click itself would end with exit code 1
            raise _ReaderGoneError from error
        except KeyboardInterrupt as error:  # which click itself would begin a new line for
            raise _SignalError from error


class _ReaderGoneError(Exception):
    """The reader of standard output has enough, as in `| head`."""


@click.command(cls=Verbs)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="paribus")
@click.pass_context
def paribus(ctx: click.Context, debug: bool) -> None:
    """A language model from raw bytes, and what each of its parts does.

    \b
    Start here:
      paribus quickstart
    """
    ctx.color = False if "NO_COLOR" in os.environ else None


def run(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code (docs/exit-codes.md)."""
    _open_closed_streams()
    # --debug stands anywhere, for it is added after an error, at the end of the line.
    wants_traceback = "--debug" in arguments
    rest = [argument for argument in arguments if argument != "--debug"]
    try:
        _speak_plainly()
        result = paribus.main(rest, prog_name="paribus", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        show_text(error.format_message())
        return 2
    except click.ClickException as error:
        message = " ".join(error.format_message().split())
        return _fail(message, error.exit_code if error.exit_code != 1 else 2)
    except (BrokenPipeError, _ReaderGoneError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except SystemExit:
        raise
    except BaseException as error:
        if wants_traceback:
            for line in traceback.format_exc().splitlines():
                say(line)
        return _fail(*_described(error))


_LESS = "End other programs, or work on less: a smaller model, or a smaller training.batch_size"


def _described(error: BaseException) -> tuple[str, int]:
    if _signals or isinstance(error, click.Abort | KeyboardInterrupt):
        # An import that a signal breaks off may raise what it likes.
        number = _signals[0] if _signals else signal.SIGINT
        return f"stopped ({signal.Signals(number).name})", STOP_SIGNALS[number]
    if is_out_of_memory(error):
        return f"memory: expected enough, found none left ({first_line(error)}). {_LESS}", 71
    if isinstance(error, OSError):
        error = from_os_error(error)
    if isinstance(error, ParibusError):
        return str(error), error.exit_code
    said = f"unexpected {type(error).__name__}: {first_line(error)}"
    return f"{said}. Run it again with --debug", 70


def _fail(message: str, exit_code: int) -> int:
    for line in message.split("\n"):
        say(f"error: {line}")
    return exit_code


class _OneLineFormatter(logging.Formatter):
    """`warning: …`, always one line."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(f"warning: {record.getMessage()}")


def _speak_plainly() -> None:
    """Log records and Python's warnings become one line each on standard error, `warning: …`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[attr-defined]
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_OneLineFormatter())
    logger = logging.getLogger("paribus")
    logger.handlers = [handler]
    logger.propagate = False

    def show(message: Any, category: Any, filename: str, *rest: Any, **more: Any) -> None:
        if "paribus" in filename:
            say(f"warning: {message}")

    warnings.showwarning = show
    _signals.clear()
    for number in STOP_SIGNALS:
        signal.signal(number, _terminate)


_signals: list[int] = []
"""Stop signals that arrived while no loop was watching."""


class _SignalError(BaseException):
    """A stop signal outside of a training run: temporary files are removed on the way out."""


def _terminate(number: int, frame: object) -> None:
    _signals.append(number)
    # Whatever else a handler raises is lost where Python compiles a module that is imported.
    raise KeyboardInterrupt


def _open_closed_streams() -> None:
    """A stream that the caller has closed, as a daemon's are, reads and writes nothing."""
    nothing = Path(os.devnull)
    sys.stdin = sys.stdin or nothing.open(encoding="utf-8")
    sys.stdout = sys.stdout or nothing.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or nothing.open("w", encoding="utf-8")
