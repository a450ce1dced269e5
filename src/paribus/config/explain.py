"""Explains a mistake in settings: its key, its line in the file, and advice that is legal."""

import copy
from collections.abc import Sequence
from typing import Any

from paribus.config.build import Problem, build
from paribus.config.hints import Path, dotted, keys_of
from paribus.config.layers import merge_layers
from paribus.config.legal_values import advice_of
from paribus.config.yaml_source import Source, nearest

ADVISED = 30
"""The number of mistakes that come with advice: each is tried on the whole config."""


def line_of(
    problem: Problem, cls: type, layers: Sequence[Source], problems: Sequence[Problem]
) -> str:
    """The error line for one of `problems`: `key (place): expected ..., found .... Advice`."""
    if problem not in problems[:ADVISED]:
        advice = ""
    elif problem.is_unknown_key:
        advice = _nearest_key(problem.path, cls, layers)
    else:
        others = [other.path for other in problems if other.path != problem.path]
        legal = (v for v in problem.nearest if _is_legal(cls, layers, problem.path, v, others))
        advice = next(map(advice_of, legal), "")
    index, path = _origin(problem, layers)
    place = "default" if index is None else layers[index].place(path)
    return f"{dotted(problem.path)} ({place}): {problem.text}{advice}"


def in_order_of_reading(problems: Sequence[Problem], layers: Sequence[Source]) -> list[Problem]:
    """The problems sorted by place: defaults, then files line by line, then the command line."""

    def position(problem: Problem) -> tuple[int, int]:
        index, path = _origin(problem, layers)
        return (-1, 0) if index is None else (index, layers[index].line(path))

    return sorted(problems, key=position)


def _nearest_key(path: Path, cls: type, layers: Sequence[Source]) -> str:
    values = merge_layers(cls, [layer.values for layer in layers])
    # Among equally close keys, prefer the same section.
    keys = sorted(
        keys_of(cls, values, any_kind=True), key=lambda key: key[: len(path) - 1] != path[:-1]
    )
    name = nearest(dotted(path), [dotted(key) for key in keys])
    if name is None:
        return ""
    legal = [dotted(key) for key in keys_of(cls, values)]
    if any(key == name or key.startswith(f"{name}.") for key in legal):
        return f". Did you mean {name!r}?"
    return f". {name!r} is a key of another kind"


def _is_legal(
    cls: type, layers: Sequence[Source], path: Path, value: Any, others: Sequence[Path]
) -> bool:
    """Whether `value` would be accepted, and break no rule, with the other mistakes fixed."""
    index = _layer_of(path, layers)
    if index is None:
        return False
    tried = copy.deepcopy([layer.values for layer in layers])
    for values in tried:
        for other in others:
            _remove(values, other)
    if not _has(tried[index], path):
        return False
    _parent(tried[index], path)[path[-1]] = value
    problems: list[Problem] = []
    build(cls, merge_layers(cls, tried), (), problems.append)
    around = [p.path for p in problems if p.path[:-1] == path[: len(p.path) - 1]]
    return set(around) <= set(others)


def _origin(problem: Problem, layers: Sequence[Source]) -> tuple[int | None, Path]:
    """The layer and the path to point at; for a key that is missing, its section."""
    path = problem.path
    while (index := _layer_of(path, layers)) is None and (
        problem.is_missing or any(isinstance(part, int) for part in path[:-1])
    ):
        path = path[:-1]
        if not path:
            break
    return index, path


def _layer_of(path: Path, layers: Sequence[Source]) -> int | None:
    """The last layer that sets a key."""
    return next((i for i in reversed(range(len(layers))) if _has(layers[i].values, path)), None)


def _has(values: Any, path: Path) -> bool:
    try:
        _parent(values, (*path, ""))
    except (LookupError, TypeError):
        return False
    return bool(path)


def _parent(values: Any, path: Path) -> Any:
    for part in path[:-1]:
        values = values[part]
    return values


def _remove(values: Any, path: Path) -> None:
    """Removes a key; for an item of a list the whole list, as the others would move."""
    is_index = [isinstance(part, int) for part in path]
    path = path[: is_index.index(True)] if any(is_index) else path
    if _has(values, path):
        del _parent(values, path)[path[-1]]
