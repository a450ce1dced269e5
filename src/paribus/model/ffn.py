"""Axis `model.ffn`: the feed-forward network of a block, plain or gated, and its activation."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from paribus.model.config import GATED_FFNS, ModelConfig
from paribus.model.linear import Linear
from paribus.shapes import Hidden

Numbers = Float[Tensor, "*any"]
Activation = Callable[[Tensor], Tensor]


def silu(x: Numbers) -> Numbers:
    """x * sigmoid(x) (Elfwing et al., 2017, arXiv:1702.03118)."""
    # PyTorch's one-pass kernel: the product written out takes three times as long in eager mode.
    return nn.functional.silu(x)


def gelu(x: Numbers) -> Numbers:
    """x * Phi(x), the exact form (Hendrycks and Gimpel, 2016, arXiv:1606.08415)."""
    # One pass again; Phi(x) = (1 + erf(x / sqrt 2)) / 2.
    return nn.functional.gelu(x)


def relu(x: Numbers) -> Numbers:
    """max(x, 0) (Nair and Hinton, 2010)."""
    return torch.relu(x)


def relu2(x: Numbers) -> Numbers:
    """max(x, 0)² (Primer; So et al., 2021, arXiv:2109.08668)."""
    return torch.relu(x).square()


class FeedForward(nn.Module):
    """down(activation(up(x))) (Vaswani et al., 2017, arXiv:1706.03762)."""

    def __init__(self, d_model: int, d_ff: int, bias: bool, activation: Activation):
        super().__init__()
        self.activation = activation
        self.up_proj = Linear(d_model, d_ff, bias)
        self.down_proj = Linear(d_ff, d_model, bias)

    def forward(self, x: Hidden) -> Hidden:
        return self.down_proj(self.activation(self.up_proj(x)))


class GatedFeedForward(nn.Module):
    """down(activation(gate(x)) * up(x)) (Shazeer, 2020, arXiv:2002.05202)."""

    def __init__(self, d_model: int, d_ff: int, bias: bool, activation: Activation):
        super().__init__()
        self.activation = activation
        self.gate_proj = Linear(d_model, d_ff, bias)
        self.up_proj = Linear(d_model, d_ff, bias)
        self.down_proj = Linear(d_ff, d_model, bias)

    def forward(self, x: Hidden) -> Hidden:
        return self.down_proj(self.activation(self.gate_proj(x)) * self.up_proj(x))


def build_ffn(config: ModelConfig) -> nn.Module:
    """The configured network at the configured width."""
    network = GatedFeedForward if config.ffn in GATED_FFNS else FeedForward
    return network(config.d_model, config.feed_forward_width, config.bias, ACTIVATIONS[config.ffn])


ACTIVATIONS = {
    "swiglu": silu,
    "geglu": gelu,
    "relu": relu,
    "gelu": gelu,
    "silu": silu,
    "relu2": relu2,
}
