"""Tokens as the files of GPT-2 and Hugging Face name them, and the checks that both need."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from paribus.errors import DataError
from paribus.tokenizer.byte_names import BYTE_NAMES, token_from_name, token_name
from paribus.tokenizer.vocabulary import Vocabulary


@contextlib.contextmanager
def about(path: Path) -> Iterator[None]:
    """Puts the name of the file in front of a DataError about its content."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def checked_ids(content: Any) -> dict[str, int]:
    """`content` as a map from names to ids. Raises DataError for another shape or a shared id."""
    if not isinstance(content, dict):
        raise DataError(f"vocabulary: expected an object, found {type(content).__name__}")
    ids = content.values()
    are_ids = (
        set(map(type, ids)) <= {int} and 0 <= min(ids, default=0) <= max(ids, default=0) < 1 << 32
    )
    if not are_ids or len(set(ids)) < len(content):
        _refuse_ids(content)
    return content


def merges_from_names(
    items: Sequence[Sequence[str]], tokens: Mapping[str, bytes]
) -> list[tuple[bytes, bytes]]:
    """Merges whose two sides are given by name; `tokens` are those of the vocabulary, by name.

    Raises DataError for what is no merge.
    """
    try:
        merges = [(tokens[left], tokens[right]) for left, right in items]
    except (KeyError, ValueError):
        # One is no pair, or of a name that the vocabulary has not.
        merges = [_merge_from_names(place, names) for place, names in enumerate(items)]
    return merges


def vocabulary_with_ids(
    pattern: str,
    specials: Iterable[tuple[int, str]],
    ids: dict[bytes, int],
    merges: Sequence[tuple[bytes, bytes]],
) -> Vocabulary:
    """The vocabulary of a file, where its ids are those that the merges give.

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
    if vocabulary.ids != ids:
        _refuse_other_ids(vocabulary, ids)
    return vocabulary


def ids_by_name(vocabulary: Vocabulary) -> dict[str, int]:
    """The ids of all tokens by their names in files, ascending; of a special token, its text."""
    names = {token_name(token): i for token, i in vocabulary.ids.items()}
    names |= {text: i for i, text in vocabulary.special_tokens}
    return dict(sorted(names.items(), key=lambda entry: entry[1]))


def dump_json(content: dict[str, Any]) -> str:
    """JSON as the files of others are written: characters themselves, an indent of two."""
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _merge_from_names(place: int, names: Sequence[str]) -> tuple[bytes, bytes]:
    pair = [token_from_name(name) for name in names[:2]]
    if len(names) != 2 or pair[0] is None or pair[1] is None:
        raise DataError(
            f"merge {place}: expected two names of tokens, found {short(' '.join(names[:80]))}"
        )
    return pair[0], pair[1]


def _refuse_ids(content: dict[str, Any]) -> None:
    by_id: dict[int, str] = {}
    for name, i in content.items():
        if type(i) is not int or not 0 <= i < 1 << 32:
            raise DataError(f"id of {name[:80]!r}: expected an integer from 0, found {short(i)}")
        if i in by_id:
            raise DataError(f"id {i}: expected one token, found {by_id[i][:80]!r}, {name[:80]!r}")
        by_id[i] = name


def _refuse_other_ids(vocabulary: Vocabulary, ids: dict[bytes, int]) -> None:
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


def short(value: Any) -> str:
    """`value` as Python writes it, cut to 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
