"""The distribution that tokens are drawn from, against probabilities by hand."""

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from paribus.errors import ConfigError, NonFiniteError
from paribus.generation.config import SamplingConfig
from paribus.generation.sampling import choose, probabilities

# Natural logarithms of 4 : 3 : 2 : 1, in mixed order.
BY_HAND = torch.tensor([0.2, 0.4, 0.1, 0.3]).log()
score = st.floats(-30, 30, width=32)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.2, 0.4, 0.1, 0.3]),
        ({"temperature": 0.0}, [0, 1, 0, 0]),
        ({"temperature": 0.5}, [4 / 30, 16 / 30, 1 / 30, 9 / 30]),
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 3}, [2 / 9, 4 / 9, 0, 3 / 9]),
        ({"top_k": 99}, [0.2, 0.4, 0.1, 0.3]),
        ({"top_p": 0.39}, [0, 1, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.71}, [2 / 9, 4 / 9, 0, 3 / 9]),
        ({"top_p": 1.0}, [0.2, 0.4, 0.1, 0.3]),
        ({"min_p": 0.0}, [0.2, 0.4, 0.1, 0.3]),
        ({"min_p": 0.49}, [2 / 9, 4 / 9, 0, 3 / 9]),
        ({"min_p": 0.51}, [0, 4 / 7, 0, 3 / 7]),
        # 4/9 + 3/9 reach 0.7 once top_k has made the sum 1 again, and 0.4 + 0.3 do not pass 0.71.
        ({"top_k": 3, "top_p": 0.71}, [0, 4 / 7, 0, 3 / 7]),
        ({"temperature": 0.5, "min_p": 0.3}, [0, 16 / 25, 0, 9 / 25]),
    ],
)
def test_the_distribution_is_the_one_by_hand(settings, expected):
    found = probabilities(BY_HAND, SamplingConfig(**({"temperature": 1.0} | settings)))
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), atol=1e-7, rtol=0
    )
    assert [p == 0 for p in found.tolist()] == [p == 0 for p in expected]


def test_equal_scores_are_cut_by_their_ids():
    flat = torch.zeros(4)
    assert probabilities(flat, SamplingConfig(top_k=2)).tolist() == [0.5, 0.5, 0, 0]
    assert probabilities(flat, SamplingConfig(temperature=0.0)).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.5}, {"top_k": 3}, {"min_p": 0.6}])
def test_draws_follow_the_distribution(settings):
    config, generator, n_draws = SamplingConfig(**settings), seeded(7), 4000
    counts = torch.zeros(4, dtype=torch.float64)
    for _ in range(n_draws):
        counts[choose(BY_HAND, config, generator)] += 1
    expected = probabilities(BY_HAND, config) * n_draws
    possible = expected > 0
    assert counts[~possible].sum() == 0
    chi_square = ((counts - expected)[possible].square() / expected[possible]).sum()
    assert chi_square < 16.3  # the 99.9 % quantile of three degrees of freedom


@given(st.lists(score, min_size=1, max_size=40), st.integers(0, 99))
def test_greedy_is_the_argmax_and_draws_nothing(scores, seed):
    generator = seeded(seed)
    before = generator.get_state()
    logits = torch.tensor(scores)
    assert choose(logits, SamplingConfig(temperature=0.0), generator) == int(logits.argmax())
    assert torch.equal(generator.get_state(), before)


@example([-1e-45, 0.0], 1.0, 1, 1.0, 0.0)  # two scores that round to one probability
@given(
    st.lists(score, min_size=1, max_size=40),
    st.floats(0.01, 5),
    st.integers(1, 50),
    st.floats(0.001, 1),
    st.floats(0, 1),
)
def test_every_cut_keeps_the_likeliest_token_and_a_sum_of_one(scores, temperature, k, top_p, min_p):
    logits = torch.tensor(scores)
    config = SamplingConfig(temperature=temperature, top_k=k, top_p=top_p, min_p=min_p)
    found = probabilities(logits, config)
    assert found[logits.argmax()] == found.max() > 0
    assert math.isclose(found.sum().item(), 1, abs_tol=1e-12)
    assert (found > 0).sum() <= k
    assert found[choose(logits, config, seeded())] > 0


def test_equal_seeds_draw_equal_tokens():
    logits = torch.randn(50, generator=seeded(3))
    first, second = (
        [choose(logits, SamplingConfig(), generator) for _ in range(50)]
        for generator in (seeded(1), seeded(1))
    )
    assert first == second
    assert first != [choose(logits, SamplingConfig(), generator) for generator in [seeded(2)] * 50]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_scores_of_a_thousand_stay_finite(dtype):
    logits = torch.tensor([1000.0, -1000.0, 1000.0], dtype=dtype)
    assert probabilities(logits, SamplingConfig(temperature=1e-3)).tolist() == [0.5, 0, 0.5]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": -0.1}, "temperature: expected a number from 0"),
        ({"temperature": math.nan}, "temperature: .* found nan"),
        ({"temperature": 10**400}, "temperature: expected a number from 0"),
        ({"top_k": 0}, "top_k: expected a whole number from 1 up, found 0"),
        ({"top_p": 0.0}, "top_p: expected a number above 0 and up to 1, found 0"),
        ({"top_p": 1.5}, "top_p: .* found 1.5"),
        ({"min_p": -1.0}, "min_p: expected a number from 0 to 1, found -1"),
        ({"min_p": math.nan}, "min_p: .* found nan"),
    ],
)
def test_a_setting_that_means_nothing_is_refused_by_its_flag(settings, message):
    with pytest.raises(ConfigError, match=message):
        SamplingConfig(**settings)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_scores_that_are_no_numbers_are_refused(value):
    with pytest.raises(NonFiniteError, match="logits: expected finite"):
        choose(torch.tensor([0.0, value]), SamplingConfig(), seeded())
