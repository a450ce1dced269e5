"""Vocabulary: everything that decides which ids a text gets, in one value with one hash.

Ids are those of the special tokens and of the 256 bytes, as given; the results of the merges take
the ids that are left, ascending, in the order of the merges. A byte string that two merges make has
one id, that of the first.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from paribus.errors import ConfigError, DataError
from paribus.tokenizer.byte_names import PRINTABLE_ORDER, token_from_name, token_name
from paribus.tokenizer.patterns import check_pattern

if TYPE_CHECKING:
    import numpy as np

Ties = Literal["cs336", "hf"]
"""Which pair wins among the most frequent, and the layout of the ids.

`cs336`: the greatest pair of byte strings; ids: special tokens, bytes 0-255, merges.
`hf`: the smallest pair of ids; ids: special tokens, bytes in GPT-2's printable order, merges.
"""

END_OF_TEXT = "<|endoftext|>"


class MergeError(DataError):
    """A merge that cannot stand where it does."""


@dataclass(frozen=True)
class Vocabulary:
    """Pattern, special tokens, bytes and merges. Raises DataError where they contradict."""

    pattern: str
    special_tokens: tuple[tuple[int, str], ...]
    """(id, text), ascending."""
    byte_ids: tuple[int, ...]
    """The ids of byte 0 … 255."""
    merges: tuple[tuple[bytes, bytes], ...]
    """In the order of their creation."""

    def __post_init__(self) -> None:
        _check_special_texts([text for _, text in self.special_tokens], DataError, "special token")
        _check_merges(self.merges)
        _check_fixed_ids(self)
        _check_names(self)

    @classmethod
    def build(
        cls,
        pattern: str,
        specials: Sequence[str],
        merges: Sequence[tuple[bytes, bytes]],
        ties: Ties,
    ) -> "Vocabulary":
        """The vocabulary of a training, its ids in the layout of `ties`.

        Raises ConfigError for special tokens that cannot be, and for an unknown pattern or layout.
        """
        check_pattern(pattern)
        check_special_tokens(specials)
        return cls(
            pattern=pattern,
            special_tokens=tuple(enumerate(specials)),
            byte_ids=byte_layout(len(specials), ties),
            merges=tuple(merges),
        )

    @cached_property
    def tokens(self) -> tuple[bytes, ...]:
        """The bytes of every id; those of a special token are its text in UTF-8."""
        fixed = [(i, text.encode()) for i, text in self.special_tokens]
        fixed += [(i, bytes([byte])) for byte, i in enumerate(self.byte_ids)]
        fixed_ids = {i for i, _ in fixed}
        tokens: list[bytes] = [b""] * self.size
        for i, token in fixed:
            tokens[i] = token
        free = (i for i in range(len(tokens)) if i not in fixed_ids)
        for i, token in zip(free, self._merged, strict=True):
            tokens[i] = token
        return tuple(tokens)

    @cached_property
    def ids(self) -> dict[bytes, int]:
        """The id of every token that is not special."""
        special = {i for i, _ in self.special_tokens}
        return {token: i for i, token in enumerate(self.tokens) if i not in special}

    @cached_property
    def merge_ids(self) -> tuple[tuple[int, int, int], ...]:
        """The merges as ids (left, right, result)."""
        id_of = self.ids.__getitem__
        lefts, rights = ([pair[side] for pair in self.merges] for side in (0, 1))
        rows = zip(map(id_of, lefts), map(id_of, rights), map(id_of, self._results), strict=True)
        return tuple(rows)

    @cached_property
    def _results(self) -> list[bytes]:
        """What each merge makes."""
        return [left + right for left, right in self.merges]

    @cached_property
    def _merged(self) -> tuple[bytes, ...]:
        """What the merges make, each byte string once."""
        return tuple(dict.fromkeys(self._results))

    @property
    def id_dtype(self) -> "type[np.uint16] | type[np.uint32]":
        """The narrowest type that holds every id."""
        import numpy as np  # 0.1 s, which training need not pay

        return np.uint16 if self.size <= 1 << 16 else np.uint32

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self.special_tokens) + len(self.byte_ids) + len(self._merged)

    @property
    def end_of_text(self) -> int | None:
        """The id that ends a document: "<|endoftext|>", else the first special token, else None."""
        by_text = {text: i for i, text in self.special_tokens}
        return by_text.get(END_OF_TEXT, next(iter(by_text.values()), None))

    @cached_property
    def hash(self) -> str:
        """SHA-256 over canonical JSON, as 64 hexadecimal digits: equal for every file format."""
        content = {
            "pattern": self.pattern,
            "specials": [[i, text] for i, text in self.special_tokens],
            "bytes": list(self.byte_ids),
            "merges": [[left.hex(), right.hex()] for left, right in self.merges],
        }
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def byte_layout(n_specials: int, ties: Ties) -> tuple[int, ...]:
    """The ids of byte 0 … 255 behind `n_specials` special tokens."""
    if ties == "cs336":
        return tuple(range(n_specials, n_specials + 256))
    if ties == "hf":
        place = {byte: i for i, byte in enumerate(PRINTABLE_ORDER)}
        return tuple(n_specials + place[byte] for byte in range(256))
    raise ConfigError(f"ties: expected cs336 or hf, found {ties!r}")


def check_special_tokens(specials: Sequence[str]) -> None:
    """Raises ConfigError for an empty or repeated text, and for one that could name in files what
    training may learn: all its characters are names of bytes, of others than those it has."""
    if isinstance(specials, str) or not isinstance(specials, Sequence):
        found = type(specials).__name__
        raise ConfigError(f"specials: expected a list of texts, found {found}")
    _check_special_texts(specials, ConfigError, "special")
    for text in specials:
        named = token_from_name(text)
        if named is not None and (len(named) == 1 or not text.isascii()):
            raise ConfigError(
                f"special: expected a text that names no byte or other token, found {text[:80]!r}, "
                f"which stands for {named[:80]!r} in files. Choose ASCII, such as '<|endoftext|>'"
            )


def _check_special_texts(
    specials: Sequence[str], kind: type[ConfigError | DataError], where: str
) -> None:
    seen: set[str] = set()
    for text in specials:
        if not isinstance(text, str):
            raise kind(f"{where}: expected a text, found {type(text).__name__}")
        if not text:
            raise kind(f"{where}: expected a text, found an empty one. Leave it out, or fill it")
        if text in seen:
            raise kind(f"{where}: expected each text once, found {text[:80]!r} twice. Give it once")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise kind(f"{where}: expected text of UTF-8, found {text[:80]!r}. Write it in UTF-8")
        seen.add(text)


def _check_merges(merges: Sequence[tuple[bytes, bytes]]) -> None:
    """Every merge is of two tokens made before it, and none comes a second time."""
    made = {bytes([byte]) for byte in range(256)}
    for place, (left, right) in enumerate(merges):
        if left not in made or right not in made:
            part = right if left in made else left
            raise MergeError(
                f"merge {place}: expected two tokens made before it, found "
                f"{token_name(part)[:80]!r}, which is not one"
            )
        made.add(left + right)
    if len(set(merges)) < len(merges):
        _refuse_repeated_merge(merges)


def _refuse_repeated_merge(merges: Sequence[tuple[bytes, bytes]]) -> None:
    seen: set[tuple[bytes, bytes]] = set()
    for place, (left, right) in enumerate(merges):
        if (left, right) in seen:
            raise MergeError(
                f"merge {place}: expected a new pair, found {token_name(left)[:80]!r} with "
                f"{token_name(right)[:80]!r} a second time"
            )
        seen.add((left, right))


def _check_fixed_ids(vocabulary: Vocabulary) -> None:
    """Bytes and special tokens have ids of their own, below the number of all ids."""
    fixed = [*vocabulary.byte_ids, *(i for i, _ in vocabulary.special_tokens)]
    if len(set(fixed)) < len(fixed) or min(fixed) < 0 or max(fixed) >= vocabulary.size:
        raise DataError(
            f"ids of bytes and special tokens: expected {len(fixed)} different ids below "
            f"{vocabulary.size}, found others"
        )


def _check_names(vocabulary: Vocabulary) -> None:
    """Every token has a name of its own in files."""
    for _, text in vocabulary.special_tokens:
        if token_from_name(text) in vocabulary.ids:
            raise DataError(
                f"special token: expected a text that names no other token, found {text[:80]!r}"
            )
