"""The words of an error about a value, from its type hint: what is expected, what is nearest."""

import difflib
import json
import operator
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from types import NoneType
from typing import Any, TypeGuard

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf

from paribus.config.hints import Path, bare, choices, container, dotted, hints_of, options, variants

_BOUNDS: dict[type, tuple[str, Callable[[Any, Any], bool], str]] = {
    Gt: ("gt", operator.gt, "a number above {}"),
    Ge: ("ge", operator.ge, "at least {}"),
    Lt: ("lt", operator.lt, "a number below {}"),
    Le: ("le", operator.le, "at most {}"),
    MultipleOf: ("multiple_of", lambda value, unit: value % unit == 0, "a multiple of {}"),
    MinLen: ("min_length", operator.ge, "at least {}"),
    MaxLen: ("max_length", operator.le, "at most {}"),
}
"""For each kind of bound: its attribute, whether a value keeps it, and its words."""


def expected_value(hint: Any, found: Any, path: Path = ()) -> str:
    """The words after "expected" in the error about `found` at `path`."""
    wanted = [option for option in options(hint) if bare(option) is not NoneType]
    # For a wrong number, its bound says more than "a number or text".
    numeric = [option for option in wanted if bare(option) in (int, float)]
    if is_number(found) and numeric:
        wanted = numeric
    words = [word for option in wanted for word in _described(option, found, path)]
    return joined(list(dict.fromkeys(words)))


def nearest_values(hint: Any, found: Any) -> Iterator[Any]:
    """Values to try in place of `found`, the best first."""
    if is_number(found) and found == 0 and NoneType in options(hint):
        yield None
    if isinstance(found, str):
        words = [word for word in choices(hint) if isinstance(word, str)]
        yield from difflib.get_close_matches(found, words, n=1)
    if is_number(found) and is_finite(found):
        numeric = [option for option in options(hint) if bare(option) in (int, float)]
        near = [_nearest(option, found) for option in numeric]
        yield from (value for value in near if repr(value) != repr(found))


def advice_of(value: Any) -> str:
    """The sentence that suggests `value`."""
    if value is None:
        return ". Set it to null"
    return f". Did you mean {value!r}?" if isinstance(value, str) else f". The nearest is {value}"


def shown(value: Any) -> str:
    """`value` as an error shows it: on one line of at most 80 characters."""
    if isinstance(value, bool) or value is None:
        return str(json.dumps(value))
    try:
        text = " ".join(repr(value).split()) if not isinstance(value, str) else repr(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        text = hex(value) if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def joined(words: list[str]) -> str:
    """`a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def is_number(value: Any) -> TypeGuard[float]:
    """Whether `value` is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def length_problem(sequence: Any, length: int) -> str | None:
    """What was expected instead of a list of this length; None if the length is legal."""
    items = typing.get_args(bare(sequence))
    if typing.get_origin(bare(sequence)) is tuple and Ellipsis not in items:
        return f"a list of {len(items)}" if length != len(items) else None
    return next(
        (f"a list of {words}" for holds, words in _bounds(sequence, length) if not holds), None
    )


def _described(option: Any, found: Any, path: Path) -> Iterator[str]:
    kind = bare(option)
    if words := choices(option):
        yield from (word if isinstance(word, str) else shown(word) for word in words)
    elif found_variants := variants(option):
        yield f"a section, as in {dotted((*path, next(iter(hints_of(found_variants[0])))))}"
    elif container(option, dict):
        yield f"a section of named entries, as in {dotted((*path, 'NAME'))}"
    elif container(option, tuple, list):
        yield "a list, as in [a, b]"
    elif kind in (int, float) and is_number(found):
        yield _number_problem(option, found)
    elif kind is str and isinstance(found, str):
        broken = (words for holds, words in _bounds(option, len(found)) if not holds)
        yield next((f"text of {words} characters" for words in broken), "text of UTF-8")
    else:
        names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        yield names.get(kind, "a path" if kind is FilePath else "another value")


def is_finite(number: float) -> bool:
    """Whether a float can hold `number`; math.isfinite fails on larger whole numbers."""
    return abs(number) <= sys.float_info.max


def _number_problem(option: Any, found: float) -> str:
    kind = bare(option)
    if kind is int and not isinstance(found, int):
        return "a whole number"
    bounds = [words for holds, words in _bounds(option, found) if not holds]
    if not is_finite(found):
        return "a finite number" if kind is float else (bounds or ["a smaller number"])[0]
    return bounds[0] if bounds else "a number"


def _bounds(option: Any, value: float) -> Iterator[tuple[bool, str]]:
    """For each bound of an option: whether `value` (or a length) keeps it, and its words."""
    for bound in _flat_metadata(option):
        if type(bound) in _BOUNDS:
            name, holds, words = _BOUNDS[type(bound)]
            limit = getattr(bound, name)
            yield holds(value, limit), words.format(_plain(limit))


def _nearest(option: Any, found: float) -> float:
    """The legal number nearest to `found`; `found` itself if there is none."""
    kind = bare(option)
    value: Any = round(found) if kind is int else found
    step = 1 if kind is int else 0  # an exclusive bound has no nearest float
    for bound in _flat_metadata(option):
        match bound:
            case Gt(gt):
                value = max(value, gt + step)  # type: ignore[operator]
            case Ge(ge):
                value = max(value, ge)
            case Lt(lt):
                value = min(value, lt - step)  # type: ignore[operator]
            case Le(le):
                value = min(value, le)
            case MultipleOf(unit):
                value = max(1, round(value / unit)) * unit  # type: ignore[operator]
    return value if kind is int else float(value)


def _flat_metadata(option: Any) -> Iterator[Any]:
    for bound in getattr(option, "__metadata__", ()):
        yield from bound if isinstance(bound, GroupedMetadata) else (bound,)


def _plain(number: Any) -> str:
    short = f"{number:g}"
    return short if float(short) == number else str(number)
