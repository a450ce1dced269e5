"""Where compiling fails, and where what is compiled does."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from paribus.training.numerics import compiled


class CompilerError(RuntimeError):
    """As those of the compiler: told apart by its module."""

    __module__ = "torch._inductor.exc"


def failing(monkeypatch, error):
    """torch.compile gives what raises `error`; returns the arguments it was called with."""
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        raise error

    monkeypatch.setattr(torch, "compile", lambda function, dynamic: fail)
    return calls


def test_where_compiling_fails_the_function_runs_and_one_warning_says_so(monkeypatch, caplog):
    calls = failing(monkeypatch, CompilerError("no compiler\nand much more"))
    double = compiled(lambda number: 2 * number)
    assert [double(3), double(4)] == [6, 8]
    assert calls == [(3,)], "it is tried once"
    (record,) = caplog.records
    assert record.getMessage().endswith("the run goes on uncompiled: no compiler")


def test_an_error_of_the_function_itself_is_raised(monkeypatch, caplog):
    failing(monkeypatch, RuntimeError("out of memory"))
    with pytest.raises(RuntimeError, match="out of memory"):
        compiled(lambda number: 2 * number)(3)
    assert caplog.records == []


def test_every_model_of_a_process_is_compiled():
    script = Path(__file__).with_name("compiled_runs.py")
    done = subprocess.run([sys.executable, script], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
