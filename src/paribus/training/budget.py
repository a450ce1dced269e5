"""From a budget in steps, tokens, epochs or time to a number of steps; the memory of a step.

Imports no torch.
"""

import dataclasses
import math
import re
from typing import Protocol

from paribus.errors import ConfigError
from paribus.experiment import Experiment
from paribus.model.accounting import Memory, count_flops, estimate_memory
from paribus.optim.schedule import check_schedule

TIME_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
}
TOKEN_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}


class TokenCounts(Protocol):
    """What a budget asks of token data."""

    @property
    def n_train_tokens(self) -> int: ...
    @property
    def n_validation_tokens(self) -> int: ...


def parse_duration(text: str | int, key: str = "training.time") -> float:
    """Seconds of `90s`, `5m`, `2h`, `20 minutes`. Raises ConfigError, also for a bare number."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", str(text).strip().lower())
    unit = TIME_UNITS.get(match[2]) if match else None
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


def flops_per_step(experiment: Experiment) -> int:
    """FLOPs of matrix products of one weight update."""
    return experiment.training.batch_size * count_flops(experiment.model).training


def evaluated_tokens(experiment: Experiment, data: TokenCounts | None) -> int:
    """Tokens that one evaluation reads; with no data yet, as many as are asked for."""
    limit = experiment.evaluation.tokens
    if data is None:
        return limit or 0
    # Where none are held out, training tokens stand in.
    there = data.n_validation_tokens if data.n_validation_tokens > 1 else data.n_train_tokens
    return there if limit is None else min(limit, there)


def with_steps(
    experiment: Experiment, data: TokenCounts | None, steps_in_time: int | None
) -> Experiment:
    """`experiment` with its budget as a number of steps and its warm-up as a number.

    `steps_in_time` is what a budget in time holds; one step where that was not measured. Raises
    ConfigError where the warm-up does not end before the run, and for a budget in epochs where
    there is no `data`.
    """
    training = experiment.training
    if training.steps is not None:
        steps = training.steps
    elif training.tokens is not None:
        steps = math.ceil(parse_tokens(training.tokens) / tokens_per_step(experiment))
    elif training.epochs is not None:
        if data is None:
            raise ConfigError(
                f"training.epochs: expected token data to count, found none in "
                f"{experiment.data.dir}. Give training.steps, or data.dir=DIR"
            )
        steps = math.ceil(training.epochs * data.n_train_tokens / tokens_per_step(experiment))
    else:
        steps = steps_in_time or 1
    schedule = experiment.schedule
    if schedule.warmup_steps is None:
        schedule = dataclasses.replace(schedule, warmup_steps=(schedule.horizon or steps) // 10)
    check_schedule(schedule, experiment.optimizer.lr, steps)
    training = dataclasses.replace(training, steps=steps, tokens=None, epochs=None, time=None)
    return dataclasses.replace(experiment, training=training, schedule=schedule)


def needs_calibration(experiment: Experiment) -> bool:
    """Whether the budget is a time, or compiling depends on the time."""
    return experiment.training.time is not None or experiment.training.compile == "auto"


def memory_of(experiment: Experiment) -> Memory:
    """Bytes of a training step by part."""
    training = experiment.training
    return estimate_memory(
        experiment.model,
        sequences=training.batch_size // training.accumulation,
        loss_rows=training.loss_rows,
        parts=training.accumulation,
        width=2 if training.precision in ("bf16", "fp16") else 4,
        moments=experiment.optimizer.moments,
        recomputes=training.recomputes,
    )
