"""Which parameters decay."""

from collections.abc import Iterable
from typing import Any

from torch.nn import Parameter

from paribus.optim.config import AdamWConfig

DECAYS = {
    "matrices": lambda parameter: parameter.ndim >= 2,
    "all": lambda parameter: True,
}


def decay_groups(
    named_parameters: Iterable[tuple[str, Parameter]], config: AdamWConfig
) -> list[dict[str, Any]]:
    """Two groups, decaying and not, each with the names of its parameters."""
    decays = DECAYS[config.decay]
    named = [(name, p) for name, p in named_parameters if p.requires_grad]
    groups = []
    for weight_decay, wanted in ((config.weight_decay, True), (0.0, False)):
        members = [(name, p) for name, p in named if decays(p) == wanted]
        if members:
            names, parameters = zip(*members, strict=True)
            groups.append(
                {"params": list(parameters), "names": names, "weight_decay": weight_decay}
            )
    return groups
