"""The libraries that train a Transformer: one row each, with our model of the same parts.

Only its own row imports a library, so a missing library costs one line of output.
"""

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from paribus.bench.library import Library, install_hint
from paribus.errors import InputMissingError
from paribus.model.config import Learned, ModelConfig

GET_NANOGPT = "git clone https://github.com/karpathy/nanoGPT"

LossOf = Callable[[Tensor, Tensor], Tensor]
"""(tokens, targets) -> mean cross-entropy in nats."""


@dataclass(frozen=True)
class Model(Library):
    """A library that trains, and how it builds a model like `ModelConfig(**parts)`."""

    build: Callable[[ModelConfig, Path | None], tuple[nn.Module, LossOf]]
    """Builds it from our config and the clone that the user gave, if it needs one."""
    parts: Mapping[str, Any] = field(default_factory=dict)
    needs_clone: bool = False

    def is_there(self, clone: Path | None) -> bool:
        """Whether it can be measured."""
        return clone is not None if self.needs_clone else bool(self.version())


def _loss_of_logits(logits_of: Callable[[Tensor], Tensor]) -> LossOf:
    def loss(tokens: Tensor, targets: Tensor) -> Tensor:
        logits = logits_of(tokens).flatten(0, 1).float()
        return nn.functional.cross_entropy(logits, targets.flatten())

    return loss


def _llama(config: ModelConfig, clone: Path | None) -> tuple[nn.Module, LossOf]:
    transformers = import_module("transformers")
    settings = transformers.LlamaConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.d_model,
        intermediate_size=config.feed_forward_width,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        max_position_embeddings=config.context_length,
        rms_norm_eps=config.norm_eps,
        tie_word_embeddings=True,
        use_cache=False,
    )
    model = transformers.LlamaForCausalLM(settings)
    return model, _loss_of_logits(lambda tokens: model(input_ids=tokens).logits)


def _litgpt(config: ModelConfig, clone: Path | None) -> tuple[nn.Module, LossOf]:
    litgpt = import_module("litgpt")
    settings = litgpt.Config(
        padded_vocab_size=config.vocab_size,
        vocab_size=config.vocab_size,
        block_size=config.context_length,
        n_embd=config.d_model,
        n_layer=config.n_layers,
        n_head=config.n_heads,
        intermediate_size=config.feed_forward_width,
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
    )
    model = litgpt.GPT(settings)
    model.lm_head.weight = model.transformer.wte.weight
    return model, _loss_of_logits(model)


def _x_transformers(config: ModelConfig, clone: Path | None) -> tuple[nn.Module, LossOf]:
    library = import_module("x_transformers")
    layers = library.Decoder(
        dim=config.d_model,
        depth=config.n_layers,
        heads=config.n_heads,
        attn_dim_head=config.head_width,
        ff_mult=config.feed_forward_width / config.d_model,
        ff_glu=True,
        ff_swish=True,
        ff_no_bias=True,
        use_rmsnorm=True,
        rotary_pos_emb=True,
        rotary_emb_dim=config.head_width,
        attn_flash=True,
    )
    model = library.TransformerWrapper(
        num_tokens=config.vocab_size,
        max_seq_len=config.context_length,
        use_abs_pos_emb=False,
        tie_embedding=True,
        attn_layers=layers,
    )
    for part in model.modules():  # no option removes this bias
        if isinstance(part, library.x_transformers.GLU):
            part.proj.bias = None
    return model, _loss_of_logits(model)


def _nanogpt(config: ModelConfig, clone: Path | None) -> tuple[nn.Module, LossOf]:
    spec = importlib.util.spec_from_file_location("nanogpt", nanogpt_source(clone or Path()))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.GPT(
        module.GPTConfig(
            block_size=config.context_length,
            vocab_size=config.vocab_size,
            n_layer=config.n_layers,
            n_head=config.n_heads,
            n_embd=config.d_model,
            dropout=0.0,
            bias=False,
        )
    )
    return model, lambda tokens, targets: model(tokens, targets)[1]


def nanogpt_source(clone: Path) -> Path:
    """The file of nanoGPT's model. Raises InputMissingError if it is missing."""
    source = clone / "model.py"
    if not source.is_file():
        raise InputMissingError(
            f"{source}: expected the model of nanoGPT, found none. Get it: {GET_NANOGPT}"
        )
    return source


MODELS = {
    "nanoGPT": Model(
        "nanoGPT",
        _nanogpt,
        {"norm": "layernorm", "position": Learned(), "ffn": "gelu"},
        needs_clone=True,
    ),
    "transformers Llama": Model("transformers", _llama),
    "litgpt": Model("litgpt", _litgpt),
    "x-transformers": Model("x-transformers", _x_transformers),
}


def how_to_install(names: Iterable[str], clone: Path | None) -> list[str]:
    """The lines that install those of `names` that are missing."""
    missing = [MODELS[name] for name in names if not MODELS[name].is_there(clone)]
    hint = install_hint(model for model in missing if not model.needs_clone)
    lines = [hint] if hint else []
    if any(model.needs_clone for model in missing):
        lines.append(f"{GET_NANOGPT}   (then add --nanogpt nanoGPT)")
    return lines


def count(model: nn.Module) -> int:
    """Number of trained values, each counted once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW in the fastest form that users of these libraries have."""
    return torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
