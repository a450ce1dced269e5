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


def run_alone(work: Callable[..., Any], *arguments: Any, seconds: float = 300) -> Alone:
    """`work(*arguments)` in a fresh Python. Raises CheckFailedError where it fails, dies or takes
    longer than `seconds`."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, work, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        error, result, peak = ours.recv() if ours.poll(seconds) else ("too slow", None, None)
    except EOFError:
        error, result, peak = "its process died", None, None
    finally:
        process.terminate()
        process.join()
    if error:
        raise CheckFailedError(f"{work.__name__}: expected a result, found {error}")
    return Alone(result, peak)


def _work(connection: Connection, work: Callable[..., Any], arguments: tuple) -> None:
    for stream in (1, 2):  # libraries talk; standard output is for our tables
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    try:
        result, error = work(*arguments), ""
    except BaseException as raised:  # a library of others may raise anything: it is passed on
        result, error = None, f"{type(raised).__name__}: {raised}".partition("\n")[0]
    connection.send((error, result, peak_memory_bytes()))
