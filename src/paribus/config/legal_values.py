"""What a refused value should have been: pydantic's error in plain words, and the nearest value."""

import math
import typing
from typing import Any


def expected_value(error: Any) -> str:
    """What stands behind "expected" in the line about an error."""
    context = error.get("ctx", {})
    by_type = {
        "greater_than": f"a number above {context.get('gt', 0):g}",
        "greater_than_equal": f"at least {context.get('ge', 0):g}",
        "less_than": f"a number below {context.get('lt', 0)}",
        "finite_number": "a finite number",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "bool_type": "true or false",
        "string_type": "text",
        "tuple_type": "a list, as in [a, b]",
    }
    said = str(error["msg"]).removeprefix("Input should be ").removeprefix("a valid ")
    return by_type.get(error["type"], said)


def nearest_value(error: Any, found: Any, hint: Any) -> str:
    """Advice to take the closest legal value; empty where there is none that is closest."""
    context, kind = error.get("ctx", {}), error["type"]
    is_whole = isinstance(found, int)
    if found == 0 and type(None) in typing.get_args(hint):
        return ". Set it to null"
    if kind == "greater_than_equal":
        return f". The nearest is {context['ge']}"
    if kind == "greater_than" and is_whole and isinstance(context["gt"], int):
        return f". The nearest is {context['gt'] + 1}"
    if kind == "less_than" and is_whole and isinstance(context["lt"], int):
        return f". The nearest is {context['lt'] - 1}"
    if isinstance(found, float) and math.isfinite(found) and kind in ("int_type", "int_from_float"):
        return f". The nearest is {max(1, round(found))}"
    return ""
