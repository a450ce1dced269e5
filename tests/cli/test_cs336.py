"""`paribus cs336`: the table, the exit code, and bad paths."""

import json

import pytest

from course_clone import FAILURE, make_clone, state_of

PASS = "def test_pass():\n    pass\n"
SKIP = "import pytest\n\n@pytest.mark.skip(reason='why')\ndef test_skip():\n    pass\n"
LACK = "def test_lack():\n    open('tests/fixtures/model.pt')\n"


@pytest.mark.parametrize(
    ("tests", "code", "words"),
    [
        ({"test_data.py": PASS}, 0, ""),
        ({"test_data.py": PASS + LACK, "test_skip.py": SKIP}, 0, ""),
        ({"test_data.py": PASS, "test_fail.py": FAILURE}, 76, "found 3, the first test_fail.py"),
        ({"test_data.py": LACK, "test_skip.py": SKIP}, 76, "all 2 were skipped or lack"),
    ],
    ids=["all passed", "some not runnable", "some failed", "none passed"],
)
def test_the_exit_code_is_zero_only_where_tests_pass_and_none_fails(
    cli, tmp_path, tests, code, words
):
    done = cli("cs336", make_clone(tmp_path / "a clone", tests))
    assert done.code == code
    started, *errors = done.err.splitlines()
    assert started.endswith("edition Spring 2025")
    assert [line.startswith("error: ") and words in line for line in errors] == [True] * bool(code)


def test_the_table_counts_each_kind_and_lists_all_but_the_passed(cli, tmp_path):
    path = make_clone(tmp_path, {"test_fail.py": FAILURE})
    before = state_of(path)
    done = cli("cs336", path)
    assert state_of(path) == before
    lines = [line.replace("|", " ").split() for line in done.out.splitlines()]
    assert ["test_data.py", "1", "0", "2", "3"] in lines
    assert ["test_fail.py", "0", "3", "0", "0"] in lines
    assert ["all", "1", "3", "2", "3"] in lines
    order = [
        line for line in done.out.splitlines() if line in ("failed", "skipped", "not runnable")
    ]
    assert order == ["failed", "skipped", "not runnable"]
    assert "    test_data.py::test_missing_file_of_a_fixture" in done.out
    assert "test_data.py::test_pass" not in done.out


def test_json_holds_every_test(cli, tmp_path):
    done = cli("cs336", make_clone(tmp_path, version="3.0"), "--json")
    record = json.loads(done.out)
    assert record["edition"] == "not known"
    assert record["counts"] == {"passed": 1, "failed": 0, "skipped": 2, "not runnable": 3}
    kinds = {row["test"]: row["kind"] for row in record["tests"]}
    assert kinds["test_data.py::test_pass"] == "passed"
    assert len(kinds) == sum(record["counts"].values())
    assert all(row["reason"] for row in record["tests"] if row["kind"] != "passed")


@pytest.mark.parametrize(
    ("name", "words"),
    [("nothing", "no such folder"), ("file", "a file"), ("empty", "no such files")],
)
def test_a_path_that_is_no_clone_is_refused_in_one_line(cli, tmp_path, name, words):
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    done = cli("cs336", tmp_path / name)
    assert (done.code, done.out) == (66, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"error: {tmp_path / name}: expected a clone")
    assert f"found {words}" in line
    assert "git clone" in line
