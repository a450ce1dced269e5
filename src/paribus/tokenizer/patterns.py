r"""The patterns that cut text into pretokens, which no merge may cross.

Each is written once, in the notation that files of other tools use too. What is a letter, a mark, a
number or white space, our own table says: before a pattern looks at a text, `as_classes` puts one
well-known character in the place of all of its class, so that the Unicode version of the library
behind the patterns plays no part. The C++ core reads the same table.
"""

from bisect import bisect
from functools import cache
from typing import TYPE_CHECKING

from paribus.errors import ConfigError
from paribus.tokenizer.unicode_table import RANGES

if TYPE_CHECKING:
    import regex

_CONTRACTION = r"'(?:[sSſdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])"
"""Contractions in cl100k and o200k, in any case: the long ſ (U+017F) counts as an s."""

EXPRESSIONS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": rf"{_CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    rf"(?:{_CONTRACTION})?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    rf"(?:{_CONTRACTION})?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "none": r"(?s:.+)",
}
"""GPT-2, GPT-4 and GPT-4o as tiktoken has them, and the whole text as one pretoken."""

_ANY_CASE = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"

OTHER_SPELLINGS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "cl100k": rf"{_ANY_CASE}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "o200k": EXPRESSIONS["o200k"].replace(rf"(?:{_CONTRACTION})", _ANY_CASE),
}
"""As most files of other tools spell them. cl100k so spelled cuts white space at the end of a text
otherwise; the others mean the same as ours."""

_REPRESENTATIVES = {
    "white_space": "\u3000",
    "number": "²",
    "mark": "\u0300",
    "uppercase": "Ä",
    "lowercase": "ä",
    "titlecase": "ǅ",
    "modifier": "ʰ",
    "other_letter": "ª",
}
_OTHER = "§"

PIECE = 1 << 20
"""Characters that are looked at in one call, some 60 ms: between two, Python sees signals."""


def check_pattern(name: str) -> None:
    """Raises ConfigError if there is no pattern of this name."""
    if not isinstance(name, str) or name not in EXPRESSIONS:
        raise ConfigError(f"pattern: expected one of {', '.join(EXPRESSIONS)}, found {name!r}")


def name_of(expression: str) -> str | None:
    """The pattern that cuts as an expression in a file does; None where no known one does."""
    known = {spelling: name for name, spelling in EXPRESSIONS.items()}
    known |= {OTHER_SPELLINGS[name]: name for name in ("gpt2", "o200k")}
    return known.get(expression)


@cache
def compiled(name: str) -> "regex.Pattern[str]":
    """The pattern `name`, for text that went through `as_classes`."""
    import regex  # 0.1 s, which the C++ core need not pay

    check_pattern(name)
    return regex.compile(EXPRESSIONS[name].replace(r"\z", r"\Z"))


def as_classes(text: str) -> str:
    """`text` with each character replaced by the representative of its class; ASCII and ſ stay."""
    table = _representatives()
    if len(text) <= PIECE:
        return text.translate(table)
    return "".join(text[i : i + PIECE].translate(table) for i in range(0, len(text), PIECE))


class _Representatives(dict[int, str]):
    """Code point -> representative, looked up in the table the first time a character is met."""

    def __init__(self) -> None:
        super().__init__({code: chr(code) for code in [*range(128), ord("ſ")]})
        self._ranges = sorted(
            (int(first, 16), int(last or first, 16), _REPRESENTATIVES[name])
            for name, ranges in RANGES.items()
            for first, _, last in (item.partition("-") for item in ranges.split())
        )

    def __missing__(self, code: int) -> str:
        _, last, representative = self._ranges[bisect(self._ranges, (code, 0x110000)) - 1]
        self[code] = representative if code <= last else _OTHER
        return self[code]


@cache
def _representatives() -> _Representatives:
    return _Representatives()
