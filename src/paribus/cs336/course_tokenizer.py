"""The tokenizer as the tests of CS336 call it."""

import re
from collections.abc import Iterable, Iterator, Sequence

from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary


class CourseTokenizer:
    """A Tokenizer with the course's habits: lists of ids, and declared special tokens are found.

    Special tokens of the vocabulary that are not declared are ordinary text.
    """

    def __init__(self, vocabulary: Vocabulary, declared: Sequence[str]):
        self.tokenizer, self.allow_special = Tokenizer(vocabulary), bool(declared)
        self._special_ids = {text: i for i, text in vocabulary.special_tokens}
        found = set(declared) & set(self._special_ids)
        longest_first = sorted(found, key=len, reverse=True)
        self._declared = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        self._finds_all_or_none = found in (set(), set(self._special_ids))

    def encode(self, text: str) -> list[int]:
        if self._finds_all_or_none:
            return self.tokenizer.encode(text, allow_special=self.allow_special).tolist()
        ids: list[int] = []
        for place, part in enumerate(self._declared.split(text)):
            is_special = place % 2  # what the pattern found stands between the texts
            ids += [self._special_ids[part]] if is_special else self.tokenizer.encode(part).tolist()
        return ids

    def encode_iterable(self, iterable: Iterable[str]) -> Iterator[int]:
        if self._finds_all_or_none:
            return self.tokenizer.encode_iterable(iterable, allow_special=self.allow_special)
        # Whole, not in pieces: a special token may lie across two of them.
        return iter(self.encode("".join(iterable)))

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(ids)
