"""tiktoken's rank files: one line per token, its bytes in base64 and its id, which is its rank.

tiktoken joins any two neighbours whose bytes together are a token, the lowest rank first. Of all
the ways to make a token only one ever happens: the one that joins its bytes when they stand alone.
So the ranks determine the merges, and a vocabulary with other merges cannot be written.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from paribus.errors import DataError
from paribus.tokenizer.byte_names import token_name
from paribus.tokenizer.names import vocabulary_with_ids
from paribus.tokenizer.vocabulary import Vocabulary

KNOWN_PATTERNS = {
    50256: ("306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930", "gpt2"),
    100256: ("223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7", "cl100k"),
    199998: ("446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d", "o200k"),
}
"""Published rank files whose pattern is known, by their number of tokens: SHA-256 as in
`tiktoken_ext.openai_public` (r50k_base, which holds GPT-2's tokens, cl100k_base, o200k_base)."""


def as_bytes(vocabulary: Vocabulary) -> bytes:
    """The content of a rank file, which has no place for the pattern and the special tokens.

    Raises DataError if tiktoken would give other ids than this vocabulary does.
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
    return _as_lines(ids)


def specials_below_others(vocabulary: Vocabulary) -> dict[str, int]:
    """Special tokens whose ids lie between those of ordinary tokens: without them a rank file has
    gaps, which `from_bytes` refuses."""
    last = max(vocabulary.ids.values())
    return {text: i for i, text in vocabulary.special_tokens if i < last}


def known_pattern(ids: dict[bytes, int]) -> str | None:
    """The pattern of a published vocabulary with exactly these tokens; None for any other."""
    digest, pattern = KNOWN_PATTERNS.get(len(ids), ("", None))
    return pattern if hashlib.sha256(_as_lines(ids)).hexdigest() == digest else None


def from_bytes(
    data: bytes, *, pattern: str = "gpt2", specials: Sequence[tuple[int, str]] = ()
) -> Vocabulary:
    """The vocabulary of a rank file. Raises DataError for anything else, and for ids that neither
    a token nor a special token has."""
    return from_ids(parsed(data), pattern=pattern, specials=specials)


def parsed(data: bytes) -> dict[bytes, int]:
    """The ids of the tokens in a rank file. Raises DataError for anything else."""
    ids: dict[bytes, int] = {}
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip(b"\r"):
            token, i = _parsed_line(line, number)
            if token in ids:
                raise DataError(
                    f"line {number}: expected a new token, found that of id {ids[token]}"
                )
            ids[token] = i
    return ids


def from_ids(
    ids: dict[bytes, int], *, pattern: str, specials: Sequence[tuple[int, str]] = ()
) -> Vocabulary:
    """The vocabulary that has these ranks. Raises DataError for ids with gaps or repetitions."""
    taken = {*ids.values(), *(i for i, _ in specials)}
    gap = next((i for i in range(len(taken)) if i not in taken), None)
    if gap is not None or len(taken) < len(ids) + len(specials):
        found = "one id twice" if gap is None else f"none for {gap}"
        raise DataError(
            f"ranks: expected one token for each id from 0 to {max(taken)}, found {found}. "
            "It may belong to a special token: read tokenizer.json, which holds those too"
        )
    return vocabulary_with_ids(pattern, specials, ids, _merges(ids))


def _as_lines(ids: dict[bytes, int]) -> bytes:
    lines = sorted(ids.items(), key=lambda entry: entry[1])
    return b"".join(base64.b64encode(token) + b" %d\n" % i for token, i in lines)


def _parsed_line(line: bytes, number: int) -> tuple[bytes, int]:
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
