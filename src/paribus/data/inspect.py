"""What a token folder holds, in numbers."""

from dataclasses import dataclass
from pathlib import Path

from paribus.data.shards import open_shards, verify


@dataclass(frozen=True)
class Inspection:
    """Counts of one token folder. None: the source did not tell."""

    folder: str
    tokens: int
    train_tokens: int
    validation_tokens: int
    documents: int
    train_documents: int
    validation_documents: int
    bytes: int
    train_bytes: int
    validation_bytes: int
    bytes_per_token: float
    """Bytes of text, without end-of-text tokens."""
    longest_document_tokens: int
    longest_document_bytes: int | None
    invalid_utf8_bytes: int | None
    duplicate_documents: int | None
    """Dropped when the folder was made."""
    vocab_size: int
    dtype: str
    n_shards: int
    tokenizer_hash: str
    content_hash: str
    verified: bool
    """Whether every byte was compared with its SHA-256."""


def inspect(folder: Path, *, verify_content: bool = False) -> Inspection:
    """Opens a token folder and reads its counts; with `verify_content` also every byte.

    Raises what `open_shards` raises, and DataError for content that is not what was published.
    """
    shards = open_shards(folder)
    if verify_content:
        verify(shards)
    train, validation = shards.manifest["train"], shards.manifest["validation"]
    source = shards.manifest["source"]
    n_tokens = shards.n_train_tokens + shards.n_validation_tokens
    n_documents = len(shards.train_documents) + len(shards.validation_documents)
    n_bytes = shards.n_train_bytes + shards.n_validation_bytes
    n_borders = 0 if shards.manifest["end_of_text"] is None else n_documents
    return Inspection(
        folder=str(folder),
        tokens=n_tokens,
        train_tokens=shards.n_train_tokens,
        validation_tokens=shards.n_validation_tokens,
        documents=n_documents,
        train_documents=len(shards.train_documents),
        validation_documents=len(shards.validation_documents),
        bytes=n_bytes,
        train_bytes=shards.n_train_bytes,
        validation_bytes=shards.n_validation_bytes,
        bytes_per_token=round(n_bytes / max(1, n_tokens - n_borders), 4),
        longest_document_tokens=max(train["longest_document"], validation["longest_document"]),
        longest_document_bytes=source.get("longest_document_bytes"),
        invalid_utf8_bytes=source.get("n_invalid_bytes"),
        duplicate_documents=source.get("n_duplicates"),
        vocab_size=shards.vocab_size,
        dtype=shards.dtype,
        n_shards=len(shards.train) + len(shards.validation),
        tokenizer_hash=shards.tokenizer_hash,
        content_hash=shards.content_hash,
        verified=verify_content,
    )
