"""Normalizations: against PyTorch's own, and in the number format that keeps their low bits."""

import pytest
import torch
from torch import nn

from closeness import assert_close
from paribus.model.norm import LayerNorm, RMSNorm


def random_norm(norm):
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.normal_(1, 0.5, generator=generator)
    return norm


def inputs():
    return torch.randn(2, 5, 48, generator=torch.Generator().manual_seed(4)) * 3 + 1


@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_rmsnorm_equals_pytorch(eps):
    norm, x = random_norm(RMSNorm(48, eps)), inputs()
    assert_close(norm(x), nn.functional.rms_norm(x, (48,), norm.weight, eps))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_layernorm_equals_pytorch(bias, eps):
    norm, x = random_norm(LayerNorm(48, eps, bias)), inputs()
    assert (norm.bias is not None) == bias
    assert_close(norm(x), nn.functional.layer_norm(x, (48,), norm.weight, norm.bias, eps))


@pytest.mark.parametrize("norm", [RMSNorm(48, 1e-5), LayerNorm(48, 1e-5, True)])
def test_gradients_equal_pytorch(norm):
    norm, x = random_norm(norm), inputs().requires_grad_()
    peer_x, weight = x.detach().clone().requires_grad_(), norm.weight.detach().clone()
    weight.requires_grad_()
    if isinstance(norm, RMSNorm):
        peer = nn.functional.rms_norm(peer_x, (48,), weight, 1e-5)
    else:
        peer = nn.functional.layer_norm(peer_x, (48,), weight, norm.bias.detach(), 1e-5)
    slope = torch.randn(2, 5, 48)
    norm(x).backward(slope)
    peer.backward(slope)
    assert_close(x.grad, peer_x.grad, atol=1e-5)
    assert_close(norm.weight.grad, weight.grad, atol=1e-4)


def test_low_precision_is_left_only_at_the_end():
    norm, x = random_norm(RMSNorm(48, 1e-5)), inputs().bfloat16()
    found = norm(x)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, norm(x.float()).bfloat16())


def test_a_row_of_zeros_stays_finite():
    for norm in (RMSNorm(4, 1e-5), LayerNorm(4, 1e-5, True)):
        x = torch.zeros(1, 4, requires_grad=True)
        random_norm(norm)(x).sum().backward()
        assert torch.isfinite(x.grad).all()


def test_the_rmsnorm_of_cs336_gives_its_recorded_output(cs336_array):
    arrays = {k: torch.from_numpy(v) for k, v in cs336_array("spring2024/rmsnorm").items()}
    norm = RMSNorm(64, 1e-5)
    norm.load_state_dict({"weight": arrays["weights/weight"]})
    assert_close(norm(arrays["input"]), arrays["expected"])
