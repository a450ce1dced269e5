"""AdamW: against PyTorch's over a thousand steps, one path against the other, and the course."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from closeness import assert_close
from paribus.optim.adamw import AdamW, update_in_one_pass

SHAPES = [(5, 3), (4,), (2, 3, 2)]


def parameters():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in SHAPES]


def train(optimizer, params, n_steps, seed=1):
    """Noisy slopes of very different sizes, as training has them."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(n_steps):
        for size, p in zip((1.0, 1e-3, 1e3), params, strict=True):
            noise = torch.randn(p.shape, generator=generator)
            p.grad = size * (p.detach() + noise) * (1 + step % 3)
        optimizer.step()


SETTINGS = [
    {"lr": 1e-3},
    {"lr": 1e-2, "betas": (0.9, 0.95), "weight_decay": 0.1},
    {"lr": 3e-4, "betas": (0.0, 0.0), "weight_decay": 0.0, "eps": 1e-3},
]


PATHS = [{"foreach": False}, {"foreach": True}, {"one_pass": update_in_one_pass}]


@pytest.mark.parametrize("path", PATHS, ids=["readable", "foreach", "one pass"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_it_follows_pytorch_for_a_thousand_steps(settings, path):
    ours, theirs = parameters(), parameters()
    train(AdamW(ours, **settings, **path), ours, 1000)
    train(torch.optim.AdamW(theirs, **settings), theirs, 1000)
    for found, expected in zip(ours, theirs, strict=True):
        assert_close(found, expected, atol=1e-6, rtol=0)


COMPILED = """
import torch
from test_adamw import SETTINGS, parameters, train
from paribus.optim.adamw import AdamW, update_in_one_pass

one_pass = torch.compile(update_in_one_pass, fullgraph=True)
for settings in SETTINGS:
    ours, theirs = parameters(), parameters()
    train(AdamW(ours, **settings, one_pass=one_pass), ours, 1000)
    train(torch.optim.AdamW(theirs, **settings), theirs, 1000)
    for found, expected in zip(ours, theirs):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
"""


@pytest.mark.slow
def test_the_compiled_pass_follows_pytorch_too():
    """In a process of its own: the compiler cannot see through the checks of shapes."""
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run([sys.executable, "-c", COMPILED], check=True, env=environment)


def test_both_paths_give_the_same_bits():
    readable, fast = parameters(), parameters()
    train(AdamW(readable, lr=1e-2, foreach=False), readable, 100)
    train(AdamW(fast, lr=1e-2, foreach=True), fast, 100)
    for one, other in zip(readable, fast, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("path", PATHS, ids=["readable", "foreach", "one pass"])
def test_the_first_step_by_hand(path):
    weight = torch.tensor([2.0], requires_grad=True)
    weight.grad = torch.tensor([-5.0])
    AdamW([weight], lr=0.1, weight_decay=0.5, eps=1.0, **path).step()
    # Decay takes 0.1 * 0.5 * 2; the corrected moments of one step are the gradient and its square.
    assert weight.item() == pytest.approx(2 - 0.1 + 0.1 * 5 / (5 + 1.0))


@pytest.mark.parametrize("path", PATHS, ids=["readable", "foreach", "one pass"])
def test_a_parameter_without_gradient_stays_and_counts_its_own_steps(path):
    late, steady = (torch.ones(2, requires_grad=True) for _ in range(2))
    optimizer = AdamW([late, steady], lr=0.1, **path)
    steady.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(late, torch.ones(2)) and late not in optimizer.state
    late.grad = torch.ones(2)
    optimizer.step()
    assert optimizer.state[late]["step"] == 1 and optimizer.state[steady]["step"] == 2
    alone = torch.ones(2, requires_grad=True)
    alone.grad = torch.ones(2)
    AdamW([alone], lr=0.1).step()
    assert_close(late, alone)


def test_groups_keep_their_own_settings():
    slow, fast = (torch.ones(1, requires_grad=True) for _ in range(2))
    optimizer = AdamW([{"params": [slow], "lr": 0.0}, {"params": [fast]}], lr=0.5)
    slow.grad, fast.grad = torch.ones(1), torch.ones(1)
    optimizer.step()
    assert slow.item() == 1 and fast.item() < 1


@pytest.mark.parametrize("foreach", [True, False])
def test_going_on_from_a_saved_state_equals_never_stopping(foreach):
    whole, parts = parameters(), parameters()
    one = AdamW(whole, lr=1e-2, foreach=foreach)
    train(one, whole, 20, seed=1)
    train(one, whole, 20, seed=2)
    first = AdamW(parts, lr=1e-2, foreach=foreach)
    train(first, parts, 20, seed=1)
    second = AdamW(parts, lr=7.0, foreach=foreach)
    second.load_state_dict(first.state_dict())
    train(second, parts, 20, seed=2)
    for found, expected in zip(parts, whole, strict=True):
        assert torch.equal(found, expected)


def test_a_closure_is_evaluated_with_gradients():
    weight = torch.tensor([3.0], requires_grad=True)
    optimizer = AdamW([weight], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9
    assert weight.item() < 3


def course_run(optimizer_class):
    torch.manual_seed(42)
    weight = torch.nn.Parameter(torch.nn.Linear(3, 2, bias=False).weight.detach())
    optimizer = optimizer_class([weight], lr=1e-3, weight_decay=0.01, betas=(0.9, 0.999), eps=1e-8)
    for _ in range(1000):
        optimizer.zero_grad()
        x = torch.rand(3)
        ((weight @ x - torch.tensor([x[0] + x[1], -x[2]])) ** 2).sum().backward()
        optimizer.step()
    return weight.detach()


@pytest.fixture(scope="module")
def course_weights():
    return {cls: course_run(cls) for cls in (AdamW, torch.optim.AdamW)}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("spring2024/adamw", "expected"),
        ("spring2025/_snapshots/test_adamw", "array"),
        ("spring2026/_snapshots/test_adamw", "array"),
    ],
)
def test_the_recorded_weights_of_cs336_are_reproduced(name, key, cs336_array, course_weights):
    expected = torch.from_numpy(cs336_array(name)[key])
    # The course accepts PyTorch's result, which is 6e-6 away from its recorded one.
    assert_close(course_weights[AdamW], expected, atol=2e-5, rtol=0)
    assert_close(course_weights[AdamW], course_weights[torch.optim.AdamW], atol=1e-6, rtol=0)


def test_a_run_without_the_compiler_does_not_import_it():
    code = """if True:
        import sys, torch
        from paribus.optim.adamw import AdamW, update_in_one_pass
        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = AdamW([weight])
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
        sys.exit("torch._dynamo" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
