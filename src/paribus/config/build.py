"""Checks plain values against the hints of a settings class and builds the settings."""

import dataclasses
import functools
import json
import operator
import typing
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

from paribus.config.hints import (
    Path,
    bare,
    container,
    hints_of,
    item_hint,
    kinds,
    options,
    variant_of,
    variants,
)
from paribus.config.legal_values import (
    expected_value,
    is_finite,
    length_problem,
    nearest_values,
    shown,
)
from paribus.config.yaml_source import dotted_name_problem
from paribus.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Problem:
    """One mistake in settings: its path, and its error without the place and the advice."""

    path: Path
    text: str
    nearest: tuple[Any, ...] = ()
    """Values to suggest instead, if they turn out to be legal."""
    is_unknown_key: bool = False
    is_missing: bool = False
    """A required key that the section lacks; its place is the section's."""


Report = Callable[[Problem], None]


def build(hint: Any, value: Any, path: Path, report: Report) -> Any:
    """Builds what `hint` describes from `value`, and reports each mistake with its path."""
    if type(value) in variants(hint):
        return value  # settings check themselves when they are made
    if isinstance(value, dict):
        if variants(hint):
            return _section(hint, value, path, report)
        if entries := container(hint, dict):
            return dict(_entries(entries, value, path, report))
    if items := container(hint, tuple, list):
        if isinstance(value, list | tuple):
            return _items(items, value, path, report)
        if isinstance(value, dict) and value and all(isinstance(index, int) for index in value):
            index = max(value)
            report(Problem((*path, index), f"expected the index of an item, found {index}"))
            return None
    return _single(hint, value, path, report)


def wrong_value(hint: Any, found: Any, path: Path) -> Problem:
    """The problem with a value that its hint does not allow."""
    text = f"expected {expected_value(hint, found, path)}, found {shown(found)}"
    return Problem(path, text, tuple(nearest_values(hint, found)))


def _section(hint: Any, section: dict[Any, Any], path: Path, report: Report) -> Any:
    cls = variant_of(hint, section)
    if cls is None:
        kind = typing.Literal[tuple(word for v in variants(hint) for word in kinds(v))]  # type: ignore[valid-type]
        report(_kind_problem(kind, section, (*path, "kind")))
        return None
    problems: list[Problem] = []
    hints, required = hints_of(cls), set(_required(cls))
    values = {}
    for name in section:
        if name not in hints:
            problems.append(_unknown_key(hint, cls, section, (*path, name)))
    for name, value_hint in hints.items():
        if name in section:
            values[name] = build(value_hint, section[name], (*path, name), problems.append)
        elif name in required:
            problems.append(_missing(value_hint, (*path, name)))
    for problem in problems:
        report(problem)
    return None if problems else _made(cls, values, path, report)


def _kind_problem(kinds_hint: Any, section: dict[Any, Any], path: Path) -> Problem:
    if "kind" in section:
        return wrong_value(kinds_hint, section["kind"], path)
    return _missing(kinds_hint, path)


def _missing(hint: Any, path: Path) -> Problem:
    expected = expected_value(hint, None, path)
    return Problem(path, f"expected {expected}, found nothing", is_missing=True)


def _unknown_key(hint: Any, cls: type, section: dict[Any, Any], path: Path) -> Problem:
    name = path[-1]
    if any(name in hints_of(other) for other in variants(hint)):
        kind = section.get("kind")
        return Problem(path, f"expected a key of {kind!r}, found {name!r} of another kind")
    if "." in str(name):
        return Problem(path, dotted_name_problem(str(name)))
    return Problem(path, f"expected a known key, found {name!r}", is_unknown_key=True)


def _required(cls: type) -> Iterator[str]:
    for field in dataclasses.fields(cls):
        if field.default is field.default_factory is dataclasses.MISSING:
            yield field.name


def _made(cls: type, values: dict[str, Any], path: Path, report: Report) -> Any:
    """Makes an instance of `cls`, or reports the broken rule between its keys."""
    try:
        return cls(**values)
    except ConfigError as error:
        key, _, text = str(error).partition(": ")
        parts = key.split(".")
        # A rule names its key from the top of a config; here the section may stand elsewhere.
        while len(parts) > 1 and parts[0] not in hints_of(cls):
            parts.pop(0)
        is_named = bool(text) and parts[0] in hints_of(cls)
        report(Problem((*path, *parts), text) if is_named else Problem(path, str(error)))
        return None


def _entries(
    entries: Any, section: dict[Any, Any], path: Path, report: Report
) -> Iterator[tuple[Any, Any]]:
    name_hint, hint = typing.get_args(bare(entries))
    for name, value in section.items():
        yield (
            _single(name_hint, name, (*path, name), report),
            build(hint, value, (*path, name), report),
        )


def _items(items: Any, values: list[Any] | tuple[Any, ...], path: Path, report: Report) -> Any:
    if expected := length_problem(items, len(values)):
        report(Problem(path, f"expected {expected}, found {len(values)}"))
        return None
    built = [
        build(item_hint(items, index), value, (*path, index), report)
        for index, value in enumerate(values)
    ]
    return built if typing.get_origin(bare(items)) is list else tuple(built)


def _single(hint: Any, value: Any, path: Path, report: Report) -> Any:
    """Checks a value without parts by pydantic; the words of the error come from the hint."""
    single = tuple(option for option in options(hint) if not _has_parts(option))
    if single and isinstance(value, str | int | float | PurePath | None):
        try:
            checked = _adapter(single).validate_json(json.dumps(_plain(value)), strict=True)
        except ValueError:  # what pydantic raises, and json for a number that it cannot write
            pass
        else:
            # pydantic takes a NUL, and reads empty text as the working folder.
            if not isinstance(checked, PurePath) or (str(value) and "\0" not in str(value)):
                return checked
    report(wrong_value(hint, value, path))
    return None


def _has_parts(option: Any) -> bool:
    return bool(variants(option) or container(option, tuple, list, dict))


@functools.cache
def _adapter(single: tuple[Any, ...]) -> Any:
    import pydantic

    hint: Any = functools.reduce(operator.or_, single)
    return pydantic.TypeAdapter(hint, config={"allow_inf_nan": False})


def _plain(value: Any) -> Any:
    if isinstance(value, PurePath):
        return value.as_posix()
    is_too_large = isinstance(value, int) and not is_finite(value)
    return float("inf") if is_too_large else value
