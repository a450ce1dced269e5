"""Files of tiktoken: one line per token, its bytes in base64 and its id, which is its rank.

tiktoken joins any two neighbours whose bytes together are a token, the lowest rank first. Of all
ways to make a token only one ever happens: the one that joins its bytes when they stand alone. So
the ranks give the merges, and merges that are not of this kind are not written.
"""

import base64
import binascii
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from paribus.errors import DataError
from paribus.tokenizer.byte_names import token_name
from paribus.tokenizer.names import vocabulary_with_ids
from paribus.tokenizer.vocabulary import Vocabulary


def as_bytes(vocabulary: Vocabulary) -> bytes:
    """The content of a file of ranks; pattern and special tokens have no place in it.

    Raises DataError for a vocabulary of which tiktoken would make other ids.
    """
    ids = vocabulary.ids
    recovered = _merges(ids)
    for ours, theirs in zip(vocabulary.merges, [*recovered, None], strict=False):
        if ours != theirs:
            raise DataError(
                f"merge of {token_name(ours[0])[:80]!r} and {token_name(ours[1])[:80]!r}: expected "
                "the one way that ranks allow to make this token, found another. This tokenizer "
                "has no counterpart in tiktoken"
            )
    lines = sorted(ids.items(), key=lambda entry: entry[1])
    return b"".join(base64.b64encode(token) + b" %d\n" % i for token, i in lines)


def from_bytes(
    data: bytes, *, pattern: str = "gpt2", specials: Sequence[tuple[int, str]] = ()
) -> Vocabulary:
    """The vocabulary of a file of ranks. Raises DataError for what is none, or has gaps where
    no special token is."""
    ids: dict[bytes, int] = {}
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip(b"\r"):
            token, i = _parsed(line, number)
            if token in ids:
                raise DataError(
                    f"line {number}: expected a new token, found that of id {ids[token]}"
                )
            ids[token] = i
    taken = {*ids.values(), *(i for i, _ in specials)}
    gap = next((i for i in range(len(taken)) if i not in taken), None)
    if gap is not None or len(taken) < len(ids) + len(specials):
        found = "one id twice" if gap is None else f"none for {gap}"
        raise DataError(
            f"ranks: expected one token for each id from 0 to {max(taken)}, found {found}. "
            "A special token may have it: read tokenizer.json, which holds those too"
        )
    return vocabulary_with_ids(pattern, specials, ids, _merges(ids))


def _parsed(line: bytes, number: int) -> tuple[bytes, int]:
    try:
        text, rank = line.split()
        token = base64.b64decode(text, validate=True)
        if not token or not rank.isdigit() or len(rank) > 9:
            raise ValueError
    except (ValueError, binascii.Error):
        raise DataError(
            f"line {number}: expected a token in base64 and its rank, found {line[:40]!r}"
        ) from None
    return token, int(rank)


def _merges(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """How each token is made, in the order of the ranks."""
    longer = sorted((token for token in ranks if len(token) > 1), key=ranks.__getitem__)
    return [_last_merge(token, ranks) for token in longer]


def _last_merge(token: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two parts that are left of `token` when all lower ranks have been joined."""
    # The part that begins at i ends at ends[i]; the one before it begins at previous[i].
    n_parts, limit = len(token), ranks[token]
    ends, previous = [*range(1, n_parts + 1), 0], list(range(-1, n_parts))
    waiting = [
        (rank, i, i + 1, i + 2)
        for i in range(n_parts - 1)
        if (rank := ranks.get(token[i : i + 2], limit)) < limit
    ]
    heapify(waiting)
    while n_parts > 2 and waiting:
        _, begin, middle, end = heappop(waiting)
        if ends[begin] != middle or ends[middle] != end:
            continue  # one of the two has been joined with another part
        n_parts, ends[begin], ends[middle], previous[end] = n_parts - 1, end, 0, begin
        for left, right in ((previous[begin], begin), (begin, end)):
            rank = ranks.get(token[left : ends[right]], limit) if left >= 0 else limit
            if rank < limit:
                heappush(waiting, (rank, left, right, ends[right]))
    if n_parts > 2:
        raise DataError(
            f"token {token_name(token)[:80]!r}: expected two tokens of lower rank that make it, "
            f"found {n_parts}"
        )
    return token[: ends[0]], token[ends[0] :]
