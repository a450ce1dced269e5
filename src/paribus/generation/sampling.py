"""Sampling: which token comes next, drawn from the scores of all of them."""

import torch
from jaxtyping import Float
from torch import Tensor

from paribus.errors import NonFiniteError
from paribus.generation.config import SamplingConfig

TokenScores = Float[Tensor, " vocab"]
Distribution = Float[Tensor, " vocab"]


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
