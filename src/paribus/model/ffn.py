"""Axis `model.ffn`: the feed-forward network of a block, plain or gated."""

from collections.abc import Callable

from torch import Tensor, nn

from paribus.model import activations
from paribus.model.config import ModelConfig
from paribus.model.linear import Linear
from paribus.model.variants import FFNS
from paribus.shapes import Hidden

Activation = Callable[[Tensor], Tensor]


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
    row = FFNS[config.ffn]
    network = GatedFeedForward if row.is_gated else FeedForward
    activation = getattr(activations, row.activation)
    return network(config.d_model, config.feed_forward_width, config.bias, activation)
