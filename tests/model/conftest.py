"""Rows that cover every pair of choices in turn, and a few tokens."""

import itertools

import pytest
import torch

from axes import MODEL_AXES, ROWS, config_of, name_of, small_config
from paribus.model.config import ModelConfig

STREAM = ("norm_placement", "norm", "position")


@pytest.fixture(params=ROWS, ids=name_of)
def variant_config(request) -> ModelConfig:
    """Each row that covers the pairs of choices."""
    return config_of(request.param)


@pytest.fixture(
    params=[
        dict(zip(STREAM, values, strict=True))
        for values in itertools.product(*(MODEL_AXES[name] for name in STREAM))
    ],
    ids=name_of,
)
def stream_config(request) -> ModelConfig:
    """Each combination of placement, norm and position: what shapes the residual stream."""
    return small_config(**request.param)


@pytest.fixture(params=MODEL_AXES["position"], ids=lambda p: p.kind)
def position(request):
    """Each kind of position in turn."""
    return request.param


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(0, 13, (3, 8), generator=torch.Generator().manual_seed(1))
