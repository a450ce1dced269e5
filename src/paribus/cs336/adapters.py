"""The 21 functions that the public CS336 assignment-1 tests call (Spring 2025 and Spring 2026).

Thin doors: each puts the course's arguments into Paribus's parts and returns what they give. With
this file as `tests/adapters.py` of the course's repository, its tests are tests of Paribus.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import torch
from torch import Tensor, nn

from paribus.cs336.course_tokenizer import CourseTokenizer
from paribus.data.order import window_starts
from paribus.data.shards import gather
from paribus.loss import cross_entropy
from paribus.model.activations import silu
from paribus.model.attention import Attention, attend_readably, softmax
from paribus.model.block import Block
from paribus.model.config import ModelConfig, NoPosition, Rope
from paribus.model.ffn import GatedFeedForward
from paribus.model.linear import Embedding, Linear
from paribus.model.mask import GivenMask
from paribus.model.norm import RMSNorm
from paribus.model.position import RotaryPositions, build_position
from paribus.model.transformer import Transformer
from paribus.optim.adamw import AdamW
from paribus.optim.clip import clip_gradients
from paribus.optim.schedule import cosine_with_warmup
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

OUR_NAMES = {
    "token_embeddings": "token_embedding",
    "attn.output_proj": "attention.o_proj",
    "attn.": "attention.",
    "ln1": "attention_norm",
    "ln2": "ffn_norm",
    "ln_final": "final_norm",
    "w1": "gate_proj",
    "w2": "down_proj",
    "w3": "up_proj",
}
"""What the course's weights are called here."""


# Model


def run_linear(d_in: int, d_out: int, weights: Tensor, in_features: Tensor) -> Tensor:
    return _with(Linear(d_in, d_out), {"weight": weights})(in_features)


def run_embedding(vocab_size: int, d_model: int, weights: Tensor, token_ids: Tensor) -> Tensor:
    return _with(Embedding(vocab_size, d_model), {"weight": weights})(token_ids)


def run_swiglu(
    d_model: int,
    d_ff: int,
    w1_weight: Tensor,
    w2_weight: Tensor,
    w3_weight: Tensor,
    in_features: Tensor,
) -> Tensor:
    weights = {"w1.weight": w1_weight, "w2.weight": w2_weight, "w3.weight": w3_weight}
    return _with(GatedFeedForward(d_model, d_ff, False, silu), weights)(in_features)


def run_silu(in_features: Tensor) -> Tensor:
    return silu(in_features)


def run_rmsnorm(d_model: int, eps: float, weights: Tensor, in_features: Tensor) -> Tensor:
    return _with(RMSNorm(d_model, eps), {"weight": weights})(in_features)


def run_softmax(in_features: Tensor, dim: int) -> Tensor:
    return softmax(in_features, dim)


def run_scaled_dot_product_attention(
    Q: Tensor,
    K: Tensor,
    V: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    everything = torch.ones(Q.shape[-2], K.shape[-2], dtype=torch.bool, device=Q.device)
    return attend_readably(Q, K, V, GivenMask(everything if mask is None else mask))


def run_rope(
    d_k: int, theta: float, max_seq_len: int, in_query_or_key: Tensor, token_positions: Tensor
) -> Tensor:
    rotate = RotaryPositions(d_k, theta, max_seq_len).rotation(token_positions)
    return rotate(in_query_or_key.unsqueeze(-3)).squeeze(-3)


def run_multihead_self_attention(
    d_model: int,
    num_heads: int,
    q_proj_weight: Tensor,
    k_proj_weight: Tensor,
    v_proj_weight: Tensor,
    o_proj_weight: Tensor,
    in_features: Tensor,
) -> Tensor:
    config = ModelConfig(d_model=d_model, n_heads=num_heads, position=NoPosition())
    weights = (q_proj_weight, k_proj_weight, v_proj_weight, o_proj_weight)
    return _attention(config, weights, in_features, None)


def run_multihead_self_attention_with_rope(  # noqa: PLR0913
    d_model: int,
    num_heads: int,
    max_seq_len: int,
    theta: float,
    q_proj_weight: Tensor,
    k_proj_weight: Tensor,
    v_proj_weight: Tensor,
    o_proj_weight: Tensor,
    in_features: Tensor,
    token_positions: Tensor | None = None,
) -> Tensor:
    config = ModelConfig(
        d_model=d_model, n_heads=num_heads, context_length=max_seq_len, position=Rope(theta=theta)
    )
    weights = (q_proj_weight, k_proj_weight, v_proj_weight, o_proj_weight)
    return _attention(config, weights, in_features, token_positions)


def run_transformer_block(
    d_model: int,
    num_heads: int,
    d_ff: int,
    max_seq_len: int,
    theta: float,
    weights: dict[str, Tensor],
    in_features: Tensor,
) -> Tensor:
    config = ModelConfig(
        d_model=d_model,
        n_heads=num_heads,
        d_ff=d_ff,
        context_length=max_seq_len,
        position=Rope(theta=theta),
    )
    rotate = build_position(config).rotation(_places(in_features))
    return _with(Block(config), weights)(in_features, rotate)


def run_transformer_lm(  # noqa: PLR0913
    vocab_size: int,
    context_length: int,
    d_model: int,
    num_layers: int,
    num_heads: int,
    d_ff: int,
    rope_theta: float,
    weights: dict[str, Tensor],
    in_indices: Tensor,
) -> Tensor:
    config = ModelConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        d_model=d_model,
        n_layers=num_layers,
        n_heads=num_heads,
        d_ff=d_ff,
        position=Rope(theta=rope_theta),
        tie_embeddings=False,
    )
    return _with(Transformer(config), weights)(in_indices)


# Training


def run_cross_entropy(inputs: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(inputs, targets)


def run_gradient_clipping(parameters: Iterable[nn.Parameter], max_l2_norm: float) -> None:
    clip_gradients(parameters, max_l2_norm)


def get_adamw_cls() -> type[torch.optim.Optimizer]:
    return AdamW


def run_get_lr_cosine_schedule(
    it: int,
    max_learning_rate: float,
    min_learning_rate: float,
    warmup_iters: int,
    cosine_cycle_iters: int,
) -> float:
    return cosine_with_warmup(
        it, max_learning_rate, min_learning_rate, warmup_iters, cosine_cycle_iters
    )


def run_get_batch(
    dataset: np.ndarray, batch_size: int, context_length: int, device: str
) -> tuple[Tensor, Tensor]:
    starts = window_starts(
        "random",
        seed=int(torch.randint(2**62, ())),
        step=0,
        batch_size=batch_size,
        n_tokens=len(dataset),
        context_length=context_length,
    )
    positions = starts[:, None] + np.arange(context_length + 1)
    windows = torch.from_numpy(gather((dataset,), positions)).to(device)
    return windows[:, :-1], windows[:, 1:]


def run_save_checkpoint(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    iteration: int,
    out: str | os.PathLike | BinaryIO | IO[bytes],
) -> None:
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state | {"iteration": iteration}, out)


def run_load_checkpoint(
    src: str | os.PathLike | BinaryIO | IO[bytes],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> int:
    state = torch.load(src, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["iteration"]


# Tokenizer


def get_tokenizer(
    vocab: dict[int, bytes],
    merges: list[tuple[bytes, bytes]],
    special_tokens: list[str] | None = None,
) -> CourseTokenizer:
    tokens = [vocab[i] for i in range(len(vocab))]
    declared = special_tokens or []
    tokens += [text.encode() for text in declared if text.encode() not in vocab.values()]
    made = {left + right for left, right in merges}
    specials = [(i, t.decode()) for i, t in enumerate(tokens) if len(t) > 1 and t not in made]
    byte_ids = tuple(tokens.index(bytes([byte])) for byte in range(256))
    vocabulary = Vocabulary("gpt2", tuple(specials), byte_ids, tuple(merges))
    if list(vocabulary.tokens) != tokens:
        raise ValueError("vocab: expected the results of the merges in their order, found others")
    return CourseTokenizer(vocabulary, declared)


def run_train_bpe(
    input_path: str | os.PathLike, vocab_size: int, special_tokens: list[str], **kwargs: Any
) -> tuple[dict[int, bytes], list[tuple[bytes, bytes]]]:
    text = Path(input_path).read_bytes()
    vocabulary = train([text], vocab_size=vocab_size, specials=special_tokens).vocabulary
    return dict(enumerate(vocabulary.tokens)), list(vocabulary.merges)


# Their names and shapes to ours


def _with(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    module.load_state_dict({_our_name(name): value for name, value in weights.items()})
    return module


def _our_name(name: str) -> str:
    for theirs, ours in OUR_NAMES.items():
        name = name.replace(theirs, ours)
    return name


def _attention(
    config: ModelConfig,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    in_features: Tensor,
    token_positions: Tensor | None,
) -> Tensor:
    names = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight")
    attention = _with(Attention(config), dict(zip(names, weights, strict=True)))
    positions = _places(in_features) if token_positions is None else token_positions
    return attention(in_features, build_position(config).rotation(positions))


def _places(in_features: Tensor) -> Tensor:
    return torch.arange(in_features.shape[-2], device=in_features.device)
