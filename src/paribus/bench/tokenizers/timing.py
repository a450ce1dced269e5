"""The one timer: candidates in alternation, medians of wall and CPU time."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Call = Callable[[], object]
Clock = Callable[[], float]
QUICK = 1.0
"""Seconds; what takes longer is timed once, because noise is small compared with it."""


@dataclass(frozen=True)
class Seconds:
    """Medians over the rounds."""

    wall: float
    cpu: float
    """All threads of this process together."""


def alternate(
    makers: Mapping[str, Callable[[], Call]],
    rounds: int,
    *,
    wall: Clock = time.perf_counter,
    cpu: Clock = time.process_time,
) -> dict[str, Seconds]:
    """Times A B C, A B C, …, so that a disturbance of the machine hits all alike. A maker prepares
    the call that is timed: a fresh tokenizer for a first pass, the same one for a warm pass.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            if taken[name] and taken[name][0][0] > QUICK:
                continue
            call = make()
            gc.collect()
            wall_start, cpu_start = wall(), cpu()
            result = call()
            taken[name].append((wall() - wall_start, cpu() - cpu_start))
            del result, call  # free the memory for the next candidate
    return {
        name: Seconds(*(median(column) for column in zip(*pairs, strict=True)))
        for name, pairs in taken.items()
    }
