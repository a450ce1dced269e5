"""What a run writes once, before step 0: settings, environment, tokenizer, data, validation."""

import dataclasses
import datetime
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paribus.config.load import to_plain, to_yaml
from paribus.data.shards import TokenShards, open_shards
from paribus.errors import CannotCreateError, DataError, InputMissingError, ParibusError
from paribus.experiment import Experiment, RunPaths
from paribus.files import (
    TEMPORARY_PREFIXES,
    publish_file,
    publish_links,
    remove_folder,
)
from paribus.machine import this_machine, versions
from paribus.manifest import read_json
from paribus.tokenizer.formats import publish
from paribus.tokenizer.tokenizer import Tokenizer

log = logging.getLogger("paribus")

OWN_DATA_LIMIT = 256 << 20
"""Bytes up to which a run keeps a copy of its token data."""
VALIDATION_LIMIT = 64 << 20
VERSIONED = ("paribus", "torch", "numpy", "safetensors", "regex")


def check_unused(paths: RunPaths) -> None:
    """Refuses a folder that holds a run, or anything that is not of a run that never began.

    A run begins with the checkpoint of step 0: one killed before it has nothing to resume from.
    """
    if any(paths.checkpoints.glob("step-*")):
        raise CannotCreateError(
            f"{paths.folder}: expected no run, found one. "
            f"Go on with it: paribus resume {paths.folder}, or choose another --run"
        )
    own = {paths.config.name, paths.environment.name, paths.status.name, paths.data_record.name}
    own |= {paths.log.name, paths.checkpoints.name, "run.lock", "run.lock.json"}
    if paths.validation.exists():  # written before them: else they are the user's own
        own |= {paths.validation.name, paths.tokenizer.name, paths.data.name}
    foreign = [
        path.name
        for path in paths.folder.iterdir()
        if path.name not in own and not path.name.startswith(TEMPORARY_PREFIXES)
    ]
    if foreign:
        raise CannotCreateError(
            f"{paths.folder}: expected an empty folder, found {foreign[0]!r}. Choose another --run"
        )


def record_run(
    paths: RunPaths,
    requested: Experiment,
    resolved: Experiment,
    shards: TokenShards,
    tokenizer: Tokenizer,
    origin: dict[str, Any],
) -> None:
    """Writes everything that a run folder holds before its first step, config.yaml last.

    `origin` is what environment.json tells beyond the machine. Where the run keeps a copy of its
    token data, config.yaml names that copy.
    """
    for leftover in (paths.tokenizer, paths.data):
        if leftover.exists():
            remove_folder(leftover)
    publish(tokenizer.vocabulary, paths.tokenizer)
    data = dataclasses.replace(resolved.data, dir=_keep_data(paths, shards))
    resolved = dataclasses.replace(resolved, data=data)
    _publish_json(paths.environment, environment(requested, resolved) | origin)
    publish_file(paths.config, to_yaml(resolved).encode())


def environment(requested: Experiment, resolved: Experiment) -> dict[str, Any]:
    """Command, versions, hardware, and every setting that this machine decided."""
    return {
        "command": sys.argv,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": versions(VERSIONED),
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain")),
        **dataclasses.asdict(this_machine()),
        "threads": resolved.training.threads,
        "resolved": dict(differences("", to_plain(requested), to_plain(resolved))),
    }


def read_budget_seconds(paths: RunPaths) -> float | None:
    """The wall-clock budget of a run in seconds, None where it has none."""
    return read_json(paths.environment).get("budget_seconds")


def lift_budget(paths: RunPaths) -> None:
    """Forgets the wall-clock budget of a run: a number of steps is asked for in its place."""
    _publish_json(paths.environment, read_json(paths.environment) | {"budget_seconds": None})


def validation_tokens(shards: TokenShards, limit: int | None) -> tuple[np.ndarray, bool]:
    """The tokens that evaluation reads, and whether they were held out from training.

    Text too short to hold any out is evaluated on its own training tokens.
    """
    held_out = shards.n_validation_tokens >= 2
    parts = shards.validation if held_out else shards.train
    most = VALIDATION_LIMIT // np.dtype(shards.dtype).itemsize
    most = min(most, limit + 1) if limit is not None else most
    return np.concatenate([part[:most] for part in parts])[:most], held_out


def publish_validation(paths: RunPaths, tokens: np.ndarray) -> None:
    """Writes validation.npy."""
    buffer = io.BytesIO()
    np.save(buffer, tokens, allow_pickle=False)
    publish_file(paths.validation, buffer.getvalue())


def read_validation(paths: RunPaths, vocab_size: int) -> np.ndarray:
    """Reads validation.npy. Raises DataError where it is no row of ids below `vocab_size`."""
    try:
        ids = np.load(paths.validation, allow_pickle=False)
    except FileNotFoundError as error:
        raise InputMissingError(
            f"{paths.validation}: expected validation tokens, found none"
        ) from error
    except (ValueError, EOFError) as error:
        raise DataError(f"{paths.validation}: expected a .npy file, found {error}") from error
    if ids.ndim != 1 or ids.dtype.kind != "u" or (ids.size and ids.max() >= vocab_size):
        raise DataError(
            f"{paths.validation}: expected a row of token ids below {vocab_size}, found others. "
            "Copy the file from a copy of the run"
        )
    return ids


def find_shards(paths: RunPaths, tokenizer_hash: str, data: Path | None) -> TokenShards:
    """The token data of a run, by its content: its own copy, `data`, the last path, $PARIBUS_DATA.

    Raises InputMissingError naming hash and size where none of them has it.
    """
    record = read_json(paths.data_record)
    for name, kind in {"content_hash": str, "path": str, "train_tokens": int}.items():
        if not isinstance(record.get(name), kind):
            raise DataError(
                f"{paths.data_record}: expected {name!r}, a {kind.__name__}, found "
                f"{record.get(name)!r}. Copy the file from a copy of the run"
            )
    candidates = [paths.data, data, Path(record["path"]), os.environ.get("PARIBUS_DATA")]
    tried = [Path(candidate) for candidate in candidates if candidate]
    for folder in tried:
        try:
            shards = open_shards(folder, tokenizer_hash=tokenizer_hash)
        except InputMissingError:
            continue
        except ParibusError as error:
            log.warning("%s is passed over: %s", folder, error)
            continue
        if shards.content_hash == record["content_hash"]:
            return shards
    raise InputMissingError(
        f"{paths.folder}: expected token data {record['content_hash'][:16]} of "
        f"{record['train_tokens']} training tokens, found it in none of "
        f"{', '.join(map(str, tried))}. Name its folder: --data DIR"
    )


def _keep_data(paths: RunPaths, shards: TokenShards) -> Path:
    """Copies small token data into the run and records it; returns where it is to be found."""
    size = sum(entry["bytes"] for entry in shards.manifest["files"].values())
    folder = shards.folder
    if size <= OWN_DATA_LIMIT:
        publish_links(shards.folder, paths.data)
        folder = paths.data
    record = {
        "content_hash": shards.content_hash,
        "path": str(shards.folder.resolve()),
        "bytes": size,
        "train_tokens": shards.n_train_tokens,
        "validation_tokens": shards.n_validation_tokens,
        "tokenizer": shards.tokenizer_hash,
    }
    _publish_json(paths.data_record, record)
    return folder


def _publish_json(path: Path, record: dict[str, Any]) -> None:
    publish_file(path, json.dumps(record, indent=1, allow_nan=False).encode())


def differences(prefix: str, before: Any, after: Any) -> Sequence[tuple[str, Any]]:
    """Dotted keys below `prefix` whose values differ, with the value in `after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [key for key in after if before.get(key) != after[key]]
        pairs = [differences(f"{prefix}{key}.", before.get(key), after[key]) for key in keys]
        return [pair for part in pairs for pair in part]
    return [(prefix.rstrip("."), after)]


def _git(*arguments: str) -> str | None:
    """What git says of the source tree that runs; None outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        result = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
