"""Tokenizer: text to ids and back, with one vocabulary."""

import codecs
import contextlib
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from paribus.errors import DataError
from paribus.tokenizer import formats, streaming
from paribus.tokenizer.core import Core, Encoder, load_core
from paribus.tokenizer.limits import n_threads
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.vocabulary import Vocabulary


class Tokenizer:
    """Text to ids and back. Any bytes are text, invalid UTF-8 too; nothing is lost or normalized.

    Text never becomes a special token unless `allow_special` is true. A str is taken as its UTF-8.
    """

    def __init__(self, vocabulary: Vocabulary):
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(
                f"vocabulary: expected a Vocabulary, found {type(vocabulary).__name__}. "
                "A tokenizer is read by Tokenizer.from_files(PATH)"
            )
        self.vocabulary = vocabulary
        core = load_core()
        if core is None:
            self._encoder: Encoder = ReferenceEncoder(vocabulary)
            self._core_error: type[Exception] = DataError
            self._decode: Callable[[list[int] | np.ndarray], bytes] = self._decode_by_reference
        else:
            self._encoder = _core_encoder(core, vocabulary)
            self._core_error = core.CoreError
            self._decode = self._encoder.decode

    @classmethod
    def from_files(cls, path: Path | str) -> "Tokenizer":
        """The tokenizer of a folder or file in any form that `formats.read` knows."""
        return cls(formats.read(Path(path)))

    def save(self, folder: Path | str) -> None:
        """Writes vocab.json, merges.txt and tokenizer.json into a folder, as publish_folder's
        callback. Raises CannotCreateError where there is no such folder."""
        formats.write_files(self.vocabulary, Path(folder))

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
        return self._encoder.encode(_as_bytes(text), _as_flag(allow_special), n_threads(threads))

    def encode_batch(
        self,
        texts: Sequence[str | bytes],
        *,
        allow_special: bool = False,
        threads: int | None = None,
    ) -> list[np.ndarray]:
        """The ids of each text, on `threads` threads (default: all cores)."""
        ids, ends = self._encoder.encode_many(
            [_as_bytes(text) for text in texts], _as_flag(allow_special), n_threads(threads)
        )
        return [ids[a:b] for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]

    def encode_iterable(
        self, pieces: Iterable[str | bytes], *, allow_special: bool = False
    ) -> Iterator[int]:
        """The ids of a text that comes in pieces: those of `encode`, wherever the pieces are cut.

        Memory is that of a block and the longest pretoken, however long the text.
        """
        for ids in self.encode_blocks(pieces, allow_special=allow_special):
            yield from ids.tolist()

    def encode_blocks(
        self,
        pieces: Iterable[str | bytes],
        *,
        allow_special: bool = False,
        threads: int | None = None,
    ) -> Iterator[np.ndarray]:
        """The ids of `encode_iterable` in arrays, one for each block of 64 KB or more."""
        flag, count = _as_flag(allow_special), n_threads(threads)
        settled = streaming.blocks(
            map(_as_bytes, pieces), lambda text: self._encoder.settled_length(text, flag)
        )
        for block in settled:
            yield self._encoder.encode(block, flag, count)

    def decode(self, ids: Iterable[int] | np.ndarray) -> str:
        """The text of `ids`; what is no UTF-8 becomes U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int] | np.ndarray) -> bytes:
        """The bytes of `ids`. Raises DataError for an id that the vocabulary has not."""
        return self._decoded(ids if isinstance(ids, list) else _as_row(ids))

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of ids that come one by one, held back where a character is not complete."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for place, i in enumerate(ids):
            if text := decoder.decode(self._decoded([i], place)):
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
        return int(self._text_lengths[self._checked_ids(_as_row(ids))].sum())

    @cached_property
    def _special_ids(self) -> dict[str, int]:
        return {text: i for i, text in self.vocabulary.special_tokens}

    @cached_property
    def _text_lengths(self) -> np.ndarray:
        lengths = np.array([len(token) for token in self.vocabulary.tokens], np.int64)
        lengths[list(self._special_ids.values())] = 0
        return lengths

    def _decoded(self, ids: list[int] | np.ndarray, first: int = 0) -> bytes:
        """The bytes of `ids`, of which the first is number `first`."""
        try:
            return self._decode(ids)
        except (TypeError, ValueError, OverflowError, self._core_error):
            # Integers of another type than the core reads, or ids that are none: which, is said.
            return self._decode(self._checked_ids(ids, first))

    def _checked_ids(self, ids: list[int] | np.ndarray, first: int = 0) -> np.ndarray:
        """`ids` as uint32: a negative or large one is refused before it could wrap."""
        is_array = isinstance(ids, np.ndarray) and ids.dtype != object
        array = np.asanyarray(ids) if is_array else _as_array(list(ids), first)
        if array.dtype.kind not in "iuO" or array.ndim != 1:
            raise DataError(
                f"ids: expected one row of integers, found an array of {array.dtype} with "
                f"{array.ndim} dimensions"
            )
        wrong = np.flatnonzero((array < 0) | (array >= len(self)))
        if wrong.size:
            raise DataError(
                f"id {first + wrong[0]}: expected 0 to {len(self) - 1}, found "
                f"{_shown(array[wrong[0]])}. Was the text encoded with another tokenizer?"
            )
        return np.ascontiguousarray(array, np.uint32)

    def _decode_by_reference(self, ids: list[int] | np.ndarray) -> bytes:
        return self._encoder.decode(self._checked_ids(ids))


def _core_encoder(core: Core, vocabulary: Vocabulary) -> Encoder:
    specials = [(i, text.encode()) for i, text in vocabulary.special_tokens]
    return core.Encoder(
        list(vocabulary.byte_ids),
        list(vocabulary.merge_ids),
        specials,
        list(vocabulary.tokens),
        vocabulary.pattern,
    )


def _as_row(ids: Iterable[int] | np.ndarray) -> list[int] | np.ndarray:
    if not isinstance(ids, np.ndarray):
        return list(ids)
    if hasattr(ids, "mask"):
        raise DataError("ids: expected one row of integers, found a masked array. Compress it")
    return ids


def _as_array(ids: list[int], first: int) -> np.ndarray:
    integers = [_as_integer(i, place) for place, i in enumerate(ids, first)]
    try:
        return np.array(integers, np.int64)
    except OverflowError:
        return np.array(integers, object)


def _as_integer(i: int, place: int) -> int:
    with contextlib.suppress(TypeError):
        if not isinstance(i, bool | np.bool_):
            return operator.index(i)
    raise DataError(f"id {place}: expected an integer, found {_shown(i)}")


def _shown(value: object) -> str:
    """`value` in some 80 characters at most; Python writes no numbers of thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    text = str(value) if isinstance(value, int | np.integer) else repr(value)
    return " ".join(text.split())[:80]


def _as_flag(allow_special: bool) -> bool:
    if isinstance(allow_special, bool):
        return allow_special
    if isinstance(allow_special, int | np.integer | np.bool_) and allow_special in (0, 1):
        return bool(allow_special)
    raise TypeError(f"allow_special: expected True or False, found {_shown(allow_special)}")


def _as_bytes(text: str | bytes) -> bytes:
    # A lone surrogate is no text, but str can hold one: it is kept, as three bytes.
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    return text if isinstance(text, bytes) else _copied_bytes(text)


def _copied_bytes(text: object) -> bytes:
    """The bytes of a bytearray or another buffer of bytes: its owner may change them meanwhile."""
    with contextlib.suppress(TypeError):
        view = memoryview(text)  # type: ignore[arg-type]
        if view.format in ("B", "b", "c"):
            return view.tobytes()
    raise TypeError(f"text: expected str or bytes, found {type(text).__name__}")
