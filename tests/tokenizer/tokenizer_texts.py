"""Texts that tokenizers get wrong, as Hypothesis strategies, and how many of them a test draws."""

import os
from itertools import pairwise

from hypothesis import strategies as st

TORTURE = int(os.environ.get("PARIBUS_TORTURE", "1"))
"""How many times the cases of the suite `make torture` draws."""

# fmt: off
EDGES = [
    "\ufeff", "\0", "\r\n", "\r", "\n", "\x85", "\u2028", "\xa0", "\u3000", "\u200d", "\x1c",
    "\U0001f469\u200d\U0001f52c", "e\u0301", "\u0130", "\u017f", "\u212a", "'s", "'S", "'\u017f",
    "'LL", "'ll", "'Ve", "'re", "'", "0", "12345", "\u0663", "\u2167", "\xb2", "<|endoftext|>",
    "<|endoftext", "|>", "aaaa", " ", "  ", "\t", "/", "//\n", "!\n", "\u4e2d", "\u01c5", "\u02b0",
    "\u05d0", "ABC", "Abc", "abC", "\U00010fff", "\uffff", "\U0010ffff", "\U0001e030",
]
BROKEN = [
    b"\x80", b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x92", b"\xed\xa0\x80", b"\xc0\xaf",
    b"\xf4\x90\x80\x80", b"\xfe", b"\xc3\xa9",
]
# fmt: on

texts = st.text() | st.lists(
    st.sampled_from(EDGES) | st.text(max_size=5), min_size=1, max_size=30
).map("".join)
"""Any text, and edges side by side."""

byte_texts = (
    texts.map(str.encode)
    | st.binary(max_size=60)
    | st.lists(
        st.sampled_from([edge.encode() for edge in EDGES] + BROKEN), min_size=1, max_size=30
    ).map(b"".join)
)
"""The same as bytes, and bytes that are no UTF-8."""

repetitive = st.lists(
    st.sampled_from([b"a", b"b", b"ab", b"aab", b" ", b"c", b"<|s|>"]), max_size=60
).map(b"".join)
"""Few letters: overlapping pairs, ties, and byte strings that several merges make."""


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """`data` in pieces, cut at `places` modulo its length."""
    borders = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(borders)]


cuts = st.lists(st.integers(0, 1 << 20), max_size=12)
