"""Devices: finding one, its number formats, waiting for it, and what it can do."""

import contextlib
import time
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from paribus.errors import UnavailableError
from paribus.machine import available_memory_bytes, peak_memory_bytes

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

MAX_PRODUCT_SIZE = 16_384
"""Largest matrix of the peak measurement, however fast the device is."""
PRODUCT_SECONDS = 0.01
"""A product that takes this long shows the device's peak; larger ones are hardly faster."""


def find_device(wanted: str, key: str = "device") -> str:
    """The name of an available device. Raises UnavailableError, naming `key`, for any other."""
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
            f"{key}: expected an available device ({there}), found {wanted!r}. "
            "Choose another, or auto"
        )
    return wanted


def best_precision(device: str) -> str:
    """bf16 where CUDA has it, fp16 on older CUDA, fp32 elsewhere: CPU results stay comparable."""
    if device != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def autocast(device: str, precision: str) -> AbstractContextManager:
    """A block in which matrix products run in `precision`; does nothing for fp32."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device, DTYPES[precision])


def synchronize(device: str) -> float:
    """The monotonic time, in seconds, once all work queued on `device` is done."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
    return time.monotonic()


def peak_bytes(device: str) -> int | None:
    """Peak memory so far: of the accelerator, or of the process on a CPU."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else peak_memory_bytes()


def available_bytes(device: str) -> int | None:
    """Memory that a run could take on `device`; None if the system does not say."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return available_memory_bytes() if device == "cpu" else None


def matmul_peak(device: str, precision: str) -> float:
    """FLOPs per second of a large matrix product in `precision`, the best of several."""
    seconds, n = 0.0, 128
    while seconds < PRODUCT_SECONDS and n < MAX_PRODUCT_SIZE:
        n *= 2  # where a format is emulated, even a small product takes long
        a = torch.ones(n, n, device=device, dtype=DTYPES[precision])
        seconds = min(_seconds_of_product(a, device) for _ in range(4))
    return 2 * n**3 / max(seconds, 1e-9)


def _seconds_of_product(a: Tensor, device: str) -> float:
    start = synchronize(device)
    torch.mm(a, a)
    return synchronize(device) - start
