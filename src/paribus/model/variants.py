"""Facts about each variant of an axis, one row a variant. Imports no torch.

The names of a table are the choices of its key in `config.py`. The equation of a variant is code:
`activations.py`, `residual.py`, `norm.py`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NORMAL_STD = 0.02
"""Initial standard deviation of GPT-2 (Radford et al., 2019)."""
RESIDUAL_OUTPUTS = ("o_proj.weight", "down_proj.weight")
"""Matrices that write into the residual stream."""


@dataclass(frozen=True)
class FFN:
    """A feed-forward network: down(a(up(x))), or down(a(gate(x)) * up(x)) with a gate."""

    activation: str
    """The function of `activations.py`."""
    is_gated: bool = False
    n_kept: int = 2
    """Vectors of width d_ff that the backward pass keeps for each position."""
    n_others: int = 0
    """Other trained numbers of one layer, next to matrices and biases."""

    @property
    def n_matrices(self) -> int:
        """Weight matrices of one layer."""
        return 3 if self.is_gated else 2

    @property
    def default_ratio(self) -> float:
        """d_ff over d_model if the config sets neither."""
        return 8 / 3 if self.is_gated else 4.0


FFNS = {
    # Kept with a gate: the gate, its activation, up and their product.
    "swiglu": FFN("silu", is_gated=True, n_kept=4),
    "geglu": FFN("gelu", is_gated=True, n_kept=4),
    # The slope of ReLU follows from its output alone.
    "relu": FFN("relu", n_kept=1),
    "gelu": FFN("gelu"),
    "silu": FFN("silu"),
    "relu2": FFN("relu2"),
}


@dataclass(frozen=True)
class Placement:
    """Where a block normalizes."""

    n_norms: int
    """Norms of each sublayer."""
    has_final_norm: bool
    """Whether `final_norm: auto` is on, as the stream grows from block to block."""


PLACEMENTS = {
    "pre": Placement(n_norms=1, has_final_norm=True),
    "post": Placement(n_norms=1, has_final_norm=False),
    "sandwich": Placement(n_norms=2, has_final_norm=True),
    "output": Placement(n_norms=1, has_final_norm=True),
    "none": Placement(n_norms=0, has_final_norm=False),
}


@dataclass(frozen=True)
class Norm:
    """A normalization over d_model, with one weight for each dimension."""

    has_bias: bool = False
    """Whether `model.bias` adds a bias for each dimension."""
    n_others: int = 0
    """Other trained numbers, next to weight and bias."""


NORMS = {"rmsnorm": Norm(), "layernorm": Norm(has_bias=True)}


StdRule = Callable[[str, tuple[int, ...], Any], float]
"""Name, shape and ModelConfig to the standard deviation of a tensor."""


@dataclass(frozen=True)
class Init:
    """A rule for the initial values of matrices and tables."""

    std: StdRule
    is_truncated: bool = False
    """Whether a value beyond three standard deviations is drawn again."""


def _glorot(name: str, shape: tuple[int, ...], config: Any) -> float:
    """sqrt(2 / (d_in + d_out)) for matrices; 1 for an input table that is not tied (CS336).

    A tied table is the output matrix too and takes the rule of a matrix: with std 1 the initial
    logits would have a standard deviation of sqrt(d_model).
    """
    is_token_table = name == "token_embedding.weight"
    if name == "position.table.weight" or (is_token_table and not config.tie_embeddings):
        return 1.0
    return math.sqrt(2 / sum(shape[-2:]))


def _constant(name: str, shape: tuple[int, ...], config: Any) -> float:
    """0.02 for every tensor."""
    return NORMAL_STD


def _depth_scaled(name: str, shape: tuple[int, ...], config: Any) -> float:
    """0.02; matrices that write into the stream 0.02 / sqrt(2 n_layers) (GPT-2)."""
    writes = name.endswith(RESIDUAL_OUTPUTS)
    return NORMAL_STD / math.sqrt(2 * config.n_layers) if writes else NORMAL_STD


INITS = {
    "truncated_normal": Init(_glorot, is_truncated=True),
    "normal": Init(_constant),
    "gpt2": Init(_depth_scaled),
}

EMBEDDING_SCALES: dict[str, Callable[[int], float]] = {
    "none": lambda d_model: 1.0,
    "sqrt_d_model": lambda d_model: d_model**0.5,
}
"""Name -> factor on the token embeddings, computed from d_model."""
