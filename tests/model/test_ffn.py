"""Feed-forward networks: their equations by PyTorch's operations, and their widths."""

import pytest
import torch

from closeness import assert_close
from paribus.model.config import ModelConfig
from paribus.model.ffn import FFNS, SwiGLU, relu, silu
from paribus.model.ffn import ReLU as ReLUNetwork


def test_silu_is_x_times_its_sigmoid_with_the_same_slope():
    x = torch.linspace(-90, 90, 181, requires_grad=True)
    peer = x.detach().clone().requires_grad_()
    silu(x).sum().backward()
    (peer / (1 + (-peer).exp())).sum().backward()
    assert_close(silu(x), x * torch.sigmoid(x))
    assert_close(x.grad, torch.nan_to_num(peer.grad), atol=1e-5)


def test_relu_keeps_what_is_above_zero():
    assert relu(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [0, 0, 3]


@pytest.mark.parametrize("bias", [True, False])
def test_swiglu_gates_the_up_projection(bias):
    ffn = randomized(SwiGLU(6, 10, bias))
    x = torch.randn(2, 3, 6)
    gate = torch.nn.functional.linear(x, ffn.gate_proj.weight, ffn.gate_proj.bias)
    up = torch.nn.functional.linear(x, ffn.up_proj.weight, ffn.up_proj.bias)
    inner = gate * torch.sigmoid(gate) * up
    expected = torch.nn.functional.linear(inner, ffn.down_proj.weight, ffn.down_proj.bias)
    assert_close(ffn(x), expected)


def test_the_relu_network_has_two_layers():
    ffn = randomized(ReLUNetwork(6, 10, True))
    x = torch.randn(2, 3, 6)
    inner = (x @ ffn.up_proj.weight.T + ffn.up_proj.bias).clamp(min=0)
    assert_close(ffn(x), inner @ ffn.down_proj.weight.T + ffn.down_proj.bias)
    assert {name.split(".")[0] for name in ffn.state_dict()} == {"up_proj", "down_proj"}


@pytest.mark.parametrize("ffn", FFNS)
@pytest.mark.parametrize("bias", [True, False])
def test_every_network_obeys_bias_and_width(ffn, bias):
    network = FFNS[ffn](6, 10, bias)
    assert any(name.endswith("bias") for name in network.state_dict()) == bias
    assert network.down_proj.weight.shape == (6, 10)


@pytest.mark.parametrize(
    ("changes", "width"),
    [
        ({}, 704),
        ({"ffn": "relu"}, 1024),
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
