"""Muon: momentum made orthogonal for the hidden matrices, AdamW for everything else."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from paribus.optim.adamw import count_step, update_together
from paribus.optim.by_group import GroupOptimizer

Matrix = Float[Tensor, "d_out d_in"]

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""a, b, c of the iteration, tuned by the author of Muon so that small singular values grow fastest;
those from 0.02 up end between 0.68 and 1.14 instead of at 1."""
NORM_EPS = 1e-7
"""Keeps a gradient of zeros from becoming NaN."""


class Muon(GroupOptimizer):
    """MomentUm Orthogonalized by Newton-Schulz (Jordan et al., 2024).

    https://kellerjordan.github.io/posts/muon/

    m = momentum m + (1 - momentum) g;  u = momentum m + (1 - momentum) g  (Nesterov's look ahead)
    w -= lr * weight_decay * w
    w -= lr * sqrt(max(1, d_out / d_in)) * orthogonal(u)

    The scale is the original's: a tall matrix moves further, so that its outputs change as much as
    those of a square one. Groups with `is_orthogonal` are updated so, the others by AdamW.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 0.02,
        momentum: float = 0.95,
        iterations: int = 5,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "iterations": iterations,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "is_orthogonal": True,
        }
        super().__init__(params, defaults)

    def update(self, parameters: list[Tensor], group: dict) -> None:
        if group["is_orthogonal"]:
            for parameter in parameters:
                self._update_matrix(parameter, group)
            return
        for parameter in parameters:
            count_step(self.state[parameter], parameter)
        update_together(parameters, self.state, group)

    def _update_matrix(self, parameter: Tensor, group: dict) -> None:
        gradient, state, momentum = parameter.grad, self.state[parameter], group["momentum"]
        assert gradient is not None
        if not state:
            state["mean"] = torch.zeros_like(parameter)
        mean = state["mean"].lerp_(gradient, 1 - momentum)
        update = orthogonal(gradient.lerp(mean, momentum), group["iterations"])
        scale = max(1.0, parameter.shape[0] / parameter.shape[1]) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update, alpha=-group["lr"] * scale)


def orthogonal(matrix: Matrix, iterations: int) -> Matrix:
    """Nearly U V^T of the decomposition U S V^T, by Newton and Schulz's iteration.

    X = M / |M|;  X = a X + (b A + c A²) X with A = X X^T, `iterations` times. In the number format
    of `matrix`; the original works in bfloat16.
    """
    a, b, c = COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix  # so that A is the smaller square
    x = x / (x.norm() + NORM_EPS)
    for _ in range(iterations):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if is_tall else x
