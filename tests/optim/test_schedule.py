"""Schedules: the public semantics of the cosine, and the shape of each kind by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from paribus.errors import ConfigError
from paribus.optim.config import ScheduleConfig
from paribus.optim.schedule import SCHEDULES, check_schedule, cosine_with_warmup, learning_rate

PLAIN = ScheduleConfig(warmup_steps=10, min_lr=1.0)


def rates(config, n_steps=50, last=60):
    return [learning_rate(step, config, 5.0, n_steps) for step in range(last + 1)]


def test_the_cosine_schedule_of_cs336_by_its_formula():
    for step in range(25):
        rate = cosine_with_warmup(step, peak=1.0, min_lr=0.1, warmup_steps=7, horizon=21)
        if step < 7:
            expected = step / 7
        elif step <= 21:
            expected = 0.1 + 0.5 * (1 + math.cos((step - 7) / (21 - 7) * math.pi)) * 0.9
        else:
            expected = 0.1
        assert rate == pytest.approx(expected, abs=1e-12), step


def test_the_corners_of_the_cosine_are_defined():
    assert cosine_with_warmup(0, 1.0, 0.1, warmup_steps=0, horizon=10) == 1.0
    assert cosine_with_warmup(5, 1.0, 0.1, warmup_steps=5, horizon=5) == 0.1
    assert cosine_with_warmup(4, 1.0, 0.1, warmup_steps=5, horizon=5) == pytest.approx(0.8)
    assert cosine_with_warmup(6, 1.0, 0.1, warmup_steps=5, horizon=5) == 0.1
    assert cosine_with_warmup(0, 1.0, 0.1, warmup_steps=0, horizon=0) == 0.1


@pytest.mark.parametrize("kind", SCHEDULES)
def test_every_kind_grows_from_zero_and_stays_between_its_ends(kind):
    found = rates(replace(PLAIN, kind=kind))
    assert found[:11] == pytest.approx([5.0 * step / 10 for step in range(11)])
    assert all(1.0 <= rate <= 5.0 for rate in found[10:])
    assert found[10:] == sorted(found[10:], reverse=True)
    assert found[50:] == [found[50]] * 11
    assert found[50] == pytest.approx(5.0 if kind == "constant" else 1.0)


def test_each_kind_has_its_shape():
    middle = {kind: rates(replace(PLAIN, kind=kind))[20] for kind in SCHEDULES}
    assert middle["constant"] == middle["wsd"] == 5.0
    assert middle["linear"] == pytest.approx(4.0)
    assert middle["cosine"] == pytest.approx(1 + 4 * (1 + math.cos(math.pi / 4)) / 2)


CORNERS = {
    "linear": ([0, 7, 47], [0.0, 5.0, 1.0]),
    "wsd": ([0, 7, 37, 47], [0.0, 5.0, 5.0, 1.0]),
    "constant": ([0, 7, 47], [0.0, 5.0, 5.0]),
}


@pytest.mark.parametrize("kind", CORNERS)
def test_a_kind_of_straight_lines_is_its_corners_joined(kind):
    config = ScheduleConfig(kind=kind, warmup_steps=7, min_lr=1.0, decay_fraction=0.25)
    expected = np.interp(range(61), *CORNERS[kind])
    assert rates(config, n_steps=47) == pytest.approx(expected.tolist(), abs=1e-12)


def test_the_cosine_is_that_of_pytorch():
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=5.0)
    peer = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40, eta_min=1.0)
    expected = []
    for _ in range(41):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        peer.step()
    config = ScheduleConfig(warmup_steps=0, min_lr=1.0)
    assert rates(config, n_steps=40, last=40) == pytest.approx(expected, abs=1e-12)


def test_wsd_decays_in_its_last_share():
    found = rates(replace(PLAIN, kind="wsd", decay_fraction=0.25))
    assert found[40] == 5.0 and found[41] < 5.0
    assert found[45] == pytest.approx(3.0)


def test_a_horizon_of_its_own_ends_the_decay_there():
    found = rates(replace(PLAIN, horizon=30))
    assert found[:31] == pytest.approx(rates(PLAIN, n_steps=30)[:31])
    assert found[30:] == [1.0] * 31
    beyond = rates(replace(PLAIN, horizon=100))
    assert beyond[50] > 1.0


def test_a_null_warm_up_is_a_tenth_of_the_run():
    assert rates(replace(PLAIN, warmup_steps=None)) == rates(replace(PLAIN, warmup_steps=5))


@pytest.mark.parametrize(
    ("warmup", "horizon", "end"), [(50, None, 50), (60, None, 50), (30, 20, 20)]
)
def test_a_warm_up_that_never_ends_is_refused_by_name(warmup, horizon, end):
    config = replace(PLAIN, warmup_steps=warmup, horizon=horizon)
    with pytest.raises(ConfigError, match=rf"schedule\.warmup_steps: .* = {end}, found {warmup}"):
        check_schedule(config, 5.0, 50)


@pytest.mark.parametrize("kind", ["cosine", "linear", "wsd"])
def test_a_rate_that_would_rise_to_its_end_is_refused(kind):
    config = replace(PLAIN, kind=kind, min_lr=6.0)
    with pytest.raises(ConfigError, match=r"schedule\.min_lr: .* = 5\.0, found 6\.0"):
        check_schedule(config, 5.0, 50)
    check_schedule(replace(config, kind="constant"), 5.0, 50)
    check_schedule(replace(config, min_lr=5.0), 5.0, 50)


def test_a_warm_up_that_ends_is_accepted():
    check_schedule(PLAIN, 5.0, 11)
    check_schedule(replace(PLAIN, warmup_steps=None), 5.0, 1)
    check_schedule(replace(PLAIN, warmup_steps=0), 5.0, 1)
    check_schedule(replace(PLAIN, horizon=11), 5.0, 50)
