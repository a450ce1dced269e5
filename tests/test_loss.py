"""The loss: against PyTorch, at the ends of the number range, and never with all logits at once."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from axes import random_model, small_config
from closeness import assert_close
from paribus.loss import chunked_loss, cross_entropy, readable_loss

VOCAB, WIDTH = 50, 12


def chunked_cross_entropy(*arguments):
    return chunked_loss(*arguments).objective


def reference_loss(logits, targets, z_weight):
    """Cross-entropy plus z_weight times the mean squared log-partition, and its gradient."""
    gradient, total = np.zeros_like(logits), 0.0
    for row, target, slope in zip(logits, targets.tolist(), gradient, strict=True):
        log_partition = row.max() + math.log(np.exp(row - row.max()).sum())
        total += log_partition - row[target] + z_weight * log_partition**2
        slope[:] = np.exp(row - log_partition) * (1 + 2 * z_weight * log_partition)
        slope[target] -= 1
    return total / len(logits), gradient / len(logits)


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def problem(*leading, vocab=VOCAB):
    """Hidden states, an output table and targets, as leaves of a graph."""
    generator = torch.Generator().manual_seed(1)
    targets = torch.randint(0, vocab, leading, generator=generator)
    return (
        draw(*leading, WIDTH).requires_grad_(),
        draw(vocab, WIDTH, seed=2).requires_grad_(),
        targets,
    )


@pytest.mark.parametrize("leading", [(), (7,), (3, 5), (2, 3, 4)])
def test_it_equals_pytorch_in_value_and_gradient(leading):
    logits = (draw(*leading, VOCAB) * 4).requires_grad_()
    peer = logits.detach().clone().requires_grad_()
    targets = torch.randint(0, VOCAB, leading, generator=torch.Generator().manual_seed(1))
    ours = cross_entropy(logits, targets)
    theirs = nn.functional.cross_entropy(peer.reshape(-1, VOCAB), targets.reshape(-1))
    assert_close(ours, theirs)
    ours.backward()
    theirs.backward()
    assert_close(logits.grad, peer.grad)


def test_uniform_logits_cost_the_logarithm_of_the_vocabulary():
    assert cross_entropy(torch.zeros(3, 8), torch.tensor([0, 3, 7])).item() == pytest.approx(
        math.log(8)
    )


@pytest.mark.parametrize("size", [1e3, 1e4])
def test_extreme_logits_stay_finite(size):
    logits = torch.tensor([[size, -size], [-size, size]], requires_grad=True)
    right, wrong = torch.tensor([0, 1]), torch.tensor([1, 0])
    assert cross_entropy(logits, right).item() == 0
    loss = cross_entropy(logits, wrong)
    assert loss.item() == 2 * size
    loss.backward()
    assert torch.isfinite(logits.grad).all()


def test_low_precision_logits_are_summed_in_float32():
    logits = draw(4, 5000).bfloat16()
    targets = torch.zeros(4, dtype=torch.long)
    assert torch.equal(cross_entropy(logits, targets), cross_entropy(logits.float(), targets))


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("leading", [(1,), (13,), (3, 5), (2, 2, 3)])
@pytest.mark.parametrize("rows", [1, 4, 5, 1000])
def test_chunked_equals_the_readable_one(leading, rows, scale):
    hidden, weight, targets = problem(*leading)
    (3 * chunked_cross_entropy(hidden, weight, targets, rows, scale)).backward()
    peer_hidden, peer_weight, _ = problem(*leading)
    expected = 3 * cross_entropy(peer_hidden @ peer_weight.T * scale, targets)
    expected.backward()
    assert_close(3 * chunked_cross_entropy(hidden, weight, targets, rows, scale), expected)
    assert_close(hidden.grad, peer_hidden.grad)
    assert_close(weight.grad, peer_weight.grad)


def test_a_tied_table_collects_the_gradients_of_both_ends():
    tokens = torch.randint(0, VOCAB, (4, 6), generator=torch.Generator().manual_seed(3))
    gradients = []
    for loss in ("chunked", "readable"):
        _, table, targets = problem(4, 6)
        hidden = table[tokens].tanh()
        if loss == "chunked":
            chunked_cross_entropy(hidden, table, targets, 7).backward()
        else:
            cross_entropy(hidden @ table.T, targets).backward()
        gradients.append(table.grad)
    assert_close(*gradients)


@pytest.mark.parametrize("frozen", ["hidden", "weight"])
def test_either_side_may_be_frozen(frozen):
    hidden, weight, targets = problem(9)
    (hidden if frozen == "hidden" else weight).requires_grad_(False)
    chunked_cross_entropy(hidden, weight, targets, 4).backward()
    assert (hidden.grad is None) == (frozen == "hidden")
    assert (weight.grad is None) == (frozen == "weight")


def test_a_second_backward_pass_is_refused_and_not_wrong():
    hidden, weight, targets = problem(9)
    loss = chunked_cross_entropy(hidden, weight, targets, 4)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_extreme_hidden_states_stay_finite():
    hidden, weight, targets = problem(6)
    loss = chunked_cross_entropy(hidden * 1e4, weight, targets, 4)
    loss.backward()
    for value in (loss, hidden.grad, weight.grad):
        assert torch.isfinite(value).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_the_products_and_not_the_sums(dtype):
    hidden, weight, targets = problem(40, vocab=300)
    with torch.autocast("cpu", dtype):
        loss = chunked_cross_entropy(hidden, weight, targets, 16)
    loss.backward()
    peer_hidden, peer_weight, _ = problem(40, vocab=300)
    expected = cross_entropy(peer_hidden @ peer_weight.T, targets)
    expected.backward()
    for value in (loss, hidden.grad, weight.grad):
        assert value.dtype == torch.float32
    assert loss.item() == pytest.approx(expected.item(), rel=5e-3)
    for ours, exact in ((hidden.grad, peer_hidden.grad), (weight.grad, peer_weight.grad)):
        assert (ours - exact).norm() < 1e-2 * exact.norm()


def test_half_precision_gradients_do_not_vanish_in_a_large_batch():
    # 1 / positions times a small probability is below the smallest float16.
    n = 4096
    hidden = torch.ones(n, 2, requires_grad=True)
    weight = torch.zeros(500, 2, requires_grad=True)
    targets = torch.arange(n) % 2
    with torch.autocast("cpu", torch.float16):
        loss = chunked_cross_entropy(hidden, weight, targets, 512)
    loss.backward()
    assert weight.grad[2:].flatten().tolist() == pytest.approx([1 / 500] * 996, rel=1e-3)


class LargestTensor(TorchDispatchMode):
    """Remembers the most numbers that any result of an operation held, and all operations."""

    def __init__(self):
        super().__init__()
        self.n_numbers, self.operations = 0, set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.operations.add(func.__name__.split(".")[0])
        sizes = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.n_numbers = max([self.n_numbers, *sizes])
        return result


def test_no_tensor_is_larger_than_a_chunk_of_logits():
    rows, vocab = 8, 400
    hidden, weight, targets = problem(200, vocab=vocab)
    with LargestTensor() as seen:
        chunked_cross_entropy(hidden, weight, targets, rows).backward()
    assert seen.n_numbers == max(rows * vocab, vocab * WIDTH)
    with LargestTensor() as seen:
        cross_entropy(hidden @ weight.T, targets).backward()
    assert seen.n_numbers == 200 * vocab


def test_without_gradients_none_are_made():
    hidden, weight, targets = problem(30)
    with torch.no_grad(), LargestTensor() as seen:
        loss = chunked_cross_entropy(hidden, weight, targets, 2)
    assert "mm" in seen.operations
    assert not {"scatter_add_", "addmm_"} & seen.operations
    assert not loss.requires_grad
    assert_close(loss, cross_entropy(hidden @ weight.T, targets).detach())


def test_a_second_derivative_is_refused_not_wrong():
    hidden, weight, targets = problem(5)
    loss = chunked_cross_entropy(hidden, weight, targets, 2)
    (gradient,) = torch.autograd.grad(loss, hidden, create_graph=True)
    with pytest.raises(RuntimeError):
        gradient.sum().backward()


def test_the_trunk_may_be_traced_by_the_compiler():
    hidden, weight, targets = problem(6)
    trunk = torch.compile(lambda x: x.sin() * 2, backend="eager")
    chunked_cross_entropy(trunk(hidden), weight, targets, 4).backward()
    peer_hidden, peer_weight, _ = problem(6)
    cross_entropy((peer_hidden.sin() * 2) @ peer_weight.T, targets).backward()
    assert_close(hidden.grad, peer_hidden.grad)
    assert_close(weight.grad, peer_weight.grad)


@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
@pytest.mark.parametrize("z_weight", [0.0, 1e-4, 0.3])
def test_the_readable_loss_equals_numpy_in_float64(size, z_weight):
    logits = (draw(7, VOCAB) * size).requires_grad_()
    targets = torch.randint(0, VOCAB, (7,), generator=torch.Generator().manual_seed(1))
    found = readable_loss(logits, targets, z_weight)
    expected, gradient = reference_loss(logits.detach().double().numpy(), targets, z_weight)
    nats, _ = reference_loss(logits.detach().double().numpy(), targets, 0.0)
    found.objective.backward()
    assert found.objective.item() == pytest.approx(expected, rel=1e-6)
    assert found.nats.item() == pytest.approx(nats, rel=1e-6)
    bound = 1e-6 * max(1.0, abs(gradient).max())
    assert abs(logits.grad.double().numpy() - gradient).max() < bound


@pytest.mark.parametrize(("size", "softcap"), [(1, None), (1e4, None), (1, 0.7), (1, 30.0)])
@pytest.mark.parametrize("z_weight", [0.0, 1e-4, 0.3])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_the_chunked_loss_equals_numpy_in_float64(rows, z_weight, size, softcap):
    hidden, weight, targets = problem(2, 5)
    with torch.no_grad():
        hidden *= size
    found = chunked_loss(hidden, weight, targets, rows, 0.5, softcap, z_weight)
    found.objective.backward()
    states = hidden.detach().double().numpy().reshape(10, WIDTH)
    table = weight.detach().double().numpy()
    logits = states @ table.T * 0.5
    capped = logits if softcap is None else softcap * np.tanh(logits / softcap)
    expected, gradient = reference_loss(capped, targets.flatten(), z_weight)
    nats, _ = reference_loss(capped, targets.flatten(), 0.0)
    if softcap is not None:
        gradient = gradient / np.cosh(logits / softcap) ** 2
    assert found.objective.item() == pytest.approx(expected, rel=2e-6)
    assert found.nats.item() == pytest.approx(nats, rel=2e-6)
    for value, exact in (
        (hidden.grad.reshape(10, WIDTH), gradient @ table * 0.5),
        (weight.grad, gradient.T @ states * 0.5),
    ):
        assert abs(value.double().numpy() - exact).max() <= 1e-5 * abs(exact).max()


def test_a_soft_cap_bounds_the_loss_of_extreme_logits_and_ends_their_gradient():
    hidden, weight, targets = problem(6)
    loss = chunked_loss(hidden * 1e8, weight, targets, 4, 1.0, 3.0, 1e-2)
    loss.objective.backward()
    assert loss.nats.item() < 2 * 3.0 + math.log(VOCAB)
    assert (hidden.grad == 0).all() and (weight.grad == 0).all()


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("z_weight", [0.0, 1e-2])
def test_both_losses_are_one_through_a_model(z_weight, softcap):
    model = random_model(small_config(logit_softcap=softcap, logit_scale=0.5))
    tokens, targets = torch.randint(0, 13, (2, 3, 8), generator=torch.Generator().manual_seed(4))
    gradients = []
    for loss in (
        readable_loss(model(tokens), targets, z_weight),
        chunked_loss(model.hidden(tokens), model.output_weight, targets, 5, 0.5, softcap, z_weight),
    ):
        slopes = torch.autograd.grad(loss.objective, list(model.parameters()))
        gradients.append((loss.objective.detach(), loss.nats, *slopes))
    for readable, chunked in zip(*gradients, strict=True):
        assert_close(chunked, readable, atol=2e-6)


def test_without_a_weight_the_objective_is_the_cross_entropy():
    logits, targets = draw(6, VOCAB) * 1e20, torch.zeros(6, dtype=torch.long)
    found = readable_loss(logits, targets)
    assert found.objective.item() == found.nats.item() == cross_entropy(logits, targets).item()
    hidden, weight, targets = problem(6)
    found = chunked_loss(hidden * 1e20, weight, targets, 4)
    assert found.objective.item() == found.nats.item() and math.isfinite(found.nats)


def test_the_nats_of_a_loss_carry_no_gradient():
    hidden, weight, targets = problem(6)
    assert not chunked_loss(hidden, weight, targets, 4, 1.0, None, 0.1).nats.requires_grad
    assert not readable_loss(hidden @ weight.T, targets, 0.1).nats.requires_grad
