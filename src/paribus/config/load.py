"""Merges layers of settings and checks them into one frozen value.

The layers are the defaults, the base file, the file, and the overrides, later ones winning.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from paribus.config.build import Problem, build
from paribus.config.explain import in_order_of_reading, line_of
from paribus.config.hints import hints_of, variants
from paribus.config.layers import merge_layers, to_plain
from paribus.config.legal_values import shown
from paribus.config.yaml_source import Source, parse_override, read_yaml
from paribus.errors import ConfigError, InputMissingError

T = TypeVar("T")


def load(
    cls: type[T],
    path: Path | None,
    overrides: Sequence[str] = (),
    find: Callable[[str], Path] | None = None,
) -> T:
    """Loads settings of `cls` from `path` (with its `base:`) and `key=value` overrides.

    A base is a path relative to the file that names it, or a name that `find` resolves.

    Raises ConfigError with one line for each problem: dotted key, place, what was expected.
    """
    if isinstance(overrides, str) or not isinstance(overrides, Sequence):
        raise ConfigError(
            f"overrides: expected a list, as in ['training.steps=100'], found {shown(overrides)}"
        )
    layers = [
        *(_file_layers(cls, Path(path), find or _find_nothing) if path is not None else []),
        *map(parse_override, overrides),
    ]
    return resolve(cls, layers)


def resolve(cls: type[T], layers: Sequence[Source]) -> T:
    """Merges `layers` over the defaults of `cls`, later ones winning, and checks the result."""
    problems: list[Problem] = []
    result = build(cls, merge_layers(cls, [layer.values for layer in layers]), (), problems.append)
    if not problems:
        return result
    ordered = in_order_of_reading(problems, layers)
    lines = [line_of(problem, cls, layers, ordered) for problem in ordered]
    raise ConfigError(*dict.fromkeys(lines))


def check(cls: type[T], value: object) -> T:
    """Checks at the border of a public function that `value` is legal settings of `cls`.

    Settings check themselves when they are created, so this mostly finds values of other types.
    Raises ConfigError.
    """
    if type(value) is not cls:
        raise ConfigError(
            f"config: expected {cls.__name__}, found {shown(value)}. "
            "Read one with paribus.load_config(NAME)"
        )
    return resolve(cls, [Source("given", to_plain(value))])


def to_yaml(value: Any) -> str:
    """Settings as complete YAML text, which reads back equal."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    buffer = io.StringIO()
    yaml.dump(_escaped(to_plain(value)), buffer)
    return buffer.getvalue()


def _escaped(value: Any) -> Any:
    """`value` with unprintable text in double quotes, which escape what would end a line."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    is_plain = not isinstance(value, str) or value.isprintable()
    return value if is_plain else DoubleQuotedScalarString(value)


def dotted_keys(cls: type, prefix: str = "") -> Iterator[str]:
    """Every key of a settings class, with the keys of all its variants."""
    for name, hint in hints_of(cls).items():
        if not variants(hint):
            yield prefix + name
        for variant in variants(hint):
            yield from dotted_keys(variant, f"{prefix}{name}.")


def _file_layers(
    cls: type, path: Path, find: Callable[[str], Path], seen: tuple[Path, ...] = ()
) -> list[Source]:
    if path.resolve() in seen:
        raise ConfigError(f"{path}: expected base files that end, found a loop of 'base'")
    source = read_yaml(path, dotted_names=True)
    # A settings class may have a key of its own with this name.
    base = None if "base" in hints_of(cls) else source.values.pop("base", None)
    if base is None:
        return [source]
    place = source.place(("base",))
    if not isinstance(base, str) or not base.isprintable():
        raise ConfigError(f"{place}: base: expected one file name, found {base!r}")
    base_path = path.parent / base
    if not base_path.is_file():
        try:
            base_path = find(base)
        except InputMissingError as error:
            raise ConfigError(f"{place}: base: {error}") from error
    return [*_file_layers(cls, base_path, find, (*seen, path.resolve())), source]


def _find_nothing(name: str) -> Path:
    raise InputMissingError(f"expected a file, found none at {name}")
