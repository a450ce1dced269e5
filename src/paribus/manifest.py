"""Strict reading of untrusted JSON and manifests.

Writes nothing; `files.publish_folder` writes the manifests that are read here.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from paribus.errors import DataError, ParibusError
from paribus.files import (
    CHECKSUM,
    MANIFEST,
    check_regular,
    read_bytes,
    record_checksum,
    sha256_of,
)

MANIFEST_LIMIT = 64 << 20
"""Maximum size of a manifest in bytes."""


def read_manifest(folder: Path, *, format_name: str, version: int) -> dict[str, Any]:
    """The manifest of a published folder; its checksum, format and file sizes are checked."""
    path = folder / MANIFEST
    record = read_json(path, limit=MANIFEST_LIMIT)
    kind = (record.get("format"), record.get("version"))
    if kind != (format_name, version):
        raise DataError(
            f"{path}: expected format {format_name!r} version {version}, found {kind[0]!r:.80} "
            f"version {kind[1]!r:.80}. It is another kind of folder, or from another release of "
            "Paribus"
        )
    _check_checksum(path, record)
    for name, entry in _file_entries(path, record).items():
        _check_size(folder / name, entry["bytes"])
    return record


def has_checksum(record: dict[str, Any]) -> bool:
    """Whether a manifest has a checksum of its own; older manifests end with `files` instead."""
    return list(record)[-1:] != ["files"]


def verify_files(folder: Path, record: dict[str, Any], *, limit: int | None = None) -> None:
    """Compares every file of a published folder with the SHA-256 in its manifest.

    A file of more than `limit` bytes is refused before any file is read.
    """
    entries = _file_entries(folder / MANIFEST, record)
    for name, entry in entries.items():
        if limit is not None and entry["bytes"] > limit:
            raise DataError(
                f"{folder / name}: expected at most {limit} bytes, found {entry['bytes']}. "
                "Paribus writes no such file here: make the folder again"
            )
    for name, entry in entries.items():
        digest = sha256_of(folder / name)
        if digest != entry["sha256"]:
            raise DataError(
                f"{folder / name}: expected SHA-256 {entry['sha256'][:16]}…, found {digest[:16]}…. "
                "The file is damaged: make it again, or restore a copy"
            )


def kind_of_folder(folder: Path) -> str | None:
    """What a folder is if Paribus wrote it: "token data", "a run"; None for any other folder."""
    name = _format_of(folder / MANIFEST)
    if name.startswith("paribus-"):
        return _FOLDERS.get(name, "a folder that Paribus wrote")
    if (folder / "config.yaml").is_file() and any((folder / n).is_file() for n in _RUN_RECORDS):
        return "a run"
    return None


def _format_of(path: Path) -> str:
    try:
        return str(read_json(path, limit=MANIFEST_LIMIT).get("format"))
    except ParibusError:  # no manifest, or one of something else
        return ""


_FOLDERS = {
    "paribus-tokens": "token data",
    "paribus-tokenizer": "a tokenizer",
    "paribus-checkpoint": "a checkpoint",
}
_RUN_RECORDS = ("environment.json", "metrics.jsonl", "run.lock")


def read_json(path: Path, *, limit: int = 16 << 20) -> dict[str, Any]:
    """One JSON object; refuses repeated keys, NaN, other types, and files above `limit` bytes."""
    return parse_json(read_bytes(path, limit=limit), path)


class NumberText(str):
    """A number of a JSON text, as it is written there."""


def parse_json(data: bytes, source: Path | str, *, numbers_as_text: bool = False) -> dict[str, Any]:
    """Parses one JSON object as strictly as `read_json`; errors name `source`.

    With `numbers_as_text` numbers are NumberText: one of any length is valid JSON, and
    Python refuses to convert one of more than 4,300 digits.
    """
    numbers: dict[str, Any] = (
        {"parse_int": NumberText, "parse_float": NumberText} if numbers_as_text else {}
    )
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
            **numbers,
        )
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: expected a JSON object, found {json_problem(error)}") from error
    if not isinstance(value, dict):
        raise DataError(f"{source}: expected a JSON object, found {type(value).__name__}")
    return value


def _check_checksum(path: Path, record: dict[str, Any]) -> None:
    if has_checksum(record) and record.get(CHECKSUM) != record_checksum(record):
        raise DataError(
            f"{path}: expected the {CHECKSUM!r} of its content, found another. Something was "
            "changed after it was written: make the folder again, or restore a copy"
        )


def _file_entries(path: Path, record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    files = record.get("files")
    if not isinstance(files, dict) or not all(map(_is_entry, files, files.values())):
        raise DataError(
            f"{path}: expected 'files' with bytes and sha256 of each, found another shape. "
            "The manifest is damaged: make the folder again"
        )
    return files


def _is_entry(name: str, entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and type(entry.get("bytes")) is int
        and 0 <= entry["bytes"] < 1 << 63
        and isinstance(entry.get("sha256"), str)
        and re.fullmatch("[0-9a-f]{64}", entry["sha256"]) is not None
        and name not in ("", ".", "..")
        and re.fullmatch(r"[^/\\\0]+", name) is not None
    )


def _check_size(path: Path, expected: int) -> None:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a name that is no UTF-8
        raise DataError(
            f"{path}: expected {expected} bytes, found no such file. Make the folder again"
        ) from error
    check_regular(path, status)
    if status.st_size != expected:
        raise DataError(
            f"{path}: expected {expected} bytes, found {status.st_size}. "
            "The file is damaged: make it again"
        )


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        repeated, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise _OtherJsonError(f"the key {repeated[:80]!r} twice")
    return keys


def _refuse_constant(name: str) -> float:
    raise _OtherJsonError(f"{name}, which is no JSON number")


class _OtherJsonError(ValueError):
    """Something that Python reads as JSON and other readers do not."""


def json_problem(error: Exception) -> str:
    """Says without Python's words why a text is not JSON."""
    match error:
        case json.JSONDecodeError():
            return f"none at line {error.lineno}, column {error.colno} ({error.msg[:80]})"
        case UnicodeDecodeError():
            return f"a byte that is no UTF-8 ({error.reason})"
        case RecursionError():
            return "one nested too deep"
        case _OtherJsonError():
            return str(error)[:200]
    return "a number of too many digits"
