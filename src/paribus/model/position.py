"""Axis `model.position`: how the model knows the position of a token.

A kind adds something to the embeddings (`embed`), turns queries and keys (`rotation`) or adds
something to the attention scores (`mask`); a kind leaves the others as they are. Positions flow in
as data: cached decoding is a shift of positions.
"""

from collections.abc import Callable
from typing import assert_never

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from paribus.model.config import Alibi, Learned, ModelConfig, NoPosition, Rope, Sinusoidal
from paribus.model.linear import Embedding
from paribus.model.mask import CAUSAL, BiasedMask, ScoreMask
from paribus.shapes import Heads, Hidden

Positions = Int[Tensor, "*shared seq"]
"""Place of each token in its sequence; one row serves all of a batch."""
Rotate = Callable[[Heads], Heads]

COMPLEX_DEVICES = ("cpu", "cuda")
"""Devices that multiply complex numbers at full speed."""


class PositionSignal(nn.Module):
    """How a kind acts on embeddings, heads and attention scores: not at all, unless it says so."""

    def embed(self, x: Hidden, positions: Positions) -> Hidden:
        return x

    def rotation(self, positions: Positions) -> Rotate:
        return _unturned

    def mask(self, positions: Positions, n_keys: int) -> ScoreMask:
        """The mask of scores between queries at `positions` and keys at 0 … n_keys - 1."""
        return CAUSAL


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
        # Tables: in a compiled loop each head would compute its own sines again.
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def rotation(self, positions: Positions) -> Rotate:
        # The turn is in float32, even if the model was cast to another format, tables included.
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
    """x + P[pos], one trained row for each position (Gehring et al., 2017, arXiv:1705.03122)."""

    def __init__(self, context_length: int, d_model: int):
        super().__init__()
        self.table = Embedding(context_length, d_model)

    def embed(self, x: Hidden, positions: Positions) -> Hidden:
        return x + self.table(positions)


class LinearBiases(PositionSignal):
    """score - slope * distance, a slope for each head (ALiBi; Press et al., 2022,
    arXiv:2108.12409).

    The distance is that from the query back to the key.
    """

    slopes: Tensor

    def __init__(self, n_heads: int):
        super().__init__()
        self.register_buffer("slopes", torch.tensor(alibi_slopes(n_heads)), persistent=False)

    def mask(self, positions: Positions, n_keys: int) -> ScoreMask:
        keys = torch.arange(n_keys, device=positions.device)
        distances = (positions[..., :, None] - keys).float()
        return BiasedMask(-self.slopes.float()[:, None, None] * distances.unsqueeze(-3))


def alibi_slopes(n_heads: int) -> list[float]:
    """2^(-8 i / n) for i = 1 … n, if the number of heads n is a power of two.

    Otherwise those of the largest power of two below n, then the first, third, fifth … of twice
    that power, which lie between them.
    """
    power = 2 ** (n_heads.bit_length() - 1)
    between = range(1, 2 * (n_heads - power), 2)
    return [2 ** (-8 * i / power) for i in range(1, power + 1)] + [
        2 ** (-4 * i / power) for i in between
    ]


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
    match config.position:
        case Rope(theta=theta):
            return RotaryPositions(config.head_width, theta, config.context_length)
        case NoPosition():
            return NoPositions()
        case Sinusoidal():
            return SinusoidalPositions(config.d_model)
        case Learned():
            return LearnedPositions(config.context_length, config.d_model)
        case Alibi():
            return LinearBiases(config.n_heads)
        case _:
            assert_never(config.position)


def _unturned(heads: Heads) -> Heads:
    return heads
