"""Merges layers of plain values: the defaults, a base file, a file, overrides; later ones win."""

import dataclasses
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paribus.config.hints import (
    bare,
    container,
    hints_of,
    item_hint,
    variant_of,
    variants,
)


def merge_layers(cls: type, layers: Sequence[dict[Any, Any]]) -> Any:
    """The plain values of `cls`: its defaults with each of `layers` over them."""
    values: Any = defaults_of(cls)
    for layer in layers:
        values = merged(cls, values, layer)
    return values


def merged(hint: Any, old: Any, new: Any) -> Any:
    """`new` over `old`: sections and maps key by key, everything else as a whole."""
    if isinstance(new, list) and (items := container(hint, tuple, list)):
        return [merged(item_hint(items, index), None, item) for index, item in enumerate(new)]
    if not isinstance(new, dict):
        return new
    if variants(hint):
        return _merged_section(hint, old if isinstance(old, dict) else {}, new)
    if entries := container(hint, dict):
        entry = typing.get_args(bare(entries))[1]
        before = old if isinstance(old, dict) else {}
        return before | {name: merged(entry, before.get(name), new[name]) for name in new}
    if (items := container(hint, tuple, list)) and isinstance(old, list) and _has_indices(new, old):
        return [
            merged(item_hint(items, index), item, new[index]) if index in new else item
            for index, item in enumerate(old)
        ]
    return new


def to_plain(value: Any) -> Any:
    """Settings as nested plain values, as they stand in YAML and JSON."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: to_plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value.as_posix() if isinstance(value, Path) else value


def defaults_of(cls: type) -> dict[str, Any]:
    """The plain values of the keys of a settings class that have a default."""
    defaults = {}
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            defaults[field.name] = to_plain(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = to_plain(field.default_factory())
    return defaults


def _has_indices(new: dict[Any, Any], old: list[Any]) -> bool:
    return all(isinstance(index, int) and index < len(old) for index in new)


def _merged_section(hint: Any, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    cls = variant_of(hint, old | new)
    if cls is None:
        return old | new
    before = variant_of(hint, old)
    if not old:
        old = defaults_of(cls)
    elif before is not cls:
        old = _carried_over(old, before, cls)
    exclusive = getattr(cls, "EXCLUSIVE", ())
    if any(new.get(name) is not None for name in exclusive):
        old = old | dict.fromkeys(set(exclusive) - set(new))
    hints = hints_of(cls)
    return old | {name: merged(hints.get(name), old.get(name), new[name]) for name in new}


def _carried_over(old: dict[str, Any], before: type | None, after: type) -> dict[str, Any]:
    """A section of another kind: its defaults, but for what was set and is a key of it too."""
    defaults, unset = defaults_of(after), defaults_of(before) if before else {}
    kept = {name: value for name, value in old.items() if value != unset.get(name, value)}
    return defaults | {n: v for n, v in kept.items() if n in defaults and n != "kind"}
