"""Which document goes to validation: decided by its content, never by its place.

A document goes to validation where the number in [0, 1) that its SHA-256 gives is below the share.
So the split does not depend on order or threads, and equal documents never straddle it. Where that
leaves one side empty, the last document is cut at a line break: its end is validation.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from paribus.errors import ConfigError

_CUT_SEARCH_BYTES = 4096


@dataclass
class Census:
    """What was seen while the documents went by."""

    n_duplicates: int = 0
    n_invalid_bytes: int = 0
    longest_document_bytes: int = 0
    fingerprint: str = ""
    """SHA-256 over the SHA-256 of every document read, in order: what the source held."""
    notes: list[str] = field(default_factory=list)
    """What the user should know, one line each."""


@dataclass(frozen=True)
class Document:
    """One document on its way to a shard."""

    text: bytes
    is_validation: bool


def check_share(share: float) -> None:
    """Refuses a validation share outside [0, 1)."""
    if not 0 <= share < 1:
        raise ConfigError(
            f"validation share: expected 0 to below 1, found {share}. Write 1% or 0.01"
        )


def divide(documents: Iterable[bytes], share: float, census: Census) -> Iterator[Document]:
    """Drops repeated documents and yields the rest with its side, in order."""
    held: Document | None = None
    n_bytes, sides = 0, {False: 0, True: 0}
    for text, number in _unique(documents, census):
        if held is not None:
            yield held
            sides[held.is_validation] += 1
        held = Document(text, number < share)
        n_bytes += len(text)
    if held is None:
        return
    if share == 0 or sides[not held.is_validation]:
        yield held
    else:
        yield from _divide_last(held.text, int(share * n_bytes), sides[False] > 0, census)


def _unique(documents: Iterable[bytes], census: Census) -> Iterator[tuple[bytes, float]]:
    """Each distinct document with its number in [0, 1)."""
    seen: set[bytes] = set()
    fingerprint = hashlib.sha256()
    for text in documents:
        digest = hashlib.sha256(text).digest()
        fingerprint.update(digest)
        if digest[:16] in seen:
            census.n_duplicates += 1
            continue
        seen.add(digest[:16])
        census.n_invalid_bytes += count_invalid_bytes(text)
        census.longest_document_bytes = max(census.longest_document_bytes, len(text))
        yield text, int.from_bytes(digest[16:22], "big") / 2**48
    census.fingerprint = fingerprint.hexdigest()


def _divide_last(
    text: bytes, n_wanted: int, has_training: bool, census: Census
) -> Iterator[Document]:
    if has_training and len(text) <= 2 * n_wanted:
        census.notes.append("no document was drawn for validation: the last one is taken")
        yield Document(text, True)
        return
    at = cut_point(text, n_wanted)
    yield Document(text[:at], False)
    if at == len(text):
        census.notes.append("too little text: validation is empty")
        return
    which = "last document" if has_training else "only document"
    census.notes.append(f"validation is the end of the {which}, its last {len(text) - at} bytes")
    yield Document(text[at:], True)


def cut_point(text: bytes, n_wanted: int) -> int:
    """Where to cut so that about `n_wanted` bytes, and at most half, stand behind the cut.

    Behind a line break where one is near, else behind a space, else between two characters. The
    length of `text` where there is nothing to cut.
    """
    n_wanted = min(n_wanted, len(text) // 2)
    if n_wanted < 1:
        return len(text)
    limit = len(text) - n_wanted
    lowest = max(len(text) // 2, limit - max(n_wanted, _CUT_SEARCH_BYTES))
    for border in (b"\n", b" "):
        if (at := text.rfind(border, lowest, limit) + 1) > 0:
            return at
    while limit > lowest and text[limit] & 0xC0 == 0x80:
        limit -= 1
    return limit


def count_invalid_bytes(text: bytes) -> int:
    """Bytes of `text` that are not part of valid UTF-8."""
    if text.isascii():
        return 0
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return len(text) - len(text.decode("utf-8", "ignore").encode("utf-8"))
    return 0
