"""TokenShards: a published folder of token ids, opened as memory maps and checked at the border."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from paribus.data.npy import npy_bytes, open_npy
from paribus.data.shard_writer import token_dtype
from paribus.errors import DataError, InputMissingError, from_os_error
from paribus.files import MANIFEST
from paribus.manifest import read_manifest, verify_files

FORMAT, VERSION = "paribus-tokens", 1
Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True, eq=False)
class TokenShards:
    """Training and validation tokens, with the counts that the manifest states.

    The shards of a split are one stream, cut where a file would grow too large. Every document
    ends with the end-of-text id. Bytes are those of the documents' text.
    """

    folder: Path
    tokenizer_hash: str
    vocab_size: int
    dtype: str
    train: tuple[np.ndarray, ...]
    validation: tuple[np.ndarray, ...]
    train_documents: np.ndarray
    """Where each document starts in the stream, in tokens."""
    validation_documents: np.ndarray
    n_train_tokens: int
    n_validation_tokens: int
    n_train_bytes: int
    n_validation_bytes: int
    content_hash: str
    """SHA-256 over the SHA-256 of every shard: the same tokens in the same shards have the same."""
    manifest: dict[str, Any]

    @property
    def notes(self) -> list[str]:
        """What the user should know of how the folder was made, one line each."""
        return self.manifest["source"]["notes"]


def open_shards(folder: Path, *, tokenizer_hash: str | None = None) -> TokenShards:
    """Opens what `prepare` published; reads headers, no tokens.

    Raises InputMissingError without a manifest, DataError where a size, a header or a count
    disagrees with it or where the tokens are those of a tokenizer other than `tokenizer_hash`.
    """
    record = _read_record(folder)
    if tokenizer_hash is not None and record["tokenizer_hash"] != tokenizer_hash:
        raise DataError(
            f"tokenizer of {folder}: expected {tokenizer_hash[:16]}, found "
            f"{record['tokenizer_hash'][:16]}. Encode the text anew: paribus data prepare TEXT "
            "--tokenizer TOKENIZER --out DIR"
        )
    try:
        arrays = {split: _open_split(folder, record, split) for split in SPLITS}
        starts = {split: _open_starts(folder, record, split) for split in SPLITS}
    except OSError as error:
        raise from_os_error(error, folder) from error
    return TokenShards(
        folder=folder,
        tokenizer_hash=record["tokenizer_hash"],
        vocab_size=record["vocab_size"],
        dtype=record["dtype"],
        train=arrays["train"],
        validation=arrays["validation"],
        train_documents=starts["train"],
        validation_documents=starts["validation"],
        n_train_tokens=record["train"]["tokens"],
        n_validation_tokens=record["validation"]["tokens"],
        n_train_bytes=record["train"]["bytes"],
        n_validation_bytes=record["validation"]["bytes"],
        content_hash=_content_hash(record),
        manifest=record,
    )


def verify(shards: TokenShards) -> None:
    """Reads every byte: SHA-256 of every file, every id below vocab_size. Raises DataError."""
    verify_files(shards.folder, shards.manifest)
    for shard in (*shards.train, *shards.validation):
        for start in range(0, len(shard), 1 << 24):
            largest = int(shard[start : start + (1 << 24)].max())
            if largest >= shards.vocab_size:
                raise DataError(
                    f"{shards.folder}: expected ids below {shards.vocab_size}, found {largest}. "
                    "Make the folder again"
                )


def gather(shards: tuple[np.ndarray, ...], positions: np.ndarray) -> np.ndarray:
    """The ids at `positions` (any shape) of the stream that `shards` make up, as int64."""
    if len(shards) == 1:
        return shards[0][positions].astype(np.int64)
    borders = np.cumsum([0, *(len(shard) for shard in shards)])
    owners = np.searchsorted(borders, positions, side="right") - 1
    ids = np.empty(positions.shape, np.int64)
    for owner in np.unique(owners):
        here = owners == owner
        ids[here] = shards[owner][positions[here] - borders[owner]]
    return ids


def _read_record(folder: Path) -> dict[str, Any]:
    if not (folder / MANIFEST).exists():
        raise InputMissingError(
            f"{folder}: expected token data ({MANIFEST}), found none. Make it: paribus tokenizer "
            f"train TEXT --vocab-size 10000 --out TOKENIZER; paribus data prepare TEXT "
            f"--tokenizer TOKENIZER --out {folder}"
        )
    record = read_manifest(folder, format_name=FORMAT, version=VERSION)
    if problem := _problem(record):
        raise DataError(
            f"{folder / MANIFEST}: expected {problem[0]}, found {problem[1]!r:.80}. "
            "The file is damaged: make the folder again"
        )
    return record


def _problem(record: dict[str, Any]) -> tuple[str, Any] | None:
    """What is wrong with a manifest: what was expected, what was found."""
    size, digest = record.get("vocab_size"), record.get("tokenizer_hash")
    if type(size) is not int or not 0 < size <= 1 << 32:
        return "'vocab_size' from 1 to 4294967296", size
    if not isinstance(digest, str) or len(digest) != 64:
        return "'tokenizer_hash' of 64 digits", digest
    if record.get("dtype") != token_dtype(size):
        return f"'dtype' {token_dtype(size)} for vocab_size {size}", record.get("dtype")
    for split in SPLITS:
        if problem := _split_problem(record, split):
            return problem
    return None


def _split_problem(record: dict[str, Any], split: Split) -> tuple[str, Any] | None:
    part = record.get(split)
    if not isinstance(part, dict) or not all(
        _is_count(part.get(key)) for key in ("tokens", "bytes", "documents")
    ):
        return f"counts of tokens, bytes and documents of {split}", part
    shards = part.get("shards")
    if not isinstance(shards, list) or not all(
        isinstance(shard, dict) and _is_count(shard.get("tokens")) for shard in shards
    ):
        return f"the shards of {split} with their tokens", shards
    names = [shard.get("name") for shard in shards]
    if names != [f"{split}-{number:05d}.npy" for number in range(len(shards))]:
        return f"{split}-00000.npy and so on", names
    if sum(shard["tokens"] for shard in shards) != part["tokens"]:
        return f"{part['tokens']} tokens in the shards of {split}", shards
    return _size_problem(record, split)


def _size_problem(record: dict[str, Any], split: Split) -> tuple[str, Any] | None:
    part, files = record[split], record["files"]
    expected = {s["name"]: npy_bytes(record["dtype"], s["tokens"]) for s in part["shards"]}
    expected[f"{split}-documents.npy"] = npy_bytes("uint64", part["documents"])
    for name, n_bytes in expected.items():
        if (found := files.get(name, {}).get("bytes")) != n_bytes:
            return f"{n_bytes} bytes of {name}", found
    return None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _open_split(folder: Path, record: dict[str, Any], split: Split) -> tuple[np.ndarray, ...]:
    return tuple(
        open_npy(folder / shard["name"], record["dtype"], shard["tokens"])
        for shard in record[split]["shards"]
    )


def _open_starts(folder: Path, record: dict[str, Any], split: Split) -> np.ndarray:
    return open_npy(folder / f"{split}-documents.npy", "uint64", record[split]["documents"])


def _content_hash(record: dict[str, Any]) -> str:
    names = [shard["name"] for split in SPLITS for shard in record[split]["shards"]]
    lines = "".join(f"{name} {record['files'][name]['sha256']}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()
