"""Clipping of gradients by their global norm (Pascanu et al., 2013, arXiv:1211.5063)."""

from collections.abc import Iterable

import torch
from torch import Tensor

from paribus.shapes import Scalar


@torch.no_grad()
def clip_gradients(parameters: Iterable[Tensor], max_norm: float | None) -> Scalar:
    """Scales all gradients by M / (norm + 1e-6) if their global norm exceeds M.

    Returns the norm before. `parameters` is read once, so a generator works. Nothing waits for the
    device: the factor is a tensor.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = global_norm(gradients)
    if max_norm is not None and gradients:
        factor = torch.where(norm > max_norm, max_norm / (norm + 1e-6), torch.ones_like(norm))
        torch._foreach_mul_(gradients, factor)
    return norm


def global_norm(tensors: list[Tensor]) -> Scalar:
    """The Euclidean norm over all tensors; 0 if there are none."""
    if not tensors:
        return torch.zeros(())
    return torch.stack([n.float() for n in torch._foreach_norm(tensors)]).square().sum().sqrt()


def clipped_norm(norm: float, max_norm: float | None) -> float:
    """The global norm of gradients that `clip_gradients` has scaled."""
    return norm * (max_norm / (norm + 1e-6)) if max_norm is not None and norm > max_norm else norm
