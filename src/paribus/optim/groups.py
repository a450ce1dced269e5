"""Parameter groups: which tensors decay, and which of Muon's two rules they follow."""

from collections.abc import Iterable
from typing import Any

from torch.nn import Parameter

from paribus.optim.config import MuonConfig, OptimizerSettings

Named = list[tuple[str, Parameter]]

DECAYS = {
    # A parameter of a model states it where it is made (model/parameter.py).
    "matrices": lambda parameter: getattr(parameter, "decays", parameter.ndim >= 2),
    "all": lambda parameter: True,
}


def decay_groups(
    named_parameters: Iterable[tuple[str, Parameter]],
    config: OptimizerSettings,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Two groups, decaying and not, each with the names of its parameters and with `settings`.

    `lr_ratio` is the learning rate of a group over that of the schedule.
    """
    decays = DECAYS[config.decay]
    named = [(name, p) for name, p in named_parameters if p.requires_grad]
    groups = []
    for weight_decay, wanted in ((config.weight_decay, True), (0.0, False)):
        members = [(name, p) for name, p in named if decays(p) == wanted]
        if members:
            names, parameters = zip(*members, strict=True)
            own = {"params": list(parameters), "names": names, "weight_decay": weight_decay}
            groups.append({"lr_ratio": 1.0} | own | settings)
    return groups


def muon_groups(
    named_parameters: Iterable[tuple[str, Parameter]], config: MuonConfig
) -> list[dict[str, Any]]:
    """The decay groups of the hidden matrices, at their own rate, then those of AdamW."""
    named = list(named_parameters)
    hidden = [(name, p) for name, p in named if is_hidden_matrix(name, p)]
    others = [(name, p) for name, p in named if not is_hidden_matrix(name, p)]
    ratio = config.matrix_lr / config.lr
    return [
        *decay_groups(hidden, config, is_orthogonal=True, lr_ratio=ratio),
        *decay_groups(others, config, is_orthogonal=False),
    ]


def is_hidden_matrix(name: str, parameter: Parameter) -> bool:
    """Whether a parameter maps the stream inside a block: no table, no norm, no bias."""
    return name.startswith("layers.") and parameter.ndim == 2
