"""Axis `model.ffn`: the feed-forward network of a block."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from paribus.model.config import ModelConfig
from paribus.model.linear import Linear
from paribus.shapes import Hidden

Numbers = Float[Tensor, "*any"]


def silu(x: Numbers) -> Numbers:
    """x * sigmoid(x) (Elfwing et al., 2017, arXiv:1702.03118)."""
    # PyTorch's one-pass kernel: the product written out takes three times as long in eager mode.
    return nn.functional.silu(x)


def relu(x: Numbers) -> Numbers:
    """max(x, 0)."""
    return torch.relu(x)


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)) (Shazeer, 2020, arXiv:2002.05202)."""

    def __init__(self, d_model: int, d_ff: int, bias: bool):
        super().__init__()
        self.gate_proj = Linear(d_model, d_ff, bias)
        self.up_proj = Linear(d_model, d_ff, bias)
        self.down_proj = Linear(d_ff, d_model, bias)

    def forward(self, x: Hidden) -> Hidden:
        return self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))


class ReLU(nn.Module):
    """down(max(up(x), 0)) (Vaswani et al., 2017, arXiv:1706.03762)."""

    def __init__(self, d_model: int, d_ff: int, bias: bool):
        super().__init__()
        self.up_proj = Linear(d_model, d_ff, bias)
        self.down_proj = Linear(d_ff, d_model, bias)

    def forward(self, x: Hidden) -> Hidden:
        return self.down_proj(relu(self.up_proj(x)))


def build_ffn(config: ModelConfig) -> nn.Module:
    """The configured network at the configured width."""
    return FFNS[config.ffn](config.d_model, config.feed_forward_width, config.bias)


FFNS = {"swiglu": SwiGLU, "relu": ReLU}
