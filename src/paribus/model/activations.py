"""The activations of feed-forward networks; a row of `variants.FFNS` names one of them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

Numbers = Float[Tensor, "*any"]


def silu(x: Numbers) -> Numbers:
    """x * sigmoid(x) (Elfwing et al., 2017, arXiv:1702.03118)."""
    # PyTorch's one-pass kernel: the product written out takes three times as long in eager mode.
    return nn.functional.silu(x)


def gelu(x: Numbers) -> Numbers:
    """x * Phi(x), the exact form (Hendrycks and Gimpel, 2016, arXiv:1606.08415)."""
    # One pass again; Phi(x) = (1 + erf(x / sqrt 2)) / 2.
    return nn.functional.gelu(x)


def relu(x: Numbers) -> Numbers:
    """max(x, 0) (Nair and Hinton, 2010)."""
    return torch.relu(x)


def relu2(x: Numbers) -> Numbers:
    """max(x, 0)² (Primer; So et al., 2021, arXiv:2109.08668)."""
    return torch.relu(x).square()
