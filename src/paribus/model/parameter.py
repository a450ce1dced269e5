"""Parameters that state their initial value, and whether they decay."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Drawn:
    """A standard draw of the seed and the tensor's name, times `std`."""

    std: float | None = None
    """Null: the standard deviation that `model.init` gives to matrices and tables."""


Initial = float | Tensor | Drawn
"""One number for all entries, the entries themselves, or a draw."""


def parameter(*shape: int, initial: Initial, decays: bool | None = None) -> nn.Parameter:
    """A parameter without values yet: `init.initialize` sets them to what is stated here.

    `decays` says whether weight decay acts on it under `optimizer.decay=matrices`; null: if it has
    two axes or more.
    """
    made = nn.Parameter(torch.empty(shape))
    made.initial = initial  # type: ignore[attr-defined]
    made.decays = len(shape) >= 2 if decays is None else decays  # type: ignore[attr-defined]
    return made
