"""docs/tokenizer.md against the core: its table has every file, and no other."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "cpp" / "bpe"
PAGE = (ROOT / "docs" / "tokenizer.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([\w./]+)` \| ", PAGE.partition("## All of cpp/bpe")[2], re.MULTILINE)


def files_of_row(name: str) -> set[str]:
    """A row without an ending stands for a header and its source."""
    return {name} if "." in name else {f"{name}.h", f"{name}.cpp"}


def test_the_table_has_every_file_of_the_core_once():
    listed = [file for name in ROWS for file in files_of_row(name)]
    present = [path.relative_to(CORE).as_posix() for path in CORE.rglob("*") if path.is_file()]
    assert sorted(listed) == sorted(present)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+\.(?:h|cpp|inc))`", PAGE))))
def test_every_file_that_the_page_names_is_there(name):
    assert len(list(CORE.rglob(name))) == 1
