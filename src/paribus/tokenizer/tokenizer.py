"""Tokenizer: text to ids and back, with one vocabulary."""

import codecs
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from paribus.errors import DataError
from paribus.tokenizer import formats, streaming
from paribus.tokenizer.core import Core, Encoder, load_core
from paribus.tokenizer.reference import split
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.vocabulary import Vocabulary


class Tokenizer:
    """Text to ids and back. Any bytes are text, invalid UTF-8 too; nothing is lost or normalized.

    Text never becomes a special token unless `allow_special` is true. A str is taken as its UTF-8.
    """

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        core = load_core()
        if core is None:
            self._encoder: Encoder = ReferenceEncoder(vocabulary)
            self._split_ends: streaming.SplitEnds = self._split_ends_by_reference
            self._core_error: type[Exception] = DataError
        else:
            self._encoder = _core_encoder(core, vocabulary)
            self._split_ends = lambda text: core.split(text, vocabulary.pattern)
            self._core_error = core.CoreError

    @classmethod
    def from_files(cls, path: Path | str) -> "Tokenizer":
        """The tokenizer of a folder or file in any form that `formats.read` knows."""
        return cls(formats.read(Path(path)))

    def save(self, folder: Path) -> None:
        """Writes vocab.json, merges.txt and tokenizer.json, as publish_folder's callback."""
        formats.write_files(self.vocabulary, folder)

    @property
    def hash(self) -> str:
        """SHA-256 of the vocabulary: equal hashes give equal ids."""
        return self.vocabulary.hash

    @property
    def end_of_text(self) -> int | None:
        """The id that ends a document, or None for a vocabulary without special tokens."""
        return self.vocabulary.end_of_text

    def __len__(self) -> int:
        return self.vocabulary.size

    def __repr__(self) -> str:
        return (
            f"Tokenizer({len(self)} ids, pattern {self.vocabulary.pattern}, "
            f"{len(self.vocabulary.special_tokens)} special, {self.hash[:16]})"
        )

    def __reduce__(self) -> tuple[type["Tokenizer"], tuple[Vocabulary]]:
        return Tokenizer, (self.vocabulary,)

    def encode(
        self, text: str | bytes, *, allow_special: bool = False, threads: int | None = None
    ) -> np.ndarray:
        """The ids of `text`; on `threads` threads (default: all cores) where it is long.

        They are uint16 where the vocabulary has at most 65,536 ids, as in token files, else uint32.
        """
        return self._encoder.encode(_as_bytes(text), allow_special, _n_threads(threads))

    def encode_batch(
        self,
        texts: Sequence[str | bytes],
        *,
        allow_special: bool = False,
        threads: int | None = None,
    ) -> list[np.ndarray]:
        """The ids of each text, on `threads` threads (default: all cores)."""
        ids, ends = self._encoder.encode_many(
            [_as_bytes(text) for text in texts], allow_special, _n_threads(threads)
        )
        return [ids[a:b] for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]

    def encode_iterable(
        self, pieces: Iterable[str | bytes], *, allow_special: bool = False
    ) -> Iterator[int]:
        """The ids of a text that comes in pieces: those of `encode`, wherever the pieces are cut.

        Memory is that of a block and the longest pretoken, however long the text.
        """
        specials = [text.encode() for _, text in self.vocabulary.special_tokens]
        settled = streaming.blocks(
            map(_as_bytes, pieces), self._split_ends, specials if allow_special else []
        )
        for block in settled:
            yield from self.encode(block, allow_special=allow_special).tolist()

    def decode(self, ids: Iterable[int] | np.ndarray) -> str:
        """The text of `ids`; what is no UTF-8 becomes U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int] | np.ndarray) -> bytes:
        """The bytes of `ids`. Raises DataError for an id that the vocabulary has not."""
        row = ids if isinstance(ids, list | np.ndarray) else list(ids)
        try:
            return self._encoder.decode(row)
        except (TypeError, ValueError, OverflowError, self._core_error):
            # Integers of another type than the core reads, or ids that are none: which, is said.
            return self._encoder.decode(self._checked_ids(row))

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of ids that come one by one, held back where a character is not complete."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for i in ids:
            if text := decoder.decode(self.decode_bytes([i])):
                yield text
        if rest := decoder.decode(b"", final=True):
            yield rest

    def token_to_id(self, token: str | bytes) -> int | None:
        """The id of a special token's text (str) or of a token's bytes or UTF-8; None for none."""
        if isinstance(token, str) and token in self._special_ids:
            return self._special_ids[token]
        return self.vocabulary.ids.get(_as_bytes(token))

    def count_bytes(self, ids: Iterable[int] | np.ndarray) -> int:
        """How many bytes of text `ids` stand for; special tokens are no text."""
        return int(self._text_lengths[self._checked_ids(ids)].sum())

    @cached_property
    def _special_ids(self) -> dict[str, int]:
        return {text: i for i, text in self.vocabulary.special_tokens}

    @cached_property
    def _text_lengths(self) -> np.ndarray:
        lengths = np.array([len(token) for token in self.vocabulary.tokens], np.int64)
        lengths[list(self._special_ids.values())] = 0
        return lengths

    def _checked_ids(self, ids: Iterable[int] | np.ndarray) -> np.ndarray:
        """`ids` as uint32: a negative or large one is refused before it could wrap."""
        array = ids if isinstance(ids, np.ndarray) else _as_array(list(ids))
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise DataError(
                f"ids: expected one row of integers below 2**63, found {array.ndim} axes of "
                f"{array.dtype}"
            )
        wrong = np.flatnonzero((array < 0) | (array >= len(self)))
        if wrong.size:
            raise DataError(
                f"id {wrong[0]} of {array.size}: expected 0 to {len(self) - 1}, found "
                f"{array[wrong[0]]}. Was the text encoded with another tokenizer?"
            )
        return np.ascontiguousarray(array, np.uint32)

    def _split_ends_by_reference(self, text: bytes) -> np.ndarray:
        pretokens = split(text, self.vocabulary.pattern)
        return np.cumsum([len(pretoken) for pretoken in pretokens], dtype=np.uint64)


def _core_encoder(core: Core, vocabulary: Vocabulary) -> Encoder:
    specials = [(i, text.encode()) for i, text in vocabulary.special_tokens]
    return core.Encoder(
        list(vocabulary.byte_ids),
        list(vocabulary.merge_ids),
        specials,
        list(vocabulary.tokens),
        vocabulary.pattern,
    )


def _as_array(ids: list[int]) -> np.ndarray:
    try:
        return np.array(ids or np.empty(0, np.uint32))
    except ValueError as error:
        raise DataError(f"ids: expected one row of integers, found {error}") from error


def _n_threads(threads: int | None) -> int:
    return threads or _n_cores()


@cache
def _n_cores() -> int:
    return os.cpu_count() or 1


def _as_bytes(text: str | bytes) -> bytes:
    # A lone surrogate is no text, but str can hold one: it is kept, as three bytes.
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
