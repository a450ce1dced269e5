"""A miniature of a clone of the course's repository: few tests, every outcome."""

import hashlib
from pathlib import Path
from textwrap import dedent

TESTS = {
    "__init__.py": "",
    "adapters.py": "raise NotImplementedError('the work of a student')\n",
    "fixtures/here.txt": "here\n",
    "test_data.py": """
        from pathlib import Path
        import pytest

        FIXTURES = Path(__file__).parent / "fixtures"

        def test_pass():
            assert (FIXTURES / "here.txt").read_text() == "here\\n"

        @pytest.mark.skip(reason="not on this machine")
        def test_skip():
            raise AssertionError

        def test_missing_file():
            (FIXTURES / "model.pt").read_bytes()

        @pytest.mark.xfail(reason="too large")
        def test_missing_file_is_no_expected_failure():
            open("tests/fixtures/model.pt")

        @pytest.mark.xfail(reason="too large")
        def test_expected_failure():
            raise MemoryError

        @pytest.fixture
        def model():
            return (FIXTURES / "model.pt").read_bytes()

        def test_missing_file_of_a_fixture(model):
            raise AssertionError
    """,
}
FAILURE = """
    import pytest

    def test_fail():
        assert 1 + 1 == 3

    def test_lost_file_of_its_own():
        open("elsewhere.txt")

    @pytest.mark.xfail(strict=True, reason="cannot work")
    def test_that_works_against_its_mark():
        pass
"""


def make_clone(path: Path, tests: dict[str, str] | None = None, version: str = "1.0.6") -> Path:
    """Writes the miniature with `tests` besides its own; gives its path."""
    write(path, {"pyproject.toml": f'[project]\nname = "cs336_basics"\nversion = "{version}"\n'})
    write(path / "tests", TESTS | (tests or {}))
    return path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(dedent(text), encoding="utf-8")


def state_of(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Every file with its mode, time of change and content."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    }
