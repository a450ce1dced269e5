"""When compiling a step fails: a new run continues uncompiled and says so, a resumed one does not."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from paribus import checkpoint
from paribus.errors import StoppedError, UnavailableError
from paribus.tracking.rows import read_rows
from paribus.training import loop, resolve
from paribus.training.compiler import CompilationError, compilation_errors, compiled
from paribus.training.run import resume, train

COMPILED = "training.compile=on"


class CompilerError(RuntimeError):
    """Like those of the compiler, which are told apart by their module."""

    __module__ = "torch._inductor.exc"


@pytest.fixture
def failing(monkeypatch):
    """Steps of compiled runs fail as `error` says, forward or backward; others are made."""

    def fail(error, act=lambda: None):
        step = loop.train_step

        def failing_step(state, batch, experiment, objective):
            if experiment.training.compile == "on":
                act()
                raise error
            return step(state, batch, experiment, objective)

        monkeypatch.setattr(loop, "train_step", failing_step)

    monkeypatch.setattr(torch, "compile", lambda function, dynamic: function)
    return fail


def test_a_new_run_that_cannot_be_compiled_is_the_uncompiled_run_and_says_so(
    failing, tiny_experiment, unbroken, outcome_of, recorder
):
    failing(CompilerError("no compiler\nand much more"))
    listener = recorder()
    folder = train(tiny_experiment("run", COMPILED), [listener])
    outcome_of(folder).assert_equal(outcome_of(unbroken))
    note = "torch.compile failed: no compiler. The run continues uncompiled"
    assert note in listener.notes
    assert checkpoint.read_experiment(folder).training.compile == "off"
    events = [row for row in read_rows(folder / "metrics.jsonl") if row["kind"] == "event"]
    assert [(row["key"], row["value"]) for row in events] == [("training.compile", "off")]


def test_a_compiled_run_is_not_resumed_with_other_bits_without_a_word(
    failing, tiny_experiment, stopped_run
):
    folder = stopped_run("run", COMPILED)
    before = {path: path.read_bytes() for path in folder.glob("*.yaml")}
    failing(CompilerError("g++ was killed"))
    with pytest.raises(UnavailableError, match=r"g\+\+ was killed.*training\.compile=off --allow"):
        resume(folder)
    assert {path: path.read_bytes() for path in folder.glob("*.yaml")} == before
    resume(folder, ["training.compile=off"], allow_change=["training.compile"])
    assert checkpoint.find(folder).step == 8


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_ends_the_compiler_too_stops_the_run(
    failing, tiny_experiment, stopped_run, number
):
    failing(CompilerError("g++ was killed"), lambda: signal.raise_signal(number))
    experiment = tiny_experiment("new", COMPILED)
    with pytest.raises(StoppedError, match="while step 1 was compiled"):
        train(experiment)
    assert checkpoint.read_experiment(experiment.run.dir).training.compile == "on"
    assert checkpoint.find(experiment.run.dir).step == 0


def test_a_budget_in_time_of_steps_that_cannot_be_compiled_is_one_of_uncompiled_steps(
    tiny_experiment, monkeypatch
):
    def measure(experiment, batch_at):
        if experiment.training.compile == "on":
            raise CompilationError("torch.compile failed: no compiler")
        return resolve.Speed(0.5, 0.0)

    monkeypatch.setattr(resolve, "measure_speed", measure)
    said = []
    experiment = tiny_experiment("run", COMPILED, "training.time=3s", "model.vocab_size=300")
    resolved, speed = resolve.resolve_budget(experiment, None, lambda step: None, said.append)
    assert (resolved.training.compile, speed) == ("off", resolve.Speed(0.5, 0.0))
    assert any("no compiler. The run continues uncompiled" in text for text in said)


@pytest.mark.parametrize(
    "error",
    [
        CompilerError("CppCompileError"),
        RuntimeError("torch.compile is not supported on Python 3.19+"),
        torch._dynamo.exc.Unsupported("graph break"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_the_compiler_are_told_apart(error):
    with pytest.raises(CompilationError), compilation_errors():
        raise error


def test_an_error_of_the_function_itself_is_raised(monkeypatch):
    with pytest.raises(RuntimeError, match=r"^out of memory$"), compilation_errors():
        raise RuntimeError("out of memory")


def test_a_python_without_a_compiler_is_a_failure_to_compile(monkeypatch):
    def unsupported(function, dynamic):
        raise RuntimeError("torch.compile is not supported on Python 3.19+")

    monkeypatch.setattr(torch, "compile", unsupported)
    with pytest.raises(CompilationError, match="not supported"):
        compiled(print)


def test_a_new_run_on_a_python_without_a_compiler_is_uncompiled(
    monkeypatch, tiny_experiment, unbroken, outcome_of, recorder
):
    def unsupported(function, dynamic):
        raise RuntimeError("torch.compile is not supported on Python 3.19+")

    monkeypatch.setattr(torch, "compile", unsupported)
    listener = recorder()
    folder = train(tiny_experiment("run", COMPILED), [listener])
    outcome_of(folder).assert_equal(outcome_of(unbroken))
    assert checkpoint.read_experiment(folder).training.compile == "off"
    assert any("The run continues uncompiled" in note for note in listener.notes)


def test_every_model_of_a_process_is_compiled():
    script = Path(__file__).with_name("compiled_runs.py")
    done = subprocess.run([sys.executable, script], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
