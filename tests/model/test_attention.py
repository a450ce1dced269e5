"""Attention: both backends against PyTorch's fused operation and the course's recorded arrays."""

import pytest
import torch

from axes import random_model, small_config
from closeness import assert_close
from paribus.model.attention import (
    BACKENDS,
    Attention,
    attend_fused,
    attend_readably,
    softmax,
)
from paribus.model.config import NoPosition
from paribus.model.mask import GivenMask, causal_mask

FUSED = torch.nn.functional.scaled_dot_product_attention


def heads(*leading, n_queries=5, n_keys=5, width=8):
    generator = torch.Generator().manual_seed(6)
    shapes = ((*leading, n, width) for n in (n_queries, n_keys, n_keys))
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


@pytest.mark.parametrize("leading", [(2,), (3, 2), (2, 3, 2)])
@pytest.mark.parametrize(("n_queries", "n_keys"), [(5, 5), (3, 7), (7, 3), (1, 6)])
def test_the_readable_one_equals_pytorch_under_a_mask(leading, n_queries, n_keys):
    q, k, v = heads(*leading, n_queries=n_queries, n_keys=n_keys)
    mask = torch.rand(n_queries, n_keys, generator=torch.Generator().manual_seed(7)) > 0.4
    mask[:, 0] = True
    assert_close(attend_readably(q, k, v, GivenMask(mask)), FUSED(q, k, v, attn_mask=mask))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("n_queries", "n_keys"), [(5, 5), (1, 6), (3, 7)])
def test_every_backend_is_causal_at_the_end_of_the_keys(backend, n_queries, n_keys):
    q, k, v = heads(2, 3, n_queries=n_queries, n_keys=n_keys)
    mask = torch.tensor(
        [[key <= query + n_keys - n_queries for key in range(n_keys)] for query in range(n_queries)]
    )
    assert torch.equal(causal_mask(n_queries, n_keys, q.device), mask)
    assert_close(BACKENDS[backend](q, k, v), FUSED(q, k, v, attn_mask=mask))


def test_backends_have_equal_gradients():
    gradients = []
    for attend in (attend_readably, attend_fused):
        q, k, v = (part.requires_grad_() for part in heads(2, 3))
        (attend(q, k, v) * torch.arange(8.0)).sum().backward()
        gradients.append((q.grad, k.grad, v.grad))
    for readable, fused in zip(*gradients, strict=True):
        assert_close(readable, fused, atol=1e-5)


def test_a_masked_key_has_probability_zero_exactly():
    q, k, _ = heads(1, n_queries=4, n_keys=4)
    mask = torch.eye(4, dtype=torch.bool) | torch.tensor([True, False, False, False])
    # With one-hot values the output is the matrix of probabilities.
    shares = attend_readably(q * 30, k * 30, torch.eye(4)[None], GivenMask(mask))[0]
    assert (shares[~mask] == 0).all()
    assert_close(shares.sum(-1), torch.ones(4))


def test_a_fully_masked_row_gives_zeros_and_finite_gradients():
    q, k, v = (part.requires_grad_() for part in heads(1, n_queries=2, n_keys=3))
    mask = torch.tensor([[False, False, False], [True, False, True]])
    out = attend_readably(q, k, v, GivenMask(mask))
    assert (out[0, 0] == 0).all() and (out[0, 1] != 0).all()
    out.sum().backward()
    for part in (q, k, v):
        assert torch.isfinite(part.grad).all()
    assert (q.grad[0, 0] == 0).all()


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_equals_pytorch_along_any_axis(dim):
    x = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(8)) * 20
    assert_close(softmax(x, dim), torch.softmax(x, dim))
    assert_close(softmax(x + 1000, dim), softmax(x, dim), atol=1e-4)


def test_softmax_has_the_gradient_of_pytorch():
    ours = torch.randn(3, 7, generator=torch.Generator().manual_seed(9)).requires_grad_()
    peer = ours.detach().clone().requires_grad_()
    slope = torch.arange(7.0)
    (softmax(ours, -1) * slope).sum().backward()
    (torch.softmax(peer, -1) * slope).sum().backward()
    assert_close(ours.grad, peer.grad)


@pytest.mark.parametrize("backend", BACKENDS)
def test_grouped_queries_equal_repeated_key_and_value_heads(backend, tokens):
    grouped = random_model(small_config(n_kv_heads=2, attention_backend=backend))
    full = random_model(small_config(attention_backend=backend))
    state = grouped.state_dict()
    for name in full.state_dict():
        if ".k_proj." in name or ".v_proj." in name:
            rows = state[name].view(2, 4, 16)
            state[name] = rows.repeat_interleave(2, dim=0).reshape(16, 16)
    full.load_state_dict(state)
    assert_close(grouped(tokens), full(tokens), atol=1e-5)


def test_scaled_dot_product_attention_of_cs336_2025_is_reproduced(cs336_array):
    draws = [
        torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        for seed, shape in ((1, (4, 12, 64)), (2, (4, 16, 64)), (3, (4, 16, 64)))
    ]
    mask = torch.randn(4, 12, 16, generator=torch.Generator().manual_seed(5)) > 0.5
    snapshots = "spring2025/_snapshots/"
    for name, fold in (
        ("test_scaled_dot_product_attention", lambda x: x),
        ("test_4d_scaled_dot_product_attention", lambda x: x.unflatten(0, (2, 2))),
    ):
        expected = torch.from_numpy(cs336_array(snapshots + name)["array"])
        q, k, v = (fold(part) for part in draws)
        assert_close(attend_readably(q, k, v, GivenMask(fold(mask))), expected)


def test_scaled_dot_product_attention_of_cs336_2024_is_reproduced(cs336_array):
    arrays = cs336_array("spring2024/scaled_dot_product_attention")
    q, k, v, masked_out, expected = (
        torch.from_numpy(arrays[name]) for name in ("Q", "K", "V", "mask", "expected")
    )
    assert_close(attend_readably(q, k, v, GivenMask(~masked_out)), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_multi_head_attention_of_cs336_2024_is_reproduced(backend, cs336_array):
    arrays = cs336_array("spring2024/unbatched_multihead_self_attention")
    arrays = {name: torch.from_numpy(value) for name, value in arrays.items()}
    config = small_config(
        d_model=64, n_heads=2, position=NoPosition(), attention_backend=backend, context_length=128
    )
    attention = Attention(config)
    state = {
        f"{part}_proj.weight": torch.cat(
            [arrays[f"weights/{part}_heads.{h}.weight"] for h in (0, 1)]
        )
        for part in "qkv"
    }
    attention.load_state_dict(state | {"o_proj.weight": arrays["weights/output_proj.weight"]})
    assert_close(attention(arrays["input"], lambda part: part), arrays["expected"])
