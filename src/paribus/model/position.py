"""Axis `model.position`: how the model knows where a token stands.

A kind adds something to the embeddings (`embed`) or turns queries and keys (`rotation`); what it
does not do is the identity. Positions flow in as data: cached decoding is a shift of positions.
"""

from collections.abc import Callable

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from paribus.model.config import Learned, ModelConfig, NoPosition, Rope, Sinusoidal
from paribus.model.linear import Embedding
from paribus.shapes import Heads, Hidden

Positions = Int[Tensor, "*shared seq"]
"""Place of each token in its sequence; one row serves all of a batch."""
Rotate = Callable[[Heads], Heads]

COMPLEX_DEVICES = ("cpu", "cuda")
"""Where complex numbers multiply at full speed."""


class PositionSignal(nn.Module):
    """What a kind adds to embeddings and how it turns heads: nothing, where it does not say."""

    def embed(self, x: Hidden, positions: Positions) -> Hidden:
        return x

    def rotation(self, positions: Positions) -> Rotate:
        return _unturned


class NoPositions(PositionSignal):
    """x: the causal mask alone tells positions apart (NoPE; Kazemnejad et al., 2023,
    arXiv:2305.19466).
    """


class RotaryPositions(PositionSignal):
    """(x0, x1) turned by pos * theta^(-2k/d), pair k (RoPE; Su et al., 2021, arXiv:2104.09864).

    Pairs are neighbours: (x0, x1), (x2, x3), … The tables hold `n_positions` and are not saved.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, d_head: int, theta: float, n_positions: int):
        super().__init__()
        pairs = torch.arange(0, d_head, 2).float()
        angles = torch.arange(n_positions).float()[:, None] * theta ** (-pairs / d_head)
        # Tables: inside a loop of the compiler's, each head would take its own sines anew.
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def rotation(self, positions: Positions) -> Rotate:
        # The turn is in float32, also where the model was cast to another format, tables included.
        cos, sin = (table[positions].float().unsqueeze(-3) for table in (self.cos, self.sin))
        if torch.compiler.is_compiling() or positions.device.type not in COMPLEX_DEVICES:
            return lambda heads: rotate_pairs(heads, cos, sin)
        turns = torch.complex(cos, sin)
        return lambda heads: rotate_complex(heads, turns)


class SinusoidalPositions(PositionSignal):
    """x + (sin(pos w_k), cos(pos w_k), …), w_k = 10000^(-2k/d) (Vaswani et al., 2017,
    arXiv:1706.03762).
    """

    def __init__(self, d_model: int):
        super().__init__()
        self.d_model = d_model

    def embed(self, x: Hidden, positions: Positions) -> Hidden:
        return x + sinusoids(positions, self.d_model).to(x.dtype)


class LearnedPositions(PositionSignal):
    """x + P[pos], one trained row a position (Gehring et al., 2017, arXiv:1705.03122)."""

    def __init__(self, context_length: int, d_model: int):
        super().__init__()
        self.table = Embedding(context_length, d_model)

    def embed(self, x: Hidden, positions: Positions) -> Hidden:
        return x + self.table(positions)


def rotate_pairs(
    heads: Heads, cos: Float[Tensor, "*angles"], sin: Float[Tensor, "*angles"]
) -> Heads:
    """Turns each pair of neighbours (a, b) into (a cos - b sin, a sin + b cos), in float32."""
    first, second = heads.float().unflatten(-1, (-1, 2)).unbind(-1)
    turned = torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1)
    return turned.flatten(-2).to(heads.dtype)


def rotate_complex(heads: Heads, turns: Complex[Tensor, "*angles"]) -> Heads:
    """rotate_pairs as (a + ib) (cos + i sin): one pass over memory, several times faster in eager.

    The compiler fuses the real form and has no code for complex numbers, so it gets that one.
    """
    pairs = torch.view_as_complex(heads.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2).to(heads.dtype)


def sinusoids(positions: Positions, d_model: int) -> Float[Tensor, "*shared seq d_model"]:
    """The fixed waves of the 2017 Transformer: even columns sine, odd columns cosine."""
    columns = torch.arange(0, d_model, 2, device=positions.device, dtype=torch.float32)
    angles = positions.float()[..., None] * 10_000.0 ** (-columns / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[..., :d_model]


def build_position(config: ModelConfig) -> PositionSignal:
    """The module of the configured kind."""
    return POSITIONS[type(config.position)](config)


def _unturned(heads: Heads) -> Heads:
    return heads


POSITIONS = {
    Rope: lambda config: RotaryPositions(
        config.head_width, config.position.theta, config.context_length
    ),
    NoPosition: lambda config: NoPositions(),
    Sinusoidal: lambda config: SinusoidalPositions(config.d_model),
    Learned: lambda config: LearnedPositions(config.context_length, config.d_model),
}
