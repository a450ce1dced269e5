"""Profiles: the stages of the fast tokenizer, the functions of the naive one."""

import sys

import pytest

from paribus.errors import UnavailableError
from paribus.tokenizer.profile import N_FUNCTIONS, profile

TEXT = b"low lower newest widest, it's 2024\n" * 2000


def test_the_fast_one_has_stages_in_their_order():
    found = profile([TEXT[:7], TEXT[7:]], 280, "fast")
    assert [part.name for part in found.training] == ["read", "count", "merge"]
    names = ["scan", "look up and emit", "misses of a first pass"]
    assert [part.name for part in found.encoding] == names
    assert found.n_bytes == len(TEXT)
    assert all(part.seconds >= 0 for part in (*found.training, *found.encoding))
    assert sum(part.seconds for part in found.encoding) > 0


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
