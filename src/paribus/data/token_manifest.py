"""The manifest of a folder of token shards: its fields, their types and how they must agree."""

import hashlib
from pathlib import Path
from typing import Any, Literal

from paribus.data.npy import npy_bytes
from paribus.data.shard_writer import token_dtype
from paribus.errors import DataError, InputMissingError
from paribus.files import MANIFEST
from paribus.manifest import read_manifest

FORMAT, VERSION = "paribus-tokens", 1
Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
TOKENIZER_FILE_LIMIT = 256 << 20
"""Maximum size in bytes of a file that holds no token ids."""

Problem = tuple[str, Any]
"""What was expected, and what was found."""


def read_token_manifest(folder: Path) -> dict[str, Any]:
    """Reads and checks the manifest; raises InputMissingError without one, or DataError."""
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


def content_hash(record: dict[str, Any]) -> str:
    """SHA-256 over the SHA-256 of every shard, in order."""
    names = [shard["name"] for split in SPLITS for shard in record[split]["shards"]]
    lines = "".join(f"{name} {record['files'][name]['sha256']}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def _problem(record: dict[str, Any]) -> Problem | None:
    size, digest = record.get("vocab_size"), record.get("tokenizer_hash")
    if type(size) is not int or not 0 < size <= 1 << 32:
        return "'vocab_size' from 1 to 4294967296", size
    if not isinstance(digest, str) or len(digest) != 64:
        return "'tokenizer_hash' of 64 digits", digest
    if record.get("dtype") != token_dtype(size):
        return f"'dtype' {token_dtype(size)} for vocab_size {size}", record.get("dtype")
    end = record.get("end_of_text")
    if end is not None and not (_is_count(end) and end < size):
        return f"'end_of_text' below {size}, or null", end
    problems = (_source_problem(record), *(_split_problem(record, split) for split in SPLITS))
    return next(filter(None, problems), None) or _size_problem(record)


def _source_problem(record: dict[str, Any]) -> Problem | None:
    source = record.get("source")
    if not isinstance(source, dict):
        return "'source', an object", source
    notes = source.get("notes")
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        return "'source' with 'notes', a list of texts", notes
    for name in ("n_duplicates", "n_invalid_bytes", "longest_document_bytes"):
        if not _is_count(source.get(name, 0)):
            return f"a count {name!r} in 'source'", source[name]
    return None


def _split_problem(record: dict[str, Any], split: Split) -> Problem | None:
    part = record.get(split)
    counts = ("tokens", "bytes", "documents", "longest_document")
    if not isinstance(part, dict) or not all(_is_count(part.get(key)) for key in counts):
        return f"counts of {', '.join(counts)} in {split!r}", part
    shards = part.get("shards")
    if not isinstance(shards, list) or not all(
        isinstance(shard, dict) and _is_count(shard.get("tokens")) for shard in shards
    ):
        return f"the shards of {split!r} with their tokens", shards
    names = [shard.get("name") for shard in shards]
    if names != [f"{split}-{number:05d}.npy" for number in range(len(shards))]:
        return f"{split}-00000.npy and so on", names
    if sum(shard["tokens"] for shard in shards) != part["tokens"]:
        return f"{part['tokens']} tokens in the shards of {split!r}", shards
    if not max(part["documents"], part["longest_document"]) <= part["tokens"]:
        return f"at most {part['tokens']} documents, and none longer than that, in {split!r}", part
    return None


def _size_problem(record: dict[str, Any]) -> Problem | None:
    sizes = {name: entry["bytes"] for name, entry in record["files"].items()}
    for split in SPLITS:
        part = record[split]
        expected = {s["name"]: npy_bytes(record["dtype"], s["tokens"]) for s in part["shards"]}
        expected[f"{split}-documents.npy"] = npy_bytes("uint64", part["documents"])
        for name, n_bytes in expected.items():
            if (size := sizes.pop(name, None)) != n_bytes:
                return f"{n_bytes} bytes of {name}", size
    for name, size in sizes.items():
        if size > TOKENIZER_FILE_LIMIT:
            return f"at most {TOKENIZER_FILE_LIMIT} bytes of {name[:80]!r}", size
    return None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63
