"""What a run writes once, before step 0: settings, environment, tokenizer, data, validation."""

import dataclasses
import datetime
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from paribus.config.difference import differences
from paribus.config.load import to_yaml
from paribus.data.npy import read_row
from paribus.data.shards import TokenShards, copy_shards, open_shards
from paribus.errors import CannotCreateError, DataError, InputMissingError, ParibusError
from paribus.experiment import Experiment
from paribus.files import (
    TEMPORARY_PREFIXES,
    publish_file,
    remove_folder,
)
from paribus.machine import this_machine, versions
from paribus.manifest import read_json
from paribus.records import read_record
from paribus.run_folder import Budget, DataRecord, RunPaths
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
            f"Continue it: paribus resume {paths.folder}, or choose another --run"
        )
    own = {paths.config.name, paths.environment.name, paths.status.name, paths.data_record.name}
    own |= {paths.log.name, paths.checkpoints.name, paths.lock.name, f"{paths.lock.name}.json"}
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
    publish_validation(paths, validation_tokens(shards, resolved.evaluation.tokens))
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
        "resolved": {key: after for key, _, after in differences(requested, resolved)},
    }


def read_budget_seconds(paths: RunPaths) -> float | None:
    """The wall-clock budget of a run in seconds, None where it has none."""
    return read_record(paths.environment, Budget).budget_seconds


def lift_budget(paths: RunPaths) -> None:
    """Forgets the wall-clock budget of a run: a number of steps is asked for instead."""
    if read_budget_seconds(paths) is not None:
        _publish_json(paths.environment, read_json(paths.environment) | {"budget_seconds": None})


def validation_tokens(shards: TokenShards, limit: int | None) -> np.ndarray:
    """The tokens that evaluation reads: at most `limit` targets, and one token before the first.

    Text too short to hold any out is evaluated on its own training tokens.
    """
    parts = shards.validation if shards.n_validation_tokens >= 2 else shards.train
    most = VALIDATION_LIMIT // np.dtype(shards.dtype).itemsize
    most = min(most, limit + 1) if limit is not None else most
    return np.concatenate([part[:most] for part in parts])[:most]


def publish_validation(paths: RunPaths, tokens: np.ndarray) -> None:
    """Writes validation.npy."""
    buffer = io.BytesIO()
    np.save(buffer, tokens, allow_pickle=False)
    publish_file(paths.validation, buffer.getvalue())


def read_validation(paths: RunPaths, vocab_size: int) -> np.ndarray:
    """Reads validation.npy. Raises DataError where it is no row of ids below `vocab_size`."""
    ids = read_row(paths.validation, limit=VALIDATION_LIMIT)
    if ids.dtype.kind != "u" or (ids.size and ids.max() >= vocab_size):
        raise DataError(
            f"{paths.validation}: expected a row of token ids below {vocab_size}, found others. "
            "Copy the file from a copy of the run"
        )
    return ids


def find_shards(paths: RunPaths, tokenizer_hash: str, data: Path | None) -> TokenShards:
    """The token data of a run, by its content: its own copy, `data`, the last path, $PARIBUS_DATA.

    Raises InputMissingError naming hash and size where none of them has it.
    """
    record = read_record(paths.data_record, DataRecord)
    candidates = [paths.data, data, Path(record.path), os.environ.get("PARIBUS_DATA")]
    tried = [Path(candidate) for candidate in candidates if candidate]
    for folder in tried:
        try:
            shards = open_shards(folder, tokenizer_hash=tokenizer_hash)
        except InputMissingError:
            continue
        except ParibusError as error:
            log.warning("%s is passed over: %s", folder, error)
            continue
        if shards.content_hash == record.content_hash:
            return shards
    raise InputMissingError(
        f"{paths.folder}: expected token data {record.content_hash[:16]} of "
        f"{record.train_tokens} training tokens, found it in none of "
        f"{', '.join(map(str, tried))}. Name its folder: --data DIR"
    )


def _keep_data(paths: RunPaths, shards: TokenShards) -> Path:
    """Copies small token data into the run and records it; returns where it is to be found."""
    size = sum(entry["bytes"] for entry in shards.manifest["files"].values())
    folder = shards.folder
    if size <= OWN_DATA_LIMIT:
        copy_shards(shards, paths.data)
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
