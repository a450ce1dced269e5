"""How long a step takes: a few steps on a state that is thrown away."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from paribus.device import synchronize
from paribus.experiment import Experiment
from paribus.training.budget import TokenCounts, evaluated_tokens, tokens_per_step
from paribus.training.compiler import compilation_errors
from paribus.training.loader import BatchAt
from paribus.training.objective import build_objective
from paribus.training.process_settings import process_settings
from paribus.training.state import TrainState
from paribus.training.step import train_step

WARM_UP_STEPS = 2
TIMED_STEPS = 4

Say = Callable[[str], None]


class Speed(NamedTuple):
    """Measured seconds."""

    step: float
    """Median seconds of a step."""
    start: float
    """Extra seconds of the first step, mostly compilation."""


def measure_speed(experiment: Experiment, batch_at: BatchAt) -> Speed:
    """Runs a few steps of `experiment`, whatever its schedule and budget.

    The rate is next to 0: at its peak, without a warm-up, a sound run might not stay finite.
    Raises CompilationError if the steps cannot be compiled.
    """
    training = dataclasses.replace(
        experiment.training, steps=10**9, tokens=None, epochs=None, time=None
    )
    schedule = dataclasses.replace(experiment.schedule, warmup_steps=10**8, horizon=None)
    trial = dataclasses.replace(experiment, training=training, schedule=schedule)
    times = []
    with process_settings(training), compilation_errors():
        state = TrainState.create(trial)
        objective = build_objective(training)
        for step in range(WARM_UP_STEPS + TIMED_STEPS):
            start = synchronize(training.device)
            train_step(state, batch_at(step), trial, objective)
            times.append(synchronize(training.device) - start)
    step = sorted(times[WARM_UP_STEPS:])[TIMED_STEPS // 2]
    return Speed(step, max(0.0, times[0] - step))


def steps_in(
    seconds: float,
    experiment: Experiment,
    data: TokenCounts | None,
    speed: Speed,
    max_epochs: float | None = None,
) -> int:
    """The most steps that end within `seconds`, evaluations included; at least one.

    With `max_epochs`, at most so many passes over the data.
    """
    left = (seconds - speed.start) / speed.step
    cost = steps_of_evaluation(experiment, data)
    every = experiment.evaluation.every
    # Steps up to an evaluation and itself; the last evaluation may come before a whole round.
    rounds, rest = divmod(left, every + cost) if every else (0.0, left)
    steps = rounds * (every or 0) + max(0.0, rest - cost)
    if max_epochs is not None and data is not None:
        steps = min(steps, max_epochs * data.n_train_tokens / tokens_per_step(experiment))
    return max(1, int(steps))


def steps_of_evaluation(experiment: Experiment, data: TokenCounts | None) -> float:
    """Steps that take as long as one evaluation: forward only, a third of the work."""
    return evaluated_tokens(experiment, data) / (3 * tokens_per_step(experiment))
