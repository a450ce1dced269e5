"""Feed-forward networks: their equations by PyTorch's operations, and their widths."""

import math

import pytest
import torch

from closeness import assert_close
from paribus.model import activations
from paribus.model.activations import gelu, relu, relu2, silu
from paribus.model.config import ModelConfig
from paribus.model.ffn import FeedForward, GatedFeedForward, build_ffn
from paribus.model.variants import FFNS

ACTIVATIONS = [getattr(activations, row.activation) for row in FFNS.values()]


def test_every_activation_has_its_row():
    defined = {name for name, value in vars(activations).items() if hasattr(value, "__code__")}
    assert {"silu", "gelu", "relu", "relu2"} <= {row.activation for row in FFNS.values()} == defined


def test_silu_is_x_times_its_sigmoid_with_the_same_slope():
    x = torch.linspace(-90, 90, 181, requires_grad=True)
    peer = x.detach().clone().requires_grad_()
    silu(x).sum().backward()
    (peer / (1 + (-peer).exp())).sum().backward()
    assert_close(silu(x), x * torch.sigmoid(x))
    assert_close(x.grad, torch.nan_to_num(peer.grad), atol=1e-5)


def test_relu_keeps_what_is_above_zero():
    assert relu(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [0, 0, 3]


def test_relu2_is_the_square_of_relu():
    x = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    relu2(x).sum().backward()
    assert relu2(x).tolist() == [0, 0, 9] and x.grad.tolist() == [0, 0, 6]


def test_gelu_is_x_times_the_share_of_the_normal_distribution_below_it():
    x = torch.linspace(-8, 8, 65, dtype=torch.float64)
    below = torch.tensor([(1 + math.erf(value / math.sqrt(2))) / 2 for value in x])
    assert_close(gelu(x), x * below.double(), atol=1e-6)
    assert gelu(torch.tensor(1.0)).item() == pytest.approx(0.8413447)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_gated_network_gates_the_up_projection(activation, bias):
    ffn = randomized(GatedFeedForward(6, 10, bias, activation))
    x = torch.randn(2, 3, 6)
    gate = torch.nn.functional.linear(x, ffn.gate_proj.weight, ffn.gate_proj.bias)
    up = torch.nn.functional.linear(x, ffn.up_proj.weight, ffn.up_proj.bias)
    inner = activation(gate) * up
    expected = torch.nn.functional.linear(inner, ffn.down_proj.weight, ffn.down_proj.bias)
    assert_close(ffn(x), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_plain_network_has_two_layers(activation):
    ffn = randomized(FeedForward(6, 10, True, activation))
    x = torch.randn(2, 3, 6)
    inner = activation(x @ ffn.up_proj.weight.T + ffn.up_proj.bias)
    assert_close(ffn(x), inner @ ffn.down_proj.weight.T + ffn.down_proj.bias)


@pytest.mark.parametrize("ffn", FFNS)
@pytest.mark.parametrize("bias", [True, False])
def test_every_network_obeys_gate_bias_and_width(ffn, bias):
    network = build_ffn(ModelConfig(ffn=ffn, d_model=6, n_heads=3, d_ff=10, bias=bias))
    names = set(network.state_dict())
    assert any(name.endswith("bias") for name in names) == bias
    assert ("gate_proj.weight" in names) == FFNS[ffn].is_gated
    assert network.down_proj.weight.shape == (6, 10)


@pytest.mark.parametrize(
    ("changes", "width"),
    [
        ({}, 704),
        ({"ffn": "relu"}, 1024),
        ({"ffn": "geglu"}, 704),
        ({"ffn": "silu"}, 1024),
        ({"d_model": 512}, 1408),
        ({"d_model": 512, "ffn": "relu"}, 2048),
        ({"d_ff_rounding": "nearest"}, 704),
        ({"d_model": 512, "d_ff_rounding": "nearest"}, 1344),
        ({"d_ff_ratio": 2.0}, 512),
        ({"d_ff_multiple": 1}, 683),
        ({"d_ff": 100}, 100),
        ({"d_model": 24, "d_ff_multiple": 64}, 64),
        ({"d_model": 192, "d_ff_multiple": 64}, 512),
    ],
)
def test_the_width_follows_the_rule(changes, width):
    assert ModelConfig(**changes).feed_forward_width == width


def randomized(module):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.4, generator=generator)
    return module
