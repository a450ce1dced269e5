"""The child's side of `processes`: a Python that answers the questions of its parent."""

import contextlib
import importlib
import importlib.util
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import IO, Any

from paribus.errors import is_out_of_memory
from paribus.machine import peak_memory_bytes

Work = Callable[..., Any] | str
"""A function that can be pickled (one at the top level of a module), or "module:function"."""


def serve() -> None:
    """Answers questions until the parent asks no more: the whole life of the child."""
    questions: queue.Queue[Any] = queue.Queue()
    # Copies for the talk with the parent: no library writes there, no other program inherits them.
    start_thread(_watch_parent, os.fdopen(os.dup(0), "rb"), questions)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what libraries print joins standard error, which the parent keeps
    memory_bytes, task = _taken(questions)
    answer: Callable[..., Any] | None = None

    def reply(question: tuple) -> Any:
        nonlocal answer
        if answer is None:
            prepare, arguments = unpack(task)
            answer = find_work(prepare)(*arguments)
        assert answer is not None
        return answer(*question)

    while (question := questions.get()) is not None:
        message = _message(reply, question, memory_bytes)
        questions.task_done()  # before the answer, after which the parent may be gone
        write_message(answers, message)


def _taken(questions: "queue.Queue[Any]") -> Any:
    first = questions.get()
    questions.task_done()
    return first


def _watch_parent(stream: IO[bytes], questions: "queue.Queue[Any]") -> None:
    """Passes questions on; if the parent is gone, nobody waits for the work that is being done."""
    while (message := read_message(stream)) is not None:
        questions.put(unpack(message))
    if questions.unfinished_tasks:
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)
        os._exit(1)
    questions.put(None)


def _message(reply: Callable[[tuple], Any], question: tuple, memory_bytes: int | None) -> bytes:
    """The pickled answer, or the failure in its place."""
    try:
        with _memory_limit(memory_bytes):
            return pack(("", reply(question), peak_memory_bytes()))
    except SystemExit as error:
        kind, value = "exited", _exit_code_of(error)
    except BaseException as error:  # foreign libraries raise anything: all of it is passed on
        kind = "out of memory" if is_out_of_memory(error) else "raised"
        value = f"{type(error).__name__}: {error}".rstrip(": ").partition("\n")[0]
        traceback.print_exc()
    return pack((kind, value, peak_memory_bytes()))


def _exit_code_of(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)
    return 1


@contextlib.contextmanager
def _memory_limit(n_bytes: int | None) -> Iterator[None]:
    """Limits the address space of this process; after an error there is room again to report it."""
    if n_bytes is None or not importlib.util.find_spec("resource"):
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def find_work(work: Work) -> Callable[..., Any]:
    """The function that `work` names, imported if need be."""
    if not isinstance(work, str):
        return work
    module, _, name = work.partition(":")
    return getattr(importlib.import_module(module), name)


def start_thread(target: Callable[..., None], *arguments: Any) -> None:
    """Runs `target(*arguments)` in a thread that does not keep the process alive."""
    threading.Thread(target=target, args=arguments, daemon=True).start()


def pack(message: Any) -> bytes:
    """A message as bytes. Pickles go through a pipe between a process and its own child only."""
    return pickle.dumps(message)


def unpack(message: bytes) -> Any:
    """The message that `pack` made bytes of."""
    return pickle.loads(message)


def write_message(stream: IO[bytes], message: bytes) -> None:
    """Writes the length of a message and then the message."""
    stream.write(len(message).to_bytes(8, "little") + message)
    stream.flush()


def read_message(stream: IO[bytes]) -> bytes | None:
    """The next message; None at the end of the stream, also in the middle of a message."""
    size = int.from_bytes(stream.read(8), "little")
    message = stream.read(size)
    return message if size and len(message) == size else None
