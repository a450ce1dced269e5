"""ReferenceEncoder: text to ids and back by the reference alone."""

from collections.abc import Iterator, Sequence

import numpy as np

from paribus.errors import DataError
from paribus.tokenizer import streaming
from paribus.tokenizer.reference import merge_word, split, split_at_special_tokens
from paribus.tokenizer.vocabulary import Vocabulary


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

    def settled_length(self, text: bytes, allow_special: bool) -> int:
        """How many bytes at the front of `text` have the same ids whatever follows it."""
        specials = list(self._special_ids) if allow_special else []
        return streaming.settled_length(text, self._split_ends, specials)

    def decode(self, ids: Sequence[int] | np.ndarray) -> bytes:
        """The bytes of `ids`. Raises DataError for an id outside the vocabulary."""
        tokens = self.vocabulary.tokens
        for place, i in enumerate(ids):
            if not 0 <= i < len(tokens):
                raise DataError(f"id {place}: expected one below {len(tokens)}, found {i}")
        return b"".join(tokens[i] for i in ids)

    def _split_ends(self, text: bytes) -> np.ndarray:
        pretokens = split(text, self.vocabulary.pattern)
        return np.cumsum([len(pretoken) for pretoken in pretokens], dtype=np.uint64)

    def _ids(self, text: bytes, allow_special: bool) -> Iterator[int]:
        specials = self._special_ids if allow_special else ()
        for place, segment in enumerate(split_at_special_tokens(text, specials)):
            if place % 2:
                yield self._special_ids[segment]
                continue
            for pretoken in split(segment, self.vocabulary.pattern):
                for token in merge_word(pretoken, self._ranks):
                    yield self.vocabulary.ids[token]
