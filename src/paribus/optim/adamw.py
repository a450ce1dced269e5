"""AdamW: adaptive moments with decoupled weight decay."""

from collections.abc import Callable, Iterable
from inspect import unwrap

import torch
from torch import Tensor
from torch.optim import Optimizer

Loss = float | Tensor


class AdamW(Optimizer):
    """Adam with decay taken off the weight itself (Loshchilov and Hutter, 2019, arXiv:1711.05101).

    w -= lr * weight_decay * w
    m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g²
    w -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps), t from 1

    `foreach` runs the same operations over all tensors of a group at once.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        foreach: bool = True,
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)
        self._update = _update_together if foreach else _update_one_by_one

    # PyTorch wraps these to keep its compiler out of them, and the wrapper imports the compiler:
    # seconds at every start. Nothing here compiles an optimizer.
    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Callable[[], Loss] | None = None) -> Loss | None:  # type: ignore[override]
        """Updates every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            for parameter in parameters:
                self._prepare(parameter)
            if parameters:
                self._update(parameters, self.state, group)
        return loss

    def _prepare(self, parameter: Tensor) -> None:
        state = self.state[parameter]
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


def _update_together(parameters: list[Tensor], states: dict, group: dict) -> None:
    """The same update, one call for all tensors that have made equally many steps."""
    beta1, beta2 = group["betas"]
    by_step: dict[float, list[Tensor]] = {}
    for parameter in parameters:
        by_step.setdefault(states[parameter]["step"].item(), []).append(parameter)
    for t, same in by_step.items():
        gradients = [p.grad for p in same if p.grad is not None]
        means = [states[p]["mean"] for p in same]
        mean_squares = [states[p]["mean_square"] for p in same]
        torch._foreach_mul_(same, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_mul_(means, beta1)
        torch._foreach_add_(means, gradients, alpha=1 - beta1)
        torch._foreach_mul_(mean_squares, beta2)
        torch._foreach_addcmul_(mean_squares, gradients, gradients, value=1 - beta2)
        roots = torch._foreach_sqrt(mean_squares)
        torch._foreach_div_(roots, (1 - beta2**t) ** 0.5)
        torch._foreach_add_(roots, group["eps"])
        torch._foreach_addcdiv_(same, means, roots, value=-group["lr"] / (1 - beta1**t))
