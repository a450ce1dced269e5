"""Writes a stream of token ids as shards, and the starts of its documents beside them."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from paribus.data.npy import NpyWriter
from paribus.errors import DataError

SHARD_TOKENS = 128 << 20


def token_dtype(vocab_size: int) -> str:
    """uint16 exactly where every id of the vocabulary fits."""
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


class ShardWriter:
    """One split (`train` or `validation`) of a token folder while it is written.

    A shard holds at most `shard_tokens`; a document may reach from one into the next. Use it as a
    context manager within a publish_folder callback.
    """

    def __init__(self, folder: Path, split: str, vocab_size: int, shard_tokens: int = SHARD_TOKENS):
        self.folder, self.split, self.vocab_size = folder, split, vocab_size
        self.shard_tokens = shard_tokens
        self.n_tokens = self.n_documents = self.n_bytes = self.longest_document = 0
        self.shards: list[dict[str, Any]] = []
        self._shard: NpyWriter | None = None
        self._starts = NpyWriter(folder / f"{split}-documents.npy", "uint64")

    def append(self, ids: np.ndarray, lengths: np.ndarray, n_bytes: int) -> None:
        """Appends consecutive documents: their ids, the number of ids of each, their text bytes.

        Raises DataError for an id that the vocabulary does not have, before anything is written.
        """
        assert len(ids) == lengths.sum(), (len(ids), lengths.sum())
        if len(ids) and (largest := int(ids.max())) >= self.vocab_size:
            raise DataError(
                f"{self.split} tokens: expected ids below the vocabulary size {self.vocab_size}, "
                f"found {largest}. Name the tokenizer that made them"
            )
        ends = np.cumsum(lengths, dtype=np.uint64) + np.uint64(self.n_tokens)
        self._starts.append(ends - lengths.astype(np.uint64))
        self.n_documents += len(lengths)
        self.longest_document = max(self.longest_document, int(lengths.max(initial=0)))
        self.n_bytes += n_bytes
        self._append_ids(ids)

    def _append_ids(self, ids: np.ndarray) -> None:
        self.n_tokens += len(ids)
        while len(ids):
            shard = self._shard or self._next_shard()
            room = self.shard_tokens - shard.count
            shard.append(ids[:room])
            ids = ids[room:]
            if shard.count == self.shard_tokens:
                self._finish_shard()

    def _next_shard(self) -> NpyWriter:
        name = f"{self.split}-{len(self.shards):05d}.npy"
        self._shard = NpyWriter(self.folder / name, token_dtype(self.vocab_size))
        self.shards.append({"name": name})
        return self._shard

    def _finish_shard(self) -> None:
        if self._shard is not None:
            self.shards[-1]["tokens"] = self._shard.count
            self._shard.close()
            self._shard = None

    def record(self) -> dict[str, Any]:
        """What the manifest says of this split, once it is closed."""
        return {
            "tokens": self.n_tokens,
            "bytes": self.n_bytes,
            "documents": self.n_documents,
            "longest_document": self.longest_document,
            "shards": self.shards,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish_shard()
        elif self._shard is not None:
            self._shard.__exit__(kind, error, traceback)
        self._starts.__exit__(kind, error, traceback)
