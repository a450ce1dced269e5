"""Tokenizer: text to ids and back, with one vocabulary."""

import codecs
import contextlib
import operator
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from paribus.errors import ConfigError, DataError, ParibusError
from paribus.tokenizer import formats, streaming
from paribus.tokenizer.core import Core, Encoder, load_core
from paribus.tokenizer.limits import n_threads
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.vocabulary import Vocabulary


class Tokenizer:
    """Text to ids and back. Any bytes are text, even invalid UTF-8; nothing is lost or normalized.

    Text never becomes a special token unless `allow_special` is true. A str is encoded as UTF-8.
    All methods raise ConfigError for arguments of a wrong type, and DataError for ids that are not
    in the vocabulary.
    """

    def __init__(self, vocabulary: Vocabulary):
        if not isinstance(vocabulary, Vocabulary):
            raise ConfigError(
                f"vocabulary: expected a Vocabulary, found {type(vocabulary).__name__}. "
                "Use Tokenizer.from_files(PATH) to read a tokenizer"
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
    def from_files(cls, path: Path | str, *, pattern: str | None = None) -> "Tokenizer":
        """The tokenizer of a folder or file in any format that `formats.read` knows.

        `pattern` is for files that do not name theirs (vocab.json with merges.txt, tiktoken ranks):
        gpt2, cl100k, o200k or none.
        """
        return cls(formats.read(_as_path(path), pattern=pattern))

    def save(self, folder: Path | str) -> None:
        """Writes vocab.json, merges.txt and tokenizer.json into an existing folder. Raises
        CannotCreateError if there is no such folder."""
        formats.write_files(self.vocabulary, _as_path(folder))

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
        """The ids of `text`, encoded on `threads` threads (default: all cores) if it is long.

        They are uint16 if the vocabulary has at most 65,536 ids, as in token files, else uint32. A
        model takes them as torch.as_tensor(ids)[None].
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
            [_as_bytes(text) for text in _as_texts(texts)],
            _as_flag(allow_special),
            n_threads(threads),
        )
        return [ids[a:b] for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]

    def encode_iterable(
        self, pieces: Iterable[str | bytes], *, allow_special: bool = False
    ) -> Iterator[int]:
        """The ids of a text that comes in pieces: equal to `encode`'s, wherever the pieces are cut.

        Memory is bounded by a block and the longest pretoken, however long the text is.
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
        """The ids of `encode_iterable` as arrays, one for each block of 64 KB or more."""
        flag, count = _as_flag(allow_special), n_threads(threads)
        settled = streaming.blocks(
            map(_as_bytes, _iterated(pieces, "pieces", "an iterable of texts", ConfigError)),
            lambda text: self._encoder.settled_length(text, flag),
        )
        for block in settled:
            yield self._encoder.encode(block, flag, count)

    def decode(self, ids: Iterable[int] | np.ndarray) -> str:
        """The text of `ids`; invalid UTF-8 becomes U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", "replace")

    def decode_bytes(self, ids: Iterable[int] | np.ndarray) -> bytes:
        """The bytes of `ids`. Raises DataError for an id outside the vocabulary."""
        return self._decoded(ids if isinstance(ids, list) else _as_row(ids))

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of ids that come one by one; an incomplete character is held back."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for place, i in enumerate(_iterated(ids, *_IDS)):
            if text := decoder.decode(self._decoded([i], place)):
                yield text
        if rest := decoder.decode(b"", final=True):
            yield rest

    def token_to_id(self, token: str | bytes) -> int | None:
        """The id of a special token (a str) or of an ordinary token; None if there is none."""
        if isinstance(token, str) and token in self._special_ids:
            return self._special_ids[token]
        return self.vocabulary.ids.get(_as_bytes(token))

    def count_bytes(self, ids: Iterable[int] | np.ndarray) -> int:
        """How many bytes of text `ids` stand for; special tokens count as none."""
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
        """The bytes of `ids`; errors count them from `first`."""
        try:
            return self._decode(ids)
        except (TypeError, ValueError, OverflowError, self._core_error):
            # Either integers of a type that the core does not read, or something that is no id:
            # the check below tells them apart, and names what is wrong.
            return self._decode(self._checked_ids(ids, first))

    def _checked_ids(self, ids: list[int] | np.ndarray, first: int = 0) -> np.ndarray:
        """`ids` as uint32; a negative or too large one is refused before it could wrap around."""
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


_IDS = ("ids", "one row of integers", DataError)


def _iterated(
    value: Iterable[Any], name: str, expected: str, kind: type[ParibusError]
) -> Iterable[Any]:
    """`value`; raises `kind` if it cannot be iterated over."""
    try:
        iter(value)
    except TypeError:
        found = type(value).__name__
        raise kind(f"{name}: expected {expected}, found {found}") from None
    return value


def _as_texts(texts: Iterable[str | bytes]) -> Iterable[str | bytes]:
    if isinstance(texts, str | bytes | bytearray):
        found = type(texts).__name__
        raise ConfigError(f"texts: expected a list of texts, found {found}. Use encode for one")
    return _iterated(texts, "texts", "a list of texts", ConfigError)


def _as_path(path: Path | str) -> Path:
    if isinstance(path, str | os.PathLike):
        return Path(path)
    raise ConfigError(f"path: expected str or Path, found {type(path).__name__}")


def _as_row(ids: Iterable[int] | np.ndarray) -> list[int] | np.ndarray:
    if not isinstance(ids, np.ndarray):
        return list(_iterated(ids, *_IDS))
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
    """`value` in at most about 80 characters; Python refuses to print thousands of digits."""
    if isinstance(value, int) and value.bit_length() > 256:
        return f"a number of {value.bit_length()} bits"
    text = str(value) if isinstance(value, int | np.integer) else repr(value)
    return " ".join(text.split())[:80]


def _as_flag(allow_special: bool) -> bool:
    if isinstance(allow_special, bool):
        return allow_special
    if isinstance(allow_special, int | np.integer | np.bool_) and allow_special in (0, 1):
        return bool(allow_special)
    raise ConfigError(f"allow_special: expected True or False, found {_shown(allow_special)}")


def _as_bytes(text: str | bytes) -> bytes:
    # A lone surrogate is not valid text, but a str can hold one: it is kept, as three bytes.
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    return text if isinstance(text, bytes) else _copied_bytes(text)


def _copied_bytes(text: object) -> bytes:
    """A copy of a bytearray or another buffer, which its owner may change in the meantime."""
    with contextlib.suppress(TypeError):
        view = memoryview(text)  # type: ignore[arg-type]
        if view.format in ("B", "b", "c"):
            return view.tobytes()
    raise ConfigError(f"text: expected str or bytes, found {type(text).__name__}")
