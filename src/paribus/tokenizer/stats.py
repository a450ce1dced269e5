"""What a vocabulary does to a text: merges step by step, bytes per token, use of its tokens."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from paribus.tokenizer.reference import Word, merge_steps, split
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary

BATCH_BYTES = 16 << 20
N_EXAMPLES = 10
"""Tokens shown of a list that can be long."""


@dataclass(frozen=True)
class Explained:
    """A pretoken on its way from bytes to tokens."""

    pretoken: bytes
    steps: tuple[Word, ...]
    """What it consists of: single bytes first, its tokens last."""
    merges: tuple[int, ...]
    """Place in the list of merges of the one that leads from each step to the next."""
    ids: tuple[int, ...]


@dataclass(frozen=True)
class TextStats:
    """A text as tokens."""

    n_bytes: int
    n_tokens: int
    n_words: int
    """Runs of characters that are no white space."""
    n_unused: int
    """Tokens of the vocabulary, special ones aside, that the text does not use."""
    longest_used: tuple[bytes, ...]
    """The longest tokens in the text, longest first."""
    longest_unused: tuple[bytes, ...]

    @property
    def bytes_per_token(self) -> float:
        """Compression: more is better."""
        return self.n_bytes / max(self.n_tokens, 1)

    @property
    def fertility(self) -> float:
        """Tokens per word (Rust et al. 2021, arXiv:2012.15613)."""
        return self.n_tokens / max(self.n_words, 1)


@dataclass(frozen=True)
class Difference:
    """Two vocabularies beside each other, special tokens aside."""

    n_common: int
    only_first: tuple[bytes, ...]
    """Tokens that only the first has, longest first."""
    only_second: tuple[bytes, ...]
    n_equal_merges: int
    """Merges that both begin with."""


def explain(vocabulary: Vocabulary, text: bytes) -> list[Explained]:
    """Each pretoken of `text` with all its steps."""
    ranks = {pair: rank for rank, pair in enumerate(vocabulary.merges)}
    explained = []
    for pretoken in split(text, vocabulary.pattern):
        steps = tuple(merge_steps(pretoken, ranks))
        merges = tuple(ranks[_merged_pair(before, after)] for before, after in pairwise(steps))
        ids = tuple(vocabulary.ids[token] for token in steps[-1])
        explained.append(Explained(pretoken, steps, merges, ids))
    return explained


def text_stats(tokenizer: Tokenizer, documents: Iterable[bytes]) -> TextStats:
    """Counts over all `documents`, each encoded alone; special tokens in them are text."""
    uses = np.zeros(len(tokenizer), np.int64)
    n_bytes = n_words = 0
    for batch in _batches(documents):
        for ids in tokenizer.encode_batch(batch):
            uses += np.bincount(ids, minlength=len(uses))
        n_bytes += sum(map(len, batch))
        n_words += sum(len(text.decode("utf-8", "replace").split()) for text in batch)
    ids = tokenizer.vocabulary.ids
    used = _longest_first(token for token, i in ids.items() if uses[i])
    unused = _longest_first(token for token, i in ids.items() if not uses[i])
    return TextStats(
        n_bytes=n_bytes,
        n_tokens=int(uses.sum()),
        n_words=n_words,
        n_unused=len(unused),
        longest_used=used[:N_EXAMPLES],
        longest_unused=unused[:N_EXAMPLES],
    )


def compare(first: Vocabulary, second: Vocabulary) -> Difference:
    """What only one of two vocabularies has."""
    mine, theirs = first.ids.keys(), second.ids.keys()
    same = [a == b for a, b in zip(first.merges, second.merges, strict=False)]
    return Difference(
        n_common=len(mine & theirs),
        only_first=_longest_first(mine - theirs),
        only_second=_longest_first(theirs - mine),
        n_equal_merges=same.index(False) if False in same else len(same),
    )


def _merged_pair(before: Word, after: Word) -> tuple[bytes, bytes]:
    place = next(i for i, token in enumerate(after) if token != before[i])
    return before[place], before[place + 1]


def _longest_first(tokens: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(sorted(tokens, key=lambda token: (-len(token), token)))


def _batches(documents: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    n_bytes = 0
    for text in documents:
        batch.append(text)
        n_bytes += len(text)
        if n_bytes >= BATCH_BYTES:
            yield batch
            batch, n_bytes = [], 0
    if batch:
        yield batch
