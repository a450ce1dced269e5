"""The thread sanitizer runs the C++ tests with "thread" in their names: no test with threads is left out."""

import re

from source_tree import ROOT

STARTS_THREADS = re.compile(r"n_threads|std::thread|run_tasks")


def named_functions(source: str) -> dict[str, str]:
    """Function of a test -> its sentence."""
    return {function: name for name, function in re.findall(r'\{"([^"]+)",\s*(\w+)\}', source)}


def functions_with_threads(source: str) -> set[str]:
    bodies = re.findall(r"^void (\w+)\(\) \{\n(.*?)^\}", source, re.MULTILINE | re.DOTALL)
    return {function for function, body in bodies if STARTS_THREADS.search(body)}


def test_every_test_that_starts_threads_says_so_in_its_name():
    found = 0
    for path in (ROOT / "cpp" / "tests").glob("test_*.cpp"):
        source = path.read_text(encoding="utf-8")
        names = named_functions(source)
        for function in functions_with_threads(source):
            assert "thread" in names[function], f"{path.name}: {function}"
            found += 1
    assert found >= 10
