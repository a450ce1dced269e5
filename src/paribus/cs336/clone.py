"""A user's clone of the course's repository: its edition, and a copy of its tests that may run.

The clone is read and never written to.
"""

import hashlib
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from paribus.errors import InputMissingError, UnavailableError
from paribus.files import read_bytes, sha256_of

TESTS = ("test_model.py", "test_tokenizer.py", "test_train_bpe.py", "test_data.py")
"""Test files of the course: any one of them tells a clone from another folder with tests."""
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
"""How a file begins that Git LFS has not fetched."""
GPT2_ADDRESS = "https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/"
"""Where tiktoken would fetch GPT-2's files; its cache names each by the SHA-1 of the address."""


@dataclass(frozen=True)
class Edition:
    """One year of the course, and what tells it from the others."""

    name: str
    version: int
    """First number of the version in pyproject.toml."""
    python: tuple[int, int]
    """Oldest Python that reads its tests."""
    adamw: str
    """SHA-256 of the recorded weights of its AdamW test, which 2026 recorded again."""


EDITIONS = (
    Edition(
        "Spring 2025",
        1,
        (3, 11),
        "04bd00cf45f11ce45b48862006cc4309ee4e80f0b703f079c50c95246fe41e7a",
    ),
    Edition(
        "Spring 2026",
        26,
        (3, 12),
        "57dea23bf60c3381c757e9162e798da9a06060260bb4f79b8202a5484b28643e",
    ),
)


@dataclass(frozen=True)
class Clone:
    """A folder with the course's tests; of which edition, where that can be told."""

    path: Path
    edition: Edition | None

    @property
    def tests(self) -> Path:
        return self.path / "tests"


def open_clone(path: Path) -> Clone:
    """The clone at `path`.

    Raises InputMissingError where no tests are, UnavailableError where this Python is too old.
    """
    if not path.is_dir():
        raise InputMissingError(_expected(path, "a file" if path.exists() else "no such folder"))
    tests = path / "tests"
    if not (tests / "adapters.py").is_file() or not any((tests / n).is_file() for n in TESTS):
        raise InputMissingError(_expected(path, "no such files"))
    edition = _edition(path)
    if edition and sys.version_info < edition.python:
        wanted, found = ("{}.{}".format(*version) for version in (edition.python, sys.version_info))
        raise UnavailableError(
            f"{path}: the tests of {edition.name}: expected Python {wanted} or newer, found "
            f"{found}. Run it again with: uv run --python {wanted} paribus cs336 PATH"
        )
    return Clone(path, edition)


def place_tests(clone: Clone, folder: Path) -> None:
    """Puts into `folder` the clone's tests, our adapters, and GPT-2's files for tiktoken."""
    tests = folder / "tests"
    shutil.copytree(
        clone.tests,
        tests,
        ignore=_left_out,
        ignore_dangling_symlinks=True,
        copy_function=shutil.copyfile,  # contents alone: a clone may be read-only
    )
    tests.chmod(0o755)
    shutil.copyfile(Path(__file__).with_name("adapters.py"), tests / "adapters.py")
    # pytest looks no further for settings: the clone's are not ours to obey.
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    _seed_tiktoken(tests / "fixtures", folder / "tiktoken")


def is_pointer(path: Path) -> bool:
    """Whether Git LFS has left the address of a file in its place."""
    return path.is_file() and path.stat().st_size < 1024 and read_bytes(path)[:43] == LFS_POINTER


def _expected(path: Path, found: str) -> str:
    return (
        f"{path}: expected a clone of CS336's assignment 1, with tests/adapters.py and tests such "
        f"as tests/{TESTS[0]}, found {found}. Get it: git clone https://github.com/stanford-cs336/assignment1-basics"
    )


def _edition(path: Path) -> Edition | None:
    settings, adamw = path / "pyproject.toml", path / "tests/_snapshots/test_adamw.npz"
    text = read_bytes(settings).decode("utf-8", "replace") if settings.is_file() else ""
    version = re.search(r'^version\s*=\s*["\'](\d+)\.', text, re.MULTILINE)
    recorded = sha256_of(adamw) if adamw.is_file() else ""
    by_version = {str(edition.version): edition for edition in EDITIONS}
    by_adamw = {edition.adamw: edition for edition in EDITIONS}
    return by_version.get(version[1] if version else "") or by_adamw.get(recorded)


def _left_out(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__" or is_pointer(Path(folder, name))}


def _seed_tiktoken(fixtures: Path, cache: Path) -> None:
    """GPT-2's two files as tiktoken would fetch them: its SHA-256 accept these and no others."""
    cache.mkdir()
    merges, vocabulary = fixtures / "gpt2_merges.txt", fixtures / "gpt2_vocab.json"
    if merges.is_file() and vocabulary.is_file():
        (cache / _cache_name("vocab.bpe")).write_bytes(b"#version: 0.2\n" + read_bytes(merges))
        (cache / _cache_name("encoder.json")).write_bytes(read_bytes(vocabulary))


def _cache_name(name: str) -> str:
    return hashlib.sha1(f"{GPT2_ADDRESS}{name}".encode(), usedforsecurity=False).hexdigest()
