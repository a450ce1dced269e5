"""The same weights in Hugging Face's transformers: equal logits and equal gradients.

`PYTHONPATH=tests python tests/model/test_transformers_equality.py` prints the largest differences.

Two conventions differ. Our RoPE turns neighbours (x0, x1), theirs x0 with the x at half the head: the
rows of q and k are permuted. GPT packs q, k and v into one matrix and keeps matrices transposed.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from axes import random_model
from closeness import assert_close
from paribus.loss import chunked_loss, cross_entropy
from paribus.model.config import Alibi, Learned, ModelConfig, Rope
from paribus.model.position import rotate_pairs
from paribus.model.transformer import Transformer

pytestmark = pytest.mark.peers

Tensors = dict[str, Tensor]
SHAPE = ModelConfig(
    vocab_size=101, context_length=24, d_model=64, n_layers=3, n_heads=4, d_ff=160,
    position=Rope(theta=1000.0),
)  # fmt: skip
GPT_SHAPE = dataclasses.replace(SHAPE, norm="layernorm", bias=True, position=Learned(), ffn="gelu")

LLAMA_NAMES = {
    "token_embedding": "model.embed_tokens",
    "layers": "model.layers",
    "attention": "self_attn",
    "ffn": "mlp",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "final_norm": "model.norm",
}
OLMO2_NAMES = LLAMA_NAMES | {
    "attention_norm": "post_attention_layernorm",
    "ffn_norm": "post_feedforward_layernorm",
}
GEMMA2_NAMES = LLAMA_NAMES | {
    "attention_output_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "ffn_output_norm": "post_feedforward_layernorm",
}
GPT2_NAMES = {
    "token_embedding": "transformer.wte",
    "position.table": "transformer.wpe",
    "layers": "transformer.h",
    "attention": "attn",
    "ffn": "mlp",
    "attention_norm": "ln_1",
    "ffn_norm": "ln_2",
    "o_proj": "c_proj",
    "up_proj": "c_fc",
    "down_proj": "c_proj",
    "final_norm": "transformer.ln_f",
}
MPT_NAMES = GPT2_NAMES | {
    "layers": "transformer.blocks",
    "ffn": "ffn",
    "attention_norm": "norm_1",
    "ffn_norm": "norm_2",
    "qkv_proj": "Wqkv",
    "o_proj": "out_proj",
    "up_proj": "up_proj",
    "down_proj": "down_proj",
    "final_norm": "transformer.norm_f",
}
GPT_NAMES = GPT2_NAMES | {
    "token_embedding": "transformer.tokens_embed",
    "position.table": "transformer.positions_embed",
}
"""A part of our names -> theirs; what is not here has one name in both."""


def llama_tensors(ours: Tensors, config: ModelConfig, names: dict[str, str]) -> Tensors:
    """Our tensors (weights or gradients) under their names, rows of q and k in their order."""
    theirs = {}
    for name, tensor in ours.items():
        if ".q_" in name or ".k_" in name:
            tensor = halves_from_pairs(tensor, config.head_width)
        theirs[renamed(name, names)] = tensor
    return theirs


def gpt_tensors(ours: Tensors, config: ModelConfig, names: dict[str, str]) -> Tensors:
    """Our tensors under their names; q, k and v packed, matrices of blocks transposed."""
    theirs = {}
    for name, tensor in ours.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            tensor = torch.cat([ours[name.replace("q_proj", f"{part}_proj")] for part in "qkv"])
            name = name.replace("q_proj", "c_attn")
        is_transposed = name.startswith("layers.") and tensor.ndim == 2
        theirs[renamed(name, names)] = tensor.T if is_transposed else tensor
    return theirs


def mpt_tensors(ours: Tensors, config: ModelConfig, names: dict[str, str]) -> Tensors:
    """Our tensors under their names, q, k and v packed."""
    theirs = {}
    for name, tensor in ours.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            tensor = torch.cat([ours[name.replace("q_proj", f"{part}_proj")] for part in "qkv"])
            name = name.replace("q_proj", "qkv_proj")
        theirs[renamed(name, names)] = tensor
    return theirs


def renamed(name: str, names: dict[str, str]) -> str:
    """Each part of a dotted name in their words."""
    parts = name.replace("position.table", "position/table").split(".")
    return ".".join(names.get(part.replace("/", "."), part) for part in parts)


def halves_from_pairs(rows: Tensor, d_head: int) -> Tensor:
    """Rows ordered head by head, in each head x0 x2 x4 … x1 x3 x5 …"""
    return rows.unflatten(0, (-1, d_head // 2, 2)).transpose(1, 2).flatten(0, 2)


@dataclass(frozen=True)
class Peer:
    """An architecture of transformers that a config of ours describes."""

    config: ModelConfig
    build: Callable[[ModelConfig], nn.Module]
    tensors: Callable[[Tensors, ModelConfig, dict[str, str]], Tensors]
    names: dict[str, str]
    norm_offset: float = 0.0
    """What their norms add to the weights that they keep."""

    def __call__(self, **changes: Any) -> "Peer":
        return dataclasses.replace(self, config=dataclasses.replace(self.config, **changes))


def llama(config: ModelConfig) -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    biases = {"attention_bias": config.bias, "mlp_bias": config.bias}
    return LlamaForCausalLM(LlamaConfig(**llama_settings(config), **biases))


def olmo2(config: ModelConfig) -> nn.Module:
    """OLMo 2. Its q_norm and k_norm run over all heads at once, ours over each: with several heads
    they are taken out."""
    from transformers import Olmo2Config, Olmo2ForCausalLM

    model = Olmo2ForCausalLM(Olmo2Config(**llama_settings(config)))
    if not config.qk_norm:
        for layer in model.model.layers:
            layer.self_attn.q_norm = layer.self_attn.k_norm = nn.Identity()
    return model


def qwen3(config: ModelConfig) -> nn.Module:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(Qwen3Config(**llama_settings(config), head_dim=config.head_width))


def gemma2(config: ModelConfig) -> nn.Module:
    """Gemma 2 with full attention, without its cap on attention scores, with the exact GELU."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    own = {
        "head_dim": config.head_width,
        "query_pre_attn_scalar": config.head_width,
        "hidden_activation": "gelu",
        "attn_logit_softcapping": None,
        "final_logit_softcapping": config.logit_softcap,
        "layer_types": ["full_attention"] * config.n_layers,
    }
    return Gemma2ForCausalLM(Gemma2Config(**llama_settings(config), **own))


def llama_settings(config: ModelConfig) -> dict[str, Any]:
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "intermediate_size": config.feed_forward_width,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.kv_heads,
        "max_position_embeddings": config.context_length,
        "rms_norm_eps": config.norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.position.theta},
        "tie_word_embeddings": config.tie_embeddings,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def gpt2(config: ModelConfig) -> nn.Module:
    """GPT-2 with the exact GELU in place of its tanh, or another activation."""
    from transformers import GPT2Config, GPT2LMHeadModel

    activation = {"n_inner": config.feed_forward_width, "activation_function": config.ffn}
    return GPT2LMHeadModel(GPT2Config(**gpt_settings(config), **activation))


def gpt(config: ModelConfig) -> nn.Module:
    """The first GPT, post-norm; its feed-forward width is 4 d_model."""
    from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

    return OpenAIGPTLMHeadModel(OpenAIGPTConfig(**gpt_settings(config), afn=config.ffn))


def gpt_settings(config: ModelConfig) -> dict[str, Any]:
    return {
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "bos_token_id": None,
        "eos_token_id": None,
    }


def mpt(config: ModelConfig) -> nn.Module:
    """MPT: ALiBi, LayerNorm without biases, the exact GELU; always tied here."""
    from transformers import MptConfig, MptForCausalLM
    from transformers.models.mpt.configuration_mpt import MptAttentionConfig

    settings = {
        "vocab_size": config.vocab_size,
        "d_model": config.d_model,
        "n_layers": config.n_layers,
        "n_heads": config.n_heads,
        "expansion_ratio": config.feed_forward_width // config.d_model,
        "max_seq_len": config.context_length,
        "layer_norm_epsilon": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    return MptForCausalLM(MptConfig(**settings, attn_config=MptAttentionConfig(alibi=True)))


LLAMA = Peer(SHAPE, llama, llama_tensors, LLAMA_NAMES)
OLMO2 = Peer(SHAPE, olmo2, llama_tensors, OLMO2_NAMES)(norm_placement="output")
QWEN3 = Peer(SHAPE, qwen3, llama_tensors, LLAMA_NAMES)(qk_norm=True)
GEMMA2 = Peer(SHAPE, gemma2, llama_tensors, GEMMA2_NAMES, norm_offset=1.0)(
    norm_placement="sandwich", ffn="geglu", embedding_scale="sqrt_d_model", logit_softcap=5.0
)
GPT2 = Peer(GPT_SHAPE, gpt2, gpt_tensors, GPT2_NAMES)
MPT = Peer(SHAPE, mpt, mpt_tensors, MPT_NAMES)(
    norm="layernorm", ffn="gelu", d_ff=256, position=Alibi()
)
GPT = Peer(GPT_SHAPE, gpt, gpt_tensors, GPT_NAMES)(norm_placement="post", d_ff=256)

PEERS = {
    "Llama": LLAMA(),
    "Llama, untied": LLAMA(tie_embeddings=False),
    "Llama, 2 key-value heads": LLAMA(n_kv_heads=2),
    "Llama, 1 key-value head, untied": LLAMA(n_kv_heads=1, tie_embeddings=False),
    "Llama, biases": LLAMA(bias=True),
    "GPT-2": GPT2(),
    "GPT-2, untied": GPT2(tie_embeddings=False),
    "GPT-2, ReLU": GPT2(ffn="relu"),
    "GPT-2, SiLU": GPT2(ffn="silu"),
    "GPT (post-norm), ReLU": GPT(ffn="relu"),
    "GPT (post-norm), SiLU": GPT(ffn="silu"),
    "OLMo 2 without q_norm and k_norm": OLMO2(),
    "OLMo 2, one head": OLMO2(qk_norm=True, n_heads=1),
    "Qwen 3": QWEN3(),
    "Qwen 3, 2 key-value heads, untied": QWEN3(n_kv_heads=2, tie_embeddings=False),
    "MPT (ALiBi)": MPT(),
    "MPT (ALiBi), 12 heads": MPT(d_model=96, n_heads=12, d_ff=384),
    "Gemma 2 (sandwich, GeGLU, soft-cap)": GEMMA2(n_kv_heads=2),
}
PATHS = {"readable": "manual", "fast": "sdpa"}
"""The readable loss on the readable attention, the chunked loss on the fused one."""


def our_results(model: Transformer, tokens: Tensor, path: str) -> tuple[Tensor, Tensors]:
    """Logits, and the gradients of the cross-entropy by parameter."""
    logits, config = model(tokens[:, :-1]), model.config
    if path == "readable":
        loss = cross_entropy(logits, tokens[:, 1:])
    else:
        table, cap = model.output_weight, config.logit_softcap
        loss = chunked_loss(
            model.hidden(tokens[:, :-1]), table, tokens[:, 1:], rows=20, softcap=cap
        ).objective
    return logits.detach(), gradients(loss, model.named_parameters())


def their_results(model: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensors]:
    logits = model(tokens[:, :-1], use_cache=False).logits
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    return logits.detach(), gradients(loss, model.named_parameters())


def gradients(loss: Tensor, named: Iterable[tuple[str, nn.Parameter]]) -> Tensors:
    names, parameters = zip(*named, strict=True)
    return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))


def load(model: nn.Module, weights: Tensors, norm_offset: float) -> None:
    """Sets every parameter of `model`; a tied table counts once, as in our names."""
    parameters = dict(model.named_parameters())
    assert parameters.keys() == weights.keys()
    with torch.no_grad():
        for name, parameter in parameters.items():
            assert parameter.shape == weights[name].shape, name
            parameter.copy_(weights[name] - (norm_offset if "norm" in name else 0))


def compared(peer: Peer, path: str) -> tuple[tuple[Tensor, Tensors], tuple[Tensor, Tensors]]:
    """Logits and gradients of both, under their names."""
    config = dataclasses.replace(peer.config, attention_backend=PATHS[path])
    # 1 / sqrt(d_model): each product keeps the size of the stream, and float32 resolves 1e-5.
    ours, theirs = random_model(config, std=config.d_model**-0.5), peer.build(config).eval()
    load(theirs, peer.tensors(ours.state_dict(), config, peer.names), peer.norm_offset)
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, 101, (4, config.context_length + 1), generator=generator)
    logits, slopes = our_results(ours, tokens, path)
    return (logits, peer.tensors(slopes, config, peer.names)), their_results(theirs, tokens)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", PEERS)
def test_logits_and_every_gradient_are_equal(name, path):
    (logits, slopes), (their_logits, their_slopes) = compared(PEERS[name], path)
    assert logits.std() > 0.5
    assert_close(logits, their_logits, atol=1e-5, rtol=0)
    assert slopes.keys() == their_slopes.keys()
    for parameter, slope in slopes.items():
        expected = their_slopes[parameter]
        assert_close(slope, expected, atol=1e-5, rtol=0)
        # The bias of k moves no probability: its gradient is rounding alone.
        is_zero = parameter.endswith("k_proj.bias")
        assert is_zero or (slope - expected).norm() < 1e-5 * expected.norm(), parameter


def test_turned_pairs_permuted_are_permuted_halves_turned():
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    heads = torch.randn(1, 2, 7, 8, generator=torch.Generator().manual_seed(2))
    angles = torch.arange(7.0)[:, None] * 1000.0 ** (-torch.arange(0, 8, 2) / 8)
    order = halves_from_pairs(torch.arange(8), 8)
    assert order.tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    both = torch.cat([angles, angles], -1)[None]
    theirs, _ = apply_rotary_pos_emb(heads[..., order], heads[..., order], both.cos(), both.sin())
    assert_close(rotate_pairs(heads, angles.cos(), angles.sin())[..., order], theirs)


def main() -> None:
    """Prints the largest differences of every peer."""
    torch.set_num_threads(1)
    print("| model | path | logits | gradients |\n|---|---|---|---|")
    for name, peer in PEERS.items():
        for path in PATHS:
            (logits, slopes), (their_logits, their_slopes) = compared(peer, path)
            gap = max((slope - their_slopes[n]).abs().max().item() for n, slope in slopes.items())
            print(f"| {name} | {path} | {(logits - their_logits).abs().max():.1e} | {gap:.1e} |")


if __name__ == "__main__":
    main()
