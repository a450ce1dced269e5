"""What a settings class is: a frozen, keyword-only dataclass that checks every value strictly."""

import dataclasses
import functools
import typing
from collections.abc import Callable
from typing import Any

from paribus.errors import ConfigError

T = typing.TypeVar("T")


@typing.dataclass_transform(frozen_default=True, kw_only_default=True)
def settings(cls: type[T]) -> type[T]:
    """Makes `cls` a settings class, whose instances hold only what its type hints allow.

    A hint is a single value (with bounds from annotated_types), another settings class, a union
    of them with different `kind`s, or `tuple[X, ...]`, `list[X]` or `dict[str, X]` of any of these.
    Rules between keys go into `__post_init__` and raise ConfigError. `EXCLUSIVE` lists keys of
    which only one may be set: setting one clears the others.
    """
    rules = getattr(cls, "__post_init__", None)
    if not hasattr(rules, "checks_values"):
        cls.__post_init__ = _checking_values(rules)  # type: ignore[attr-defined]
    made = dataclasses.dataclass(frozen=True, kw_only=True)(cls)
    # A run-time checker of annotations, as in the tests, would fail first and in other words.
    typing.no_type_check(made.__init__)
    return made


def _checking_values(rules: Callable[[Any], None] | None) -> Callable[[Any], None]:
    def __post_init__(self: Any) -> None:
        _check_values(self)
        if rules is not None:
            rules(self)

    if rules is not None:
        functools.update_wrapper(__post_init__, rules)
    __post_init__.checks_values = True  # type: ignore[attr-defined]
    return __post_init__


def _check_values(instance: Any) -> None:
    """Checks each value that is not a default and converts it to its type: lists become tuples."""
    given = {
        field.name: value
        for field in dataclasses.fields(instance)
        if (value := getattr(instance, field.name)) is not field.default
    }
    if not given:
        return
    from paribus.config.build import build
    from paribus.config.hints import dotted, hints_of

    problems: list[Any] = []
    hints, section = hints_of(type(instance)), _section_name(type(instance))
    for name, value in given.items():
        checked = build(hints[name], value, (*section, name), problems.append)
        object.__setattr__(instance, name, checked)
    if problems:
        raise ConfigError(*(f"{dotted(problem.path)}: {problem.text}" for problem in problems))


def _section_name(cls: type) -> tuple[str, ...]:
    """The usual key of a class in a config: ModelConfig is `model`."""
    name = cls.__name__.removesuffix("Config")
    return (name.lower(),) if name != cls.__name__ or hasattr(cls, "kind") else ()
