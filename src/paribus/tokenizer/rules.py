"""What a training of byte-pair encoding is told, and what it gives."""

from typing import NamedTuple

from paribus.tokenizer.vocabulary import Ties

Pair = tuple[bytes, bytes]


class Rules(NamedTuple):
    """What a training is to learn."""

    pattern: str
    specials: tuple[bytes, ...]
    """Borders in the text, which are not counted."""
    byte_ids: tuple[int, ...]
    n_new_ids: int
    ties: Ties
    max_token_length: int | None = None
    """In bytes."""


class Learned(NamedTuple):
    """What training gives: merges in order, and whether the text ran out of pairs."""

    merges: list[Pair]
    n_distinct_pretokens: int
    ran_out: bool
