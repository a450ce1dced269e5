"""A run leaves the process as it found it."""

import logging
import os

import pytest
import torch

from paribus.training import run
from paribus.training.process_settings import CUBLAS, process_settings
from paribus.training.run import train


@pytest.fixture(autouse=True)
def _uncompiled(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, dynamic: function)


def settings_now():
    return {
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "filled": torch.utils.deterministic.fill_uninitialized_memory,
        "benchmark": torch.backends.cudnn.benchmark,
        "workspace": os.environ.get(CUBLAS),
        "random": torch.get_rng_state().sum().item(),
        "loggers": [
            logging.getLogger(name).level
            for name in ("torch.utils.cpp_extension", "torch._higher_order_ops.wrap")
        ],
    }


@pytest.fixture
def recorded(monkeypatch):
    """What the settings were in each run, while it was at work."""
    seen, real = [], run.build_objective

    def build(training):
        seen.append(settings_now())
        return real(training)

    monkeypatch.setattr(run, "build_objective", build)
    return seen


ON = ("training.compile=on", "training.threads=2")
OFF = ("training.compile=on", "training.deterministic=false", "training.threads=1")


@pytest.mark.parametrize("order", [(ON, OFF), (OFF, ON)], ids=["on first", "off first"])
def test_two_runs_of_a_process_do_not_see_each_other_s_settings(order, tiny_experiment, recorded):
    before = settings_now()
    for number, overrides in enumerate(order):
        train(tiny_experiment(f"run{number}", "training.steps=3", *overrides))
        assert settings_now() == before
    found = {(one["threads"], one["deterministic"]) for one in recorded}
    assert found == {(2, True), (1, False)}
    assert [one["threads"] for one in recorded] == [2 if o is ON else 1 for o in order]


def test_settings_come_back_after_an_error_too(tiny_experiment):
    before = settings_now()
    training = tiny_experiment("run", *ON).training
    with pytest.raises(KeyboardInterrupt), process_settings(training):
        assert settings_now() != before
        raise KeyboardInterrupt
    assert settings_now() == before


def test_a_user_s_own_determinism_is_kept(tiny_experiment):
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        train(tiny_experiment("run", "training.steps=3", *OFF))
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_run_does_not_move_the_caller_s_random_numbers(tiny_experiment):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(tiny_experiment("run", "training.steps=3"))
    assert torch.equal(torch.rand(3), expected)
