"""Each combination of the axes in turn, and a few tokens."""

import pytest
import torch
from variants import VARIANTS, config_of, name_of

from paribus.model.config import Learned, ModelConfig, NoPosition, Rope, Sinusoidal


@pytest.fixture(params=VARIANTS, ids=name_of)
def variant_config(request) -> ModelConfig:
    """Each combination of the tables' rows in turn."""
    return config_of(request.param)


@pytest.fixture(params=[v for v in VARIANTS if v[3:] == ("swiglu", "tied", "plain")], ids=name_of)
def stream_config(request) -> ModelConfig:
    """Each combination of placement, norm and position: what shapes the residual stream."""
    return config_of(request.param)


@pytest.fixture(params=[Rope(), NoPosition(), Sinusoidal(), Learned()], ids=lambda p: p.kind)
def position(request):
    """Each kind of position in turn."""
    return request.param


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(0, 13, (3, 8), generator=torch.Generator().manual_seed(1))
