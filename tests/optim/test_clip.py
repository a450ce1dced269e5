"""Clipping by the global norm."""

import pytest
import torch

from closeness import assert_close
from paribus.optim.clip import clip_gradients


def parameters(scale=1.0):
    generator = torch.Generator().manual_seed(0)
    made = [torch.zeros(shape, requires_grad=True) for shape in ((3, 4), (5,), ())]
    for p in made:
        p.grad = scale * torch.randn(p.shape, generator=generator)
    return [*made, torch.zeros(2, requires_grad=True)]


@pytest.mark.parametrize("max_norm", [0.01, 1.0, 1e6])
def test_it_equals_pytorch(max_norm):
    ours, theirs = parameters(3.0), parameters(3.0)
    norm = clip_gradients(ours, max_norm)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    assert_close(norm, expected)
    for one, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert_close(one.grad, other.grad)
    assert ours[-1].grad is None


def test_a_generator_is_clipped_as_a_list_is():
    listed, generated = parameters(9.0), parameters(9.0)
    norm = clip_gradients(listed, 1.0)
    assert torch.equal(clip_gradients((p for p in generated), 1.0), norm)
    for one, other in zip(listed[:-1], generated[:-1], strict=True):
        assert torch.equal(one.grad, other.grad)
    total = torch.cat([p.grad.flatten() for p in generated[:-1]]).norm()
    assert total.item() == pytest.approx(1.0, abs=1e-5)


def test_at_or_below_the_limit_no_bit_changes():
    p = torch.zeros(2, requires_grad=True)
    p.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients([p], 5.0).item() == 5
    assert p.grad.tolist() == [3, 4]


def test_above_the_limit_the_factor_is_limit_over_norm_plus_a_millionth():
    p = torch.zeros(2, requires_grad=True)
    p.grad = torch.tensor([3.0, 4.0])
    clip_gradients([p], 1e-6)
    assert p.grad.tolist() == pytest.approx(
        [3 * 1e-6 / (5 + 1e-6), 4 * 1e-6 / (5 + 1e-6)], rel=1e-6
    )


def test_without_a_limit_the_norm_is_measured_only():
    params = parameters(100.0)
    before = [p.grad.clone() for p in params[:-1]]
    norm = clip_gradients(params, None)
    assert_close(norm, torch.cat([g.flatten() for g in before]).norm())
    assert all(torch.equal(p.grad, g) for p, g in zip(params[:-1], before, strict=True))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_broken_gradient_shows_in_the_norm(bad):
    params = parameters()
    params[1].grad[2] = bad
    assert not torch.isfinite(clip_gradients(params, 1.0))


def test_no_gradients_have_norm_zero():
    assert clip_gradients([torch.zeros(2, requires_grad=True)], 1.0).item() == 0
    assert clip_gradients(iter(()), 1.0).item() == 0
