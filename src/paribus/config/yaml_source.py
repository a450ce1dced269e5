"""Reads one YAML file strictly: plain values, no repeated keys, and the line of every key."""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    ScalarEvent,
)

from paribus.config.hints import Path as KeyPath
from paribus.config.hints import dotted
from paribus.config.legal_values import shown
from paribus.errors import ConfigError, DataError
from paribus.files import read_bytes
from paribus.terminal import one_line

SIZE_LIMIT = 64 << 10
EVENT_LIMIT = 5_000
DEPTH_LIMIT = 16

_KEY_PART = re.compile(r'\.?([^\s.\[\]"\'=]+)|\[(\d{1,9})\]|\["([^"]*)"\]')


@dataclass(frozen=True)
class Source:
    """The nested values of one layer of settings, and the line of each dotted key."""

    name: str
    values: dict[Any, Any]
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, path: KeyPath) -> int:
        """The line of a key, of its nearest parent, or 0."""
        parents = (dotted(path[:end]) for end in range(len(path), 0, -1))
        return next((self.lines[key] for key in parents if key in self.lines), 0)

    def place(self, path: KeyPath) -> str:
        """`file:line` of a key or of its nearest parent, or the file alone."""
        line = self.line(path)
        return one_line(f"{self.name}:{line}" if line else self.name)


def read_yaml(path: Path, *, dotted_names: bool = False) -> Source:
    """Reads the mapping in `path`. Raises ConfigError with the line of the mistake.

    With `dotted_names` a name may hold dots, as the names of a map do.
    """
    text = _text(path)
    try:
        refused = _first_refused(text)
        document = None if refused else _load(text)
    except (YAMLError, ValueError) as error:
        place = f"{path}:{line}" if (line := _line_of(error)) else str(path)
        raise ConfigError(f"{place}: expected YAML, found {_found(error, text)}") from error
    if refused:
        line, found = refused
        raise ConfigError(f"{path}:{line}: expected plain keys and values, found {found}")
    if document is None:
        return Source(str(path), {})
    if not isinstance(document, CommentedMap):
        raise ConfigError(f"{path}: expected keys with values, found a list or a single value")
    source = Source(str(path), {})
    source.values.update(_plain(document, (), source, dotted_names))
    return source


def parse_override(text: str) -> Source:
    """`key=value` from the command line; the value is a YAML scalar or flow list."""
    if not isinstance(text, str):
        raise ConfigError(
            f"override: expected text, as in 'training.steps=100', found {shown(text)}"
        )
    key, equals, value = text.partition("=")
    if text.startswith("-"):
        bare = text.lstrip("-")
        raise ConfigError(f"{text}: expected no dashes before a config key. Write {bare}")
    path = _parse_key(key.strip())
    if not equals or not path or not value.strip():
        raise ConfigError(
            f"{shown(text)}: expected key=value, as in training.steps=100 (null for off)"
        )
    try:
        refused = _first_refused(value)
        parsed = None if refused else _load(value)
    except (YAMLError, ValueError) as error:
        raise ConfigError(
            f"{shown(text)}: expected a value, found {_found(error, value)}"
        ) from error
    if refused:
        raise ConfigError(f"{shown(text)}: expected a plain value, found {refused[1]}")
    parsed = _plain(parsed, path, Source("command line", {}), dotted_names=True)
    if isinstance(parsed, dict):
        raise ConfigError(
            f"{shown(text)}: expected one value. Set each key by itself: {key}.NAME=VALUE"
        )
    values: Any = parsed
    for part in reversed(path):
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


def _text(path: Path) -> str:
    try:
        return read_bytes(path, limit=SIZE_LIMIT).decode("utf-8-sig")
    except DataError as error:
        raise ConfigError(str(error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected UTF-8 text, found byte {error.start} of something else"
        ) from error


def _parse_key(key: str) -> KeyPath:
    """Parses a key as `dotted` writes it; empty if it is not one."""
    parts: list[str | int] = []
    position = 0
    while position < len(key) and (match := _KEY_PART.match(key, position)):
        name, index, quoted = match.groups()
        parts.append(int(index) if index else name or quoted)
        position = match.end()
    return tuple(parts) if position == len(key) and key.isprintable() and key[:1] != "." else ()


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


def _first_refused(text: str) -> tuple[int, str] | None:
    """The line and name of the first element that is not a plain key or value."""
    depth = 0
    for count, event in enumerate(YAML(pure=True).parse(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if refused := _refused(event, depth, count):
            return event.start_mark.line + 1, refused
    return None


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


def _plain(value: Any, path: KeyPath, source: Source, dotted_names: bool) -> Any:
    """`value` in plain Python types; the lines of its keys are added to `source`."""
    if isinstance(value, CommentedMap):
        entries: dict[str, Any] = {}
        for key, item in value.items():
            source.lines[dotted((*path, key))] = value.lc.key(key)[0] + 1
            _check_name(key, source.place((*path, key)), dotted_names)
            entries[key] = _plain(item, (*path, key), source, dotted_names)
        return entries
    if isinstance(value, CommentedSeq):
        for index in range(len(value)):
            source.lines[dotted((*path, index))] = value.lc.item(index)[0] + 1
        return [
            _plain(item, (*path, index), source, dotted_names) for index, item in enumerate(value)
        ]
    # ruamel keeps the spelling of numbers and strings in subclasses; settings want the plain value.
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value


def _check_name(key: Any, place: str, dotted_names: bool) -> None:
    if not isinstance(key, str) or not key.isprintable() or '"' in key:
        found = repr(key) if isinstance(key, str | int | float | None) else "a list or a section"
        raise ConfigError(f"{place}: expected a name as key, found {found}")
    if "." in key and not dotted_names:
        raise ConfigError(f"{place}: {dotted_name_problem(key)}")


def dotted_name_problem(key: str) -> str:
    """The error text for a dotted name among the keys of settings."""
    section, _, rest = key.partition(".")
    return f"expected a section, found {key!r}. Write {section}: {{{rest}: ...}}"


def _line_of(error: Exception) -> int | None:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return mark.line + 1 if mark else None


def _found(error: Exception, text: str) -> str:
    """What was found instead of YAML, and what to do, without ruamel's words."""
    problem = str(getattr(error, "problem", ""))
    if isinstance(error, DuplicateKeyError):
        key = problem.partition("found duplicate key ")[2].partition(" with value")[0]
        return f"the key {key} twice"
    if "another document" in problem:
        return "a second document. Put it into a file of its own"
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    if mark is None:
        return "a character or a number that no config can hold"
    rest = "\n".join(text.split("\n")[mark.line :])[mark.column :].strip("\n ")
    if not rest:
        return "the end of the text. Close its brackets and quotes"
    if rest.startswith("\t"):
        return "a tab. Indent with spaces"
    if rest.startswith(":"):
        return "a ':' behind a value. Check the indentation, or put text with a ':' into quotes"
    return f"{rest.splitlines()[0][:40]!r}. Check brackets, quotes and indentation"
