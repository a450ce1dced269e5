"""torch.compile: whether it pays, whether it can work, and which errors are its own."""

import contextlib
import dataclasses
import logging
import shutil
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from paribus.errors import UnavailableError, first_line
from paribus.experiment import Experiment

COMPILE_PAYS_SECONDS = {"cpu": 1200.0, "cuda": 120.0}
"""Predicted training time above which compiling is worth its 40 to 60 seconds on two CPU cores."""

Function = TypeVar("Function", bound=Callable)


class CompilationError(UnavailableError):
    """torch.compile could not compile a step: no update was lost, none was made with other bits."""


def resolve_compile(experiment: Experiment, seconds_per_step: float | None) -> Experiment:
    """`experiment` with `training.compile` decided by the predicted uncompiled training time."""
    training = experiment.training
    if training.compile != "auto":
        return experiment
    assert training.steps is not None
    predicted = (seconds_per_step or 0.0) * training.steps
    pays = predicted > COMPILE_PAYS_SECONDS.get(training.device, float("inf"))
    return with_compile(experiment, "on" if pays and can_compile() else "off")


def with_compile(experiment: Experiment, choice: str) -> Experiment:
    """`experiment` with another `training.compile`."""
    training = dataclasses.replace(experiment.training, compile=choice)
    return dataclasses.replace(experiment, training=training)


def can_compile() -> bool:
    """Whether torch.compile finds the C++ compiler that it needs on a CPU."""
    return any(shutil.which(name) for name in ("g++", "c++", "clang++", "cl"))


def compiled(function: Function) -> Function:
    """The compiled function. Compilation happens at its first call; see `compilation_errors`."""
    with compilation_errors():
        return torch.compile(function, dynamic=False)  # type: ignore[return-value]


@contextlib.contextmanager
def compilation_errors() -> Iterator[None]:
    """Raises the compiler's own failures, forward and backward alike, as CompilationError.

    Other errors of the compiled code, such as running out of memory, pass through.
    """
    try:
        yield
    except RuntimeError as error:  # the compiler's errors are RuntimeErrors too
        if not _is_of_the_compiler(error):
            raise
        raise CompilationError(f"torch.compile failed: {first_line(error)}") from error


def _is_of_the_compiler(error: BaseException) -> bool:
    """Whether the compiler raised `error`, or says that this Python or system has none."""
    is_unsupported = "torch.compile is not supported" in str(error)
    kinds = [kind.__module__ for kind in type(error).__mro__]
    return is_unsupported or any("dynamo" in name or "inductor" in name for name in kinds)


@contextlib.contextmanager
def quiet_compiler() -> Iterator[None]:
    """Hides two warnings of the compiler that are not about the run, and restores their loggers."""
    names = {
        "torch.utils.cpp_extension": "looks for a GPU toolkit in passing",
        "torch._higher_order_ops.wrap": "warns of in-place operations, of which the model has none",
    }
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
