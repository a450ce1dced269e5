"""SGD: against PyTorch's, and its decay by hand."""

import pytest
import torch

from closeness import assert_close
from paribus.optim.sgd import SGD


def parameters():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in [(5, 3), (4,)]]


def train(optimizer, params, n_steps):
    generator = torch.Generator().manual_seed(1)
    for _ in range(n_steps):
        for p in params:
            p.grad = p.detach() + torch.randn(p.shape, generator=generator)
        optimizer.step()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_it_follows_pytorch_for_a_thousand_steps(momentum):
    ours, theirs = parameters(), parameters()
    train(SGD(ours, lr=1e-3, momentum=momentum), ours, 1000)
    train(torch.optim.SGD(theirs, lr=1e-3, momentum=momentum), theirs, 1000)
    for found, expected in zip(ours, theirs, strict=True):
        assert_close(found, expected, atol=1e-6, rtol=0)


def test_two_steps_by_hand():
    weight = torch.tensor([2.0], requires_grad=True)
    optimizer = SGD([weight], lr=0.1, momentum=0.5, weight_decay=0.5)
    weight.grad = torch.tensor([-5.0])
    optimizer.step()
    first = 2 * (1 - 0.1 * 0.5) + 0.1 * 5
    assert weight.item() == pytest.approx(first)
    weight.grad = torch.tensor([3.0])
    optimizer.step()
    assert weight.item() == pytest.approx(first * (1 - 0.1 * 0.5) - 0.1 * (0.5 * -5 + 3))


def test_without_momentum_nothing_is_kept():
    params = parameters()
    optimizer = SGD(params, lr=0.1)
    train(optimizer, params, 2)
    assert not any(optimizer.state.values())


def test_going_on_from_a_saved_state_equals_never_stopping():
    whole, parts = parameters(), parameters()
    one, first = SGD(whole, lr=0.01, momentum=0.9), SGD(parts, lr=0.01, momentum=0.9)
    for optimizer, params in ((one, whole), (first, parts)):
        train(optimizer, params, 5)
    second = SGD(parts, lr=7.0, momentum=0.0)
    second.load_state_dict(first.state_dict())
    train(one, whole, 5)
    train(second, parts, 5)
    for found, expected in zip(parts, whole, strict=True):
        assert torch.equal(found, expected)
