"""The most that a caller may ask for, the same in Python and on the command line."""

import os
from functools import cache
from numbers import Integral
from typing import SupportsIndex

from paribus.errors import ConfigError

MAX_THREADS = 1024
"""More than any machine that Paribus runs on has cores: more threads would only take memory."""
MAX_VOCAB_SIZE = 1 << 31
MAX_TOKEN_LENGTH = (1 << 31) - 1
"""Bytes."""
MAX_MEMORY = 1 << 60
"""Bytes."""
SIZE_LIMIT = 256 << 20
"""Maximum size of one file in bytes; the largest tokenizers in use take about 30 MB."""


def check_integer(name: str, value: SupportsIndex, least: int, most: int, why: str = "") -> int:
    """`value` as an int. Raises ConfigError for another type, or outside of the two bounds, of
    which `why` explains the lower one."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ConfigError(f"{name}: expected an integer, found {value!r:.80}")
    number = int(value)
    if not least <= number <= most:
        found = number if abs(number) < 1 << 64 else f"one of {number.bit_length()} bits"
        raise ConfigError(
            f"{name}: expected at least {least}{why} and at most {most}, found {found}"
        )
    return number


def n_threads(threads: int | None) -> int:
    """The number of threads that was asked for; None stands for one on each core."""
    if threads is None:
        return _n_cores()
    return check_integer("threads", threads, 1, MAX_THREADS)


@cache
def _n_cores() -> int:
    return min(os.cpu_count() or 1, MAX_THREADS)
