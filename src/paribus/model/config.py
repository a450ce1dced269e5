"""Settings of the model: every ablation axis by name. Imports no torch."""

from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from paribus.config.settings import settings
from paribus.errors import ConfigError

LARGEST_SIZE = 2**31 - 1
"""The largest count or width."""
Size = Annotated[int, Gt(0), Lt(LARGEST_SIZE + 1)]

GATED_FFNS = frozenset({"swiglu", "geglu"})
"""Kinds with a gate projection in addition to the up projection."""
NORMS_OF_PLACEMENT = {"pre": 1, "post": 1, "sandwich": 2, "output": 1, "none": 0}
"""Number of norms in each sublayer, by placement."""
WITH_FINAL_NORM = frozenset({"pre", "sandwich", "output"})
"""Placements whose stream grows from block to block, which turns `final_norm: auto` on."""


@settings
class Rope:
    """Rotary positions: queries and keys are rotated by an angle that grows with the position."""

    kind: Literal["rope"] = "rope"
    theta: Annotated[float, Ge(1)] = 10_000.0
    """Base of the wavelengths."""


@settings
class NoPosition:
    """No position signal at all (NoPE)."""

    kind: Literal["none"] = "none"


@settings
class Sinusoidal:
    """Fixed sine and cosine waves, added to the embeddings."""

    kind: Literal["sinusoidal"] = "sinusoidal"


@settings
class Learned:
    """One trained vector for each position, added to the embeddings."""

    kind: Literal["learned"] = "learned"


Position = Rope | NoPosition | Sinusoidal | Learned


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
    """Number of key and value heads; divides n_heads; null: n_heads."""
    norm_placement: Literal["pre", "post", "sandwich", "output", "none"] = "pre"
    """Where a block normalizes: pre x + f(norm(x)), post norm(x + f(x)), sandwich x +
    norm(f(norm(x))), output x + norm(f(x)), none x + f(x)."""
    norm: Literal["rmsnorm", "layernorm"] = "rmsnorm"
    """Kind of normalization."""
    norm_eps: Annotated[float, Ge(1e-12), Lt(1)] = 1e-5
    """Added to the mean square or the variance, inside the square root."""
    final_norm: Literal["auto", "on", "off"] = "auto"
    """Normalization before the output table; auto: off for post and none, otherwise on."""
    position: Position = Rope()
    """How the model knows the position of a token."""
    ffn: Literal["swiglu", "geglu", "relu", "gelu", "silu", "relu2"] = "swiglu"
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
    """Add a bias to linear layers and to LayerNorm."""
    init: Literal["truncated_normal", "normal", "gpt2"] = "truncated_normal"
    """Distribution of the initial matrices."""
    embedding_std: Annotated[float, Gt(0)] | None = None
    """Initial standard deviation of the token and position tables, never of an untied output table;
    null: the rule of init."""
    embedding_scale: Literal["none", "sqrt_d_model"] = "none"
    """Factor on the embeddings as they enter the residual stream."""

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
        if self.position.kind == "rope" and self.head_width % 2:
            raise ConfigError(
                f"model.position.kind: expected an even head width d_model / n_heads for rope, "
                f"found {self.head_width}. Set model.d_model to {width}, or the kind to none"
            )
        if self.d_ff is not None and self.d_ff_ratio is not None:
            raise ConfigError(
                f"model.d_ff_ratio: expected null when model.d_ff = {self.d_ff} is given, found "
                f"{self.d_ff_ratio}. Set one of them to null"
            )

    @property
    def kv_heads(self) -> int:
        """The effective number of key and value heads."""
        return self.n_kv_heads if self.n_kv_heads is not None else self.n_heads

    @property
    def head_width(self) -> int:
        """Width of one head, d_model / n_heads."""
        return self.d_model // self.n_heads

    @property
    def width_unit(self) -> int:
        """d_model is a multiple of this; rotary positions rotate pairs, so head widths are even."""
        return self.n_heads * (2 if self.position.kind == "rope" else 1)

    @property
    def feed_forward_width(self) -> int:
        """The effective d_ff: as given, or ratio * d_model rounded to a multiple."""
        if self.d_ff is not None:
            return self.d_ff
        default_ratio = 8 / 3 if self.ffn in GATED_FFNS else 4.0
        units = self.d_model * (self.d_ff_ratio or default_ratio) / self.d_ff_multiple
        # 1e-9: 8/3 is not a float; a width that is a whole multiple must not be pushed to the next.
        rounded = -int(-(units - 1e-9) // 1) if self.d_ff_rounding == "ceil" else round(units)
        return max(1, rounded) * self.d_ff_multiple

    @property
    def has_final_norm(self) -> bool:
        """Whether the model normalizes before the output table."""
        return self.final_norm == "on" or (
            self.final_norm == "auto" and self.norm_placement in WITH_FINAL_NORM
        )


def _nearest_divisor(number: int, wanted: int) -> int:
    """The divisor of `number` that is closest to `wanted`."""
    fits = [n for n in range(1, min(number, 2 * wanted) + 1) if number % n == 0]
    return min(fits, key=lambda n: abs(n - wanted))
