"""What the files of others say, believed in nothing: strict JSON, and the manifests of folders.

Writes nothing; `files.publish_folder` writes the manifests that are read here.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from paribus.errors import DataError
from paribus.files import MANIFEST, read_bytes, sha256_of

MANIFEST_LIMIT = 64 << 20
"""Bytes."""


def read_manifest(folder: Path, *, format_name: str, version: int) -> dict[str, Any]:
    """The manifest of a published folder, its format and the sizes of its files checked."""
    path = folder / MANIFEST
    record = read_json(path, limit=MANIFEST_LIMIT)
    found = (record.get("format"), record.get("version"))
    if found != (format_name, version):
        raise DataError(
            f"{path}: expected format {format_name!r} version {version}, found {found[0]!r} "
            f"version {found[1]!r}. It is another kind of folder, or of another release of Paribus"
        )
    for name, entry in _file_entries(path, record).items():
        _check_size(folder / name, entry["bytes"])
    return record


def verify_files(folder: Path, record: dict[str, Any]) -> None:
    """Compares every file of a published folder with the SHA-256 in its manifest."""
    for name, entry in _file_entries(folder / MANIFEST, record).items():
        found = sha256_of(folder / name)
        if found != entry["sha256"]:
            raise DataError(
                f"{folder / name}: expected SHA-256 {entry['sha256'][:16]}…, found {found[:16]}…. "
                "The file is damaged: make it again, or restore a copy"
            )


def read_json(path: Path, *, limit: int = 16 << 20) -> dict[str, Any]:
    """One JSON object; refuses repeated keys, NaN, other types, and files above `limit` bytes."""
    return parse_json(read_bytes(path, limit=limit), path)


def parse_json(data: bytes, source: Path | str) -> dict[str, Any]:
    """`data` as one JSON object, as strict as `read_json`; `source` is named in errors."""
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: expected a JSON object, found {_told(error)}") from error
    if not isinstance(value, dict):
        raise DataError(f"{source}: expected a JSON object, found {type(value).__name__}")
    return value


def _file_entries(path: Path, record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    files = record.get("files")
    well_formed = isinstance(files, dict) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("bytes"), int)
        and isinstance(entry.get("sha256"), str)
        and Path(name).name == name
        for name, entry in files.items()
    )
    if not well_formed:
        raise DataError(
            f"{path}: expected 'files' with bytes and sha256 of each, found another shape"
        )
    return files  # type: ignore[return-value]


def _check_size(path: Path, expected: int) -> None:
    if not path.is_file():
        raise DataError(
            f"{path}: expected {expected} bytes, found no such file. Make the folder again"
        )
    found = path.stat().st_size
    if found != expected:
        raise DataError(
            f"{path}: expected {expected} bytes, found {found}. The file is damaged: make it again"
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
    """What Python reads as JSON, and other readers do not."""


def _told(error: Exception) -> str:
    """What was found in the place of JSON."""
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
