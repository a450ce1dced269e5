"""Finds the d_ff, width or depth at which a model costs as much as another. Imports no torch."""

import dataclasses
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from paribus.errors import ConfigError
from paribus.model.accounting import count_flops, count_parameters
from paribus.model.config import LARGEST_SIZE, ModelConfig

MULTIPLES: dict[str, Callable[[ModelConfig], int]] = {
    "d_ff": lambda config: config.d_ff_multiple,
    "d_model": lambda config: config.width_unit,
    "n_layers": lambda config: 1,
}
"""Key that can be solved for -> the unit of its values; all other keys stay."""

MEASURES: dict[str, Callable[[ModelConfig], int]] = {
    "parameters": lambda config: count_parameters(config).total,
    "non_embedding": lambda config: count_parameters(config).non_embedding,
    "flops": lambda config: count_flops(config).forward,
}
"""Costs that can be made equal; each grows with each of the keys."""


@dataclass(frozen=True)
class Match:
    """The closest config, and how close it comes."""

    config: ModelConfig
    key: str
    target: int
    found: int

    @property
    def value(self) -> int:
        """The value found for the key."""
        return getattr(self.config, self.key)

    @property
    def mismatch(self) -> int:
        """Found minus wanted."""
        return self.found - self.target


def match(config: ModelConfig, key: str, target: int, measure: str = "parameters") -> Match:
    """The value of `key` at which `measure` comes closest to `target`; the smaller of two.

    Raises ConfigError if `target` is below the cost of the smallest value or above that of the
    largest.
    """
    unit = MULTIPLES[key](config)
    values = range(unit, LARGEST_SIZE + 1, unit)

    def cost(value: int) -> int:
        return MEASURES[measure](_with_value(config, key, value))

    ends = {"least": values[0], "most": values[-1]}
    missed = "least" if target < cost(values[0]) else "most" if target > cost(values[-1]) else None
    if missed is not None:
        raise ConfigError(
            f"match: expected at {missed} {cost(ends[missed]):,} {measure.replace('_', '-')}, "
            f"those of model.{key} = {ends[missed]}, found {target:,}. Change another size first"
        )
    above = bisect_left(values, target, key=cost)
    best = min(values[max(0, above - 1) : above + 1], key=lambda value: abs(cost(value) - target))
    return Match(_with_value(config, key, best), key, target, cost(best))


def _with_value(config: ModelConfig, key: str, value: int) -> ModelConfig:
    # A width given excludes the rule for it.
    changes = {key: value, "d_ff_ratio": None} if key == "d_ff" else {key: value}
    return dataclasses.replace(config, **changes)
