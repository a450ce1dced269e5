"""AdamW: adaptive moments with decoupled weight decay."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch
from torch import Tensor

from paribus.optim.by_group import GroupOptimizer


class AdamW(GroupOptimizer):
    """Adam with decay taken off the weight itself (Loshchilov and Hutter, 2019, arXiv:1711.05101).

    w -= lr * weight_decay * w
    m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g²
    w -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps), t from 1

    `foreach` runs the same operations over all tensors of a group at once. `one_pass` is
    `update_in_one_pass`, compiled, and takes its place.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        foreach: bool = True,
        one_pass: "OnePass | None" = None,
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)
        self._update = update_together if foreach else _update_one_by_one
        if one_pass is not None:
            self._update = partial(_update_by, one_pass)

    def update(self, parameters: list[Tensor], group: dict) -> None:
        for parameter in parameters:
            count_step(self.state[parameter], parameter)
        self._update(parameters, self.state, group)


def count_step(state: dict, parameter: Tensor) -> None:
    """Counts one more step of a parameter; the first call creates its moments."""
    if not state:
        # The count is a tensor on the CPU: saved with the moments, read without waiting.
        state["step"] = torch.zeros((), dtype=torch.float64)
        state["mean"] = torch.zeros_like(parameter)
        state["mean_square"] = torch.zeros_like(parameter)
    state["step"] += 1


def _update_one_by_one(parameters: list[Tensor], states: dict, group: dict) -> None:
    """The readable update."""
    beta1, beta2 = group["betas"]
    for parameter in parameters:
        state, gradient = states[parameter], parameter.grad
        assert gradient is not None
        t = state["step"].item()
        mean, mean_square = state["mean"], state["mean_square"]
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        mean.mul_(beta1).add_(gradient, alpha=1 - beta1)
        mean_square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        root = mean_square.sqrt().div_((1 - beta2**t) ** 0.5).add_(group["eps"])
        parameter.addcdiv_(mean, root, value=-group["lr"] / (1 - beta1**t))


def update_together(parameters: list[Tensor], states: dict, group: dict) -> None:
    """The same update, one call for all tensors with the same step count."""
    beta1, beta2 = group["betas"]
    for t, same, gradients, means, mean_squares in _by_step(parameters, states):
        torch._foreach_mul_(same, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_mul_(means, beta1)
        torch._foreach_add_(means, gradients, alpha=1 - beta1)
        torch._foreach_mul_(mean_squares, beta2)
        torch._foreach_addcmul_(mean_squares, gradients, gradients, value=1 - beta2)
        roots = torch._foreach_sqrt(mean_squares)
        torch._foreach_div_(roots, (1 - beta2**t) ** 0.5)
        torch._foreach_add_(roots, group["eps"])
        torch._foreach_addcdiv_(same, means, roots, value=-group["lr"] / (1 - beta1**t))


def update_in_one_pass(
    parameters: list[Tensor],
    gradients: list[Tensor],
    means: list[Tensor],
    mean_squares: list[Tensor],
    settings: tuple[float, float, float],
    factors: Tensor,
) -> None:
    """The same update for a compiler, which turns it into one loop over each tensor.

    `settings` are the betas and eps. `factors` change from step to step: 1 - lr * weight_decay,
    sqrt(1 - beta2^t), lr / (1 - beta1^t).
    """
    beta1, beta2, eps = settings
    kept, correction, rate = factors.unbind()
    for parameter, gradient, mean, mean_square in zip(
        parameters, gradients, means, mean_squares, strict=True
    ):
        parameter.mul_(kept)
        mean.mul_(beta1).add_((1 - beta1) * gradient)
        mean_square.mul_(beta2).add_((1 - beta2) * gradient * gradient)
        parameter.sub_(rate * mean / (mean_square.sqrt() / correction + eps))


OnePass = Callable[
    [
        list[Tensor],
        list[Tensor],
        list[Tensor],
        list[Tensor],
        tuple[float, float, float],
        Tensor,
    ],
    None,
]


def _update_by(one_pass: OnePass, parameters: list[Tensor], states: dict, group: dict) -> None:
    beta1, beta2 = group["betas"]
    lr = group["lr"]
    for t, same, gradients, means, mean_squares in _by_step(parameters, states):
        factors = torch.tensor(
            [1 - lr * group["weight_decay"], (1 - beta2**t) ** 0.5, lr / (1 - beta1**t)],
            device=same[0].device,
        )
        settings = (beta1, beta2, group["eps"])
        one_pass(same, gradients, means, mean_squares, settings, factors)


def _by_step(parameters: list[Tensor], states: dict) -> Iterator[tuple]:
    """(t, parameters, gradients, means, mean squares) for each step count t."""
    by_step: dict[float, list[Tensor]] = {}
    for parameter in parameters:
        by_step.setdefault(states[parameter]["step"].item(), []).append(parameter)
    for t, same in by_step.items():
        gradients = [p.grad for p in same if p.grad is not None]
        means = [states[p]["mean"] for p in same]
        yield t, same, gradients, means, [states[p]["mean_square"] for p in same]
