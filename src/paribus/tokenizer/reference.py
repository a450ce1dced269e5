"""Byte-pair encoding as it is explained; the C++ core must equal it on any bytes.

To be read from top to bottom:

1. A merge joins a pair of neighbours in a word (`merge_pair`).
2. Training starts from single bytes and again and again joins the pair that is most frequent in the
   whole text (`train`). The pairs in their order are all that is learned.
3. Encoding a word joins the pairs in it again, the earliest learned first (`merge_word`).
4. The words are pretokens: a text falls into them before, and no merge crosses their borders
   (`split`, `count_words`).

From a text to ids, and back by putting the bytes of ids one after another: reference_encoder.py.

Sennrich, Haddow, Birch 2016 (arXiv:1508.07909); on bytes: Radford et al. 2019.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from paribus.tokenizer.patterns import as_classes, compiled
from paribus.tokenizer.vocabulary import Ties

Word = tuple[bytes, ...]
"""A pretoken as the tokens it consists of so far."""

Pair = tuple[bytes, bytes]
"""Two tokens side by side."""


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


def as_word(pretoken: bytes) -> Word:
    """A pretoken before any merge.

    >>> as_word(b"low")
    (b'l', b'o', b'w')
    """
    return tuple(bytes([byte]) for byte in pretoken)


def merge_pair(word: Word, pair: Pair) -> Word:
    """Joins `pair` wherever it stands in `word`, from left to right.

    >>> merge_pair((b"e", b"s", b"t", b"e", b"s"), (b"e", b"s"))
    (b'es', b't', b'es')
    >>> merge_pair((b"a", b"a", b"a"), (b"a", b"a"))
    (b'aa', b'a')
    """
    merged: list[bytes] = []
    i = 0
    while i < len(word):
        if word[i : i + 2] == pair:
            merged.append(word[i] + word[i + 1])
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return tuple(merged)


def count_pairs(words: dict[Word, int]) -> Counter[Pair]:
    """How often each pair of neighbours stands in the text, by how often each word does.

    >>> count_pairs({as_word(b"low"): 5, as_word(b"lower"): 2})[b"o", b"w"]
    7
    """
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            counts[pair] += count
    return counts


def most_frequent(counts: Counter[Pair], rules: Rules, ids: dict[bytes, int]) -> Pair | None:
    """The pair to join next. Among equally frequent ones `cs336` takes the greatest pair of byte
    strings, `hf` the smallest pair of ids."""

    def rank(pair: Pair) -> tuple[int, Pair] | tuple[int, tuple[int, int]]:
        if rules.ties == "cs336":
            return counts[pair], pair
        return counts[pair], (-ids[pair[0]], -ids[pair[1]])

    limit = rules.max_token_length
    short_enough = (pair for pair in counts if limit is None or len(pair[0] + pair[1]) <= limit)
    return max(short_enough, key=rank, default=None)


def train(
    text: bytes, rules: Rules, progress: Callable[[str, int, int | None], None] | None = None
) -> Learned:
    """Learns merges until they have made `n_new_ids` new byte strings, or no pair is left.

    >>> rules = Rules("gpt2", (), tuple(range(256)), n_new_ids=3, ties="cs336")
    >>> train(b"low low lower", rules).merges
    [(b'o', b'w'), (b'l', b'ow'), (b' ', b'low')]

    A pair is joined in all words at once: how frequent the others are is known only after that.
    """
    words = count_words(text, rules)
    n_pretokens = len(words)
    ids = {bytes([byte]): i for byte, i in enumerate(rules.byte_ids)}
    merges: list[Pair] = []
    while len(ids) < 256 + rules.n_new_ids:
        if progress:
            progress("merge", len(ids) - 256, rules.n_new_ids)
        pair = most_frequent(count_pairs(words), rules, ids)
        if pair is None:
            return Learned(merges, n_pretokens, ran_out=True)
        words = {
            merge_pair(word, pair) if pair[0] in word else word: n for word, n in words.items()
        }
        ids.setdefault(pair[0] + pair[1], len(rules.specials) + len(ids))
        merges.append(pair)
    return Learned(merges, n_pretokens, ran_out=False)


def merge_steps(pretoken: bytes, ranks: dict[Pair, int]) -> Iterator[Word]:
    """A pretoken from its bytes to its tokens: of the pairs that were learned the earliest is
    joined, the leftmost of equal ones first, until none is left.

    >>> for word in merge_steps(b"lower", {(b"o", b"w"): 0, (b"l", b"ow"): 1}):
    ...     print(*word)
    b'l' b'o' b'w' b'e' b'r'
    b'l' b'ow' b'e' b'r'
    b'low' b'e' b'r'

    One place at a time: where two merges make the same bytes, a join can bring up a pair that was
    learned earlier than the one just joined, and that one is next.
    """
    word = as_word(pretoken)
    while True:
        yield word
        known = [(ranks[pair], i) for i, pair in enumerate(pairwise(word)) if pair in ranks]
        if not known:
            return
        _, i = min(known)
        word = (*word[:i], word[i] + word[i + 1], *word[i + 2 :])


def merge_word(pretoken: bytes, ranks: dict[Pair, int]) -> Word:
    """The tokens of a pretoken.

    >>> merge_word(b"slow", {(b"o", b"w"): 0, (b"l", b"ow"): 1})
    (b's', b'low')
    """
    *_, word = merge_steps(pretoken, ranks)
    return word


def split(text: bytes, pattern: str) -> list[bytes]:
    r"""The pretokens of `text`; joined they are the text. An invalid byte counts as a symbol.

    >>> split(b"It's low, lower", "gpt2")
    [b'It', b"'s", b' low', b',', b' lower']

    A str holds an invalid byte as a lone surrogate ("surrogateescape") and gives it back. And
    `as_classes` puts one character in the place of one, so what the pattern finds there has the
    same place in the text.

    >>> split(b"low\xff low", "gpt2")
    [b'low', b'\xff', b' low']
    """
    characters = text.decode("utf-8", "surrogateescape")
    return [
        characters[match.start() : match.end()].encode("utf-8", "surrogateescape")
        for match in compiled(pattern).finditer(as_classes(characters))
    ]


def split_at_special_tokens(text: bytes, specials: Iterable[bytes]) -> list[bytes]:
    """`text` cut at special tokens, the longest first: ordinary, special, ordinary, …, ordinary.

    >>> split_at_special_tokens(b"low<s>lower", [b"<s>"])
    [b'low', b'<s>', b'lower']
    """
    longest_first = sorted(specials, key=len, reverse=True)
    if not longest_first:
        return [text]
    return re.split(b"(" + b"|".join(map(re.escape, longest_first)) + b")", text)


def count_words(text: bytes, rules: Rules) -> dict[Word, int]:
    """How often each pretoken stands in `text`, which special tokens cut and do not count in.

    >>> count_words(b"low low", Rules("gpt2", (), (), 0, "cs336"))
    {(b'l', b'o', b'w'): 1, (b' ', b'l', b'o', b'w'): 1}
    """
    counts = Counter(
        pretoken
        for segment in split_at_special_tokens(text, rules.specials)[::2]
        for pretoken in split(segment, rules.pattern)
    )
    return {as_word(pretoken): count for pretoken, count in counts.items()}
