"""Cuts a text that arrives in pieces into blocks that can be encoded one by one.

The ids of the blocks, one after another, are those of the whole text, wherever the pieces are cut.
Text still to come can change the last two pretokens ("x'l" is "x", "'", "l", and "x'll" is "x",
"'ll") and no earlier one, make a special token of a beginning of one, and complete a character. All
these wait. A block does not end behind a pretoken of white space alone either: its place in the
patterns depends on what follows it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from paribus.tokenizer.patterns import as_classes
from paribus.tokenizer.reference import split_at_special_tokens

BLOCK_BYTES = 1 << 16
"""Text is looked at in blocks of at least this size, so that small pieces cost no more."""

SplitEnds = Callable[[bytes], np.ndarray]
"""The end offsets of the pretokens of a text, ascending."""

SettledLength = Callable[[bytes], int]
"""How many bytes of a text can be encoded now, whatever follows it; 0 for none."""


def blocks(pieces: Iterable[bytes], settled_length: SettledLength) -> Iterator[bytes]:
    """Yields the text of `pieces` in blocks that are encoded one by one.

    Holds a piece, a block and at most twice the longest stretch without a place to cut: a pretoken,
    in most texts.
    """
    waiting: list[bytes] = []
    n_waiting, enough = 0, BLOCK_BYTES
    for piece in pieces:
        waiting.append(piece)
        n_waiting += len(piece)
        if n_waiting < enough:
            continue
        text = b"".join(waiting)
        cut = settled_length(text)
        if cut:
            yield text[:cut]
        waiting, n_waiting = [text[cut:]], len(text) - cut
        # Twice what did not suffice: a pretoken without end is looked at log2(n) times, not n.
        enough = max(BLOCK_BYTES, 2 * n_waiting)
    yield b"".join(waiting)


def settled_length(text: bytes, split_ends: SplitEnds, specials: Sequence[bytes]) -> int:
    """SettledLength by the reference; `specials` are those that the encoder looks for."""
    text = text[: _begin_of_partial_special(text, specials)]
    *settled, open_segment = split_at_special_tokens(text, specials)
    start = sum(map(len, settled))
    whole = open_segment[: len(open_segment) - _n_bytes_of_partial_character(open_segment)]
    ends = [0, *split_ends(whole)[:-2].tolist()]
    while len(ends) > 1 and _is_white_space(whole[ends[-2] : ends[-1]]):
        ends.pop()
    return start + ends[-1]


def _begin_of_partial_special(text: bytes, specials: Sequence[bytes]) -> int:
    """Where the first special token begins that the text's end may have cut; else its length."""
    begin = position = 0
    for part, segment in enumerate(split_at_special_tokens(text, specials)):
        begins = [position] if part % 2 else _candidates(text, position, len(segment), specials)
        for begin in begins:
            if any(_is_cut(text, begin, special) for special in specials):
                return begin
        position += len(segment)
    return len(text)


def _candidates(text: bytes, start: int, length: int, specials: Sequence[bytes]) -> range:
    longest = max(map(len, specials), default=1)
    return range(max(start, len(text) - longest + 1), start + length)


def _is_cut(text: bytes, begin: int, special: bytes) -> bool:
    rest = len(text) - begin
    return rest < len(special) and special.startswith(text[begin:])


def _n_bytes_of_partial_character(text: bytes) -> int:
    """How many bytes at the end begin a character of UTF-8 without completing it: 0 to 3."""
    for n_bytes in range(1, min(3, len(text)) + 1):
        lead = text[-n_bytes]
        if lead >= 0xC0:
            needed = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return n_bytes if n_bytes < needed else 0
        if lead < 0x80:
            return 0
    return 0


def _is_white_space(pretoken: bytes) -> bool:
    return not as_classes(pretoken.decode("utf-8", "surrogateescape")).strip(" \t\n\v\f\r\u3000")
