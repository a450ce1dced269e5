r"""Text from outside on its way to a terminal: what a terminal would obey is escaped, as in \x1b.

File names, settings, token texts and notes come from files that others wrote. Printed raw, their
control characters could rewrite lines, hide text or change how the rest is read.
"""

import re

_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_LINE_SEPARATORS = r"\u2028\u2029"
_DIRECTIONS = r"\u202a-\u202e\u2066-\u2069"
"""Embeddings, overrides and isolates, which show text in another order than it is stored in."""
_SURROGATES = r"\ud800-\udfff"
"""Among them the bytes of file names that are not UTF-8."""

_OBEYED = re.compile(f"[{_CONTROLS}{_LINE_SEPARATORS}{_DIRECTIONS}{_SURROGATES}]")
_OBEYED_IN_LINES = re.compile(rf"(?![\n\t]){_OBEYED.pattern}")


def one_line(text: str) -> str:
    """`text` as one line that a terminal only shows; all other characters stay as they are."""
    return _OBEYED.sub(_escaped, text)


def printable(text: str) -> str:
    """`text` as lines that a terminal only shows: like `one_line`, but line feeds and tabs stay."""
    return _OBEYED_IN_LINES.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return repr(match.group())[1:-1]
