"""The bugs that tools/seeded_bugs.py plants still fit the core; `make torture` shows they are caught."""

import importlib.util

import pytest

from source_tree import ROOT


def seeded_bugs():
    spec = importlib.util.spec_from_file_location("seeded_bugs", ROOT / "tools/seeded_bugs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("bug", seeded_bugs().BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_edits_one_place(bug):
    (path,) = (ROOT / "cpp/bpe").rglob(bug.file)
    assert path.read_text(encoding="utf-8").count(bug.right) == 1
    assert bug.right != bug.wrong
