"""Positions: their laws, and the course's recorded rotation."""

import dataclasses
import math

import numpy_reference
import pytest
import torch

from axes import random_model, small_config
from closeness import assert_close
from paribus.model.attention import BACKENDS
from paribus.model.config import Alibi, ModelConfig, Rope
from paribus.model.mask import CAUSAL
from paribus.model.position import (
    LinearBiases,
    RotaryPositions,
    alibi_slopes,
    build_position,
    rotate_complex,
    rotate_pairs,
    sinusoids,
)
from paribus.model.transformer import Transformer


def random_heads(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(10))


def turned(heads, positions, theta=10_000.0):
    positions = torch.as_tensor(positions)
    kind = RotaryPositions(heads.shape[-1], theta, n_positions=int(positions.max()) + 1)
    return kind.rotation(positions)(heads)


def test_the_rotation_of_cs336_2025_is_reproduced(cs336_array):
    embeddings = torch.randn(4, 12, 64, generator=torch.Generator().manual_seed(4))
    expected = torch.from_numpy(cs336_array("spring2025/_snapshots/test_rope")["array"])
    assert_close(turned(embeddings[:, None], torch.arange(12))[:, 0], expected)


def test_neighbours_are_turned_by_hand():
    heads = torch.tensor([1.0, 0.0, 0.0, 2.0]).view(1, 1, 4)
    found = turned(heads, [3], theta=100.0).flatten().tolist()
    slow = 3 / 10  # the second pair turns theta^(-2/4) as fast
    expected = [math.cos(3), math.sin(3), -2 * math.sin(slow), 2 * math.cos(slow)]
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_complex_form_equals_the_real_one():
    heads, angles = random_heads(2, 3, 5, 8), random_heads(5, 4)
    turns = torch.complex(angles.cos(), angles.sin())
    assert_close(rotate_complex(heads, turns), rotate_pairs(heads, angles.cos(), angles.sin()))


def test_both_forms_have_equal_gradients():
    angles, gradients = random_heads(5, 4), []
    for form in ("real", "complex"):
        heads = random_heads(2, 3, 5, 8).requires_grad_()
        if form == "real":
            out = rotate_pairs(heads, angles.cos(), angles.sin())
        else:
            out = rotate_complex(heads, torch.complex(angles.cos(), angles.sin()))
        (out * torch.arange(8.0)).sum().backward()
        gradients.append(heads.grad)
    assert_close(*gradients, atol=1e-5)


def test_a_score_depends_on_the_distance_alone():
    q, k = random_heads(2, 1, 16)

    def score(at_q, at_k):
        return (turned(q[None], [at_q]) * turned(k[None], [at_k])).sum()

    assert_close(score(9, 4), score(5, 0), atol=1e-5)
    assert_close(score(1000, 995), score(5, 0), atol=1e-4)
    assert (score(9, 4) - score(9, 5)).abs() > 1e-2


def test_position_zero_turns_nothing_and_lengths_stay():
    heads = random_heads(2, 3, 6, 8)
    found = turned(heads, torch.arange(6))
    assert torch.equal(found[..., 0, :], heads[..., 0, :])
    assert_close(found.norm(dim=-1), heads.norm(dim=-1), atol=1e-5)


def test_positions_may_differ_from_row_to_row():
    heads = random_heads(2, 3, 4, 8)
    positions = torch.tensor([[0, 1, 2, 3], [7, 5, 6, 4]])
    found = turned(heads, positions)
    for row in range(2):
        assert_close(found[row], turned(heads[row], positions[row]))


def test_angles_are_exact_under_low_precision():
    # bfloat16 knows no number between 1000 and 1004.
    position = torch.tensor([1001])
    heads = random_heads(1, 1, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = turned(heads, position)
        wave = sinusoids(position, 8)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, turned(heads.float(), position).bfloat16())
    assert wave.dtype == torch.float32
    assert wave[0, 0].item() == pytest.approx(math.sin(1001), abs=1e-4)


def test_sinusoids_by_hand():
    wave = sinusoids(torch.tensor([0, 2]), 4)
    assert wave[0].tolist() == [0, 1, 0, 1]
    slow = 2 / 100
    expected = [math.sin(2), math.cos(2), math.sin(slow), math.cos(slow)]
    assert wave[1].tolist() == pytest.approx(expected, abs=1e-6)


def test_sinusoids_of_an_odd_width_end_with_a_sine():
    assert_close(
        sinusoids(torch.arange(3), 5),
        sinusoids(torch.arange(3), 6)[:, :0].new_tensor(
            [
                [
                    math.sin(p),
                    math.cos(p),
                    math.sin(p / 10_000**0.4),
                    math.cos(p / 10_000**0.4),
                    math.sin(p / 10_000**0.8),
                ]
                for p in range(3)
            ]
        ),
    )


def test_a_kind_acts_in_one_place_only(position):
    module = build_position(ModelConfig(d_model=16, position=position, context_length=8))
    for parameter in module.parameters():
        torch.nn.init.ones_(parameter)
    x, heads, positions = random_heads(2, 4, 16), random_heads(2, 4, 4, 4), torch.arange(4)
    adds = not torch.equal(module.embed(x, positions), x)
    turns = not torch.equal(module.rotation(positions)(heads), heads)
    biases = module.mask(positions, 4) is not CAUSAL
    assert adds == (position.embedded_size(ModelConfig()) > 0)
    assert (turns, biases) == (position.turns_pairs, position.biases_scores)
    assert adds + turns + biases == (position.kind != "none")


SLOPES = {
    1: [1 / 256],
    2: [1 / 16, 1 / 256],
    4: [1 / 4, 1 / 16, 1 / 64, 1 / 256],
    8: [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256],
    # Between those of the power of two below stand every other one of the power above.
    3: [1 / 16, 1 / 256, 1 / 4],
    6: [1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 2, 1 / 8],
    12: [
        *(1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256),
        *(2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5),
    ],
}


@pytest.mark.parametrize("n_heads", SLOPES)
def test_slopes_of_alibi(n_heads):
    assert alibi_slopes(n_heads) == pytest.approx(SLOPES[n_heads], rel=1e-12)


@pytest.mark.parametrize("n_heads", range(1, 65))
def test_every_head_has_a_slope_of_its_own(n_heads):
    slopes = alibi_slopes(n_heads)
    assert len(set(slopes)) == len(slopes) == n_heads
    assert all(2**-8 <= slope < 1 for slope in slopes)


def test_biases_of_alibi_by_hand():
    mask = LinearBiases(2).mask(torch.arange(3), 3)
    hidden = -math.inf
    assert mask.apply(torch.zeros(2, 3, 3)).tolist() == [
        [[0, hidden, hidden], [-slope, 0, hidden], [-2 * slope, -slope, 0]]
        for slope in (1 / 16, 1 / 256)
    ]


def test_biases_of_cached_queries_are_the_last_rows():
    signal = LinearBiases(3)
    scores = random_heads(3, 6, 6)
    every = signal.mask(torch.arange(6), 6).apply(scores)
    last = signal.mask(torch.arange(4, 6), 6).apply(scores[:, 4:])
    assert torch.equal(last, every[:, 4:])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_heads", [1, 3, 4, 6])
@pytest.mark.parametrize("n_kv_heads", [None, 1])
def test_alibi_reads_windows_longer_than_it_was_built_for(backend, n_heads, n_kv_heads):
    """No table limits it: the weights of a context of 8 read 40 tokens as the equation says."""
    config = small_config(
        d_model=24, n_heads=n_heads, n_kv_heads=n_kv_heads, position=Alibi(),
        attention_backend=backend,
    )  # fmt: skip
    longer = dataclasses.replace(config, context_length=40)
    model = Transformer(longer)
    model.load_state_dict(random_model(config).state_dict())
    tokens = torch.randint(0, 13, (40,), generator=torch.Generator().manual_seed(4))
    weights = {name: value.double().numpy() for name, value in model.state_dict().items()}
    expected = numpy_reference.logits(weights, longer, tokens.numpy())
    assert_close(model(tokens).detach(), torch.from_numpy(expected).float(), atol=2e-5)
    cache = model.new_cache()
    with torch.no_grad():
        parts = [model(piece, cache=cache) for piece in tokens.split([30, 1, 9])]
    assert_close(torch.cat(parts), model(tokens).detach(), atol=2e-5)


def test_alibi_shares_one_bias_among_the_layers():
    mask = LinearBiases(2).mask(torch.arange(3), 3)
    q = random_heads(2, 2, 3, 4).bfloat16()
    (first, _), (second, _) = mask.for_kernel(q, q), mask.for_kernel(q, q)
    assert first.dtype == torch.bfloat16
    assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()


def test_theta_slows_the_turning():
    heads = random_heads(1, 2, 8)
    fast, slow = turned(heads, [0, 1], 10.0), turned(heads, [0, 1], 1e6)
    assert (fast - heads).norm() > (slow - heads).norm()
    assert Rope().theta == 10_000
