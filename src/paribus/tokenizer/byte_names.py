"""GPT-2's names of tokens: a visible character for each byte, in which files spell tokens."""

from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

PRINTABLE_ORDER = tuple(
    sorted(range(256), key=lambda byte: (not (33 <= byte < 127 or byte > 160) or byte == 173, byte))
)
"""The bytes in GPT-2's order: the 188 whose Latin-1 character is visible, then the other 68."""

BYTE_NAMES = {
    byte: chr(byte if place < 188 else 256 + place - 188)
    for place, byte in enumerate(PRINTABLE_ORDER)
}
"""GPT-2's visible character for each byte, of which the names of tokens in files are made."""

_NAMES = frozenset(BYTE_NAMES.values())
_CODES = {ord(name): byte for byte, name in BYTE_NAMES.items()}
_NO_BYTE = 256


def token_name(token: bytes) -> str:
    """The name of a token in `vocab.json`, `merges.txt` and `tokenizer.json`."""
    return token.decode("latin-1").translate(BYTE_NAMES)


def token_from_name(name: str) -> bytes | None:
    """The bytes that `name` stands for; None for a text that names no token."""
    if not name or not _NAMES.issuperset(name):
        return None
    return name.translate(_CODES).encode("latin-1")


def tokens_from_names(names: Sequence[str]) -> list[bytes | None]:
    """`token_from_name` of each, in one look at all their characters."""
    import numpy as np  # 0.1 s, which training need not pay

    byte_of = _bytes_by_code()
    codes = np.frombuffer("".join(names).encode("utf-32-le", "surrogatepass"), np.uint32)
    found = byte_of[np.minimum(codes, len(byte_of) - 1)]
    joined = found.astype(np.uint8).tobytes()
    ends = list(accumulate(map(len, names), initial=0))
    tokens: list[bytes | None] = [joined[a:b] or None for a, b in pairwise(ends)]
    for place in np.searchsorted(ends, np.flatnonzero(found == _NO_BYTE), side="right"):
        tokens[place - 1] = None
    return tokens


@cache
def _bytes_by_code() -> "np.ndarray":
    """The byte that each character names; the last entry stands for all characters above."""
    import numpy as np

    byte_of = np.full(max(map(ord, BYTE_NAMES.values())) + 2, _NO_BYTE, np.uint16)
    for byte, name in BYTE_NAMES.items():
        byte_of[ord(name)] = byte
    return byte_of
