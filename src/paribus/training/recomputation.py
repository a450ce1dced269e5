"""Selective activation recomputation: the backward pass recomputes all but products and attention.

Korthikanti et al., 2022, arXiv:2205.05198.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import torch
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
"""Operations whose results are kept for the backward pass, besides attention."""

Result = TypeVar("Result")


def keeping_products(function: Callable[..., Result]) -> Callable[..., Result]:
    """`function` with a backward pass that recomputes everything but products and attention."""
    contexts = partial(create_selective_checkpoint_contexts, _policy)
    return partial(
        checkpoint, function, use_reentrant=False, context_fn=contexts, preserve_rng_state=False
    )


def _policy(context: object, operation: torch._ops.OpOverload, *_: Any, **__: Any) -> Any:
    name = operation.name()
    is_kept = name in PRODUCTS or name.startswith("aten::_scaled_dot_product")
    return CheckpointPolicy.MUST_SAVE if is_kept else CheckpointPolicy.PREFER_RECOMPUTE
