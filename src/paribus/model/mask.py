"""Masks of attention scores: which keys a query sees, and what is added to their scores."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from paribus.shapes import Keys, Mask, Queries

Scores = Float[Tensor, "*rows queries keys"]


class ScoreMask(ABC):
    """Which keys a query sees, and what is added to its scores."""

    @abstractmethod
    def apply(self, scores: Scores) -> Scores:
        """The scores, -inf for a key that the query does not see."""

    @abstractmethod
    def for_kernel(self, q: Queries, k: Keys) -> tuple[Tensor | None, bool]:
        """`attn_mask` and `is_causal`, which say the same to PyTorch's fused kernel."""


class CausalMask(ScoreMask):
    """A query sees the keys up to its own position; the queries are the last of the positions."""

    def apply(self, scores: Scores) -> Scores:
        return scores.masked_fill(
            ~causal_mask(scores.shape[-2], scores.shape[-1], scores.device), -torch.inf
        )

    def for_kernel(self, q: Queries, k: Keys) -> tuple[Tensor | None, bool]:
        n_queries, n_keys = q.shape[-2], k.shape[-2]
        if n_queries == n_keys:
            return None, True  # the fast path: no mask in memory
        return causal_mask(n_queries, n_keys, q.device), False


class BiasedMask(ScoreMask):
    """Causal, with a number added to each score: (heads, queries, keys) in float32."""

    def __init__(self, bias: Scores):
        self.bias = CAUSAL.apply(bias)
        self.for_dtype = {bias.dtype: self.bias}

    def apply(self, scores: Scores) -> Scores:
        return scores + self.bias

    def for_kernel(self, q: Queries, k: Keys) -> tuple[Tensor | None, bool]:
        # One copy for all layers, in the number format of the products.
        if q.dtype not in self.for_dtype:
            self.for_dtype[q.dtype] = self.bias.to(q.dtype)
        bias = self.for_dtype[q.dtype]
        # The kernel of the CPU takes masks of two or of four axes only.
        return bias[(None,) * (q.ndim - bias.ndim)], False


class GivenMask(ScoreMask):
    """A query sees the keys at which `visible` is true."""

    def __init__(self, visible: Mask):
        self.visible = visible

    def apply(self, scores: Scores) -> Scores:
        return scores.masked_fill(~self.visible, -torch.inf)

    def for_kernel(self, q: Queries, k: Keys) -> tuple[Tensor | None, bool]:
        return self.visible, False


CAUSAL = CausalMask()


def causal_mask(n_queries: int, n_keys: int, device: torch.device) -> Mask:
    """True where a query may attend: the queries are the last of the keys' positions."""
    return torch.ones(n_queries, n_keys, dtype=torch.bool, device=device).tril(n_keys - n_queries)
