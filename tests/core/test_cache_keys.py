"""uv builds the core again after a change of its sources, and only then."""

import tomllib
from pathlib import Path

import pytest

from source_tree import ROOT

SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CACHE_KEYS = [key["file"] for key in SETTINGS["tool"]["uv"]["cache-keys"] if "file" in key]
SOURCE_FOLDERS = ["cpp/bpe", "cpp/bindings"]
"""What the wheel is compiled from; tests and fuzzers are no part of it."""


def matched(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for key in CACHE_KEYS for path in root.glob(key)}


def sources() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for folder in SOURCE_FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".h", ".cpp", ".inc")
    }


def test_the_keys_are_the_sources_of_the_wheel():
    assert matched(ROOT) == sources() | {"pyproject.toml", "CMakeLists.txt"}


@pytest.mark.parametrize(
    "generated",
    [
        "__pycache__/generate.cpython-311.pyc",
        "module.o",
        "module.cpp.o",
        "module.cpp.o.d",
        "_core.abi3.so",
        "_core.pyd",
        "libbpe.a",
        "CMakeCache.txt",
        "compile_commands.json",
        ".clangd/index.idx",
        "fuzz-failure.bin",
        "encoder.h.orig",
        ".encoder.h.swp",
        ".DS_Store",
    ],
)
def test_no_generated_file_is_a_key(tmp_path: Path, generated: str):
    folders = [
        *(Path(source).parent for source in sources()),
        Path("cpp"),
        Path("cpp/fuzz"),
        Path(),
    ]
    for folder in {*folders, Path("build/plain")}:
        path = tmp_path / folder / generated
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert matched(tmp_path) == set()


def test_no_python_lies_among_the_sources_of_the_core():
    assert list((ROOT / "cpp").rglob("*.py")) == []
