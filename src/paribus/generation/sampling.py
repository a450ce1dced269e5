"""Sampling: which token comes next, drawn from the scores of all of them."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from paribus.errors import ConfigError, NonFiniteError

TokenScores = Float[Tensor, " vocab"]
Distribution = Float[Tensor, " vocab"]


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How a token is drawn; the cuts act in the order in which they stand here.

    Raises ConfigError, naming the field, for a value that means nothing.
    """

    temperature: float = 1.0
    """Divides the scores: below 1 sharper, above 1 flatter; 0 always takes the likeliest token."""
    top_k: int | None = None
    """Keep this many of the likeliest tokens; None: all."""
    top_p: float | None = None
    """Keep the fewest likeliest tokens that sum up to this (nucleus; Holtzman et al., 2020)."""
    min_p: float | None = None
    """Keep tokens of at least this share of the highest probability (Nguyen et al., 2024)."""

    def __post_init__(self) -> None:
        _require(
            "temperature",
            self.temperature,
            math.isfinite(self.temperature) and self.temperature >= 0,
            "a number from 0 (the likeliest token) up",
        )
        for name, value, fits, expected in (
            ("top_k", self.top_k, lambda k: k >= 1, "a whole number from 1 up"),
            ("top_p", self.top_p, lambda p: 0 < p <= 1, "a number above 0 and up to 1"),
            ("min_p", self.min_p, lambda p: 0 <= p <= 1, "a number from 0 to 1"),
        ):
            if value is not None:
                _require(name, value, fits(value), expected)


def choose(logits: TokenScores, config: SamplingConfig, generator: torch.Generator) -> int:
    """Draws one token id, by one number of `generator`, which lives on the CPU.

    Equal logits and seeds give equal ids on every device. Raises NonFiniteError for scores that are
    no numbers.
    """
    distribution = probabilities(logits, config)
    if config.temperature == 0:
        return int(distribution.argmax())
    # The token at which the running sum passes a uniform number; tokens of probability 0 are
    # never passed at.
    share = torch.rand((), dtype=torch.float64, generator=generator)
    reached = distribution.cumsum(0)
    index = int(torch.searchsorted(reached, share * reached[-1], right=True))
    return min(index, int(distribution.nonzero()[-1]))


def probabilities(logits: TokenScores, config: SamplingConfig) -> Distribution:
    """softmax(logits / temperature) after the cuts, in float64 on the CPU; cut tokens have 0."""
    scores = logits.detach().to("cpu", torch.float64)
    if not torch.isfinite(scores).all():
        raise NonFiniteError(
            "logits: expected finite numbers, found nan or infinity. The weights are damaged; "
            "open an earlier checkpoint"
        )
    if config.temperature == 0:
        return _likeliest(scores)
    # By score: two that differ can round to one probability. Of equal ones the lowest id is first.
    order = scores.argsort(descending=True, stable=True)
    distribution = torch.softmax((scores - scores.max()) / config.temperature, dim=0)
    if config.top_k is not None:
        distribution = _keep_top_k(distribution, order, config.top_k)
    if config.top_p is not None:
        distribution = _keep_top_p(distribution, order, config.top_p)
    if config.min_p is not None:
        distribution = _keep_min_p(distribution, config.min_p)
    return distribution


def _require(name: str, value: float, holds: bool, expected: str) -> None:
    if not holds:
        raise ConfigError(f"{name}: expected {expected}, found {value}")


def _likeliest(scores: TokenScores) -> Distribution:
    """All of the probability on the highest score, the lowest id of equal ones."""
    distribution = torch.zeros_like(scores)
    distribution[scores.argmax()] = 1.0
    return distribution


def _keep_top_k(distribution: Distribution, order: Tensor, k: int) -> Distribution:
    return _keep(distribution, order[:k])


def _keep_top_p(distribution: Distribution, order: Tensor, p: float) -> Distribution:
    sorted_probabilities = distribution[order]
    mass_before = sorted_probabilities.cumsum(0) - sorted_probabilities
    return _keep(distribution, order[mass_before < p])


def _keep_min_p(distribution: Distribution, share: float) -> Distribution:
    return _keep(distribution, distribution >= share * distribution.max())


def _keep(distribution: Distribution, kept: Tensor) -> Distribution:
    """The distribution over the `kept` ids alone, its sum 1 again."""
    cut = torch.zeros_like(distribution)
    cut[kept] = distribution[kept]
    return cut / cut.sum()
