"""Documents: from files, folders, globs and standard input to one stream of byte strings.

A document is the text between lines that hold only the separator ("<|endoftext|>"), or a whole file
where there is no such line. Exactly:

- A line ends in LF, and owns its LF or CR LF. A lone CR ends no line.
- A separator line is the separator, alone, with its line break; a file's last line may have none.
- A document is the lines between two separator lines, each with its line break. So nothing is lost
  but separator lines: writing them back between the documents gives the file again.
- A document without any byte is no document; one that holds only line breaks is.
- A separator within a line is text like any other.
- In JSON lines every line is one object and its field `text`, in UTF-8, is the document; a byte
  order mark in front of the first is none of it.

Bytes are kept as they are: invalid UTF-8, byte order marks, CR LF and NUL pass through.
"""

import codecs
import glob
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from paribus.data.streams import DECOMPRESSORS, STANDARD_INPUT, read_blocks
from paribus.errors import (
    ConfigError,
    DataError,
    InputMissingError,
    ParibusError,
    from_os_error,
)
from paribus.files import MANIFEST, read_bytes
from paribus.manifest import NumberText, parse_json

log = logging.getLogger("paribus")

SEPARATOR = "<|endoftext|>"
TEXT_SUFFIXES = (".txt", ".text", ".md", ".markdown")
JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")


def documents(
    paths: Sequence[Path | str],
    *,
    separator: str | None = SEPARATOR,
    field: str = "text",
    binary: bool = False,
) -> Iterator[bytes]:
    """Yields the documents of `paths` in their order, holding one document at a time.

    Raises what `text_files` and `read_blocks` raise, and DataError for a line that is no JSON
    object with the text `field`.
    """
    for path in text_files(paths):
        if _is_json_lines(path):
            yield from filter(None, _json_texts(path, field))
        else:
            yield from split_documents(read_blocks(path, binary=binary), separator)


def text_blocks(
    paths: Sequence[Path | str],
    *,
    separator: str | None = SEPARATOR,
    field: str = "text",
    binary: bool = False,
) -> Iterator[bytes]:
    """Yields the raw text of `paths` in consecutive blocks, for the training of a tokenizer.

    Files keep every byte, separator lines too. The separator also stands between two files and
    between two JSON lines, where no token may reach across. Raises DataError where there is none.
    """
    border = separator.encode() if separator else b""
    is_empty = True
    for block in _bordered_blocks(paths, border, field, binary):
        is_empty = is_empty and block in (b"", border)
        yield block
    if is_empty:
        names = ", ".join(map(str, paths))
        raise DataError(f"{names}: expected text, found none. Check the input files")


def _bordered_blocks(
    paths: Sequence[Path | str], border: bytes, field: str, binary: bool
) -> Iterator[bytes]:
    for n_before, path in enumerate(text_files(paths)):
        if n_before:
            yield border
        if _is_json_lines(path):
            for text in _json_texts(path, field):
                yield text + border
        else:
            yield from read_blocks(path, binary=binary)


def text_files(paths: Sequence[Path | str]) -> list[Path | str]:
    """The files that `paths` name, in their order; "-" stays as it is.

    A folder stands for all files below it with a known suffix, hidden ones aside, sorted by the
    bytes of their paths; a glob for what it matches, sorted likewise; any other file is taken
    whatever its suffix. Raises InputMissingError for a name without a file and DataError for a
    folder without text.
    """
    return [file for path in paths for file in _expand(path)]


def split_documents(blocks: Iterable[bytes], separator: str | None) -> Iterator[bytes]:
    """Cuts consecutive blocks of one text at its separator lines, wherever the blocks are cut.

    Raises ConfigError for a separator that cannot stand alone on a line.
    """
    check_separator(separator)
    if separator is None:
        pieces = list(blocks)
    else:
        pieces = []
        ending = re.compile(rb"%s\r?(?:\n|\Z)" % re.escape(separator.encode()))
        for block in _whole_lines(blocks):
            start = 0
            for line in ending.finditer(block):
                if block[line.start() - 1 : line.start()] not in (b"", b"\n"):
                    continue
                pieces.append(block[start : line.start()])
                if document := b"".join(pieces):
                    yield document
                pieces, start = [], line.end()
            pieces.append(block[start:])
    if document := b"".join(pieces):
        yield document


def check_separator(separator: str | None) -> None:
    """Raises ConfigError for a separator that cannot stand alone on a line; None cuts nothing."""
    if separator is None:
        return
    try:
        separator.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"separator: expected text of UTF-8, found {separator!r}. Write it in UTF-8"
        ) from error
    if not separator or "\n" in separator or "\r" in separator:
        raise ConfigError(
            f"separator: expected the text of one line, found {separator!r}. "
            "Use none for one document per file"
        )


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text cut only behind line breaks; linear in time for a line of any length."""
    unfinished: list[bytes] = []
    for block in blocks:
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join([*unfinished, block[:end]])
            unfinished = []
        unfinished.append(block[end:])
    if last := b"".join(unfinished):
        yield last


def _json_texts(path: Path | str, field: str) -> Iterator[bytes]:
    blocks = _whole_lines(read_blocks(path))
    lines = (line for block in blocks for line in block.removesuffix(b"\n").split(b"\n"))
    for number, line in enumerate(lines, start=1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield _field_text(line, f"{path}:{number}", field)


def _field_text(line: bytes, source: str, field: str) -> bytes:
    record = parse_json(line, source, numbers_as_text=True)
    text = record.get(field)
    if type(text) is not str:  # a NumberText is a number
        found = _json_kind(text) if field in record else f"only {', '.join(record)[:80]}"
        raise DataError(
            f"{source}: expected text in the field {field!r}, found {found}. "
            "Name the field that holds the text by --field"
        )
    return text.encode("utf-8", "surrogatepass")


def _json_kind(value: object) -> str:
    return "a number" if isinstance(value, NumberText) else type(value).__name__


def _is_json_lines(path: Path | str) -> bool:
    return _text_suffix(path) in JSON_LINES_SUFFIXES


def _text_suffix(path: Path | str) -> str:
    """The suffix that tells the kind of text, below that of a compression."""
    name = Path(path)
    if name.suffix.lower() in DECOMPRESSORS:
        name = name.with_suffix("")
    return name.suffix.lower()


def _expand(path: Path | str) -> Iterable[Path | str]:
    if str(path) == STANDARD_INPUT:
        return [STANDARD_INPUT]
    if not str(path):
        raise InputMissingError("input: expected a file or a folder, found an empty name")
    try:
        is_folder, is_there = Path(path).is_dir(), Path(path).exists()
    except OSError as error:
        raise from_os_error(error, path) from error
    if is_folder:
        return _folder_files(Path(path))
    if is_there:
        return [Path(path)]
    if glob.has_magic(os.fspath(path)):
        return _glob_files(os.fspath(path))
    raise InputMissingError(
        f"{path}: expected a file or a folder, found none. Check the name, or make it first"
    )


def _folder_files(folder: Path) -> list[Path]:
    found, left_out = [], []
    for parent, _, names in _walk(folder):
        for path in (Path(parent, name) for name in names if not name.startswith(".")):
            is_text = _text_suffix(path) in TEXT_SUFFIXES + JSON_LINES_SUFFIXES
            (found if is_text and path.is_file() else left_out).append(path)
    if found and left_out:
        log.warning(
            "%s: %d files are left out, they are not txt, md or jsonl or cannot be opened: %s",
            folder, len(left_out), _some(left_out),
        )  # fmt: skip
    if not found:
        raise DataError(
            f"{folder}: expected files ending in {', '.join(TEXT_SUFFIXES + JSON_LINES_SUFFIXES)} "
            f"(also with {', '.join(DECOMPRESSORS)}), found none. Name the files themselves"
        )
    return sorted(found, key=_path_bytes)


def _some(paths: list[Path]) -> str:
    names = [path.name for path in sorted(paths, key=_path_bytes)[:5]]
    return ", ".join(names) + (", …" if len(paths) > len(names) else "")


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """os.walk without hidden folders and links to folders; an unreadable one is an error."""
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        if is_own_folder(Path(parent)):
            log.warning("%s is skipped: Paribus wrote it, its files are not text", parent)
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield parent, folders, names


def is_own_folder(folder: Path) -> bool:
    """Whether Paribus wrote a folder: a tokenizer, token data, a checkpoint or a run."""
    if (folder / "config.yaml").exists() and (folder / "run.lock").exists():
        return True
    try:
        return b'"paribus-' in read_bytes(folder / MANIFEST, limit=64 << 20)
    except ParibusError:
        return False


def _refuse(error: OSError) -> None:
    raise from_os_error(error) from error


def _glob_files(pattern: str) -> list[Path]:
    matches = map(Path, glob.iglob(pattern, recursive=True))  # noqa: PTH207 - it may be absolute
    files = sorted((path for path in matches if not path.is_dir()), key=_path_bytes)
    if not files:
        raise InputMissingError(
            f"{pattern}: expected a pattern that matches files, found none. Check the pattern"
        )
    return files


def _path_bytes(path: Path) -> bytes:
    return os.fsencode(path.as_posix())
