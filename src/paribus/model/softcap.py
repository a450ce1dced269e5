"""Axis `model.logit_softcap`: a soft bound on the logits."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from paribus.model.config import ModelConfig

Scores = Float[Tensor, "*any"]


def softcap(logits: Scores, cap: float) -> Scores:
    """cap * tanh(logits / cap) (Gemma 2, 2024, arXiv:2408.00118)."""
    # float32: near the cap, adjacent bfloat16 numbers are whole units apart.
    return cap * torch.tanh(logits.float() / cap)


def uncapped(logits: Scores) -> Scores:
    """The logits as they are."""
    return logits


def build_softcap(config: ModelConfig) -> Callable[[Tensor], Tensor]:
    """The configured bound."""
    cap = config.logit_softcap
    return uncapped if cap is None else partial(softcap, cap=cap)
