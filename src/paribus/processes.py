"""Work in a process of its own, which may hang, crash or run out of memory and harms nothing else.

`run_in_process` does one piece of work; a `Worker` prepares once and answers many questions. The
child is a fresh Python that imports what it needs, on every system. It leads a group of processes
of its own, which ends with it, and it ends when its parent does.
"""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Literal, NoReturn

from paribus.errors import CheckFailedError
from paribus.process_child import (
    Work,
    find_work,
    pack,
    read_message,
    start_thread,
    unpack,
    write_message,
)

FailureKind = Literal["raised", "exited", "crashed", "out of memory", "timed out"]

OUTPUT_BYTES = 64 << 10
"""The end of what a child printed that is kept."""
SECONDS_TO_LEAVE = 5.0
"""Time that a child with no more work has to leave before it is killed."""
SECONDS_OF_LOOK = 0.5
"""Time between two looks whether a silent child is still there."""
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """What a child gets; by default what its parent has."""

    threads: int | None = None
    """Threads of the numerical libraries that it imports."""
    memory_bytes: int | None = None
    """Limit of its address space, if the system can set one (Linux does, Windows does not)."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to those of the parent."""


@dataclass(frozen=True)
class Outcome:
    """What a piece of work gave."""

    result: Any
    peak_bytes: int | None
    """Largest resident memory of the child so far, Python and libraries included."""
    output: str
    """The end of what the child printed, standard output and standard error together."""


class ProcessError(CheckFailedError):
    """Work in a process of its own that gave no result."""

    def __init__(self, name: str, kind: FailureKind, reason: str, output: str = ""):
        super().__init__(f"{name}: {reason}")
        self.kind: FailureKind = kind
        self.reason = reason
        """One line without the name of the work."""
        self.output = output
        """The end of what the child printed, with the traceback of an exception."""


def run_in_process(
    work: Work,
    *arguments: Any,
    seconds: float = 300.0,
    settings: ProcessSettings | None = None,
) -> Outcome:
    """`work(*arguments)` in a fresh Python. Raises ProcessError if it fails or takes longer."""
    with Worker(_once, work, arguments, settings=settings, name=_name_of(work)) as worker:
        return worker.exchange(seconds=seconds)


class Worker:
    """A process that prepares once and then answers what it is asked, one question at a time.

    `prepare(*arguments)` returns, in the child, the function that answers. An error there is
    raised by each question. A child that died or did not answer in time is gone for good.
    """

    def __init__(
        self,
        prepare: Work,
        *arguments: Any,
        settings: ProcessSettings | None = None,
        name: str = "",
    ):
        settings = settings or ProcessSettings()
        self._name = name or _name_of(prepare)
        self._failure: ProcessError | None = None
        task = pack((prepare, arguments))
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the child ends
        self._process = subprocess.Popen(
            _command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            env={**os.environ, **thread_variables(settings.threads), **settings.environment},
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout
        self._questions: IO[bytes] = self._process.stdin
        self._answers: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        start_thread(_pass_on, self._process.stdout, self._answers)
        self._send((settings.memory_bytes, task))

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(at_once=kind is not None)

    def ask(self, *question: Any, seconds: float = 300.0) -> Any:
        """The answer. Raises ProcessError if there is none within `seconds`."""
        return self.exchange(*question, seconds=seconds).result

    def exchange(self, *question: Any, seconds: float = 300.0) -> Outcome:
        """The answer, with the memory that the child took and what it printed so far."""
        if self._failure:
            raise self._failure
        self._send(question)
        try:
            answer = self._next_answer(seconds)
        except queue.Empty:
            self._die("timed out", f"gave no answer within {seconds:g} s")
        except BaseException:  # Ctrl-C: the answer to this question must not answer the next one
            self.close(at_once=True)
            raise
        if answer is None:
            self._die(*_described_end(self._exit_code()))
        kind, value, peak = unpack(answer)
        if kind == "exited":
            self._die(*_described_end(value))
        if kind:
            raise ProcessError(self._name, kind, value, self._printed())
        return Outcome(value, peak, self._printed())

    def close(self, *, at_once: bool = False) -> None:
        """Ends the child and its group: one without work may leave by itself, unless `at_once`."""
        if self._output.closed:
            return
        with contextlib.suppress(OSError):
            self._questions.close()
        try:
            if not (at_once or self._failure):
                self._process.wait(SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _kill_group(self._process)
            self._process.wait()
            self._output.close()
            self._failure = self._failure or ProcessError(self._name, "exited", "was closed")

    def _send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # a dead child is noticed by the answer it does not give
            write_message(self._questions, pack(message))

    def _next_answer(self, seconds: float) -> bytes | None:
        """The next message; None for a dead child. Raises queue.Empty after `seconds`."""
        end = time.monotonic() + seconds
        while True:
            has_ended = self._process.poll() is not None
            left = end - time.monotonic()
            try:
                return self._answers.get(timeout=max(0.0, min(left, SECONDS_OF_LOOK)))
            except queue.Empty:
                # A process that the child forked may keep its end of the pipe open.
                if has_ended:
                    return None
                if left <= 0:
                    raise

    def _exit_code(self) -> int:
        """The exit code of a child that gives no more answers, negative for a signal."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(SECONDS_TO_LEAVE)
        return 0

    def _die(self, kind: FailureKind, reason: str) -> NoReturn:
        _kill_group(self._process)
        self._failure = ProcessError(self._name, kind, reason, self._printed())
        self.close(at_once=True)
        raise self._failure

    def _printed(self) -> str:
        """The end of what the child printed; it may be printing still, through the same file."""
        descriptor = self._output.fileno()
        start = max(0, os.fstat(descriptor).st_size - OUTPUT_BYTES)
        if hasattr(os, "pread"):
            return os.pread(descriptor, OUTPUT_BYTES, start).decode("utf-8", "replace")
        self._output.seek(start)
        return self._output.read().decode("utf-8", "replace")


def thread_variables(threads: int | None) -> dict[str, str]:
    """The environment variables that tell numerical libraries how many threads to start."""
    return {} if threads is None else dict.fromkeys(THREAD_VARIABLES, str(threads))


def _once(work: Work, arguments: tuple) -> Callable[[], Any]:
    return lambda: find_work(work)(*arguments)


def _name_of(work: Work) -> str:
    if isinstance(work, str):
        return work.rpartition(":")[2]
    return getattr(work, "__name__", type(work).__name__)


def _command() -> list[str]:
    """A fresh Python that finds modules where this one does, but does not run its script again."""
    path = ascii(sys.path)
    code = f"import sys; sys.path[:] = {path}; from paribus.process_child import serve; serve()"
    return [sys.executable, "-u", "-X", "faulthandler", "-c", code]


def _described_end(code: int) -> tuple[FailureKind, str]:
    if code >= 0:
        return "exited", f"its process exited with code {code} and no answer"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        hint = ", perhaps by the system for lack of memory" if name == "SIGKILL" else ""
        return "crashed", f"its process was killed by signal {-code} ({name}){hint}"
    return "crashed", f"its process was killed by signal {-code}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kills the child, and on POSIX whatever it started."""
    process.kill()
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _pass_on(stream: IO[bytes], messages: "queue.SimpleQueue[bytes | None]") -> None:
    """Puts each message of a stream into the queue, and None at its end."""
    with stream:
        while (message := read_message(stream)) is not None:
            messages.put(message)
    messages.put(None)
