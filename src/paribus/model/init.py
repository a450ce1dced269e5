"""Axis `model.init`: the initial values of every tensor.

A tensor is one standard draw that depends on the seed and the tensor's name alone, times a
standard deviation of its arm: two arms that share a tensor, name and shape, share its draw (but
that of `truncated_normal` is another than that of the other two). Draws are made on the CPU, so
that every device starts from the same values.
"""

import hashlib
import math

import torch
from torch import Tensor, nn

from paribus.model.config import ModelConfig

NORMAL_STD = 0.02
"""Standard deviation of GPT-2 (Radford et al., 2019)."""
CUT = 3.0
"""A truncated normal ends at this many standard deviations."""
INPUT_TABLES = ("token_embedding.weight", "position.table.weight")
RESIDUAL_OUTPUTS = ("o_proj.weight", "down_proj.weight")


@torch.no_grad()
def initialize(model: nn.Module, config: ModelConfig, seed: int) -> None:
    """Sets every parameter: norm weights 1, biases 0, matrices and tables by `config.init`."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
        elif parameter.ndim == 1:
            parameter.fill_(1.0)
        else:
            draw = standard_draw(name, tuple(parameter.shape), seed, _is_cut(config))
            parameter.copy_(draw * initial_std(name, tuple(parameter.shape), config))


def standard_draw(name: str, shape: tuple[int, ...], seed: int, cut: bool) -> Tensor:
    """Standard normal values, truncated at ±3 where `cut`, from the seed and the name alone."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    values = torch.empty(shape)
    if cut:
        return nn.init.trunc_normal_(values, 0.0, 1.0, -CUT, CUT, generator=generator)
    return values.normal_(generator=generator)


def initial_std(name: str, shape: tuple[int, ...], config: ModelConfig) -> float:
    """The standard deviation of a matrix or table before truncation."""
    if name in INPUT_TABLES and config.embedding_std is not None:
        return config.embedding_std
    return INITS[config.init](name, shape, config)


def _truncated_normal(name: str, shape: tuple[int, ...], config: ModelConfig) -> float:
    """sqrt(2 / (d_in + d_out)) for matrices; 1 for an input table of its own (CS336).

    A tied table is the output matrix too and takes the rule of a matrix: at std 1 the initial
    logits would have a standard deviation of sqrt(d_model).
    """
    if name == "position.table.weight" or (
        name == "token_embedding.weight" and not config.tie_embeddings
    ):
        return 1.0
    return math.sqrt(2 / sum(shape))


def _normal(name: str, shape: tuple[int, ...], config: ModelConfig) -> float:
    """0.02 for everything."""
    return NORMAL_STD


def _gpt2(name: str, shape: tuple[int, ...], config: ModelConfig) -> float:
    """0.02; matrices that write into the stream 0.02 / sqrt(2 n_layers) (GPT-2)."""
    writes = name.endswith(RESIDUAL_OUTPUTS)
    return NORMAL_STD / math.sqrt(2 * config.n_layers) if writes else NORMAL_STD


def _is_cut(config: ModelConfig) -> bool:
    return config.init == "truncated_normal"


INITS = {"truncated_normal": _truncated_normal, "normal": _normal, "gpt2": _gpt2}
