"""Reads one YAML file strictly: plain mappings, no repeated keys, and the line of every key."""

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    ScalarEvent,
)

from paribus.errors import ConfigError, DataError
from paribus.files import read_bytes

SIZE_LIMIT = 64 << 10
EVENT_LIMIT = 5_000
DEPTH_LIMIT = 16


@dataclass(frozen=True)
class Source:
    """Nested values of one layer of settings, and where each dotted key stands."""

    name: str
    values: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)

    def place(self, key: str) -> str:
        """`file:line` of a dotted key, of its nearest parent, or the file alone."""
        while key:
            if key in self.lines:
                return f"{self.name}:{self.lines[key]}"
            key = key.rpartition(".")[0]
        return self.name


def read_yaml(path: Path) -> Source:
    """The mapping in `path`. Raises ConfigError with the line of what is wrong."""
    try:
        text = read_bytes(path, limit=SIZE_LIMIT).decode("utf-8")
    except DataError as error:
        raise ConfigError(str(error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected UTF-8 text, found byte {error.start} of something else"
        ) from error
    try:
        _check_events(path, text)
        document = _load(text)
    except ConfigError:  # a ValueError too
        raise
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem or error).splitlines()[0]
        raise ConfigError(
            f"{path}:{line}: expected YAML, found {_plain_problem(problem)}"
        ) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: expected YAML, found {str(error).splitlines()[0]}") from error
    if document is None:
        return Source(str(path), {})
    if not isinstance(document, CommentedMap):
        raise ConfigError(f"{path}: expected keys with values, found a list or a single value")
    lines: dict[str, int] = {}
    return Source(str(path), _plain(document, "", lines, path), lines)


def parse_override(text: str) -> Source:
    """`key=value` from the command line; the value is a YAML scalar or flow list."""
    key, equals, value = text.partition("=")
    if text.startswith("-"):
        bare = text.lstrip("-")
        raise ConfigError(f"{text}: expected no dashes before a config key. Write {bare}")
    if not equals or not key.strip() or not value.strip() or not key.isprintable():
        raise ConfigError(f"{text!r}: expected key=value, as in training.steps=100 (null for off)")
    try:
        _check_events(Path(text), value)
        parsed = _scalar(_load(value))
    except ConfigError:
        raise
    except (YAMLError, ValueError) as error:
        raise ConfigError(
            f"{text!r}: expected a YAML value, found {str(error).splitlines()[0]}"
        ) from error
    if isinstance(parsed, dict):
        raise ConfigError(f"{text!r}: expected one value. Set each key by itself: {key}.NAME=VALUE")
    values: Any = parsed
    for part in reversed(key.strip().split(".")):
        values = {part: values}
    return Source("command line", values)


def nearest(name: str, names: list[str]) -> str | None:
    """The dotted key that `name` most likely means: by its last part, or by spelling."""
    same_end = [other for other in names if other.rpartition(".")[2] == name.rpartition(".")[2]]
    if same_end:
        return same_end[0]
    sections = list(dict.fromkeys(other.partition(".")[0] for other in names))
    close = difflib.get_close_matches(name, names + sections, n=1, cutoff=0.6)
    if close:
        return close[0]
    by_end = {other.rpartition(".")[2]: other for other in names}
    close = difflib.get_close_matches(name.rpartition(".")[2], list(by_end), n=1, cutoff=0.6)
    return by_end[close[0]] if close else None


class _Constructor(RoundTripConstructor):
    """Reads a date as text, as the core schema of YAML 1.2 does."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        as_text = {"tag:yaml.org,2002:timestamp": lambda self, node: node.value}
        self.yaml_constructors = self.yaml_constructors | as_text


def _load(text: str) -> Any:
    yaml = YAML(pure=True)
    yaml.Constructor = _Constructor
    return yaml.load(text)


def _check_events(path: Path, text: str) -> None:
    depth = 0
    for count, event in enumerate(YAML(pure=True).parse(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        refused = _refused(event, depth, count)
        if refused:
            line = event.start_mark.line + 1
            raise ConfigError(f"{path}:{line}: expected plain keys and values, found {refused}")


def _refused(event: Event, depth: int, count: int) -> str | None:
    if count > EVENT_LIMIT:
        return f"more than {EVENT_LIMIT} of them"
    if depth > DEPTH_LIMIT:
        return f"more than {DEPTH_LIMIT} levels"
    if isinstance(event, DocumentStartEvent) and (event.version or event.tags):
        return "a directive"
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        return "an anchor or alias"
    if isinstance(event, ScalarEvent | CollectionStartEvent) and getattr(event, "ctag", None):
        return f"the tag {event.ctag}"
    if isinstance(event, ScalarEvent) and event.value in ("<<", "=") and event.style is None:
        return f"{event.value!r}, which stands for another value"
    return None


def _plain(node: CommentedMap, prefix: str, lines: dict[str, int], path: Path) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in node.items():
        place = f"{path}:{node.lc.key(key)[0] + 1}"
        if not isinstance(key, str) or not key.isprintable():
            raise ConfigError(f"{place}: expected a name as key, found {key!r}")
        if "." in key:
            section, _, rest = key.partition(".")
            raise ConfigError(
                f"{place}: expected a section, found {key!r}. Write {section}: {{{rest}: ...}}"
            )
        dotted = f"{prefix}{key}"
        lines[dotted] = node.lc.key(key)[0] + 1
        is_map = isinstance(value, CommentedMap)
        values[key] = _plain(value, f"{dotted}.", lines, path) if is_map else _scalar(value)
    return values


def _scalar(value: Any) -> Any:
    if isinstance(value, list):
        return [_scalar(item) for item in value]
    # ruamel keeps the spelling of numbers and strings in subclasses; settings want the plain value.
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value


def _plain_problem(problem: str) -> str:
    """ruamel's words, made to stand behind "found"; about a repeated key, shortened to the key."""
    key = problem.partition("found duplicate key ")[2].partition(" with value")[0]
    found = problem.partition("but got ")[2] or problem.removeprefix("but ").removeprefix("found ")
    return f"the key {key} twice" if key else found
