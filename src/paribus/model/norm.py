"""Axis `model.norm`: how a vector of the residual stream is normalized."""

import torch
from torch import Tensor, nn

from paribus.model.config import ModelConfig
from paribus.model.parameter import parameter
from paribus.model.variants import PLACEMENTS
from paribus.shapes import Hidden


class RMSNorm(nn.Module):
    """x / sqrt(mean(x²) + eps) * weight (Zhang and Sennrich, 2019, arXiv:1910.07467)."""

    def __init__(self, d_model: int, eps: float):
        super().__init__()
        self.weight = parameter(d_model, initial=1.0)
        self.eps = eps

    def forward(self, x: Hidden) -> Hidden:
        # float32: a mean of squares over d_model loses its low bits in bfloat16.
        wide = x.float()
        scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (wide * scale * self.weight).to(x.dtype)


class LayerNorm(nn.Module):
    """(x - mean(x)) / sqrt(var(x) + eps) * weight + bias (Ba et al., 2016, arXiv:1607.06450)."""

    bias: Tensor | None

    def __init__(self, d_model: int, eps: float, bias: bool):
        super().__init__()
        self.weight = parameter(d_model, initial=1.0)
        self.register_parameter("bias", parameter(d_model, initial=0.0) if bias else None)
        self.eps = eps

    def forward(self, x: Hidden) -> Hidden:
        wide = x.float()
        centred = wide - wide.mean(-1, keepdim=True)
        scale = torch.rsqrt(centred.square().mean(-1, keepdim=True) + self.eps)
        normed = centred * scale * self.weight
        return (normed if self.bias is None else normed + self.bias).to(x.dtype)


def build_norm(config: ModelConfig) -> nn.Module:
    """A fresh normalization over d_model."""
    return NORMS[config.norm](config)


def build_block_norms(config: ModelConfig) -> list[nn.Module]:
    """The two norms of a sublayer, the second on its output; identities if it has none."""
    n_norms = PLACEMENTS[config.norm_placement].n_norms
    return [build_norm(config) if i < n_norms else nn.Identity() for i in range(2)]


NORMS = {
    "rmsnorm": lambda config: RMSNorm(config.d_model, config.norm_eps),
    "layernorm": lambda config: LayerNorm(config.d_model, config.norm_eps, config.bias),
}
