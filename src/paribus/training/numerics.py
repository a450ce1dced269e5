"""Where and in which number format a run computes; what each `auto` becomes on this machine."""

import contextlib
import dataclasses
import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

from paribus.errors import UnavailableError, first_line
from paribus.experiment import Experiment
from paribus.loss import Loss, chunked_loss, exponentiate_in_place, readable_loss
from paribus.machine import peak_memory_bytes
from paribus.model.transformer import Transformer
from paribus.training.config import TrainingConfig

COMPILE_PAYS_SECONDS = {"cpu": 1200.0, "cuda": 120.0}
"""Predicted training time above which compiling is worth its 40 to 60 seconds on two CPU cores."""

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

LARGEST_PRODUCT = 16_384
"""Rows and columns at most, whatever the clock says."""
LARGE_PRODUCT_SECONDS = 0.01
"""A product that takes so long shows what a device can do; a larger one is hardly faster."""

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
"""What a compiled forward pass keeps for the backward pass, besides attention."""

log = logging.getLogger("paribus")

Result = TypeVar("Result")


def resolve_machine(experiment: Experiment) -> Experiment:
    """`experiment` with device, precision and threads as they are on this machine."""
    training = experiment.training
    device = find_device(training.device, "training.device")
    precision = training.precision
    if precision == "auto":
        precision = _best_precision(device)
    threads = training.threads or torch.get_num_threads()
    training = dataclasses.replace(training, device=device, precision=precision, threads=threads)
    return dataclasses.replace(experiment, training=training)


def find_device(wanted: str, key: str = "device") -> str:
    """The name of a device that is there. Raises UnavailableError, naming `key`, for another."""
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if present[name])
    if not present.get(wanted, False):
        there = ", ".join(name for name, here in present.items() if here)
        raise UnavailableError(
            f"{key}: expected a device that is there ({there}), found {wanted!r}. "
            "Choose another, or auto"
        )
    return wanted


def _best_precision(device: str) -> str:
    """bf16 where CUDA has it, fp16 on older CUDA; fp32 elsewhere: CPU results stay comparable."""
    if device != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def resolve_compile(experiment: Experiment, seconds_per_step: float | None) -> Experiment:
    """`experiment` with `training.compile` decided by the predicted eager training time."""
    training = experiment.training
    if training.compile == "auto":
        assert training.steps is not None
        predicted = (seconds_per_step or 0.0) * training.steps
        pays = predicted > COMPILE_PAYS_SECONDS.get(training.device, float("inf"))
        choice = "on" if pays and can_compile() else "off"
        training = dataclasses.replace(training, compile=choice)
    return dataclasses.replace(experiment, training=training)


def can_compile() -> bool:
    """Whether torch.compile finds the C++ compiler it needs on a CPU."""
    return any(shutil.which(name) for name in ("g++", "c++", "clang++", "cl"))


@dataclass(frozen=True)
class Numerics:
    """How losses are computed: device, number format, and the functions of the fast path."""

    device: str
    autocast: Callable[[], AbstractContextManager]
    loss: Callable[[Tensor, Tensor], Loss]
    """(tokens, targets) -> what training minimizes."""
    scaler: torch.amp.GradScaler
    vocab_size: int
    """Token ids that the model's tables hold."""

    @classmethod
    def build(cls, model: Transformer, training: TrainingConfig) -> "Numerics":
        """Sets threads and determinism for the process and picks the path that `training` names."""
        assert training.threads is not None
        torch.set_num_threads(training.threads)
        if training.device == "cuda" or training.compile == "on":
            _set_determinism(training)
        if training.compile == "on":
            # The compiler gives up on a function of which it has compiled eight versions: the ninth
            # model of a process would run uncompiled.
            torch.compiler.reset()
        dtype = DTYPES[training.precision]

        def autocast() -> AbstractContextManager:
            if dtype == torch.float32:
                return contextlib.nullcontext()
            return torch.autocast(training.device, dtype)

        scaler = torch.amp.GradScaler(training.device, enabled=dtype == torch.float16)
        vocab_size = len(model.output_weight)
        return cls(training.device, autocast, _loss_function(model, training), scaler, vocab_size)


def _loss_function(
    model: Transformer, training: TrainingConfig
) -> Callable[[Tensor, Tensor], Loss]:
    z_weight = training.z_loss or 0.0
    prepared = compiled if training.compile == "on" else _as_it_is
    lean = keeping_products if training.recomputes else _as_it_is
    if training.loss_rows is None:
        forward = prepared(lean(model.forward))
        return lambda tokens, targets: readable_loss(forward(tokens), targets, z_weight)
    hidden, rows = prepared(lean(model.hidden)), training.loss_rows
    scale, cap = model.logit_scale, model.config.logit_softcap
    exponentiate = prepared(exponentiate_in_place)
    return lambda tokens, targets: chunked_loss(
        hidden(tokens), model.output_weight, targets, rows, scale, cap, z_weight, exponentiate
    )


def _as_it_is(function: Callable[..., Result]) -> Callable[..., Result]:
    return function


def keeping_products(function: Callable[..., Result]) -> Callable[..., Result]:
    """`function`, whose backward pass makes all but products and attention once more.

    Selective activation recomputation (Korthikanti et al., 2022, arXiv:2205.05198).
    """
    # It warns of operations in place: the model has none.
    logging.getLogger("torch._higher_order_ops.wrap").setLevel(logging.ERROR)
    contexts = partial(create_selective_checkpoint_contexts, _policy)
    return partial(
        checkpoint, function, use_reentrant=False, context_fn=contexts, preserve_rng_state=False
    )


def _policy(context: object, operation: torch._ops.OpOverload, *_: Any, **__: Any) -> Any:
    name = operation.name()
    is_kept = name in PRODUCTS or name.startswith("aten::_scaled_dot_product")
    return CheckpointPolicy.MUST_SAVE if is_kept else CheckpointPolicy.PREFER_RECOMPUTE


def compiled(function: Callable[..., Result]) -> Callable[..., Result]:
    """The compiled function, or the function itself with a warning where compiling it fails."""
    # It looks for a GPU's toolkit in passing, and says so where there is none.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    try:
        fast = torch.compile(function, dynamic=False)
    except RuntimeError as error:  # no compiler for this Python or system
        _say_uncompiled(error)
        return function
    has_failed = False

    def call(*arguments: Any) -> Result:
        nonlocal has_failed
        if has_failed:
            return function(*arguments)
        try:
            return fast(*arguments)
        except RuntimeError as error:  # those of the compiler are RuntimeErrors too
            if not _is_compile_failure(error):
                raise
            _say_uncompiled(error)
            has_failed = True
            return function(*arguments)

    return call


def _say_uncompiled(error: BaseException) -> None:
    log.warning("torch.compile failed, the run goes on uncompiled: %s", first_line(error))


def _is_compile_failure(error: BaseException) -> bool:
    return "dynamo" in type(error).__module__ or "inductor" in type(error).__module__


def _set_determinism(training: TrainingConfig) -> None:
    if training.device == "cuda" and training.deterministic:
        # Read when cuBLAS starts; releases of torch up to 2.6 insist on it.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Compiled on a CPU, threads add to the rows of a table's gradient in the order they come.
    torch.use_deterministic_algorithms(training.deterministic, warn_only=False)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = not training.deterministic


def matmul_peak(device: str, precision: str) -> float:
    """FLOPs a second of a large product in the number format of the steps, the best of several."""
    seconds, n = 0.0, 128
    while seconds < LARGE_PRODUCT_SECONDS and n < LARGEST_PRODUCT:
        n *= 2  # where a format is emulated, a small product takes long
        a = torch.ones(n, n, device=device, dtype=DTYPES[precision])
        seconds = min(_seconds_of_product(a, device) for _ in range(4))
    return 2 * n**3 / max(seconds, 1e-9)


def _seconds_of_product(a: Tensor, device: str) -> float:
    start = synchronize(device)
    torch.mm(a, a)
    return synchronize(device) - start


def peak_bytes(device: str) -> int | None:
    """The most memory taken so far: of the accelerator, on a CPU of the process."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else peak_memory_bytes()


def synchronize(device: str) -> float:
    """The monotonic time, in seconds, once all work given to `device` is done."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
    return time.monotonic()
