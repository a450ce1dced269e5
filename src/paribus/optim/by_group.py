"""Base class of all optimizers: a step is one update for each group of parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from inspect import unwrap

import torch
from torch import Tensor
from torch.optim import Optimizer

Loss = float | Tensor


class GroupOptimizer(Optimizer, ABC):
    """An optimizer whose subclass updates the parameters of one group at a time."""

    # PyTorch wraps these to keep its compiler out, and the wrapper imports the compiler: seconds at
    # every start. Only the update is ever compiled.
    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)

    @abstractmethod
    def update(self, parameters: list[Tensor], group: dict) -> None:
        """Changes `parameters`, each of which has a gradient, by the settings of `group`."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Loss] | None = None) -> Loss | None:  # type: ignore[override]
        """Updates every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self.update(parameters, group)
        return loss
