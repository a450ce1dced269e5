"""The shipped arms are what tests/golden says; `python tools/golden_files.py` writes it again."""

import math
from itertools import zip_longest

import pytest

from golden_files import ARMS, FOLDER, golden_text


def differences(found: str, golden: str) -> list[str]:
    """Lines that differ by more than the rounding of another processor."""
    pairs = zip_longest(golden.splitlines(), found.splitlines(), fillvalue="")
    return [f"{old!r} is {new!r}" for old, new in pairs if not _is_close(old, new)]


def _is_close(old: str, new: str) -> bool:
    words = list(zip_longest(old.split(), new.split(), fillvalue=""))
    return all(one == other or _numbers_are_close(one, other) for one, other in words)


def _numbers_are_close(one: str, other: str) -> bool:
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-3, abs_tol=1e-9)
    except ValueError:
        return False


@pytest.mark.parametrize("config", ARMS, ids=lambda path: path.stem)
def test_an_arm_is_what_its_golden_file_says(config):
    golden = (FOLDER / f"{config.stem}.txt").read_text(encoding="utf-8")
    assert differences(golden_text(config), golden) == []


def test_every_golden_file_has_its_arm():
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in ARMS}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  beta2: 0.95", "  beta2: 0.96"),
        ("a.weight 1.00000e-03 2.00000e-02", "a.weight 1.00000e-03 2.10000e-02"),
        ("  a.weight", ""),
        ("1 2.000000e-04", "1 2.100000e-04"),
        ("ffn: silu", "ffn: relu"),
    ],
)
def test_a_difference_is_found(old, new):
    assert differences(new, old)


def test_the_last_digit_of_another_processor_is_no_difference():
    assert not differences("a 1.00001e-03 2.00000e-02", "a 1.00000e-03 2.00001e-02")
