"""Norm placements, worked by hand."""

import pytest
import torch

from paribus.model.residual import RESIDUALS
from paribus.model.variants import PLACEMENTS

X = torch.tensor([[[1.0, 2.0]]])


def double(x):
    return 2 * x


def plus_ten(x):
    return x + 10


def times_100(x):
    return 100 * x


def placed(name, sublayer=plus_ten):
    return RESIDUALS[name](X, double, sublayer, times_100).tolist()[0][0]


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("pre", [1 + 12, 2 + 14]),
        ("post", [2 * 12, 2 * 14]),
        ("sandwich", [1 + 1200, 2 + 1400]),
        ("output", [1 + 22, 2 + 24]),
        ("none", [1 + 11, 2 + 12]),
    ],
)
def test_a_placement_by_hand(placement, expected):
    assert placed(placement) == expected


def test_every_placement_has_its_row():
    assert RESIDUALS.keys() == PLACEMENTS.keys()


def test_only_post_changes_the_stream_under_a_silent_sublayer():
    for placement in RESIDUALS:
        kept = placed(placement, lambda x: 0 * x) == [1, 2]
        assert kept == (placement != "post"), placement
