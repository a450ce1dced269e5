"""Work in a process of its own: what it gives, every way it can fail, and what is left of it."""

import operator
import os
import pydoc
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from paribus.errors import CheckFailedError
from paribus.processes import ProcessError, ProcessSettings, Worker, run_in_process
from process_work import (
    fill,
    kill_oneself,
    print_and_raise,
    print_much,
    raise_unpicklable,
    read_null,
    start_another,
    start_another_and_sleep,
    variables,
)

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits that Linux enforces")


@pytest.fixture(autouse=True)
def nothing_left():
    """No test leaves a child behind, neither alive nor as a zombie."""
    before = set(psutil.Process().children(recursive=True))
    yield
    left = set(psutil.Process().children(recursive=True)) - before
    assert left == set(), [child.status() for child in left]


def failure(work, *arguments, seconds=60.0, settings=None) -> ProcessError:
    with pytest.raises(ProcessError) as caught:
        run_in_process(work, *arguments, seconds=seconds, settings=settings)
    return caught.value


def ends(pid: int) -> bool:
    """Whether a process is gone, or only waits for its parent to look, within some seconds."""
    for _ in range(200):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_a_result_comes_with_peak_memory_and_output():
    outcome = run_in_process(print_much)
    assert outcome.result == "done"
    assert outcome.output.endswith("the end") and len(outcome.output) == 1 << 16
    assert run_in_process(operator.add, [1], [2]).result == [1, 2]


@ON_LINUX
def test_the_peak_is_that_of_the_child_alone():
    ballast = bytearray(b"1") * (300 << 20)
    small = run_in_process(fill, 1).peak_bytes
    large = run_in_process(fill, 100 << 20).peak_bytes
    assert small and large
    assert small < len(ballast)
    assert (90 << 20) < large - small < (200 << 20)


def test_work_can_be_named_by_its_import_path():
    assert run_in_process("math:sqrt", 9.0).result == 3.0
    error = failure("math:no_such_function", 1)
    assert error.kind == "raised"
    assert str(error).startswith("no_such_function: AttributeError: ")
    assert failure("no_such_module:f").reason.startswith("ModuleNotFoundError")


def test_an_exception_is_one_line_and_its_traceback_is_in_the_output():
    error = failure(print_and_raise)
    assert isinstance(error, CheckFailedError)
    assert (error.kind, error.reason) == ("raised", "ValueError: first line")
    assert str(error) == "print_and_raise: ValueError: first line"
    for printed in ("on standard output", "on standard error", "by the descriptor", "Traceback"):
        assert printed in error.output
    assert failure(raise_unpicklable).reason == "Unpicklable: cannot be"


def test_what_a_child_prints_is_not_heard(capfd):
    assert run_in_process(os.write, 1, b"Starting merges").output == "Starting merges"
    failure(print_and_raise)
    assert capfd.readouterr() == ("", "")


def test_a_result_that_cannot_be_pickled_is_a_failure():
    error = failure(eval, "lambda: 1")
    assert error.kind == "raised"
    assert "pickle" in error.reason.lower()


@pytest.mark.parametrize("leave", [sys.exit, os._exit])
@pytest.mark.parametrize("code", [3, 0, 255])
def test_a_child_that_exits_says_with_which_code(leave, code):
    error = failure(leave, code)
    assert error.kind == "exited"
    assert error.reason == f"its process exited with code {code} and no answer"


def test_exiting_with_a_text_is_exit_code_1():
    error = failure(sys.exit, "no room")
    assert "code 1" in error.reason and "no room" in error.output


@ON_POSIX
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGABRT", "SIGSEGV", "SIGUSR1"])
def test_a_child_that_is_killed_says_by_which_signal(name):
    error = failure(kill_oneself, getattr(signal, name))
    assert error.kind == "crashed"
    assert f"signal {int(getattr(signal, name))} ({name})" in error.reason
    assert ("lack of memory" in error.reason) == (name == "SIGKILL")


@ON_POSIX
def test_a_crash_in_c_says_where():
    error = failure(read_null)
    assert error.kind == "crashed"
    assert "SIGSEGV" in error.reason
    assert "in read_null" in error.output


@ON_LINUX
@pytest.mark.parametrize("work", [fill, bytearray])
def test_work_beyond_its_memory_is_out_of_memory(work):
    settings = ProcessSettings(memory_bytes=2 << 30, threads=1)
    error = failure(work, 8 << 30, settings=settings)
    assert error.kind == "out of memory"
    assert "MemoryError" in error.reason
    assert run_in_process(len, b"abc", settings=settings).result == 3


@ON_LINUX
def test_the_limit_of_memory_holds_for_each_question():
    settings = ProcessSettings(memory_bytes=2 << 30, threads=1)
    with Worker(pydoc.locate, "builtins.bytearray", settings=settings) as worker:
        for _ in range(2):
            with pytest.raises(ProcessError) as caught:
                worker.ask(8 << 30, seconds=60)
            assert caught.value.kind == "out of memory"
            assert len(worker.ask(10, seconds=60)) == 10


def test_work_that_hangs_is_timed_out():
    started = time.monotonic()
    error = failure(time.sleep, 600, seconds=0.5)
    assert time.monotonic() - started < 60
    assert (error.kind, error.reason) == ("timed out", "gave no answer within 0.5 s")


def test_threads_and_environment_reach_the_child_alone(monkeypatch):
    monkeypatch.setenv("PARIBUS_TEST", "outer")
    names = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "PARIBUS_TEST")
    before = dict(os.environ)
    settings = ProcessSettings(threads=3, environment={"PARIBUS_TEST": "inner"})
    assert run_in_process(variables, *names, settings=settings).result == ["3", "3", "inner"]
    assert run_in_process(variables, "PARIBUS_TEST").result == ["outer"]
    assert dict(os.environ) == before


def test_a_worker_answers_again_and_again_and_tells_what_failed():
    with Worker(operator.attrgetter, "real") as worker:
        assert [worker.ask(number, seconds=60) for number in (3, 4 + 2j)] == [3, 4]
        with pytest.raises(ProcessError, match="attrgetter: AttributeError"):
            worker.ask("text", seconds=60)
        assert worker.ask(5, seconds=60) == 5


def test_a_late_answer_does_not_answer_the_next_question():
    with Worker(pydoc.locate, "time.sleep") as worker:
        with pytest.raises(ProcessError, match="no answer within"):
            worker.ask(1.0, seconds=0.1)
        with pytest.raises(ProcessError, match="no answer within"):
            worker.ask(0, seconds=60)


def test_a_worker_that_cannot_prepare_says_so_at_each_question():
    with Worker(operator.truediv, 1, 0) as worker:
        for _ in range(2):
            with pytest.raises(ProcessError, match="ZeroDivisionError"):
                worker.ask(1, seconds=60)


def test_a_worker_whose_process_dies_says_so():
    with Worker(pydoc.locate, "os._exit") as worker:
        for _ in range(2):
            with pytest.raises(ProcessError, match="exited with code 9"):
                worker.ask(9, seconds=60)
    with pytest.raises(ProcessError, match="exited with code 9"):
        worker.ask(9)


def test_a_closed_worker_answers_nothing():
    with Worker(operator.attrgetter, "real") as worker:
        assert worker.ask(1, seconds=60) == 1
    with pytest.raises(ProcessError, match="was closed"):
        worker.ask(1)


@ON_POSIX
@pytest.mark.parametrize("forked", [False, True])
def test_what_a_child_started_ends_with_it(tmp_path, forked):
    path = tmp_path / "pid"
    outcome = run_in_process(start_another, path, forked, False)
    assert ends(outcome.result)
    error = failure(start_another, path, forked, True)
    assert error.reason == "its process exited with code 4 and no answer"
    assert ends(int(path.read_text(encoding="utf-8")))
    path.unlink()
    assert failure(start_another_and_sleep, path, seconds=5).kind == "timed out"
    assert ends(int(path.read_text(encoding="utf-8")))


PARENT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import process_work
from paribus.processes import run_in_process
run_in_process(process_work.start_another_and_sleep, Path({path!r}))
"""


@ON_POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_parent_that_is_stopped_leaves_nobody_at_work(tmp_path, name):
    path = tmp_path / "pid"
    code = textwrap.dedent(PARENT).format(tests=str(Path(__file__).parent), path=str(path))
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE,
        # A shell that starts a job in the background has it ignore this signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while not path.exists() or not path.read_text(encoding="utf-8"):
        assert parent.poll() is None
        time.sleep(0.05)
    grandchild = int(path.read_text(encoding="utf-8"))
    (child,) = psutil.Process(parent.pid).children()
    parent.send_signal(getattr(signal, name))
    _, said = parent.communicate(timeout=60)
    assert ends(child.pid) and ends(grandchild)
    assert (b"KeyboardInterrupt" in said) == (name == "SIGINT")


def test_a_script_without_a_guard_does_not_run_twice(tmp_path):
    script = tmp_path / "script.py"
    lines = "print('once')\nfrom paribus.processes import run_in_process\n"
    script.write_text(lines + "print(run_in_process('math:sqrt', 4).result)\n", encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, encoding="utf-8")
    assert done.stdout.split() == ["once", "2.0"], done.stderr
