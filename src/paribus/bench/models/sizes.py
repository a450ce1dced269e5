"""Sizes at which training is measured. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paribus.model.config import ModelConfig


@dataclass(frozen=True)
class Shape:
    """Size of a model and of a batch."""

    vocab_size: int
    context_length: int
    d_model: int
    n_layers: int
    n_heads: int
    batch_size: int

    def config(self, parts: Mapping[str, Any]) -> ModelConfig:
        """Our model of this size; `parts` overrides defaults."""
        return ModelConfig(
            vocab_size=self.vocab_size,
            context_length=self.context_length,
            d_model=self.d_model,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            **parts,
        )


SHAPES = {
    "baseline": Shape(32_000, 256, 256, 4, 4, 64),
    "small": Shape(4096, 128, 128, 4, 4, 32),
    "77m": Shape(50_257, 512, 512, 16, 16, 4),
    "124m": Shape(50_304, 1024, 768, 12, 12, 16),
}
