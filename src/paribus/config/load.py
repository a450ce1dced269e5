"""Layers of settings, merged and checked into one frozen value.

The layers are the defaults, the base file, the file, and the overrides, later ones winning.
"""

import dataclasses
import json
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from paribus.config.legal_values import expected_value, nearest_value
from paribus.config.yaml_source import Source, nearest, parse_override, read_yaml
from paribus.errors import ConfigError, InputMissingError

T = TypeVar("T")


def load(
    cls: type[T],
    path: Path | None,
    overrides: Sequence[str] = (),
    find: Callable[[str], Path] | None = None,
) -> T:
    """The settings `cls` from `path` (with its `base:`) and `key=value` overrides.

    A base is a file beside the one that names it, or else what `find` gives for its name.

    Raises ConfigError with one line for each problem: dotted key, place, what was expected.
    """
    layers = [
        *(_file_layers(path, find or _find_nothing) if path else []),
        *map(parse_override, overrides),
    ]
    return resolve(cls, layers)


def resolve(cls: type[T], layers: Sequence[Source]) -> T:
    """Merges `layers` over the defaults of `cls`, later ones winning, and checks the result."""
    import pydantic

    values = to_plain(cls())
    for layer in layers:
        _merge(values, layer.values, cls)
    problems = list(_structure_problems(cls, values, layers, cls))
    try:
        result = pydantic.TypeAdapter(cls).validate_json(json.dumps(values), strict=True)
    except pydantic.ValidationError as error:
        problems += [p for e in error.errors() if (p := _value_problem(e, values, layers, cls))]
    else:
        if not problems:
            return result
    raise ConfigError(*dict.fromkeys(problems))


def to_plain(value: Any) -> Any:
    """Settings as nested plain values, as they stand in YAML and JSON."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value.as_posix() if isinstance(value, Path) else value


def to_yaml(value: Any) -> str:
    """Settings as YAML text, complete, so that reading it gives an equal value."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    buffer = io.StringIO()
    yaml.dump(_escaped(to_plain(value)), buffer)
    return buffer.getvalue()


def _escaped(value: Any) -> Any:
    """`value` with text in double quotes where single ones would read a character as a line end."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    is_plain = not isinstance(value, str) or value.isprintable()
    return value if is_plain else DoubleQuotedScalarString(value)


def dotted_keys(cls: type, prefix: str = "") -> Iterator[str]:
    """Every key of a settings class, with the keys of all its variants."""
    for field in dataclasses.fields(cls):
        variants = _settings_variants(typing.get_type_hints(cls)[field.name])
        if not variants:
            yield prefix + field.name
        for variant in variants:
            yield from dotted_keys(variant, f"{prefix}{field.name}.")


def _file_layers(
    path: Path, find: Callable[[str], Path], seen: tuple[Path, ...] = ()
) -> list[Source]:
    if path.resolve() in seen:
        raise ConfigError(f"{path}: expected base files that end, found a loop of 'base'")
    source = read_yaml(path)
    base = source.values.pop("base", None)
    if base is None:
        return [source]
    if not isinstance(base, str) or not base.isprintable():
        raise ConfigError(f"{source.place('base')}: base: expected one file name, found {base!r}")
    base_path = path.parent / base
    if not base_path.is_file():
        try:
            base_path = find(base)
        except InputMissingError as error:
            raise ConfigError(f"{source.place('base')}: base: {error}") from error
    return [*_file_layers(base_path, find, (*seen, path.resolve())), source]


def _find_nothing(name: str) -> Path:
    raise InputMissingError(f"expected a file, found none at {name}")


def _settings_variants(hint: Any) -> list[type]:
    """The settings classes a type hint allows: none for a plain value."""
    options = typing.get_args(hint) if typing.get_origin(hint) is not None else (hint,)
    if hasattr(hint, "__args__"):
        options = hint.__args__
    return [o for o in options if isinstance(o, type) and dataclasses.is_dataclass(o)]


def _merge(values: dict[str, Any], layer: dict[str, Any], cls: type | None) -> None:
    exclusive = getattr(cls, "EXCLUSIVE", ())
    if any(layer.get(name) is not None for name in exclusive):
        values.update(dict.fromkeys(set(exclusive) - set(layer)))
    hints = typing.get_type_hints(cls) if cls else {}
    for key, value in layer.items():
        old = values.get(key)
        if not (isinstance(value, dict) and isinstance(old, dict)):
            values[key] = value
            continue
        variants = _settings_variants(hints.get(key, object))
        kind = value.get("kind", old.get("kind"))
        variant = next((v for v in variants if _kind(v) == kind), variants[0] if variants else None)
        if len(variants) > 1 and kind != old.get("kind"):
            old = values[key] = _carried_over(old, variants, kind)
        _merge(old, value, variant)


def _carried_over(old: dict[str, Any], variants: list[type], kind: Any) -> dict[str, Any]:
    """A section of another kind: its defaults, but for what was set and is a key of it too."""
    defaults = {_kind(variant): to_plain(variant()) for variant in variants}
    if not isinstance(kind, str) or kind not in defaults:
        return {}
    before, after = defaults.get(old.get("kind"), {}), defaults[kind]
    kept = {name: value for name, value in old.items() if value != before.get(name, value)}
    return after | {name: value for name, value in kept.items() if name in after} | {"kind": kind}


def _kind(cls: type) -> str | None:
    return getattr(cls, "kind", None)


def _structure_problems(
    cls: type, values: dict[str, Any], layers: Sequence[Source], top: type, prefix: str = ""
) -> Iterator[str]:
    """One line for each unknown key and each unknown kind; values are left to pydantic."""
    names = {field.name for field in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for name, value in values.items():
        key = prefix + name
        if name not in names and key in dotted_keys(top):
            kind, place = values.get("kind"), _place(key, layers)
            yield f"{key} ({place}): expected a key of {kind!r}, found {name!r} of another kind"
        elif name not in names:
            advice = _advice(key, [known for known in dotted_keys(top) if known != key])
            yield f"{key} ({_place(key, layers)}): expected a known key, found {name!r}{advice}"
        elif not isinstance(value, dict):
            if _settings_variants(hints[name]):
                example = next(dotted_keys(_settings_variants(hints[name])[0], f"{key}."))
                place, found = _place(key, layers), _shown(value)
                yield f"{key} ({place}): expected a section, as in {example}, found {found}"
        else:
            variant = _variant(hints[name], value)
            if variant:
                yield from _structure_problems(variant, value, layers, top, f"{key}.")
            elif _settings_variants(hints[name]):
                yield _line(f"{key}.kind", layers, "a kind", value.get("kind"), top)


def _variant(hint: Any, value: dict[str, Any]) -> type | None:
    """The settings class that a section stands for: the only one, or the one of its kind."""
    variants = _settings_variants(hint)
    if len(variants) == 1:
        return variants[0]
    return next((v for v in variants if _kind(v) == value.get("kind")), None)


def _value_problem(
    error: Any, values: dict[str, Any], layers: Sequence[Source], cls: type
) -> str | None:
    """One pydantic error as one line; None where the structure is what is wrong."""
    # The branch of text in `str | int`: what is wrong with the number says more.
    is_other_branch = error["type"] == "string_type" and error["loc"][-1] == "str"
    if is_other_branch or error["type"] in ("unexpected_keyword_argument", "dataclass_type"):
        return None
    if error["type"] == "value_error":
        return _with_place(str(error["ctx"]["error"]), layers)
    names = set(dotted_keys(cls))
    parts: list[str] = []
    hint: Any = cls
    node: Any = values
    for part in map(str, error["loc"]):
        if ".".join(parts) in names:
            break
        if part[:1].isupper():  # a branch of a union: only the one that is written counts
            if not isinstance(node, dict) or getattr(_variant(hint, node), "__name__", "") != part:
                return None
            continue
        if hint is not cls and not isinstance(node, dict):
            return None  # a value where a section stands
        owner = _variant(hint, node) if hint is not cls else cls
        hint = typing.get_type_hints(owner).get(part, object) if owner else object
        node = node.get(part) if isinstance(node, dict) else None
        parts.append(part)
    key = ".".join(parts)
    return _line(key, layers, expected_value(error), node, cls, nearest_value(error, node, hint))


def _line(
    key: str, layers: Sequence[Source], expected: str, found: Any, cls: type, advice: str = ""
) -> str:
    choices = _choices(key, cls)
    expected = _joined(choices) if choices else expected
    advice = _advice(found, choices) if isinstance(found, str) else advice
    return f"{key} ({_place(key, layers)}): expected {expected}, found {_shown(found)}{advice}"


def _advice(name: str, names: list[str]) -> str:
    hint = nearest(name, names)
    return f". Did you mean {hint!r}?" if hint else ""


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(json.dumps(value))
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _choices(key: str, cls: type) -> list[str]:
    """The words that a key takes, from Literal types and from the kinds of a union."""
    variants: list[type] = [cls]
    words: list[str] = []
    for part in key.split("."):
        hints = [
            typing.get_type_hints(v)[part] for v in variants if part in typing.get_type_hints(v)
        ]
        if not hints:
            return []
        words = [w for h in hints for w in _literal_words(h)]
        variants = [v for h in hints for v in _settings_variants(h)]
    return words


def _literal_words(hint: Any) -> list[str]:
    if typing.get_origin(hint) is typing.Literal:
        return [word for word in typing.get_args(hint) if isinstance(word, str)]
    return [word for option in typing.get_args(hint) for word in _literal_words(option)]


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _place(key: str, layers: Sequence[Source]) -> str:
    for layer in reversed(layers):
        value: Any = layer.values
        for part in key.split("."):
            value = (
                value.get(part, dataclasses.MISSING)
                if isinstance(value, dict)
                else dataclasses.MISSING
            )
        if value is not dataclasses.MISSING:
            return layer.place(key)
    return "default"


def _with_place(message: str, layers: Sequence[Source]) -> str:
    key, colon, rest = message.partition(":")
    place = _place(key, layers) if colon else "default"
    return message if place == "default" else f"{key} ({place}):{rest}"
