"""Checks the arguments of public functions: a wrong one is a ConfigError, never a TypeError."""

import functools
import inspect
import numbers
import os
import typing
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any

from paribus.config.hints import choices, options
from paribus.config.legal_values import joined, shown
from paribus.errors import ConfigError

Function = typing.TypeVar("Function", bound=Callable[..., Any])

_WORDS = {
    str: "text",
    bytes: "bytes",
    bytearray: "a bytearray",
    int: "a whole number",
    float: "a number",
    Path: "a path",
    NoneType: "None",
}


def checked(function: Function) -> Function:
    """`function`, which raises ConfigError for arguments that its signature does not allow.

    Hints are classes, unions, `Literal` texts and `Sequence[X]`; NumPy's numbers are numbers, and
    whatever has `__fspath__` is a path. A return value is not checked.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        bound = _bound(signature, given, named)
        for name, value in bound.arguments.items():
            parameter = signature.parameters[name]
            take = functools.partial(_taken, name, parameter.annotation)
            is_list = parameter.kind is inspect.Parameter.VAR_POSITIONAL
            bound.arguments[name] = tuple(map(take, value)) if is_list else take(value)
        return function(*bound.args, **bound.kwargs)

    return call  # type: ignore[return-value]


def _bound(
    signature: inspect.Signature, given: tuple[Any, ...], named: dict[str, Any]
) -> inspect.BoundArguments:
    """The arguments by name. Raises ConfigError for an unknown, missing or repeated one."""
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds.values()
    unknown = [name for name in named if name not in kinds and not takes_any]
    if unknown:
        raise ConfigError(_unknown(unknown[0], [name for name in kinds if name != "self"]))
    for name in named:
        if kinds.get(name) is inspect.Parameter.VAR_POSITIONAL:
            raise ConfigError(f"{name}: give its values one after another, without a name")
    try:
        return signature.bind(*given, **named)
    except TypeError as error:
        raise ConfigError(f"arguments: {error}") from error


def _taken(name: str, hint: Any, value: Any) -> Any:
    """An argument, with a NumPy number as Python's. Raises ConfigError for a wrong type."""
    if hint is not inspect.Parameter.empty and not _fits(value, hint):
        raise ConfigError(f"{name}: expected {_expected(hint)}, found {_found(value, hint)}")
    is_of_numpy = isinstance(value, numbers.Number) and hasattr(value, "item")
    return value.item() if is_of_numpy else value  # type: ignore[union-attr]


def _unknown(name: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    advice = f"Did you mean {nearest[0]!r}?" if nearest else f"Choose from {', '.join(known)}"
    return f"{name!r} is not an option. {advice}"


def _fits(value: Any, hint: Any) -> bool:
    return any(_is_one(value, option, hint) for option in options(hint))


def _is_one(value: Any, option: Any, hint: Any) -> bool:
    """Whether `value` is what one option of a hint allows."""
    if words := choices(option):
        return isinstance(value, str) and value in words
    if _is_list(option):
        is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray)
        return is_list and all(_fits(item, typing.get_args(option)[0]) for item in value)
    if Path in options(hint) and isinstance(value, str | os.PathLike):
        path = os.fspath(value)
        return isinstance(path, str) and "\0" not in path
    if option in (int, float):
        return _is_number(value, option)
    return option is Any or isinstance(value, option)


def _is_number(value: Any, kind: type) -> bool:
    """Whether `value` is a number of Python or NumPy that PyTorch computes with."""
    if isinstance(value, bool | numbers.Integral) or kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational)


def _is_list(option: Any) -> bool:
    return typing.get_origin(option) is Sequence


def _expected(hint: Any) -> str:
    found = options(hint)
    if Path in found:
        found = tuple(option for option in found if option is not str)
    return joined([word for option in found for word in _described(option)])


def _described(option: Any) -> list[str]:
    if _is_list(option):
        return [f"a list of {_expected(typing.get_args(option)[0])}"]
    name = getattr(option, "__name__", "")
    return choices(option) or [_WORDS.get(option, f"{_article(name)} {name}")]


def _article(name: str) -> str:
    return "an" if name[:1] in "AEIO" else "a"


def _found(value: Any, hint: Any) -> str:
    """The value, and how a single one is written where a list belongs."""
    items = [typing.get_args(option)[0] for option in options(hint) if _is_list(option)]
    advice = f". Write [{shown(value)}]" if any(_fits(value, item) for item in items) else ""
    return f"{shown(value)}{advice}"
