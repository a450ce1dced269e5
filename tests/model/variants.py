"""Every combination of the axes, at a size where a test of all of them takes seconds."""

import itertools

import torch

from paribus.model.config import ModelConfig
from paribus.model.ffn import FFNS
from paribus.model.norm import NORMS
from paribus.model.position import POSITIONS
from paribus.model.residual import RESIDUALS
from paribus.model.transformer import Transformer

VARIANTS = list(
    itertools.product(RESIDUALS, NORMS, POSITIONS, FFNS, ("tied", "untied"), ("bias", "plain"))
)


def small_config(**changes) -> ModelConfig:
    shape = {"vocab_size": 13, "context_length": 8, "d_model": 16, "n_layers": 2, "n_heads": 4}
    return ModelConfig(**(shape | {"d_ff": 24} | changes))


def config_of(variant) -> ModelConfig:
    placement, norm, position, ffn, tying, bias = variant
    return small_config(
        norm_placement=placement,
        norm=norm,
        position=position(),
        ffn=ffn,
        tie_embeddings=tying == "tied",
        bias=bias == "bias",
    )


def random_model(config: ModelConfig, seed: int = 0) -> Transformer:
    """A model in which no tensor is neutral: norm weights are not 1 and biases not 0."""
    model = Transformer(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0, 0.3, generator=generator)
            if name.endswith("norm.weight"):
                parameter.add_(1)
    return model


def name_of(variant) -> str:
    return "-".join(part if isinstance(part, str) else part().kind for part in variant)
