"""The difference between two configs, key by key."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from paribus.config.hints import Path, dotted
from paribus.config.layers import to_plain


class Difference(NamedTuple):
    """A key with different values; None means null, or that one config lacks the key."""

    key: str
    before: Any
    after: Any


def differences(before: Any, after: Any) -> list[Difference]:
    """The keys that differ between two settings (or their plain values), in order."""
    return list(_differences((), to_plain(before), to_plain(after)))


def _differences(path: Path, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in after | before:
            yield from _differences((*path, name), before.get(name), after.get(name))
    elif _holds_sections(before) and _holds_sections(after):
        for index in range(max(len(before), len(after))):
            pair = (items[index] if index < len(items) else None for items in (before, after))
            yield from _differences((*path, index), *pair)
    elif before != after or type(before) is not type(after):
        yield Difference(dotted(path), before, after)


def _holds_sections(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)
