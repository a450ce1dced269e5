"""Axis `model.init`: the initial values of every tensor.

A drawn tensor is one standard draw that depends on the seed and the tensor's name alone, times the
standard deviation of its arm: two arms that share a tensor, by name and shape, share its draw (but
`truncated_normal` has another draw than the other two rules). Draws are made on the CPU, so that
every device starts from the same values.
"""

import hashlib

import torch
from torch import Tensor, nn

from paribus.model.config import ModelConfig
from paribus.model.parameter import Drawn
from paribus.model.stated import check_parameters
from paribus.model.variants import INITS

CUT = 3.0
"""A truncated normal ends at this many standard deviations."""


@torch.no_grad()
def initialize(model: nn.Module, config: ModelConfig, seed: int) -> None:
    """Sets every parameter to the initial value that it states.

    Raises ConfigError for a parameter that states none, or that the accounting does not count.
    """
    check_parameters(model, config)
    is_truncated = INITS[config.init].is_truncated
    for name, parameter in model.named_parameters():
        match parameter.initial:  # type: ignore[attr-defined]
            case Drawn(std):
                shape = tuple(parameter.shape)
                draw = standard_draw(name, shape, seed, is_truncated)
                parameter.copy_(draw * (config.initial_std(name, shape) if std is None else std))
            case Tensor() as values:
                parameter.copy_(values)
            case value:
                parameter.fill_(value)


def standard_draw(name: str, shape: tuple[int, ...], seed: int, is_truncated: bool) -> Tensor:
    """Standard normal values from the seed and the name alone, each within ±3 if truncated."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    values = torch.empty(shape)
    if is_truncated:
        return nn.init.trunc_normal_(values, 0.0, 1.0, -CUT, CUT, generator=generator)
    return values.normal_(generator=generator)
