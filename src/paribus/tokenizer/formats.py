"""A tokenizer's files: GPT-2's pair, Hugging Face's `tokenizer.json`, tiktoken's ranks.

`tokenizer.json` holds everything. `vocab.json` with `merges.txt` lacks the pattern and does not
mark special tokens: an entry that is neither a byte nor the result of a merge counts as one. A rank
file lacks the pattern and the special tokens. What is missing is taken from a `tokenizer.json` in
the same folder if that holds the same tokens. Otherwise the pattern has to be given, except for
published vocabularies whose pattern is known, and a warning says what is assumed about special
tokens.
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from paribus.errors import CannotCreateError, ConfigError, DataError, InputMissingError
from paribus.files import MANIFEST, publish_file, publish_folder, read_bytes
from paribus.manifest import parse_json, read_json, read_manifest, verify_files
from paribus.tokenizer import gpt2_files, huggingface, ranks
from paribus.tokenizer.limits import SIZE_LIMIT
from paribus.tokenizer.names import about, dump_json, ids_by_name
from paribus.tokenizer.patterns import EXPRESSIONS, check_pattern
from paribus.tokenizer.vocabulary import Vocabulary

log = logging.getLogger("paribus")

FORMAT = "paribus-tokenizer"
VERSION = 1
OTHER_FORMATS = ("paribus-tokens",)
"""Formats of published folders that hold a tokenizer together with other files."""

_VOCAB, _MERGES, _WHOLE = "vocab.json", "merges.txt", "tokenizer.json"
_RANKS = ".tiktoken"


class PatternMissingError(ConfigError):
    """A file that names no pattern was read without being told one."""


def read(path: Path, *, pattern: str | None = None) -> Vocabulary:
    """The vocabulary of a folder, or of one of its files.

    `pattern` is for files that do not name theirs. Raises PatternMissingError if it is needed and
    not given, ConfigError if it contradicts the file, InputMissingError if there is no tokenizer,
    and DataError, naming the file, if that is malformed or asks for something Paribus does not do.
    """
    if pattern is not None:
        check_pattern(pattern)
    if path.is_dir():
        return _read_folder(path, pattern)
    if not path.exists():
        raise InputMissingError(f"{path}: expected a tokenizer's folder or file, found nothing")
    return _read_file(path, pattern)


def read_with_default(path: Path, pattern: str | None) -> Vocabulary:
    """`read` with `pattern` only if the file needs one: a pattern that it names wins."""
    try:
        return read(path)
    except PatternMissingError:
        return read(path, pattern=pattern)


def write(vocabulary: Vocabulary, path: Path) -> None:
    """Publishes a tokenizer as the ending of `path` says: .tiktoken a file of ranks, else a folder.

    Raises DataError for a vocabulary that has no counterpart in ranks, CannotCreateError for a
    name that is taken, and ConfigError for one that is neither.
    """
    if is_ranks_file(path):
        publish_file(path, ranks.as_bytes(vocabulary), replaces=False)
    else:
        publish(vocabulary, path)


def is_ranks_file(path: Path) -> bool:
    """Whether the ending of `path` says so. Raises ConfigError for the name of another file."""
    if path.name == _RANKS or path.suffix.lower() in (".json", ".txt"):
        raise ConfigError(
            f"{path}: expected the name of a folder, or of a file that ends in {_RANKS}, found "
            f"another. {_WHOLE}, {_VOCAB} and {_MERGES} are made in a folder: name that"
        )
    return path.suffix == _RANKS


def publish(vocabulary: Vocabulary, folder: Path) -> None:
    """Publishes a tokenizer's folder: its files, and a manifest that `read` compares them with."""
    record = {"format": FORMAT, "version": VERSION, "hash": vocabulary.hash}
    publish_folder(folder, lambda made: write_files(vocabulary, made), record)


def write_files(vocabulary: Vocabulary, folder: Path) -> None:
    """Writes vocab.json, merges.txt and tokenizer.json into `folder` (within publish_folder)."""
    if not folder.is_dir():
        found = "something else" if folder.exists() else "none"
        raise CannotCreateError(f"{folder}: expected a folder, found {found}. Make it first")
    contents = {
        _VOCAB: dump_json(ids_by_name(vocabulary)),
        _MERGES: gpt2_files.merges_text(vocabulary),
        _WHOLE: dump_json(huggingface.as_json(vocabulary)),
    }
    for name, text in contents.items():
        (folder / name).write_bytes(text.encode())


def _read_folder(folder: Path, pattern: str | None) -> Vocabulary:
    record = _published_record(folder)
    vocabulary = _read_file(_main_file(folder), pattern)
    if record and record.get("hash") != vocabulary.hash:
        raise DataError(
            f"{folder / MANIFEST}: expected the hash {vocabulary.hash[:16]}… of the tokenizer, "
            f"found {str(record.get('hash'))[:16]!r}. The folder is damaged: make it again"
        )
    return vocabulary


def _main_file(folder: Path) -> Path:
    for name in (_WHOLE, _VOCAB):
        if (folder / name).is_file():
            return folder / name
    ranks_files = sorted(folder.glob(f"*{_RANKS}"))
    if len(ranks_files) == 1:
        return ranks_files[0]
    raise InputMissingError(
        f"{folder}: expected {_WHOLE}, or {_VOCAB} and {_MERGES}, or one *{_RANKS}, found none. "
        "Make a tokenizer with: paribus tokenizer train FILE --vocab-size N --out DIR"
    )


def _published_record(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder of `tokenizer train`, its files compared with it; None for a folder
    of other tools, and for token data, whose own manifest is compared where it is opened."""
    manifest = folder / MANIFEST
    if not manifest.is_file() or read_json(manifest).get("format") in OTHER_FORMATS:
        return None
    record = read_manifest(folder, format_name=FORMAT, version=VERSION)
    missing = {_VOCAB, _MERGES, _WHOLE} - record["files"].keys()
    if missing:
        raise DataError(
            f"{manifest}: expected the SHA-256 of {min(missing)}, found none. The folder is "
            "damaged: make it again"
        )
    verify_files(folder, record, limit=SIZE_LIMIT)
    return record


def _read_file(path: Path, pattern: str | None) -> Vocabulary:
    if path.suffix == ".txt":
        path = _sibling(path, _MERGES, _VOCAB)
    data = read_bytes(path, limit=SIZE_LIMIT)
    if path.suffix != ".json":
        return _read_ranks(data, path, pattern)
    content = parse_json(data, path)
    if path.name == _WHOLE or isinstance(content.get("model"), dict):
        return _whole(content, path, pattern)
    return _read_two_files(content, path, pattern)


def _whole(content: dict[str, Any], path: Path, pattern: str | None) -> Vocabulary:
    with about(path):
        return _checked(huggingface.from_json(content), path, pattern)


def _checked(vocabulary: Vocabulary, path: Path, pattern: str | None) -> Vocabulary:
    """`vocabulary`, whose pattern `path` names; refuses another one."""
    if pattern in (None, vocabulary.pattern):
        return vocabulary
    raise ConfigError(
        f"pattern: expected {vocabulary.pattern}, as {path} says, found {pattern}. Leave it out"
    )


def _read_ranks(data: bytes, path: Path, pattern: str | None) -> Vocabulary:
    with about(path):
        ids = ranks.parsed(data)
    if whole := _whole_beside(path, pattern, lambda whole: whole.ids == ids):
        return whole
    with about(path):
        vocabulary = ranks.from_ids(ids, pattern="gpt2")
    vocabulary = _with_pattern(vocabulary, path, pattern)
    log.warning("%s: rank files name no special tokens; reading it without any", path)
    return vocabulary


def _read_two_files(content: dict[str, Any], path: Path, pattern: str | None) -> Vocabulary:
    read = gpt2_files.from_files(content, path, _sibling(path, _VOCAB, _MERGES))
    ordinary = (read.ids, read.merges)
    if whole := _whole_beside(path, pattern, lambda whole: (whole.ids, whole.merges) == ordinary):
        return whole
    vocabulary = _with_pattern(read, path, pattern)
    n_special = len(vocabulary.special_tokens)
    if n_special and ranks.known_pattern(vocabulary.ids) is None:
        texts = " ".join(repr(text[:80]) for _, text in vocabulary.special_tokens[:3])
        what = "1 entry" if n_special == 1 else f"{n_special} entries"
        log.warning("%s: reading %s that no merge makes as special: %s", path, what, texts)
    return vocabulary


def _whole_beside(
    path: Path, pattern: str | None, is_same: Callable[[Vocabulary], bool]
) -> Vocabulary | None:
    """The vocabulary of a `tokenizer.json` in the folder of `path` (for `x_vocab.json` first
    `x_tokenizer.json`) that has its tokens. One that cannot be read counts only if no pattern is
    given."""
    prefix = path.name.removesuffix(_VOCAB) if path.name.endswith(_VOCAB) else ""
    for name in dict.fromkeys((prefix + _WHOLE, _WHOLE)):
        beside = path.with_name(name)
        with contextlib.suppress(*([DataError] if pattern else [])):
            if beside.is_file():
                whole = _whole(read_json(beside, limit=SIZE_LIMIT), beside, None)
                if is_same(whole):
                    return _checked(whole, beside, pattern)
    return None


def _with_pattern(vocabulary: Vocabulary, path: Path, pattern: str | None) -> Vocabulary:
    """`vocabulary`, read from a file that names no pattern, with the right one."""
    pattern = pattern or ranks.known_pattern(vocabulary.ids)
    if pattern is None:
        raise PatternMissingError(
            f"pattern: {path} names none, and its tokens are not those of GPT-2, GPT-4 or GPT-4o. "
            f"Give the pattern that it was trained with: {', '.join(EXPRESSIONS)}"
        )
    return vocabulary if pattern == vocabulary.pattern else replace(vocabulary, pattern=pattern)


def _sibling(path: Path, own: str, other: str) -> Path:
    """The path of `x_vocab.json` for that of `x_merges.txt`, or the other way round."""
    if not path.name.endswith(own):
        raise DataError(
            f"{path}: expected {_WHOLE}, {_VOCAB}, {_MERGES} or a file of ranks, found another "
            "name or content"
        )
    return path.with_name(path.name.removesuffix(own) + other)
