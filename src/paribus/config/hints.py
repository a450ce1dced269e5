"""What the type hints of a settings class allow: sections, lists, maps and single values."""

import dataclasses
import re
import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Literal

Path = tuple[str | int, ...]
"""Names of sections and indices of lists, from the outermost to a value."""

_PLAIN_NAME = re.compile(r"[^\s.\[\]\"'=]+")


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """The type hint of each field of a settings class, bounds included."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def options(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the hint itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(option for part in typing.get_args(hint) for option in options(part))
    if typing.get_origin(hint) is Annotated and len(options(bare(hint))) > 1:
        return tuple(Annotated[option, *hint.__metadata__] for option in options(bare(hint)))
    return (hint,)


def bare(hint: Any) -> Any:
    """The hint without its bounds."""
    return hint.__origin__ if typing.get_origin(hint) is Annotated else hint


def variants(hint: Any) -> list[type]:
    """The settings classes that a hint allows."""
    return [cls for option in options(hint) if dataclasses.is_dataclass(cls := bare(option))]  # type: ignore[misc]


def variant_of(hint: Any, section: dict[Any, Any]) -> type | None:
    """The settings class that a section describes: the only one, or the one of its `kind`."""
    found = variants(hint)
    if len(found) == 1:
        return found[0]
    return next((cls for cls in found if section.get("kind") in kinds(cls)), None)


def kinds(cls: type) -> list[Any]:
    """The values of `kind` that select a settings class."""
    return choices(hints_of(cls).get("kind"))


def choices(hint: Any) -> list[Any]:
    """The values that the `Literal` types of a hint list."""
    literals = [o for o in map(bare, options(hint)) if typing.get_origin(o) is Literal]
    return [word for literal in literals for word in typing.get_args(literal)]


def container(hint: Any, *origins: type) -> Any:
    """The option of a hint that is a list or a map, None if it allows neither."""
    return next((o for o in options(hint) if typing.get_origin(bare(o)) in origins), None)


def item_hint(sequence: Any, index: int) -> Any:
    """The hint of one item of `tuple[X, ...]`, `tuple[X, Y]` or `list[X]`."""
    items = typing.get_args(bare(sequence))
    return items[0] if Ellipsis in items else items[min(index, len(items) - 1)]


def dotted(path: Path) -> str:
    """A path as it is written: `arms.rope.model.norm`, `arms[2].model`, `axes["model.norm"]`."""
    text = ""
    for part in path:
        if isinstance(part, str) and _PLAIN_NAME.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]' if isinstance(part, str) else f"[{part}]"
    return text


def keys_of(hint: Any, value: Any, path: Path = (), *, any_kind: bool = False) -> Iterator[Path]:
    """The paths of all keys that may be set below `value`, of the kinds chosen in it or of any."""
    if isinstance(value, dict) and variants(hint):
        chosen = variants(hint) if any_kind else [variant_of(hint, value)]
        for name, field in (pair for cls in chosen if cls for pair in hints_of(cls).items()):
            yield from keys_of(field, value.get(name), (*path, name), any_kind=any_kind)
    elif isinstance(value, dict) and (entries := container(hint, dict)):
        for name, entry in value.items():
            entry_hint = typing.get_args(bare(entries))[1]
            yield from keys_of(entry_hint, entry, (*path, name), any_kind=any_kind)
    elif isinstance(value, list) and (items := container(hint, tuple, list)):
        for index, item in enumerate(value):
            yield from keys_of(item_hint(items, index), item, (*path, index), any_kind=any_kind)
    elif path:
        yield path
