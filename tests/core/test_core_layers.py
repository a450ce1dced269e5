"""The layers of the C++ core: includes only point down, as the imports of the package do."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

import pytest

from source_tree import ROOT

# ARCHITECTURE.md draws the same list. "shared" holds the files directly in cpp/bpe.
LAYERS = {
    3: ["encode", "train"],
    2: ["words"],
    1: ["scan", "merge"],
    0: ["shared"],
}
LAYER_OF = {folder: layer for layer, folders in LAYERS.items() for folder in folders}
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)
PYTHON_HEADER = re.compile(r"(?i)python|nanobind|pybind|numpy")


def core_files() -> dict[str, str]:
    """Path below cpp/ -> text, for each file of the core."""
    return {
        path.relative_to(ROOT / "cpp").as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "cpp" / "bpe").rglob("*"))
        if path.suffix in (".h", ".cpp")
    }


def folder_of(name: str) -> str:
    parts = PurePosixPath(name).parts
    return parts[1] if len(parts) == 3 else "shared"


def unit_of(name: str) -> str:
    """A header and the source of the same name are one unit."""
    return str(PurePosixPath(name).with_suffix(""))


def wrong_includes(name: str, text: str) -> list[str]:
    folder = folder_of(name)
    found = []
    for included in INCLUDE.findall(text):
        if PYTHON_HEADER.search(included) or included.startswith(("bindings/", "tests/", "fuzz/")):
            found.append(included)
        elif included.startswith("bpe/"):
            target = folder_of(included)
            if target != folder and LAYER_OF[target] >= LAYER_OF[folder]:
                found.append(included)
        elif "/" not in included and f'"{included}"' in text:
            found.append(f"{included}: state the folder")
    return found


def test_includes_point_down():
    files = core_files()
    assert len(files) > 60
    assert {
        name: wrong for name, text in files.items() if (wrong := wrong_includes(name, text))
    } == {}


@pytest.mark.parametrize(
    ("name", "included"),
    [
        ("bpe/types.h", '"bpe/scan/pattern.h"'),
        ("bpe/scan/cuts.cpp", '"bpe/merge/word_merger.h"'),
        ("bpe/merge/word_merger.h", '"bpe/words/word_key.h"'),
        ("bpe/words/word_counts.h", '"bpe/train/options.h"'),
        ("bpe/encode/encoder.h", '"bpe/train/trainer.h"'),
        ("bpe/train/trainer.cpp", '"bpe/encode/ids.h"'),
        ("bpe/scan/cuts.h", '"pattern.h"'),
        ("bpe/encode/ids.h", "<Python.h>"),
        ("bpe/encode/ids.h", "<nanobind/nanobind.h>"),
        ("bpe/encode/ids.h", '"tests/naive.h"'),
    ],
)
def test_an_include_upward_or_sideways_is_found(name: str, included: str):
    assert wrong_includes(name, f"#include {included}\n")


def test_every_folder_has_a_layer():
    assert {folder_of(name) for name in core_files()} == set(LAYER_OF)


def includes_of_units(files: dict[str, str]) -> dict[str, set[str]]:
    units: dict[str, set[str]] = {}
    for name, text in files.items():
        own = units.setdefault(unit_of(name), set())
        own |= {unit_of(i) for i in INCLUDE.findall(text) if i.startswith("bpe/")} - {unit_of(name)}
    return units


def cycle_in(files: dict[str, str]) -> list[str]:
    try:
        TopologicalSorter(includes_of_units(files)).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_part_takes_a_type_from_the_part_that_uses_it():
    assert cycle_in(core_files()) == []


def test_a_type_that_comes_down_from_above_is_found():
    files = {
        "bpe/train/trainer.h": "",
        "bpe/train/trainer.cpp": '#include "bpe/train/merge_learner.h"\n',
        "bpe/train/merge_learner.h": '#include "bpe/train/trainer.h"\n',
    }
    assert cycle_in(files)


def test_the_architecture_page_draws_these_layers():
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    drawn = re.findall(r"^(\d)  cpp/bpe/ (.+?)(?:   .*)?$", page, re.MULTILINE)
    assert {int(layer): folders.split() for layer, folders in drawn} == LAYERS
