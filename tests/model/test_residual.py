"""Norm placements, worked by hand."""

import torch

from paribus.model.residual import RESIDUALS

X = torch.tensor([[[1.0, 2.0]]])


def double(x):
    return 2 * x


def plus_ten(x):
    return x + 10


def test_pre_normalizes_what_the_sublayer_reads():
    assert RESIDUALS["pre"](X, double, plus_ten).tolist() == [[[1 + 12, 2 + 14]]]


def test_post_normalizes_the_sum():
    assert RESIDUALS["post"](X, double, plus_ten).tolist() == [[[2 * 12, 2 * 14]]]


def test_only_pre_leaves_the_stream_itself_alone():
    def silent(x):
        return 0 * x

    assert torch.equal(RESIDUALS["pre"](X, double, silent), X)
    assert torch.equal(RESIDUALS["post"](X, double, silent), 2 * X)
