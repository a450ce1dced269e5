"""The files of a tokenizer: GPT-2's pair of files, Hugging Face's one, tiktoken's ranks.

`tokenizer.json` holds everything. `vocab.json` with `merges.txt` lacks the pattern (GPT-2's is
taken); an entry that is neither a byte nor made by a merge is a special token. A file of ranks
lacks the pattern and the special tokens. What a file asks for that is not done here is refused.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from paribus.errors import CannotCreateError, ConfigError, DataError, InputMissingError
from paribus.files import MANIFEST, publish_file, publish_folder, read_bytes
from paribus.manifest import parse_json, read_json, read_manifest, verify_files
from paribus.tokenizer import huggingface, ranks
from paribus.tokenizer.byte_names import token_from_name, token_name, tokens_from_names
from paribus.tokenizer.names import (
    checked_ids,
    dump_json,
    ids_by_name,
    merges_from_names,
    vocabulary_with_ids,
)
from paribus.tokenizer.vocabulary import MergeError, Vocabulary

FORMAT = "paribus-tokenizer"
VERSION = 1
OTHER_FORMATS = ("paribus-tokens",)
"""Of published folders that hold a tokenizer beside other files."""
SIZE_LIMIT = 256 << 20
"""Of one file, in bytes; the largest tokenizers that are in use take some 30 MB."""

_VOCAB, _MERGES, _WHOLE = "vocab.json", "merges.txt", "tokenizer.json"
_RANKS = ".tiktoken"
_MERGES_HEADER = "#version: 0.2"


def read(path: Path) -> Vocabulary:
    """The vocabulary of a folder, or of one of its files.

    Raises InputMissingError where there is none, and DataError, naming the file, where it is not
    well formed or asks for what Paribus does not do.
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.exists():
        raise InputMissingError(f"{path}: expected a tokenizer's folder or file, found nothing")
    return _read_file(path)


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
    lines = [f"{token_name(left)} {token_name(right)}" for left, right in vocabulary.merges]
    contents = {
        _VOCAB: dump_json(ids_by_name(vocabulary)),
        _MERGES: "\n".join([_MERGES_HEADER, *lines, ""]),
        _WHOLE: dump_json(huggingface.as_json(vocabulary)),
    }
    for name, text in contents.items():
        (folder / name).write_bytes(text.encode())


def _read_folder(folder: Path) -> Vocabulary:
    record = _published_record(folder)
    vocabulary = _read_file(_main_file(folder))
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


def _read_file(path: Path) -> Vocabulary:
    if path.suffix == ".txt":
        return _read_two_files(_sibling(path, _MERGES, _VOCAB), path)
    data = read_bytes(path, limit=SIZE_LIMIT)
    if path.suffix != ".json":
        with _about(path):
            return ranks.from_bytes(data)
    content = parse_json(data, path)
    if path.name == _WHOLE or isinstance(content.get("model"), dict):
        with _about(path):
            return huggingface.from_json(content)
    return _from_two_files(content, path, _sibling(path, _VOCAB, _MERGES))


@contextlib.contextmanager
def _about(path: Path) -> Iterator[None]:
    """Puts the name of the file before what is wrong with its content."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _sibling(path: Path, own: str, other: str) -> Path:
    """`x_vocab.json` beside `x_merges.txt`."""
    if not path.name.endswith(own):
        raise DataError(
            f"{path}: expected {_WHOLE}, {_VOCAB}, {_MERGES} or a file of ranks, found another "
            "name or content"
        )
    return path.with_name(path.name.removesuffix(own) + other)


def _read_two_files(vocab: Path, merges: Path) -> Vocabulary:
    return _from_two_files(read_json(vocab, limit=SIZE_LIMIT), vocab, merges)


def _from_two_files(content: dict[str, Any], vocab: Path, merges_file: Path) -> Vocabulary:
    lines = _merge_lines(merges_file)
    with _about(vocab):
        ids = checked_ids(content)
    named = zip(ids, tokens_from_names(list(ids)), strict=True)
    tokens = {name: token for name, token in named if token is not None}
    with _about(merges_file):
        merges = merges_from_names(lines, tokens)
    made = {left + right for left, right in merges} | {bytes([byte]) for byte in range(256)}
    ordinary = {token: ids[name] for name, token in tokens.items() if token in made}
    specials = [(i, name) for name, i in ids.items() if tokens.get(name) not in ordinary]
    with _about(merges_file):
        _refuse_lost_merges(specials, ordinary)
    try:
        return vocabulary_with_ids("gpt2", specials, ordinary, merges)
    except DataError as error:
        path = merges_file if isinstance(error, MergeError) else vocab
        raise DataError(f"{path}: {error}") from error


def _refuse_lost_merges(specials: list[tuple[int, str]], ordinary: dict[bytes, int]) -> None:
    """A shortened merges.txt must not turn what it lost into special tokens.

    The first token that lost its merge is two tokens joined, and newer than all bytes.
    """
    newest_byte = max((i for token, i in ordinary.items() if len(token) == 1), default=0)
    for i, name in specials:
        token = token_from_name(name) if i > newest_byte else None
        if token and any(
            token[:k] in ordinary and token[k:] in ordinary for k in range(len(token))
        ):
            raise DataError(
                f"expected a merge that makes token {i}, {name[:80]!r}, found none. "
                "The file is cut short or of another tokenizer"
            )


def _merge_lines(path: Path) -> Sequence[Sequence[str]]:
    try:
        text = read_bytes(path, limit=SIZE_LIMIT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}, byte {error.start}: expected UTF-8, found another byte"
        ) from error
    lines = text.replace("\r\n", "\n").removesuffix("\r").split("\n")
    if lines[0].startswith("#version:"):
        lines[0] = ""
    return [line.split(" ") for line in lines if line]
