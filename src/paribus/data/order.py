"""Where the windows of a step start: a pure function of (seed, step), found in constant time.

A window is context_length + 1 consecutive tokens: the inputs, and the targets one further on.
"""

import math
from collections.abc import Callable

import numpy as np

from paribus.errors import DataError

_ROUNDS = 8
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def window_starts(
    order: str, *, seed: int, step: int, batch_size: int, n_tokens: int, context_length: int
) -> np.ndarray:
    """The starts of the windows of `step` (from 0), as int64 of shape (batch_size,).

    `order` is "epoch", "random" or "sequential" (see ORDERS). Every start is between 0 and
    n_tokens - context_length - 1, inclusive. Raises DataError where no window fits.
    """
    check_length(n_tokens, context_length)
    return ORDERS[order](seed, step, batch_size, n_tokens - context_length - 1, context_length)


def check_length(n_tokens: int, context_length: int) -> None:
    """Raises DataError for fewer tokens than one window has."""
    if n_tokens <= context_length:
        raise DataError(
            f"training tokens: expected at least {context_length + 1} (model.context_length + 1), "
            f"found {n_tokens}. Lower model.context_length below {max(n_tokens, 2)}, or prepare "
            "more text"
        )


def windows_per_epoch(n_tokens: int, context_length: int) -> int:
    """Windows at multiples of context_length, and one more at the very end where these do not
    reach it: every token but the first is a target in each epoch."""
    return -(-(n_tokens - 1) // context_length)


def _epoch(seed: int, step: int, batch_size: int, last_start: int, seq: int) -> np.ndarray:
    """Every window once an epoch, in an order of its own for each epoch."""
    n_windows = windows_per_epoch(last_start + seq + 1, seq)
    epochs, places = np.divmod(_positions(step, batch_size), np.uint64(n_windows))
    windows = permuted(places, n_windows, _mixed(epochs ^ _mixed(np.uint64(seed))))
    return np.minimum(windows.astype(np.int64) * seq, last_start)


def _random(seed: int, step: int, batch_size: int, last_start: int, seq: int) -> np.ndarray:
    """Uniform starts, with replacement: the raw stream of Philox keyed by (seed, step).

    The remainder is uniform up to one part in 2^64 / n. Raw words, because NumPy keeps the streams
    of its bit generators stable, and not what it derives from them.
    """
    key = np.array([seed, step], np.uint64)
    words = np.random.Philox(key=key).random_raw(batch_size)
    return (words % np.uint64(last_start + 1)).astype(np.int64)


def _sequential(seed: int, step: int, batch_size: int, last_start: int, seq: int) -> np.ndarray:
    """The windows of an epoch as they are stored, again and again."""
    n_windows = windows_per_epoch(last_start + seq + 1, seq)
    places = _positions(step, batch_size) % np.uint64(n_windows)
    return np.minimum(places.astype(np.int64) * seq, last_start)


def _positions(step: int, batch_size: int) -> np.ndarray:
    first = step * batch_size
    return np.arange(first, first + batch_size, dtype=np.uint64)


def permuted(places: np.ndarray, n: int, keys: np.ndarray) -> np.ndarray:
    """Maps each place in 0 … n-1 by the bijection of its key, without a table.

    A Feistel network over the smallest near-square grid that holds n values, walked along its cycle
    until the value is below n (Black and Rogaway, Ciphers with arbitrary finite domains, 2002). The
    grid has under sqrt(n) values too many, so a second walk is rare.
    """
    n_rows = math.isqrt(n - 1) + 1
    n_columns = -(-n // n_rows)
    round_keys = _mixed(keys + np.arange(_ROUNDS, dtype=np.uint64)[:, None])
    values = _feistel(places, round_keys, n_rows, n_columns)
    while len(outside := np.flatnonzero(values >= n)):
        values[outside] = _feistel(values[outside], round_keys[:, outside], n_rows, n_columns)
    return values


def _feistel(values: np.ndarray, round_keys: np.ndarray, n_rows: int, n_columns: int) -> np.ndarray:
    """One pass: in turn, each row is shifted by a function of its column, and the reverse."""
    row, column = np.divmod(values, np.uint64(n_columns))
    for even, odd in zip(round_keys[::2], round_keys[1::2], strict=True):
        row = (row + _mixed(even ^ column) % np.uint64(n_rows)) % np.uint64(n_rows)
        column = (column + _mixed(odd ^ row) % np.uint64(n_columns)) % np.uint64(n_columns)
    return row * np.uint64(n_columns) + column


def _mixed(words: np.ndarray | np.uint64) -> np.ndarray:
    """The finalizer of SplitMix64: every bit of the word reaches every bit of the result."""
    words = np.atleast_1d(words) + _GOLDEN
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


ORDERS: dict[str, Callable[[int, int, int, int, int], np.ndarray]] = {
    "epoch": _epoch,
    "random": _random,
    "sequential": _sequential,
}
