"""Settings of the model: every ablation axis by name. Imports no torch."""

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from annotated_types import Ge, Gt, Lt

from paribus.config.settings import settings
from paribus.errors import ConfigError
from paribus.model.variants import EMBEDDING_SCALES, FFNS, INITS, NORMS, PLACEMENTS

LARGEST_SIZE = 2**31 - 1
"""Largest count or width."""
Size = Annotated[int, Gt(0), Lt(LARGEST_SIZE + 1)]
INPUT_TABLES = ("token_embedding.weight", "position.table.weight")
"""Tables whose rows are added to form the input of the first block."""

# A row in variants.py is a legal choice here; a type checker sees a str.
if TYPE_CHECKING:
    EmbeddingScaleName = str
    FFNName = str
    InitName = str
    NormName = str
    PlacementName = str
else:
    EmbeddingScaleName = Literal[tuple(EMBEDDING_SCALES)]
    FFNName = Literal[tuple(FFNS)]
    InitName = Literal[tuple(INITS)]
    NormName = Literal[tuple(NORMS)]
    PlacementName = Literal[tuple(PLACEMENTS)]


class PositionFacts:
    """Facts about a kind of position, for counts and checks; each kind states its differences."""

    turns_pairs: ClassVar[bool] = False
    """Whether it rotates pairs of numbers, so that heads need an even width."""
    biases_scores: ClassVar[bool] = False
    """Whether it adds a number to each attention score."""

    def n_parameters(self, model: "ModelConfig") -> int:
        """Trained numbers."""
        return 0

    def embedded_size(self, model: "ModelConfig") -> float:
        """Root mean square of what it adds to the embeddings at step 0."""
        return 0.0


@settings
class Rope(PositionFacts):
    """Rotary positions: queries and keys are rotated by an angle that grows with the position."""

    turns_pairs: ClassVar[bool] = True

    kind: Literal["rope"] = "rope"
    theta: Annotated[float, Ge(1)] = 10_000.0
    """Base of the wavelengths."""


@settings
class NoPosition(PositionFacts):
    """No position signal at all (NoPE)."""

    kind: Literal["none"] = "none"


@settings
class Sinusoidal(PositionFacts):
    """Fixed sine and cosine waves, added to the embeddings."""

    kind: Literal["sinusoidal"] = "sinusoidal"

    def embedded_size(self, model: "ModelConfig") -> float:
        pairs, is_odd = divmod(model.d_model, 2)
        wave = 10_000.0 ** (-2 * pairs / model.d_model)
        last_sine = _mean_square_of_sines(wave, model.context_length) if is_odd else 0.0
        return math.sqrt((pairs + last_sine) / model.d_model)


@settings
class Learned(PositionFacts):
    """One trained vector for each position, added to the embeddings."""

    kind: Literal["learned"] = "learned"

    def n_parameters(self, model: "ModelConfig") -> int:
        return model.context_length * model.d_model

    def embedded_size(self, model: "ModelConfig") -> float:
        return model.initial_std("position.table.weight", (model.context_length, model.d_model))


@settings
class Alibi(PositionFacts):
    """A penalty on attention scores that grows with the distance, at a slope for each head."""

    biases_scores: ClassVar[bool] = True

    kind: Literal["alibi"] = "alibi"


Position = Rope | NoPosition | Sinusoidal | Learned | Alibi


@settings
class ModelConfig:
    """Shape and parts of the Transformer; the defaults are the modern preset."""

    EXCLUSIVE: ClassVar[tuple[str, ...]] = ("d_ff", "d_ff_ratio")

    vocab_size: Size | None = None
    """Number of token ids; null: taken from the data."""
    context_length: Size = 256
    """Maximum sequence length in tokens."""
    d_model: Size = 256
    """Width of the residual stream."""
    n_layers: Size = 4
    """Number of blocks."""
    n_heads: Size = 4
    """Number of attention heads; divides d_model."""
    n_kv_heads: Size | None = None
    """Number of key and value heads; divides n_heads; null means n_heads."""
    norm_placement: PlacementName = "pre"
    """Where a block normalizes: pre x + f(norm(x)), post norm(x + f(x)), sandwich x +
    norm(f(norm(x))), output x + norm(f(x)), none x + f(x)."""
    norm: NormName = "rmsnorm"
    """Kind of normalization."""
    norm_eps: Annotated[float, Ge(1e-12), Lt(1)] = 1e-5
    """Added to the mean square or the variance, inside the square root."""
    final_norm: Literal["auto", "on", "off"] = "auto"
    """Normalization before the output table; auto: off for post and none, otherwise on."""
    position: Position = Rope()
    """How the model knows the position of a token."""
    ffn: FFNName = "swiglu"
    """Feed-forward network: gated, or two layers with an activation in between."""
    d_ff: Size | None = None
    """Width of the feed-forward network; null: computed from the next three keys."""
    d_ff_ratio: Annotated[float, Gt(0), Lt(1_000_000)] | None = None
    """d_ff over d_model before rounding; null: 8/3 when gated, 4 when not."""
    d_ff_multiple: Size = 64
    """d_ff is rounded to a multiple of this."""
    d_ff_rounding: Literal["ceil", "nearest"] = "ceil"
    """Direction of that rounding."""
    qk_norm: bool = False
    """Apply RMSNorm to each head of queries and keys, before rotation."""
    attention_backend: Literal["sdpa", "manual"] = "sdpa"
    """PyTorch's fused attention (sdpa) or the readable one (manual); equal up to rounding."""
    tie_embeddings: bool = True
    """Use one table for input and output."""
    logit_scale: Annotated[float, Gt(0)] = 1.0
    """Factor on the logits."""
    logit_softcap: Annotated[float, Gt(0)] | None = None
    """Bound c on the logits, c tanh(logits / c); null: none."""
    bias: bool = False
    """Bias in linear layers and in LayerNorm."""
    init: InitName = "truncated_normal"
    """Distribution of the initial matrices."""
    embedding_std: Annotated[float, Gt(0)] | None = None
    """Initial standard deviation of the token and position tables, never of an untied output table;
    null: the rule of init."""
    embedding_scale: EmbeddingScaleName = "none"
    """Factor on the token embeddings."""

    def __post_init__(self) -> None:
        units = min(max(1, round(self.d_model / self.width_unit)), LARGEST_SIZE // self.width_unit)
        width = units * self.width_unit
        advice = (
            f"Set d_model to {width}" if width else f"Lower n_heads to {self.d_model // 2 or 1}"
        )
        if self.d_model % self.n_heads:
            raise ConfigError(
                f"model.d_model: expected a multiple of model.n_heads = {self.n_heads}, "
                f"found {self.d_model}. {advice}"
            )
        if self.n_heads % self.kv_heads:
            raise ConfigError(
                f"model.n_kv_heads: expected a divisor of model.n_heads = {self.n_heads}, "
                f"found {self.n_kv_heads}. Set n_kv_heads to "
                f"{_nearest_divisor(self.n_heads, self.kv_heads)}"
            )
        _check_kinds()
        if self.position.turns_pairs and self.head_width % 2:
            raise ConfigError(
                f"model.position.kind: expected an even head width d_model / n_heads for "
                f"{self.position.kind}, "
                f"found {self.head_width}. Set model.d_model to {width}, or the kind to none"
            )
        if self.d_ff is not None and self.d_ff_ratio is not None:
            raise ConfigError(
                f"model.d_ff_ratio: expected null when model.d_ff = {self.d_ff} is given, found "
                f"{self.d_ff_ratio}. Set one of them to null"
            )

    @property
    def kv_heads(self) -> int:
        """Number of key and value heads, with null resolved."""
        return self.n_kv_heads if self.n_kv_heads is not None else self.n_heads

    @property
    def head_width(self) -> int:
        """Width of one head, d_model / n_heads."""
        return self.d_model // self.n_heads

    @property
    def width_unit(self) -> int:
        """d_model is a multiple of this: rotary positions turn pairs, so heads have even widths."""
        return self.n_heads * (2 if self.position.turns_pairs else 1)

    @property
    def feed_forward_width(self) -> int:
        """d_ff with null resolved: ratio * d_model, rounded to a multiple."""
        if self.d_ff is not None:
            return self.d_ff
        ratio = self.d_ff_ratio or FFNS[self.ffn].default_ratio
        units = self.d_model * ratio / self.d_ff_multiple
        # 1e-9: 8/3 is no exact float; a whole multiple must not be rounded up to the next one.
        rounded = -int(-(units - 1e-9) // 1) if self.d_ff_rounding == "ceil" else round(units)
        return max(1, rounded) * self.d_ff_multiple

    @property
    def has_final_norm(self) -> bool:
        """Whether the stream is normalized in front of the output table."""
        auto = PLACEMENTS[self.norm_placement].has_final_norm
        return {"auto": auto, "on": True, "off": False}[self.final_norm]

    def initial_std(self, name: str, shape: tuple[int, ...]) -> float:
        """Initial standard deviation of a drawn tensor, before truncation."""
        if name in INPUT_TABLES and self.embedding_std is not None:
            return self.embedding_std
        return INITS[self.init].std(name, shape, self)


def _check_kinds() -> None:
    """Raises ConfigError if two settings classes share a kind, which no config could tell apart."""
    kinds = [kind.kind for kind in get_args(Position)]
    for kind in set(kinds):
        if kinds.count(kind) > 1:
            raise ConfigError(
                f"model.position.kind: expected one settings class for {kind!r}, found "
                f"{kinds.count(kind)}. Give the new one another kind"
            )


def _nearest_divisor(number: int, wanted: int) -> int:
    """The divisor of `number` that is closest to `wanted`."""
    fits = [n for n in range(1, min(number, 2 * wanted) + 1) if number % n == 0]
    return min(fits, key=lambda n: abs(n - wanted))


def _mean_square_of_sines(frequency: float, n: int) -> float:
    """mean(sin²(p frequency)) over p = 0 … n - 1, by Dirichlet's kernel."""
    waves = math.sin(n * frequency) * math.cos((n - 1) * frequency)
    return 0.5 - waves / (2 * n * math.sin(frequency))
