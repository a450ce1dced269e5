"""Refuses, by name, a parameter that does not state its initial value or that nothing counts.

The parts of the project pass; the check is for variants of your own (docs/own-variant.md).
"""

import re
from collections import Counter
from dataclasses import asdict

from torch import Tensor, nn

from paribus.errors import ConfigError
from paribus.model.accounting import count_parameters
from paribus.model.config import ModelConfig
from paribus.model.parameter import Drawn

PARTS = {
    "token_embedding.": "token_embedding",
    "position.": "position",
    "lm_head.": "lm_head",
    ".ffn.": "ffn",
    "norm": "norms",
    ".attention.": "attention",
}
"""Piece of a parameter's name -> the field of `Parameters` that counts it; the first one holds."""


def check_parameters(model: nn.Module, config: ModelConfig) -> None:
    """Raises ConfigError for the first parameter that is not fully stated."""
    owners: dict[nn.Parameter, str] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter in owners:
            raise ConfigError(
                f"{name}: expected a parameter of its own, found that of {owners[parameter]}. "
                "Share the module and read the value from it, or copy the value"
            )
        owners[parameter] = name
        _check_initial(name, parameter)
    _check_counts(model, config)


def _check_initial(name: str, parameter: nn.Parameter) -> None:
    initial = getattr(parameter, "initial", None)
    if initial is None:
        raise ConfigError(
            f"{name}: expected a parameter that states its initial value, found one that does not. "
            "Make it with paribus.model.parameter.parameter(*shape, initial=...)"
        )
    if not parameter.is_floating_point():
        kind = str(parameter.dtype).removeprefix("torch.")
        raise ConfigError(
            f"{name}: expected a parameter of floating-point numbers, found {kind}. "
            "Register it as a buffer"
        )
    if isinstance(initial, Drawn) and initial.std is None and parameter.ndim < 2:
        raise ConfigError(
            f"{name}: expected a standard deviation, as the rule of model.init is for tensors of "
            f"two axes or more, found shape {tuple(parameter.shape)}. Give it Drawn(std=...), or a "
            "number"
        )
    if isinstance(initial, Tensor) and initial.shape != parameter.shape:
        raise ConfigError(
            f"{name}: expected initial values of shape {tuple(parameter.shape)}, found "
            f"{tuple(initial.shape)}. Give one value for each entry"
        )


def _check_counts(model: nn.Module, config: ModelConfig) -> None:
    """Raises ConfigError if the accounting counts another number of parameters in some part."""
    counted = asdict(count_parameters(config))
    found: Counter[str] = Counter()
    names: dict[str, dict[str, None]] = {}
    for name, parameter in model.named_parameters():
        part = next((part for piece, part in PARTS.items() if piece in name), "model")
        found[part] += parameter.numel()
        names.setdefault(part, {})[re.sub(r"^layers\.\d+", "layers.*", name)] = None
    for part in counted | found:
        if found[part] != counted.get(part, 0):
            listed = ", ".join(names.get(part, {"none": None}))
            raise ConfigError(
                f"model: expected {counted.get(part, 0):,} trained numbers in {part}, as the "
                f"accounting counts them, found {found[part]:,} ({listed}). State their number in "
                "the variant's settings (n_parameters) or in its row of model/variants.py"
            )
