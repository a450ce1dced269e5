"""A clone of the course: its edition, and the copy of its tests."""

import hashlib
import shutil
import sys

import pytest

from course_clone import make_clone, state_of, write
from paribus.cs336 import clone as room
from paribus.cs336.clone import open_clone, place_tests
from paribus.errors import InputMissingError, UnavailableError


def edition_of(path):
    found = open_clone(path).edition
    return found.name if found else None


@pytest.fixture
def any_python(monkeypatch):
    monkeypatch.setattr(room.sys, "version_info", (3, 12, 0))


@pytest.mark.usefixtures("any_python")
@pytest.mark.parametrize(
    ("version", "name"),
    [("1.0.2", "Spring 2025"), ("1.0.6", "Spring 2025"), ("26.0.3", "Spring 2026"), ("2.0", None)],
)
def test_the_edition_is_that_of_the_version(tmp_path, version, name):
    assert edition_of(make_clone(tmp_path, version=version)) == name


@pytest.mark.usefixtures("any_python")
@pytest.mark.parametrize(
    ("recorded", "name"),
    [("spring2025", "Spring 2025"), ("spring2026", "Spring 2026")],
)
def test_the_edition_is_that_of_the_recorded_weights_else(tmp_path, gpt2_folder, recorded, name):
    path = make_clone(tmp_path, {"_snapshots/none.txt": ""}, version="none")
    assert edition_of(path) is None
    source = gpt2_folder.parents[1] / recorded / "_snapshots/test_adamw.npz"
    shutil.copyfile(source, path / "tests/_snapshots/test_adamw.npz")
    assert edition_of(path) == name
    (path / "pyproject.toml").unlink()
    assert edition_of(path) == name


def test_a_python_that_cannot_read_the_tests_is_refused_with_the_command_that_can(
    tmp_path, monkeypatch
):
    path = make_clone(tmp_path, version="26.0.0")
    monkeypatch.setattr(room.sys, "version_info", (3, 11, 9))
    with pytest.raises(UnavailableError, match=r"Python 3\.12 or newer, found 3\.11.*uv run"):
        open_clone(path)


def test_what_is_no_clone_is_refused(tmp_path):
    (tmp_path / "file").touch()
    write(
        tmp_path,
        {"plain/readme.md": "", "bare/tests/adapters.py": "", "bare/tests/test_its_own.py": ""},
    )
    for name, found in (
        ("file", "found a file"),
        ("nothing", "found no such folder"),
        ("plain", "found no such files"),
        ("bare", "found no such files"),
    ):
        with pytest.raises(InputMissingError, match=found):
            open_clone(tmp_path / name)


def test_the_copy_holds_the_tests_and_our_adapters(tmp_path):
    clone = open_clone(make_clone(tmp_path / "clone", {"__pycache__/old.pyc": "old"}))
    (tmp_path / "run").mkdir()
    before = state_of(clone.path)
    place_tests(clone, tmp_path / "run")
    assert state_of(clone.path) == before
    tests = tmp_path / "run/tests"
    names = {p.relative_to(tests).as_posix() for p in tests.rglob("*") if p.is_file()}
    assert names == {"__init__.py", "adapters.py", "fixtures/here.txt", "test_data.py"}
    assert "def run_softmax(" in (tests / "adapters.py").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="a link needs a privilege there")
def test_files_that_cannot_be_written_to_and_links_to_nothing_are_copied_all_the_same(tmp_path):
    path = make_clone(tmp_path / "clone")
    (path / "tests/fixtures/link.txt").symlink_to("nothing")
    (path / "tests/adapters.py").chmod(0o444)
    (path / "tests").chmod(0o555)
    (tmp_path / "run").mkdir()
    try:
        place_tests(open_clone(path), tmp_path / "run")
    finally:
        (path / "tests").chmod(0o755)
    assert (tmp_path / "run/tests").stat().st_mode & 0o700 == 0o700
    assert not (tmp_path / "run/tests/fixtures/link.txt").exists()


def test_a_file_that_git_lfs_has_not_fetched_is_left_out(tmp_path):
    pointer = room.LFS_POINTER.decode() + "oid sha256:00\nsize 5242880\n"
    path = make_clone(tmp_path / "clone", {"fixtures/model.pt": pointer})
    (tmp_path / "run").mkdir()
    place_tests(open_clone(path), tmp_path / "run")
    assert not (tmp_path / "run/tests/fixtures/model.pt").exists()
    assert (tmp_path / "run/tests/fixtures/here.txt").exists()


def test_tiktoken_reads_gpt2_from_the_copy_without_a_network(tmp_path, gpt2_folder, monkeypatch):
    registry = pytest.importorskip("tiktoken.registry")
    path = make_clone(tmp_path / "clone")
    for name in ("gpt2_vocab.json", "gpt2_merges.txt"):
        shutil.copyfile(gpt2_folder / name, path / "tests/fixtures" / name)
    (tmp_path / "run").mkdir()
    place_tests(open_clone(path), tmp_path / "run")

    def no_network(address):
        raise AssertionError(f"{address} is not in the cache")

    monkeypatch.setattr("tiktoken.load.read_file", no_network)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "run/tiktoken"))
    monkeypatch.setattr(registry, "ENCODINGS", {})
    assert registry.get_encoding("gpt2").encode("Hello world") == [15496, 995]


def test_the_marks_of_the_editions_differ():
    for field in ("name", "version", "adamw"):
        assert len({getattr(edition, field) for edition in room.EDITIONS}) == len(room.EDITIONS)
    assert all(len(edition.adamw) == 2 * hashlib.sha256().digest_size for edition in room.EDITIONS)
    assert min(edition.python for edition in room.EDITIONS) <= sys.version_info
