"""pydocs: the English that every Python installation carries.

The topics of `help()`, and the docstrings of the standard library and of the installed packages,
read from their source with `ast` and never imported. It differs between machines: use it to try
things, and `fables` for what others should repeat.
"""

import ast
import hashlib
import inspect
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

SEPARATOR = b"\n<|endoftext|>\n"
FILE_LIMIT = 1 << 20
"""Larger files are tables, not text."""
SHORTEST_DOCSTRING = 120
"""Bytes; shorter ones are labels rather than sentences."""
LEAST_SHARE = 0.3
"""Share of a file in triple quotes below which parsing it costs more than its text is worth."""
_QUOTED = re.compile(rb'"""(.*?)"""', re.DOTALL)
_SKIPPED_FOLDERS = {"test", "tests", "idlelib", "lib2to3", "__pycache__", "site-packages"}


def gather(max_bytes: int = 5 << 20) -> bytes:
    """At most `max_bytes` of documents, one a topic or source file, separator lines between them.

    Files come in an order drawn from the hash of their paths, so that a small gathering is as
    varied as a large one. Paragraphs that were seen before are left out.
    """
    seen: set[bytes] = set()
    found: list[bytes] = []
    room = max_bytes
    for texts in _sources():
        document = _new_text(texts, seen)
        if len(document) > room:
            break
        if document:
            found.append(document)
            room -= len(document) + len(SEPARATOR)
    return SEPARATOR.join(found) + b"\n" if found else b""


def _sources() -> Iterator[list[str]]:
    """The texts of one document after another."""
    yield from _topics()
    for path in _source_files():
        yield list(_docstrings(path))


def _topics() -> Iterator[list[str]]:
    path = Path(sysconfig.get_path("stdlib"), "pydoc_data", "topics.py")
    for node in ast.walk(_parsed(path) or ast.Module([], [])):
        if isinstance(node, ast.Dict):
            for value in node.values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield [value.value]


def _source_files() -> list[Path]:
    keyed = [
        (
            hashlib.sha256(path.relative_to(root).as_posix().encode("utf-8", "replace")).digest(),
            path,
        )
        for root in _roots()
        for path in _python_files(root)
    ]
    return [path for _, path in sorted(keyed)]


def _roots() -> list[Path]:
    names = ("stdlib", "purelib", "platlib")
    return sorted({Path(sysconfig.get_path(name)) for name in names})


def _python_files(root: Path) -> Iterator[Path]:
    """Every source file below `root`, without tests and what lies in another root."""
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(folder.iterdir())
        except OSError:  # a folder that may not be read holds no text for us
            continue
        for entry in entries:
            if entry.suffix == ".py":
                yield entry
            elif entry.name not in _SKIPPED_FOLDERS and entry.is_dir() and not entry.is_symlink():
                folders.append(entry)


def _docstrings(path: Path) -> Iterator[str]:
    """Docstrings of a module, its classes and functions and what they define, outermost first."""
    if (tree := _parsed(path, LEAST_SHARE)) is None:
        return
    nodes: list[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef] = [tree]
    for node in nodes:
        if text := ast.get_docstring(node, clean=False):
            yield text
        inner = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        nodes.extend(child for child in node.body if isinstance(child, inner))


def _parsed(path: Path, least_share: float = 0.0) -> ast.Module | None:
    """The syntax tree of a file, or none: a file that cannot be read or parsed is no source."""
    try:
        if path.stat().st_size > FILE_LIMIT:
            return None
        source = path.read_bytes()
        if sum(map(len, _QUOTED.findall(source))) < least_share * len(source):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes of other people's strings
            return ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _new_text(texts: list[str], seen: set[bytes]) -> bytes:
    """The paragraphs of `texts` that are not in `seen`, and a blank line between two texts."""
    kept = []
    for text in texts:
        cleaned = inspect.cleandoc(text).encode("utf-8", "ignore")
        if len(cleaned) < SHORTEST_DOCSTRING:
            continue
        paragraphs = [p for p in cleaned.split(b"\n\n") if _is_new(p, seen)]
        if paragraphs:
            kept.append(b"\n\n".join(paragraphs).strip(b"\n"))
    document = b"\n\n".join(kept)
    return document.replace(b"<|endoftext|>", b"")


def _is_new(paragraph: bytes, seen: set[bytes]) -> bool:
    digest = hashlib.sha256(paragraph).digest()[:12]
    if digest in seen or paragraph.lstrip().startswith(b">>>"):  # sessions are code, not English
        return False
    seen.add(digest)
    return True
