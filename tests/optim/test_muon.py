"""Muon: against its equations in float64 NumPy, and what an orthogonal update is."""

import numpy as np
import pytest
import torch

from closeness import assert_close
from paribus.optim.adamw import AdamW
from paribus.optim.muon import Muon, orthogonal

SHAPES = [(6, 6), (12, 4), (3, 9)]


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def numpy_orthogonal(matrix, iterations):
    """The quintic applied to each singular value: the iteration leaves the vectors alone."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = values / (np.sqrt((matrix**2).sum()) + 1e-7)
    for _ in range(iterations):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return left * values @ right


def numpy_muon(weight, gradients, lr, momentum, weight_decay):
    """The original's rule, in float64."""
    mean = np.zeros_like(weight)
    for gradient in gradients:
        mean = momentum * mean + (1 - momentum) * gradient
        ahead = momentum * mean + (1 - momentum) * gradient
        update = numpy_orthogonal(ahead, 5) * max(1, weight.shape[0] / weight.shape[1]) ** 0.5
        weight = weight - lr * weight_decay * weight - lr * update
    return weight


@pytest.mark.parametrize("shape", SHAPES)
def test_the_iteration_is_a_polynomial_of_the_singular_values(shape):
    matrix = draw(*shape)
    for iterations in (1, 5):
        expected = numpy_orthogonal(matrix.double().numpy(), iterations)
        np.testing.assert_allclose(orthogonal(matrix, iterations).numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_five_iterations_bring_all_singular_values_near_one(shape):
    left, _, right = torch.linalg.svd(draw(*shape, seed=3), full_matrices=False)
    spread = torch.linspace(0.1, 5, min(shape))
    values = torch.linalg.svdvals(orthogonal(left * spread @ right, 5))
    assert values.min() > 0.65 and values.max() < 1.25


def test_a_matrix_of_zeros_stays():
    assert torch.equal(orthogonal(torch.zeros(3, 4), 5), torch.zeros(3, 4))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_follows_numpy_in_float64(shape):
    weight = draw(*shape).requires_grad_()
    gradients = [draw(*shape, seed=seed) for seed in range(1, 21)]
    optimizer = Muon([weight], lr=0.02, momentum=0.9, weight_decay=0.3)
    expected = weight.detach().double().numpy()
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
        assert torch.equal(weight.grad, gradient), "the gradient is the caller's"
    exact = [gradient.double().numpy() for gradient in gradients]
    expected = numpy_muon(expected, exact, 0.02, 0.9, 0.3)
    np.testing.assert_allclose(weight.detach().numpy(), expected, atol=2e-5)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="needs the Muon of torch 2.9")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
def test_it_follows_pytorch(shape, dtype, bound, monkeypatch):
    """PyTorch iterates in bfloat16; in float32 its numbers are ours."""
    monkeypatch.setattr(torch, "bfloat16", dtype)
    ours, theirs = (draw(*shape).requires_grad_() for _ in range(2))
    settings = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.3}
    for weight, optimizer in (
        (ours, Muon([ours], **settings)),
        (theirs, torch.optim.Muon([theirs], **settings)),
    ):
        for seed in range(1, 101):
            weight.grad = draw(*shape, seed=seed)
            optimizer.step()
    moved = (theirs - draw(*shape)).norm()
    assert (ours - theirs).norm() < bound * moved


def test_the_size_of_the_gradient_does_not_matter():
    small, large = (draw(4, 6).requires_grad_() for _ in range(2))
    small.grad, large.grad = draw(4, 6, seed=1), 1000 * draw(4, 6, seed=1)
    Muon([small]).step()
    Muon([large]).step()
    assert_close(small, large, atol=1e-5)


def test_the_other_groups_are_those_of_adamw():
    ours, theirs = (draw(5).requires_grad_() for _ in range(2))
    settings = {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-6, "weight_decay": 0.2}
    muon = Muon([{"params": [ours], "is_orthogonal": False}], **settings)
    adamw = AdamW([theirs], **settings)
    for seed in range(10):
        for weight, optimizer in ((ours, muon), (theirs, adamw)):
            weight.grad = draw(5, seed=seed)
            optimizer.step()
    assert torch.equal(ours, theirs)


def test_going_on_from_a_saved_state_equals_never_stopping():
    def make():
        params = [draw(6, 4).requires_grad_(), draw(5).requires_grad_()]
        groups = [{"params": params[:1]}, {"params": params[1:], "is_orthogonal": False}]
        return params, Muon(groups, lr=0.01)

    def train(params, optimizer, seeds):
        for seed in seeds:
            for p in params:
                p.grad = draw(*p.shape, seed=seed)
            optimizer.step()

    whole, one = make()
    train(whole, one, range(6))
    parts, first = make()
    train(parts, first, range(3))
    _, second = make()
    second.param_groups[0]["params"], second.param_groups[1]["params"] = parts[:1], parts[1:]
    second.load_state_dict(first.state_dict())
    train(parts, second, range(3, 6))
    for found, expected in zip(parts, whole, strict=True):
        assert torch.equal(found, expected)
