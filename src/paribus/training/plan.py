"""From a budget to a number of steps, and how long a run will take, by a short calibration."""

import dataclasses
import math
import re

from paribus.data.batches import Batches
from paribus.data.shards import TokenShards
from paribus.errors import ConfigError
from paribus.experiment import Experiment
from paribus.optim.schedule import check_schedule
from paribus.training.numerics import Numerics, synchronize
from paribus.training.state import TrainState
from paribus.training.step import train_step

WARM_UP_STEPS = 2
TIMED_STEPS = 4
TIME_UNITS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
}
TOKEN_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}


def parse_duration(text: str, key: str = "training.time") -> float:
    """Seconds of `90s`, `5m`, `2h`, `20 minutes`. Raises ConfigError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.strip().lower())
    unit = TIME_UNITS.get(match[2].rstrip("s") or match[2]) if match else None
    if match is None or unit is None or float(match[1]) == 0:
        raise ConfigError(f"{key}: expected a duration as 90s, 5m, 2h, found {text!r}")
    return float(match[1]) * unit


def parse_tokens(value: int | str) -> int:
    """Tokens of 20000000, `20M`, `20M-tokens`. Raises ConfigError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmb]?)(?:[- ]?tokens)?", str(value).strip().lower())
    if match is None or float(match[1]) == 0:
        raise ConfigError(f"training.tokens: expected a number as 20M-tokens, found {value!r}")
    return math.ceil(float(match[1]) * TOKEN_UNITS[match[2]])


def check_budget(experiment: Experiment) -> None:
    """Raises ConfigError for a budget that means nothing, before anything is measured."""
    training = experiment.training
    if training.time is not None:
        parse_duration(training.time)
    if training.tokens is not None:
        parse_tokens(training.tokens)


def tokens_per_step(experiment: Experiment) -> int:
    """Tokens of one weight update."""
    return experiment.training.batch_size * experiment.model.context_length


def with_steps(experiment: Experiment, shards: TokenShards, seconds_per_step: float) -> Experiment:
    """`experiment` with its budget as a number of steps and its warm-up as a number.

    Raises ConfigError where the warm-up does not end before the run.
    """
    training = experiment.training
    if training.steps is not None:
        steps = training.steps
    elif training.tokens is not None:
        steps = math.ceil(parse_tokens(training.tokens) / tokens_per_step(experiment))
    elif training.epochs is not None:
        steps = math.ceil(training.epochs * shards.n_train_tokens / tokens_per_step(experiment))
    else:
        assert training.time is not None
        steps = max(1, int(parse_duration(training.time) / seconds_per_step))
    schedule = experiment.schedule
    check_schedule(schedule, experiment.optimizer.lr, steps)
    if schedule.warmup_steps is None:
        schedule = dataclasses.replace(schedule, warmup_steps=(schedule.horizon or steps) // 10)
    training = dataclasses.replace(training, steps=steps, tokens=None, epochs=None, time=None)
    return dataclasses.replace(experiment, training=training, schedule=schedule)


def needs_calibration(experiment: Experiment) -> bool:
    """Whether the budget is a time, or compiling depends on the time."""
    return experiment.training.time is not None or experiment.training.compile == "auto"


def open_batches(experiment: Experiment, shards: TokenShards) -> Batches:
    """The batches of a run. Raises DataError for fewer tokens than one sequence needs."""
    return Batches(
        shards,
        experiment.data,
        batch_size=experiment.training.batch_size,
        context_length=experiment.model.context_length,
        seed=experiment.training.seed,
    )


def seconds_per_step(experiment: Experiment, shards: TokenShards) -> float:
    """Median seconds of an eager step, measured on a state of its own that is thrown away."""
    training = dataclasses.replace(
        experiment.training, steps=10**9, tokens=None, epochs=None, time=None, compile="off"
    )
    schedule = dataclasses.replace(experiment.schedule, warmup_steps=0, horizon=None)
    trial = dataclasses.replace(experiment, training=training, schedule=schedule)
    batches = open_batches(trial, shards)
    state = TrainState.create(trial)
    numerics = Numerics.build(state.model, training)
    times = []
    for step in range(WARM_UP_STEPS + TIMED_STEPS):
        start = synchronize(numerics.device)
        train_step(state, batches.at(step), trial, numerics)
        times.append(synchronize(numerics.device) - start)
    return sorted(times[WARM_UP_STEPS:])[TIMED_STEPS // 2]
