"""Byte-pair encoding as it is explained, in four steps; the C++ core must equal it on any bytes.

1. A text falls into pretokens, and no merge crosses their borders (`split`).
2. Training starts from single bytes and again and again joins the pair of neighbours that is most
   frequent in the whole text (`train`). The pairs in their order are all that is learned.
3. Encoding a pretoken joins the pairs in it again, the earliest learned first (`merge_word`).
4. Decoding puts the bytes of the ids one after another.

Sennrich, Haddow, Birch 2016 (arXiv:1508.07909); on bytes: Radford et al. 2019.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from paribus.errors import DataError
from paribus.tokenizer.patterns import as_classes, compiled
from paribus.tokenizer.rules import Learned, Pair, Rules
from paribus.tokenizer.vocabulary import Vocabulary

Word = tuple[bytes, ...]
"""A pretoken as the tokens it consists of so far."""


def split(text: bytes, pattern: str) -> list[bytes]:
    """The pretokens of `text`; joined they are the text. An invalid byte counts as a symbol."""
    characters = text.decode("utf-8", "surrogateescape")
    return [
        characters[match.start() : match.end()].encode("utf-8", "surrogateescape")
        for match in compiled(pattern).finditer(as_classes(characters))
    ]


def split_at_special_tokens(text: bytes, specials: Iterable[bytes]) -> list[bytes]:
    """`text` cut at special tokens, the longest first: ordinary, special, ordinary, …, ordinary."""
    longest_first = sorted(specials, key=len, reverse=True)
    if not longest_first:
        return [text]
    return re.split(b"(" + b"|".join(map(re.escape, longest_first)) + b")", text)


def merge_pair(word: Word, pair: Pair) -> Word:
    """Joins `pair` wherever it stands in `word`, from left to right."""
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
    """How often each pair of neighbours stands in the text; words are counted once each."""
    counts: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            counts[pair] += count
    return counts


def train(
    text: bytes, rules: Rules, progress: Callable[[str, int, int], None] | None = None
) -> Learned:
    """Learns merges until they have made `n_new_ids` new byte strings, or no pair is left."""
    pretokens = Counter(
        pretoken
        for segment in split_at_special_tokens(text, rules.specials)[::2]
        for pretoken in split(segment, rules.pattern)
    )
    words = {tuple(bytes([byte]) for byte in pretoken): n for pretoken, n in pretokens.items()}
    ids = {bytes([byte]): i for byte, i in enumerate(rules.byte_ids)}
    merges: list[Pair] = []
    while len(ids) < 256 + rules.n_new_ids:
        if progress:
            progress("merge", len(ids) - 256, rules.n_new_ids)
        pair = most_frequent(count_pairs(words), rules, ids)
        if pair is None:
            return Learned(merges, len(pretokens), ran_out=True)
        words = {
            merge_pair(word, pair) if pair[0] in word else word: n for word, n in words.items()
        }
        ids.setdefault(pair[0] + pair[1], len(rules.specials) + len(ids))
        merges.append(pair)
    return Learned(merges, len(pretokens), ran_out=False)


def most_frequent(counts: Counter[Pair], rules: Rules, ids: dict[bytes, int]) -> Pair | None:
    """The pair to join next. Among equally frequent ones `cs336` takes the greatest pair of byte
    strings, `hf` the smallest pair of ids."""

    def rank(pair: Pair) -> tuple:
        if rules.ties == "cs336":
            return counts[pair], pair
        return counts[pair], -ids[pair[0]], -ids[pair[1]]

    limit = rules.max_token_length
    short_enough = (pair for pair in counts if limit is None or len(pair[0] + pair[1]) <= limit)
    return max(short_enough, key=rank, default=None)


def merge_steps(pretoken: bytes, ranks: dict[Pair, int]) -> Iterator[Word]:
    """A pretoken from its bytes to its tokens: of the pairs that were learned the earliest is
    joined, the leftmost of equal ones first, until none is left."""
    word = tuple(bytes([byte]) for byte in pretoken)
    while True:
        yield word
        known = [(ranks[pair], i) for i, pair in enumerate(pairwise(word)) if pair in ranks]
        if not known:
            return
        _, i = min(known)
        word = (*word[:i], word[i] + word[i + 1], *word[i + 2 :])


def merge_word(pretoken: bytes, ranks: dict[Pair, int]) -> Word:
    """The tokens of a pretoken."""
    *_, word = merge_steps(pretoken, ranks)
    return word


class ReferenceEncoder:
    """Text to ids and back; the same methods as the C++ core's encoder."""

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self._ranks = {pair: rank for rank, pair in enumerate(vocabulary.merges)}
        self._special_ids = {text.encode(): i for i, text in vocabulary.special_tokens}

    def encode(self, text: bytes, allow_special: bool, threads: int = 1) -> np.ndarray:
        """The ids of `text`; `threads` changes nothing."""
        return np.fromiter(self._ids(text, allow_special), self.vocabulary.id_dtype)

    def encode_many(
        self, texts: Sequence[bytes], allow_special: bool, threads: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ids of all texts in one array, and where each text begins and the last ends."""
        arrays = [self.encode(text, allow_special) for text in texts]
        ends = np.cumsum([0, *map(len, arrays)], dtype=np.uint64)
        return np.concatenate([np.empty(0, self.vocabulary.id_dtype), *arrays]), ends

    def decode(self, ids: Sequence[int] | np.ndarray) -> bytes:
        """The bytes of `ids`. Raises DataError for an id that the vocabulary has not."""
        tokens = self.vocabulary.tokens
        for place, i in enumerate(ids):
            if not 0 <= i < len(tokens):
                raise DataError(f"id {place}: expected one below {len(tokens)}, found {i}")
        return b"".join(tokens[i] for i in ids)

    def _ids(self, text: bytes, allow_special: bool) -> Iterator[int]:
        specials = self._special_ids if allow_special else ()
        for place, segment in enumerate(split_at_special_tokens(text, specials)):
            if place % 2:
                yield self._special_ids[segment]
                continue
            for pretoken in split(segment, self.vocabulary.pattern):
                for token in merge_word(pretoken, self._ranks):
                    yield self.vocabulary.ids[token]
