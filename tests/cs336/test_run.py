"""The tests of a miniature clone, run: each outcome where it belongs."""

import pytest

from course_clone import FAILURE, make_clone, state_of
from paribus.cs336 import run as room
from paribus.cs336.clone import LFS_POINTER, open_clone
from paribus.cs336.run import run_tests
from paribus.errors import DataError, UnavailableError


def outcomes_of(path):
    return {outcome.test: outcome for outcome in run_tests(open_clone(path))}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A clone with all kinds of tests, in a path with spaces; its state before, its outcomes."""
    tests = {
        "test_fail.py": FAILURE,
        "test_package.py": """
            import a_package_that_nobody_has

            def test_one():
                pass

            def helper():
                pass

            def test_two():
                pass
        """,
        "test_own.py": "import cs336_basics.model\n\ndef test_own(): pass\n",
        "test_broken.py": "def test_broken(:\n    pass\n",
        "test_optional.py": "import pytest\n\npytest.importorskip('a_package_that_nobody_has')\n",
        "test_cleanup.py": """
            import pytest

            @pytest.fixture
            def resource():
                yield
                raise OSError("not given back")

            def test_with_resource(resource):
                pass
        """,
        "test_adapters.py": """
            import torch
            from .adapters import run_softmax

            def test_softmax():
                assert run_softmax(torch.zeros(2, 4), dim=-1).tolist() == [[0.25] * 4] * 2

            def test_softmax_is_not_the_identity():
                assert run_softmax(torch.zeros(2, 4), dim=-1).sum() == 0
        """,
        "fixtures/pointer.bin": LFS_POINTER.decode(),
        "test_pointer.py": "def test_pointer():\n    open('tests/fixtures/pointer.bin')\n",
    }
    path = make_clone(tmp_path_factory.mktemp("a folder") / "the clone", tests)
    (path / "cs336_basics").mkdir()
    before = state_of(path)
    return path, before, outcomes_of(path)


EXPECTED = {
    "test_data.py::test_pass": ("passed", ""),
    "test_data.py::test_skip": ("skipped", "not on this machine"),
    "test_data.py::test_missing_file": ("not runnable", "tests/fixtures/model.pt is not there"),
    "test_data.py::test_missing_file_is_no_expected_failure": ("not runnable", "model.pt is not"),
    "test_data.py::test_missing_file_of_a_fixture": ("not runnable", "model.pt is not there"),
    "test_data.py::test_expected_failure": ("skipped", "expected to fail: too large"),
    "test_fail.py::test_fail": ("failed", "assert (1 + 1) == 3"),
    "test_fail.py::test_lost_file_of_its_own": ("failed", "FileNotFoundError"),
    "test_fail.py::test_that_works_against_its_mark": ("failed", "XPASS(strict)"),
    "test_package.py::test_one": ("not runnable", "pip install a_package_that_nobody_has"),
    "test_package.py::test_two": ("not runnable", "a_package_that_nobody_has is not installed"),
    "test_own.py::test_own": ("not runnable", "cs336_basics is the clone's own code"),
    "test_broken.py": ("failed", "SyntaxError"),
    "test_optional.py": ("skipped", "could not import 'a_package_that_nobody_has'"),
    "test_cleanup.py::test_with_resource": ("failed", "not given back"),
    "test_adapters.py::test_softmax": ("passed", ""),
    "test_adapters.py::test_softmax_is_not_the_identity": ("failed", "AssertionError"),
    "test_pointer.py::test_pointer": ("not runnable", "git lfs pull"),
}


def test_no_test_is_lost_or_added(made):
    assert set(made[2]) == set(EXPECTED)


@pytest.mark.parametrize("test", EXPECTED)
def test_each_outcome_has_its_kind_and_its_reason(made, test):
    kind, words = EXPECTED[test]
    found = made[2][test]
    assert found.kind == kind
    assert words in found.reason if words else found.reason == ""


def test_the_clone_is_as_it_was(made):
    path, before, _ = made
    assert state_of(path) == before


def test_a_missing_file_of_a_checkout_comes_back_by_git(tmp_path):
    path = make_clone(tmp_path)
    (path / ".git").mkdir()
    reason = outcomes_of(path)["test_data.py::test_missing_file"].reason
    assert reason.endswith("git checkout -- tests/fixtures/model.pt")


def test_tests_that_a_crash_leaves_without_a_result_have_failed(tmp_path):
    crash = """
        import os

        def test_before():
            pass

        def test_crash():
            os._exit(9)

        def test_after():
            pass
    """
    found = outcomes_of(make_clone(tmp_path, {"test_crash.py": crash}))
    assert found["test_crash.py::test_before"].kind == "passed"
    for name in ("test_crash", "test_after"):
        outcome = found[f"test_crash.py::{name}"]
        assert outcome.kind == "failed"
        assert outcome.reason == "no result: the process ended with exit code 9"


def test_settings_of_the_user_and_of_the_clone_change_nothing(tmp_path, monkeypatch):
    path = make_clone(tmp_path)
    (path / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\n", encoding="utf-8")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    assert len(outcomes_of(path)) == 6


def test_tests_that_cannot_begin_are_refused_with_what_pytest_says(tmp_path):
    path = make_clone(tmp_path, {"conftest.py": "import a_package_that_nobody_has\n"})
    with pytest.raises(DataError, match="No module named 'a_package_that_nobody_has'"):
        run_tests(open_clone(path))


def test_a_folder_whose_test_files_are_empty_is_refused(tmp_path):
    path = make_clone(tmp_path, {"test_data.py": ""})
    with pytest.raises(DataError, match=r"tests: expected tests, found that pytest says"):
        run_tests(open_clone(path))


def test_without_pytest_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(room.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="uv sync --extra cs336"):
        run_tests(open_clone(make_clone(tmp_path)))
