"""The table of character classes against what it is generated from."""

import importlib.util
from itertools import pairwise
from pathlib import Path

import pytest

from paribus.tokenizer.unicode_table import RANGES, UNICODE_VERSION

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator():
    pytest.importorskip("tiktoken")
    path = ROOT / "tools/generate_unicode_table.py"
    spec = importlib.util.spec_from_file_location("generate_unicode_table", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_both_tables_are_what_the_pinned_tiktoken_matches(generator):
    version, classes = generator.unicode_version(), generator.classes_of_all_code_points()
    assert version == UNICODE_VERSION
    for path, text in (
        (generator.CPP_FILE, generator.cpp_table(version, classes)),
        (generator.PYTHON_FILE, generator.python_table(version, classes)),
    ):
        assert (ROOT / path).read_text(encoding="utf-8") == text, f"generate {path} again"


def test_no_code_point_is_of_two_classes():
    ranges = sorted(
        (int(first, 16), int(last or first, 16))
        for item in " ".join(RANGES.values()).split()
        for first, _, last in [item.partition("-")]
    )
    assert all(first <= last < following for (first, last), (following, _) in pairwise(ranges))
