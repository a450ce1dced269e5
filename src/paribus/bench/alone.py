"""Work in a process of its own: its peak memory, and a death that takes nothing else along."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from paribus.errors import CheckFailedError
from paribus.files import peak_memory_bytes


class Alone(NamedTuple):
    """What a process gave."""

    result: Any
    peak_bytes: int | None
    """Its largest resident memory, Python and libraries included."""


class Worker:
    """A process that prepares once and then answers what it is asked, one thing at a time.

    `prepare(*arguments)` gives, in a fresh Python, what answers. Errors there, and a process that
    dies, are a CheckFailedError of the next question.
    """

    def __init__(self, prepare: Callable[..., Callable[..., Any]], *arguments: Any):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_answer, args=(theirs, prepare, arguments), daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def ask(self, *question: Any, seconds: float = 300) -> Any:
        """The answer. Raises CheckFailedError for none, or none within `seconds`."""
        try:
            self._connection.send(question)
            is_there = self._connection.poll(seconds)
            error, answer = self._connection.recv() if is_there else ("too slow", None)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            error, answer = "its process died", None
        if error:
            raise CheckFailedError(f"{question[0]}: expected an answer, found {error}")
        return answer


def _answer(
    connection: Connection, prepare: Callable[..., Callable[..., Any]], arguments: tuple
) -> None:
    _be_quiet()
    answer: Callable[..., Any] | None = None
    while True:
        try:
            question = connection.recv()
        except EOFError:
            return
        try:
            answer = answer or prepare(*arguments)
            connection.send(("", answer(*question)))
        except BaseException as raised:  # a library of others may raise anything: it is passed on
            connection.send((_line(raised), None))


def run_alone(work: Callable[..., Any], *arguments: Any, seconds: float = 300) -> Alone:
    """`work(*arguments)` in a fresh Python. Raises CheckFailedError where it fails, dies or takes
    longer than `seconds`."""
    with Worker(_with_peak, work, arguments) as worker:
        return Alone(*worker.ask(work.__name__, seconds=seconds))


def _with_peak(work: Callable[..., Any], arguments: tuple) -> Callable[[str], tuple]:
    """An answer that does the work, whatever its question is called."""
    return lambda name: (work(*arguments), peak_memory_bytes())


def _be_quiet() -> None:
    for stream in (1, 2):  # libraries talk; standard output is for our tables
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
