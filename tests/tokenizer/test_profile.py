"""Profiles: the stages of the fast tokenizer, the functions of the naive one."""

import sys

import pytest

from paribus.errors import UnavailableError
from paribus.tokenizer import profile as profile_module
from paribus.tokenizer.profile import N_FUNCTIONS, profile
from paribus.tokenizer.train import train

TEXT = b"low lower newest widest, it's 2024\n" * 2000


def test_the_fast_one_has_stages_in_their_order():
    found = profile([TEXT[:7], TEXT[7:]], 280, "fast")
    assert [part.name for part in found.training] == ["read", "count", "merge"]
    names = ["scan", "look up and emit", "misses of a first pass"]
    assert [part.name for part in found.encoding] == names
    assert found.n_bytes == len(TEXT)


class Clock:
    """Seconds that pass only as a test says."""

    def __init__(self, monkeypatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(profile_module.time, "perf_counter", lambda: self.now)


def test_training_is_cut_where_its_first_merge_begins(monkeypatch):
    clock = Clock(monkeypatch)

    def trained(blocks, progress, **options):
        report = train(blocks, **options)
        for stage, seconds in (("count", 2), ("count", 1), ("merge", 4), ("merge", 5)):
            progress(stage, 0, 0)
            clock.now += seconds
        return report

    monkeypatch.setattr(profile_module, "train", trained)
    stages = {part.name: part.seconds for part in profile([TEXT], 280, "fast").training}
    assert stages == {"read": 0, "count": 3, "merge": 9}


@pytest.mark.parametrize(
    ("scan", "warm", "first", "stages"),
    [(1, 3, 7, [1, 2, 4]), (3, 2, 7, [3, 0, 5]), (1, 3, 2, [1, 2, 0])],
)
def test_the_stages_of_encoding_are_differences_and_none_is_negative(
    monkeypatch, scan, warm, first, stages
):
    clock = Clock(monkeypatch)
    noise = iter([0.5, 0.0, 0.25] * 3)  # the best of three counts

    class Core:
        def split(self, text, pattern):
            clock.now += scan + next(noise)

    class Encoder:
        def __init__(self, vocabulary):
            self.passes = iter([first, warm])

        def encode(self, text, threads):
            clock.now += next(self.passes) + next(noise)

    core, text = Core(), TEXT[:100]
    monkeypatch.setattr(profile_module, "load_core", lambda: core)
    monkeypatch.setattr(profile_module, "Tokenizer", Encoder)
    found = profile([text], 280, "fast").encoding
    assert [part.seconds for part in found] == stages


def test_the_naive_one_has_its_functions_by_time():
    words = b" ".join(b"%x" % (i * 2654435761 % 2**32) for i in range(1500))
    found = profile([words], 280, "naive")
    for parts, name in ((found.training, "count_pairs"), (found.encoding, "merge_steps")):
        assert any(part.name == f"reference.{name}" and part.calls > 1 for part in parts)
        assert len(parts) == N_FUNCTIONS
        assert [p.seconds for p in parts] == sorted((p.seconds for p in parts), reverse=True)


def test_stages_need_the_core(monkeypatch):
    monkeypatch.setitem(sys.modules, "paribus._core", None)
    with (
        pytest.warns(UserWarning, match="slow Python reference"),
        pytest.raises(UnavailableError, match="naive"),
    ):
        profile([TEXT], 280, "fast")
