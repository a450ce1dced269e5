"""Settings of the whole process that a run needs, in a block that puts back what it found."""

import contextlib
import os
from collections.abc import Iterator

import torch

from paribus.training.compiler import quiet_compiler
from paribus.training.config import TrainingConfig

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextlib.contextmanager
def process_settings(training: TrainingConfig) -> Iterator[None]:
    """Threads, determinism, random states and the compiler as `training` needs them."""
    assert training.threads is not None
    with contextlib.ExitStack() as stack:
        stack.enter_context(_random_states(training.device))
        stack.enter_context(_threads(training.threads))
        if training.device == "cuda" or training.compile == "on":
            stack.enter_context(_determinism(training))
        if training.compile == "on":
            stack.enter_context(_fresh_compiler())
        yield


@contextlib.contextmanager
def _random_states(device: str) -> Iterator[None]:
    """A run seeds the global generators; the caller's own sequence continues afterwards."""
    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices):
        yield


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _determinism(training: TrainingConfig) -> Iterator[None]:
    # Compiled on a CPU, threads add to the rows of a table's gradient in any order.
    was_on = torch.are_deterministic_algorithms_enabled()
    warned_only = torch.is_deterministic_algorithms_warn_only_enabled()
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    benchmarked = torch.backends.cudnn.benchmark
    workspace = os.environ.get(CUBLAS)
    if training.device == "cuda" and training.deterministic:
        # Read when cuBLAS starts; torch up to 2.6 insists on it.
        os.environ.setdefault(CUBLAS, ":4096:8")
    torch.use_deterministic_algorithms(training.deterministic, warn_only=False)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not training.deterministic
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was_on, warn_only=warned_only)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = benchmarked
        if workspace is None:
            os.environ.pop(CUBLAS, None)


@contextlib.contextmanager
def _fresh_compiler() -> Iterator[None]:
    """The compiler without what it compiled before, and again at the end.

    It keeps eight versions of a function and then gives up: the ninth model of a process would
    run uncompiled, and the compiled code of a finished run would stay in memory.
    """
    torch.compiler.reset()
    try:
        with quiet_compiler():
            yield
    finally:
        torch.compiler.reset()
