"""Parameters, FLOPs and memory of a configuration, from closed formulas. Imports no torch."""

from dataclasses import asdict, dataclass

from paribus.errors import ConfigError
from paribus.model.config import ModelConfig
from paribus.model.variants import FFNS, NORMS, PLACEMENTS

GPT2_VOCAB_SIZE = 50_257
"""The vocabulary that counts assume if model.vocab_size is null."""
NORM_BYTES = 8
"""Bytes kept for a normalized number: itself and its product before the weight, in float32."""


@dataclass(frozen=True)
class Parameters:
    """Trained numbers by part."""

    token_embedding: int
    position: int
    attention: int
    ffn: int
    norms: int
    lm_head: int

    @property
    def total(self) -> int:
        """Sum of all parts; a tied table counts once."""
        return sum(asdict(self).values())

    @property
    def non_embedding(self) -> int:
        """Everything except the input table and the output table."""
        return self.total - self.token_embedding - self.lm_head


@dataclass(frozen=True)
class Flops:
    """Floating-point operations of matrix products by part: 2 for each multiply and add."""

    attention_projections: int
    attention_scores: int
    ffn: int
    lm_head: int

    @property
    def forward(self) -> int:
        """One sequence forward."""
        return sum(asdict(self).values())

    @property
    def training(self) -> int:
        """One sequence forward and backward: the backward pass costs two forward passes."""
        return 3 * self.forward


@dataclass(frozen=True)
class Memory:
    """Bytes of a training step by part."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    """Tensors kept for the backward pass of one part of a batch, and cast copies of the weights."""
    loss: int
    """Logits that exist at once, and the tensors computed from them."""
    update: int
    """Temporary tensors of the optimizer during a step."""
    accumulated: int
    """Gradients of earlier parts while a part is computed; 0 for a batch in one part."""

    @property
    def of_pass(self) -> int:
        """Extra bytes of one forward and backward pass, which are free again after the step."""
        return self.activations + self.loss

    @property
    def peak(self) -> int:
        """The largest sum that exists at once: at the loss, or while the optimizer works."""
        at_update = self.gradients + self.update
        at_loss = self.accumulated + self.of_pass
        return self.weights + self.optimizer + max(at_loss, at_update)


def count_parameters(config: ModelConfig) -> Parameters:
    """Parameters of a model of this shape, by part."""
    d, bias = config.d_model, int(config.bias)
    vocab = vocab_size(config)
    kv_width = config.kv_heads * config.head_width
    attention = 2 * (d * d + bias * d) + 2 * (d * kv_width + bias * kv_width)
    norm = d * (1 + bias * NORMS[config.norm].has_bias) + NORMS[config.norm].n_others
    n_norms = 2 * PLACEMENTS[config.norm_placement].n_norms * config.n_layers
    head_norms = 2 * config.head_width * config.n_layers if config.qk_norm else 0
    return Parameters(
        token_embedding=vocab * d,
        position=config.position.n_parameters(config),
        attention=config.n_layers * attention,
        ffn=config.n_layers * _ffn_parameters(config),
        norms=norm * (n_norms + config.has_final_norm) + head_norms,
        lm_head=0 if config.tie_embeddings else vocab * d,
    )


def count_hidden_matrices(config: ModelConfig) -> int:
    """Weights of the matrices inside the blocks, without biases."""
    d, kv_width = config.d_model, config.kv_heads * config.head_width
    attention = 2 * d * d + 2 * d * kv_width
    ffn = FFNS[config.ffn].n_matrices * d * config.feed_forward_width
    return config.n_layers * (attention + ffn)


def count_flops(config: ModelConfig, seq: int | None = None) -> Flops:
    """FLOPs of one sequence of `seq` tokens (default: the context), full causal square included."""
    seq = seq or config.context_length
    d, kv_width = config.d_model, config.kv_heads * config.head_width
    return Flops(
        attention_projections=config.n_layers * 2 * seq * d * (2 * d + 2 * kv_width),
        attention_scores=config.n_layers * 4 * seq * seq * d,
        ffn=config.n_layers * 2 * seq * FFNS[config.ffn].n_matrices * d * config.feed_forward_width,
        lm_head=2 * seq * d * vocab_size(config),
    )


def estimate_memory(
    config: ModelConfig,
    *,
    sequences: int,
    loss_rows: int | None,
    parts: int = 1,
    width: int = 4,
    moments: tuple[int, int] = (2, 2),
    recomputes: bool = False,
) -> Memory:
    """Bytes of a training step: `parts` of `sequences` rows, products in numbers of `width` bytes.

    Weights, gradients and the optimizer's `moments`, of a hidden matrix and of any other tensor,
    are exact. Activations are the tensors kept for the backward pass: everything that it needs, or
    only the results of products and attention if it `recomputes` the rest. `loss_rows` is the key
    of the training config.
    """
    n, n_hidden = count_parameters(config).total, count_hidden_matrices(config)
    kept = _kept_when_recomputing if recomputes else _kept_bytes
    positions = sequences * config.context_length
    return Memory(
        weights=4 * n,
        gradients=4 * n,
        optimizer=4 * (moments[0] * n_hidden + moments[1] * (n - n_hidden)),
        activations=positions * kept(config, width)
        + _bias_bytes(config, width)
        + _cast_bytes(n_hidden, width),
        loss=_loss_bytes(config, positions, loss_rows, width),
        update=4 * n,
        accumulated=4 * n if parts > 1 else 0,
    )


def _kept_bytes(config: ModelConfig, width: int) -> int:
    """Bytes that the backward pass keeps for each position: the blocks, the final norm, the end."""
    d = config.d_model
    norm = NORM_BYTES * d
    block = (
        2 * PLACEMENTS[config.norm_placement].n_norms * norm
        + 2 * width * d  # inputs of the two sublayers
        + _kept_by_attention(config, width)
        + FFNS[config.ffn].n_kept * width * config.feed_forward_width
    )
    return config.n_layers * block + config.has_final_norm * norm + 4 * d


def _kept_when_recomputing(config: ModelConfig, width: int) -> int:
    """Bytes kept for each position: results of products and attention, and of the last block."""
    d, kv_width = config.d_model, config.kv_heads * config.head_width
    wide = (FFNS[config.ffn].n_matrices - 1) * config.feed_forward_width
    block = 4 * d + 2 * kv_width + wide  # q, k, v; the output of attention, projected; the FFN's
    if config.attention_backend == "manual":
        block += config.n_heads * config.context_length
    return config.n_layers * width * block + 4 * d


def _kept_by_attention(config: ModelConfig, width: int) -> int:
    """q, k, v (repeated to all heads) and the output; the manual one two squares of scores too."""
    kv_width = config.kv_heads * config.head_width
    heads = 4 * width * config.d_model
    if config.qk_norm:
        heads += NORM_BYTES * (config.d_model + kv_width)
    if config.attention_backend == "manual":
        heads += (4 + width) * config.n_heads * config.context_length
    return heads


def _bias_bytes(config: ModelConfig, width: int) -> int:
    """Biases of attention scores: the fused kernel keeps them once for all layers and sequences."""
    is_kept = config.position.biases_scores and config.attention_backend == "sdpa"
    return width * config.n_heads * config.context_length**2 if is_kept else 0


def _cast_bytes(n_hidden: int, width: int) -> int:
    """Copies of the matrices in the number format of the products, unless that is float32."""
    return 0 if width == 4 else width * n_hidden


def _loss_bytes(config: ModelConfig, positions: int, loss_rows: int | None, width: int) -> int:
    """Readable: logits, their copy in float32, exponents, a gradient of each kind.

    In chunks: logits of some rows, the slope of a soft-cap, the gradient of the whole output table
    and that of the hidden states.
    """
    vocab, is_cast, is_capped = vocab_size(config), width != 4, bool(config.logit_softcap)
    if loss_rows is None:
        return positions * vocab * (width + 12 + (2 * width if is_capped else 0))
    row = 4 + (width if is_cast else 0) + (4 if is_capped else 0)
    table = 4 * vocab * config.d_model
    chunk = min(loss_rows, positions) * vocab * row + (width * table // 4 if is_cast else 0)
    return chunk + table + 4 * positions * config.d_model


def vocab_size(config: ModelConfig) -> int:
    """model.vocab_size, or GPT-2's if it is null."""
    return config.vocab_size if config.vocab_size is not None else GPT2_VOCAB_SIZE


def check_vocab_size(config: ModelConfig, found: int) -> None:
    """Raises ConfigError if model.vocab_size is set and differs from the vocabulary of the data."""
    if config.vocab_size not in (None, found):
        raise ConfigError(
            f"model.vocab_size: expected that of the data, {found}, or null, found "
            f"{config.vocab_size}. Set model.vocab_size=null"
        )


def _ffn_parameters(config: ModelConfig) -> int:
    d, d_ff, row = config.d_model, config.feed_forward_width, FFNS[config.ffn]
    biases = ((row.n_matrices - 1) * d_ff + d) if config.bias else 0
    return row.n_matrices * d * d_ff + biases + row.n_others
