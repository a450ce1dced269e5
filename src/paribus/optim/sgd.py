"""SGD: stochastic gradient descent, with momentum and decoupled weight decay."""

from collections.abc import Iterable

import torch
from torch import Tensor

from paribus.optim.by_group import GroupOptimizer


class SGD(GroupOptimizer):
    """Steps along the gradient (Robbins and Monro, 1951) or along its running sum (Polyak, 1964).

    w -= lr * weight_decay * w
    v = momentum v + g;  w -= lr * v

    The decay is that of AdamW, off the weight itself (SGDW; Loshchilov and Hutter, 2019,
    arXiv:1711.05101), so that `weight_decay` means the same under every optimizer.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 0.1,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ):
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    def update(self, parameters: list[Tensor], group: dict) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        if group["momentum"]:
            sums = [self._sum_of(parameter) for parameter in parameters]
            torch._foreach_mul_(sums, group["momentum"])
            torch._foreach_add_(sums, gradients)
            gradients = sums
        torch._foreach_add_(parameters, gradients, alpha=-group["lr"])

    def _sum_of(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if not state:
            state["sum"] = torch.zeros_like(parameter)
        return state["sum"]
