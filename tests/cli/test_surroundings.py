"""What surrounds a command: streams that are closed, readers that leave, signals, limits."""

import os
import signal
import subprocess
import sys
import time

import pytest

from paribus import checkpoint

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell is needed")
PARIBUS = [sys.executable, "-m", "paribus"]


def shell(script, *arguments, folder, buffered=False):
    """Runs a line of sh in which "$@" is the command; `buffered` as users have it."""
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    if buffered:
        del environment["PYTHONUNBUFFERED"]
    return subprocess.run(
        ["bash", "-c", script, "sh", *PARIBUS, *map(str, arguments)], env=environment,
        cwd=folder, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def train(tiny_data):
    return ("train", tiny_data.config, "--data", tiny_data.tokens, "--run", "run")


@pytest.mark.parametrize("buffered", [True, False])
def test_a_reader_that_leaves_does_not_end_training(train, tmp_path, buffered):
    script = '"$@" 2>&1 | head -1; exit ${PIPESTATUS[0]}'
    done = shell(script, *train, folder=tmp_path, buffered=buffered)
    assert done.returncode == 0 and done.stderr == ""
    assert checkpoint.find(tmp_path / "run").step == 8


QUIET_READERS = {
    "standard output": ('"$@" | true; exit ${PIPESTATUS[0]}', 0),
    "both": ('"$@" 2>&1 | true; exit ${PIPESTATUS[0]}', 0),
    "a full device": ('"$@" > /dev/full', 74),
    "a full device for errors": ('"$@" 2> /dev/full', 0),
}


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("case", QUIET_READERS)
def test_what_nobody_reads_changes_no_exit_code_and_prints_nothing(case, buffered, tmp_path):
    script, exit_code = QUIET_READERS[case]
    done = shell(script, "accounting", "base_modern", folder=tmp_path, buffered=buffered)
    assert done.returncode == exit_code, done.stderr
    assert "Exception ignored" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("buffered", [True, False])
def test_a_refusal_that_nobody_reads_keeps_its_exit_code(tmp_path, buffered):
    script = '"$@" 2>&1 | true; exit ${PIPESTATUS[0]}'
    done = shell(script, "eval", "nowhere", folder=tmp_path, buffered=buffered)
    assert (done.returncode, done.stderr) == (66, "")


@pytest.mark.parametrize("arguments", [("info",), ("--help",)])
def test_closed_streams_are_no_failure(arguments, tmp_path):
    assert shell('"$@" >&- 2>&- <&-', *arguments, folder=tmp_path).returncode == 0


def test_a_closed_standard_input_is_an_empty_one(tmp_path):
    done = shell(
        '"$@" <&-', "tokenizer", "train", "-", "--vocab-size", 300, "--out", "t", folder=tmp_path
    )
    assert done.returncode == 65
    assert done.stderr.startswith("error: -: expected text, found none")


@pytest.mark.parametrize(
    ("name", "exit_code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 75)]
)
def test_a_signal_ends_any_command_with_its_line_and_code(tiny_data, tmp_path, name, exit_code):
    os.mkfifo(tmp_path / "text")
    command = [*PARIBUS, "tokenizer", "encode", str(tiny_data.tokenizer), "text"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        writer = opened_for_writing(tmp_path / "text", process)
        time.sleep(0.5)  # a signal between two system calls waits for the next one
        process.send_signal(getattr(signal, name))
        _, said = process.communicate(timeout=60)
        os.close(writer)
    assert said.decode() == f"error: stopped ({name})\n"
    assert process.returncode == exit_code


def opened_for_writing(fifo, process):
    """A descriptor of the pipe, once the process has it open for reading."""
    while process.poll() is None:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.01)
    raise AssertionError(process.stderr.read())


def test_a_limit_on_file_size_is_a_full_disk(train, tmp_path):
    done = shell('ulimit -f 40; "$@"', *train, folder=tmp_path)
    assert done.returncode == 74, done.stderr
    assert "File too large: run/checkpoints/step-00000002" in done.stderr.splitlines()[-1]
    assert '"state": "failed"' in (tmp_path / "run" / "status.json").read_text(encoding="utf-8")


def test_a_run_that_fails_says_so_in_its_status(train, tmp_path, monkeypatch, cli):
    from paribus.errors import StorageError
    from paribus.training import loop

    def full(*_, **__):
        raise StorageError("no room")

    monkeypatch.setattr(loop.checkpoint, "save", full)
    monkeypatch.chdir(tmp_path)
    assert cli(*train).code == 74
    status = (tmp_path / "run" / "status.json").read_text(encoding="utf-8")
    assert '"state": "failed"' in status and '"exit_code": 74' in status


INTERRUPTED = """
import atexit, os, signal, sys
from paribus.__main__ import main

def interrupt(name="", *_):
    if name in ("", "MODULE"):
        os.kill(os.getpid(), signal.NAME)

class Finder:
    find_spec = staticmethod(interrupt)

sys.meta_path.insert(0, Finder)
WHEN_DONE
sys.argv[1:] = ["--version"]
main()
"""


@pytest.mark.parametrize("moment", ["click", "paribus.cli.main", "when done"])
@pytest.mark.parametrize(("name", "exit_code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_before_and_behind_the_work_ends_it_in_one_line(moment, name, exit_code):
    when_done = "atexit.register(interrupt)" if moment == "when done" else ""
    script = INTERRUPTED.replace("NAME", name).replace("MODULE", moment)
    done = subprocess.run(
        [sys.executable, "-c", script.replace("WHEN_DONE", when_done)],
        capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (exit_code, f"error: stopped ({name})\n")
