"""Each component alone against the same equations in float64 NumPy."""

import dataclasses

import numpy as np
import numpy_reference
import pytest
import torch

from axes import small_config
from paribus.model.attention import BACKENDS, Attention
from paribus.model.config import Alibi, NoPosition, Rope, Sinusoidal
from paribus.model.ffn import build_ffn
from paribus.model.norm import NORMS, build_norm
from paribus.model.position import build_position, sinusoids
from paribus.model.variants import FFNS

WIDE = small_config(d_model=48, d_ff=80, bias=True)


def randomized(module, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0.2, 0.3, generator=generator)
    return module


def rows(n_rows=8, width=48):
    return torch.randn(n_rows, width, generator=torch.Generator().manual_seed(1)) * 2 + 0.5


def exact(module, prefix=""):
    return {prefix + name: tensor.double().numpy() for name, tensor in module.state_dict().items()}


def assert_is(found, expected):
    """Within what float32 resolves of the largest value."""
    np.testing.assert_allclose(
        found.detach().double().numpy(), expected, atol=3e-6 * abs(expected).max(), rtol=0
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_norm(norm, bias):
    config = dataclasses.replace(WIDE, norm=norm, bias=bias, norm_eps=1e-2)
    module, x = randomized(build_norm(config)), rows()
    assert_is(module(x), numpy_reference.norm(x.double().numpy(), exact(module), config))


@pytest.mark.parametrize("ffn", FFNS)
def test_a_feed_forward_network(ffn):
    config = dataclasses.replace(WIDE, ffn=ffn)
    module, x = randomized(build_ffn(config)), rows()
    assert_is(module(x), numpy_reference.ffn(x.double().numpy(), exact(module), config))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_kv_heads", [1, 2, 4])
@pytest.mark.parametrize("qk_norm", [True, False])
@pytest.mark.parametrize("position", [Rope(theta=50.0), NoPosition(), Alibi()])
def test_attention(backend, n_kv_heads, qk_norm, position):
    config = dataclasses.replace(
        WIDE, attention_backend=backend, n_kv_heads=n_kv_heads, qk_norm=qk_norm, position=position
    )
    module, x = randomized(Attention(config)), rows() / 4
    signal, positions = build_position(config), torch.arange(8)
    found = module(x, signal.rotation(positions), signal.mask(positions, 8))
    assert_is(
        found, numpy_reference.attention(x.double().numpy(), exact(module, "attention."), config)
    )


def test_sinusoids():
    expected = numpy_reference.additive_positions(
        {}, dataclasses.replace(WIDE, position=Sinusoidal()), 300
    )
    # The angle of position 299 is a float32 of its own.
    np.testing.assert_allclose(sinusoids(torch.arange(300), 48).numpy(), expected, atol=3e-5)
