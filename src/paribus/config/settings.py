"""What a settings class is: a frozen, keyword-only dataclass whose keys are checked strictly."""

import typing
from dataclasses import dataclass

T = typing.TypeVar("T")

_RULES = {"extra": "forbid", "allow_inf_nan": False}


@typing.dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[T]) -> type[T]:
    """Makes `cls` a settings class.

    Rules between keys go into `__post_init__` and raise ConfigError. `EXCLUSIVE` names keys of
    which a config sets one: setting one clears the others.
    """
    decorated = dataclass(frozen=True, kw_only=True)(cls)
    decorated.__pydantic_config__ = _RULES  # type: ignore[attr-defined]
    return decorated
