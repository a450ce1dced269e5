"""How a token is drawn, and how long a text gets unless the caller says otherwise. No torch."""

import sys
from dataclasses import dataclass

from paribus.errors import ConfigError

MAX_TOKENS = 200
"""Default for the maximum number of tokens to generate."""


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """How a token is drawn; the cuts apply in the order of the fields.

    Raises ConfigError, naming the field, for a value out of range.
    """

    temperature: float = 0.8
    """Divides the scores: below 1 sharper, above 1 flatter; 0 always takes the likeliest token."""
    top_k: int | None = None
    """Keep this many of the likeliest tokens; None: all."""
    top_p: float | None = None
    """Keep the fewest likeliest tokens that sum up to this (nucleus; Holtzman et al., 2020)."""
    min_p: float | None = None
    """Keep tokens of at least this share of the highest probability (Nguyen et al., 2024)."""

    def __post_init__(self) -> None:
        largest = sys.float_info.max
        for name, fits, expected in (
            (
                "temperature",
                lambda t: 0 <= t <= largest,
                "a number from 0 (the likeliest token) up",
            ),
            ("top_k", lambda k: k >= 1, "a whole number from 1 up"),
            ("top_p", lambda p: 0 < p <= 1, "a number above 0 and up to 1"),
            ("min_p", lambda p: 0 <= p <= 1, "a number from 0 to 1"),
        ):
            value = getattr(self, name)
            if value is not None and not fits(value):
                raise ConfigError(f"{name}: expected {expected}, found {value}")
