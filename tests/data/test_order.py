import typing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paribus.data.config import DataConfig
from paribus.data.order import ORDERS, permuted, window_starts, windows_per_epoch
from paribus.errors import DataError

quick = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**64 - 1)
sizes = st.tuples(st.integers(1, 40), st.integers(1, 400)).map(
    lambda pair: {"context_length": pair[0], "n_tokens": pair[0] + pair[1]}
)


@pytest.mark.parametrize("order", ORDERS)
@quick
@given(seed=SEEDS, step=st.integers(0, 2**40), batch_size=st.integers(1, 50), size=sizes)
def test_every_window_lies_within_the_tokens(order, seed, step, batch_size, size):
    starts = window_starts(order, seed=seed, step=step, batch_size=batch_size, **size)
    assert starts.dtype == np.int64
    assert starts.shape == (batch_size,)
    assert starts.min() >= 0
    assert starts.max() <= size["n_tokens"] - size["context_length"] - 1


@pytest.mark.parametrize("order", ["epoch", "sequential"])
@quick
@given(seed=SEEDS, batch_size=st.integers(1, 9), size=sizes)
def test_every_window_of_an_epoch_comes_exactly_once(order, seed, batch_size, size):
    n_windows = windows_per_epoch(**size)
    last = size["n_tokens"] - size["context_length"] - 1
    expected = sorted({*range(0, last + 1, size["context_length"]), last})
    assert len(expected) == n_windows
    n_steps = -(-3 * n_windows // batch_size)
    starts = np.concatenate(
        [
            window_starts(order, seed=seed, step=step, batch_size=batch_size, **size)
            for step in range(n_steps)
        ]
    )
    for epoch in range(3):
        assert sorted(starts[epoch * n_windows : (epoch + 1) * n_windows]) == expected


@quick
@given(size=sizes)
def test_every_token_but_the_first_is_a_target_in_an_epoch(size):
    n_windows = windows_per_epoch(**size)
    starts = window_starts("epoch", seed=1, step=0, batch_size=n_windows, **size)
    targets = starts[:, None] + 1 + np.arange(size["context_length"])
    assert set(targets.ravel().tolist()) == set(range(1, size["n_tokens"]))


@pytest.mark.parametrize("order", ORDERS)
@quick
@given(seed=SEEDS, step=st.integers(0, 1000), parts=st.integers(1, 5), size=sizes)
def test_starts_depend_on_seed_and_step_and_not_on_what_was_asked_before(
    order, seed, step, parts, size
):
    def at(step):
        return window_starts(order, seed=seed, step=step, batch_size=parts, **size)

    first = at(step)
    at(step + 1)
    assert np.array_equal(at(step), first)


@pytest.mark.parametrize("order", ["epoch", "sequential"])
def test_a_larger_batch_is_consecutive_smaller_ones(order):
    size = {"seed": 5, "n_tokens": 1001, "context_length": 8}
    large = window_starts(order, step=3, batch_size=6, **size)
    small = [window_starts(order, step=step, batch_size=2, **size) for step in (9, 10, 11)]
    assert np.array_equal(large, np.concatenate(small))


@quick
@given(n=st.integers(1, 1000), key=SEEDS)
def test_permuted_is_a_bijection(n, key):
    keys = np.full(n, key, np.uint64)
    assert sorted(permuted(np.arange(n, dtype=np.uint64), n, keys).tolist()) == list(range(n))


def test_epochs_and_seeds_have_orders_of_their_own_that_look_random():
    size = {"n_tokens": 64_001, "context_length": 64, "batch_size": 1000}
    orders = [
        window_starts("epoch", seed=seed, step=step, **size) // 64
        for seed in range(4)
        for step in range(5)
    ]
    assert len({tuple(order.tolist()) for order in orders}) == 20
    # Places at which two random permutations agree: Poisson of mean 1; 190 pairs, mean 190.
    n_agree = sum((a == b).sum() for i, a in enumerate(orders) for b in orders[:i])
    assert 190 - 5 * 190**0.5 < n_agree < 190 + 5 * 190**0.5
    correlations = [np.corrcoef(order, np.arange(1000))[0, 1] for order in orders]
    assert max(map(abs, correlations)) < 4.5 / 1000**0.5


def test_small_permutations_are_uniform():
    keys = np.arange(24_000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    columns = [permuted(np.full(24_000, place, np.uint64), 4, keys) for place in range(4)]
    _, counts = np.unique(np.stack(columns, axis=1), axis=0, return_counts=True)
    assert len(counts) == 24
    assert (
        (counts - 1000) ** 2 / 1000
    ).sum() < 60  # chi-square, 23 degrees of freedom: 1 in 30,000


def test_random_starts_are_uniform_and_reach_both_ends():
    size = {"n_tokens": 58, "context_length": 8, "batch_size": 500}
    starts = [window_starts("random", seed=3, step=step, **size) for step in range(100)]
    counts = np.bincount(np.concatenate(starts), minlength=50)
    assert len(counts) == 50
    assert ((counts - 1000) ** 2 / 1000).sum() < 101  # chi-square, 49: 1 in 50,000


def test_the_orders_are_those_of_every_release():
    size = {"seed": 7, "step": 2, "batch_size": 6, "n_tokens": 1000, "context_length": 10}
    found = {order: window_starts(order, **size).tolist() for order in ORDERS}
    assert found == {
        "epoch": [190, 310, 840, 240, 690, 180],
        "random": [855, 966, 162, 100, 855, 54],
        "sequential": [120, 130, 140, 150, 160, 170],
    }


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("n_tokens", [0, 1, 8])
def test_too_few_tokens_are_refused_with_what_to_lower(order, n_tokens):
    with pytest.raises(DataError, match=r"at least 9 .* Lower model\.context_length"):
        window_starts(order, seed=0, step=0, batch_size=1, n_tokens=n_tokens, context_length=8)


@pytest.mark.parametrize("order", ORDERS)
def test_one_window_is_enough(order):
    starts = window_starts(order, seed=0, step=9, batch_size=3, n_tokens=9, context_length=8)
    assert starts.tolist() == [0, 0, 0]


def test_every_order_of_the_settings_exists():
    fields = typing.get_type_hints(DataConfig)
    assert set(typing.get_args(fields["order"])) == set(ORDERS)
