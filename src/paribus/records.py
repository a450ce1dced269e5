"""JSON records that are declared once, as a dataclass, and checked whenever they are read."""

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from paribus.errors import DataError
from paribus.manifest import read_json

T = TypeVar("T")


def read_record(path: Path, kind: type[T]) -> T:
    """The JSON object in `path` as a `kind`; fields that it does not declare are ignored.

    Raises DataError, naming the field, if one is missing or has another type or range.
    """
    return as_record(read_json(path), kind, path)


def as_record(values: dict[str, Any], kind: type[T], source: Path | str) -> T:
    """`values` as a `kind`; `source` is named in errors."""
    try:
        return _adapter(kind).validate_json(_json(values), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=True)[0]
        name = ".".join(map(str, first["loc"])) or "the record"
        found = "none" if first["type"] == "missing" else repr(first["input"])[:80]
        raise DataError(
            f"{source}: expected {_expected(first)} as {name!r}, found {found}. "
            "The file is damaged: restore it from a copy"
        ) from error


def _json(values: dict[str, Any]) -> bytes:
    import json

    return json.dumps(values).encode()


@cache
def _adapter(kind: type) -> TypeAdapter:
    return TypeAdapter(kind)


def _expected(error: Any) -> str:
    """What a field should have been, in our words."""
    context = error.get("ctx", {})
    bounds = {"greater_than_equal": ("from {} up", "ge"), "greater_than": ("above {}", "gt")}
    bounds |= {"less_than_equal": ("up to {}", "le"), "less_than": ("below {}", "lt")}
    if error["type"] in bounds:
        text, key = bounds[error["type"]]
        return "a number " + text.format(context[key])
    kinds = {
        "int": "a whole number", "float": "a number", "string": "text", "bool": "true or false",
        "dict": "an object", "list": "a list", "tuple": "a list", "finite": "a finite number",
    }  # fmt: skip
    if error["type"] == "literal_error":
        return f"one of {context['expected']}"
    if error["type"] == "string_pattern_mismatch":
        return f"text like {context['pattern']}"
    return kinds.get(error["type"].partition("_")[0], "a value")
