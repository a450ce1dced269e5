"""Tokens as the files of GPT-2 and Hugging Face name them, and the checks that both need."""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from paribus.errors import DataError
from paribus.tokenizer.vocabulary import BYTE_NAMES, Vocabulary, token_name


def token_from_name(name: str) -> bytes | None:
    """The bytes that `name` stands for; None for a text that names no token."""
    byte_of = _bytes_by_name()
    try:
        return bytes([byte_of[character] for character in name]) or None
    except KeyError:
        return None


def checked_ids(content: Any) -> dict[str, int]:
    """`content` as a map from names to ids. Raises DataError for another shape or a shared id."""
    if not isinstance(content, dict):
        raise DataError(f"vocabulary: expected an object, found {type(content).__name__}")
    by_id: dict[int, str] = {}
    for name, i in content.items():
        if type(i) is not int or not 0 <= i < 1 << 32:
            raise DataError(f"id of {name[:80]!r}: expected an integer from 0, found {_short(i)}")
        if i in by_id:
            raise DataError(f"id {i}: expected one token, found {by_id[i][:80]!r}, {name[:80]!r}")
        by_id[i] = name
    return content


def merges_from_names(items: Iterable[Sequence[str]]) -> list[tuple[bytes, bytes]]:
    """Merges whose two sides are given by name. Raises DataError for what is no merge."""
    merges: list[tuple[bytes, bytes]] = []
    for place, names in enumerate(items):
        pair = [token_from_name(name) for name in names]
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            raise DataError(
                f"merge {place}: expected two names of tokens, found {_short(' '.join(names))}"
            )
        merges.append((pair[0], pair[1]))
    return merges


def checked_against_ids(
    pattern: str,
    specials: Iterable[tuple[int, str]],
    ids: dict[bytes, int],
    merges: Sequence[tuple[bytes, bytes]],
) -> Vocabulary:
    """The vocabulary of a file, whose ids must be those that the merges give.

    Raises DataError for a byte that is missing, a gap, or a merge whose result is elsewhere.
    """
    missing = [byte for byte in range(256) if bytes([byte]) not in ids]
    if missing:
        raise DataError(
            f"vocabulary: expected a token for each of 256 bytes, found none for byte {missing[0]} "
            f"({BYTE_NAMES[missing[0]]!r})"
        )
    vocabulary = Vocabulary(
        pattern=pattern,
        special_tokens=tuple(sorted(specials)),
        byte_ids=tuple(ids[bytes([byte])] for byte in range(256)),
        merges=tuple(merges),
    )
    for token, expected in vocabulary.ids.items():
        if (found := ids.get(token)) != expected:
            raise DataError(
                f"token {token_name(token)[:80]!r}: expected id {expected}, as the order of the "
                f"merges has it, found {'none' if found is None else found}"
            )
    for token in ids:
        if token not in vocabulary.ids:
            raise DataError(
                f"token {token_name(token)[:80]!r}: expected a byte, the result of a merge or a "
                "special token, found none of them"
            )
    return vocabulary


def dump_json(content: dict[str, Any]) -> str:
    """JSON as the files of others are written: characters themselves, an indent of two."""
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


@cache
def _bytes_by_name() -> dict[str, int]:
    return {name: byte for byte, name in BYTE_NAMES.items()}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
