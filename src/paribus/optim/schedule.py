"""Axis `schedule.kind`: the learning rate of each step. Imports no torch."""

import math

from paribus.errors import ConfigError
from paribus.optim.config import ScheduleConfig


def learning_rate(step: int, config: ScheduleConfig, peak: float, n_steps: int) -> float:
    """The rate of update `step`: linear growth from 0 to `peak`, then the shape of `config.kind`.

    The growth is the warm-up of Goyal et al. (2017, arXiv:1706.02677).
    Past the horizon (`config.horizon`, or `n_steps`) it stays where it ended.
    """
    horizon = config.horizon or n_steps
    warmup = config.warmup_steps if config.warmup_steps is not None else horizon // 10
    if step < warmup:
        return peak * step / warmup
    if step > horizon:
        step = horizon
    progress = (step - warmup) / (horizon - warmup) if horizon > warmup else 1.0
    return SCHEDULES[config.kind](progress, peak, config)


def check_schedule(config: ScheduleConfig, peak: float, n_steps: int) -> None:
    """Raises ConfigError if the rate would rise towards its end or never reach its peak.

    The warm-up ends before the run and before the horizon, and `min_lr` is at most the peak.
    """
    if config.kind != "constant" and config.min_lr > peak:
        raise ConfigError(
            f"schedule.min_lr: expected at most optimizer.lr = {peak}, found {config.min_lr}. "
            f"Set schedule.min_lr={peak / 10:g}, or raise optimizer.lr"
        )
    for what, end in (("training.steps", n_steps), ("schedule.horizon", config.horizon)):
        if end is not None and (config.warmup_steps or 0) >= end:
            raise ConfigError(
                f"schedule.warmup_steps: expected fewer than {what} = {end}, found "
                f"{config.warmup_steps}. Set schedule.warmup_steps={end // 10}, or train longer"
            )


def cosine_with_warmup(
    step: int, peak: float, min_lr: float, warmup_steps: int, horizon: int
) -> float:
    """The cosine schedule with its five numbers given (CS336, assignment 1)."""
    config = ScheduleConfig(warmup_steps=warmup_steps, min_lr=min_lr)
    if step > horizon:
        return min_lr
    return learning_rate(step, config, peak, horizon)


def _cosine(progress: float, peak: float, config: ScheduleConfig) -> float:
    """min + (peak - min) (1 + cos(pi p)) / 2 (Loshchilov and Hutter, 2017, arXiv:1608.03983)."""
    return config.min_lr + (peak - config.min_lr) * (1 + math.cos(math.pi * progress)) / 2


def _linear(progress: float, peak: float, config: ScheduleConfig) -> float:
    """peak + (min - peak) p (Defazio et al., 2023, arXiv:2310.07831)."""
    return peak + (config.min_lr - peak) * progress


def _wsd(progress: float, peak: float, config: ScheduleConfig) -> float:
    """peak, then linear to min in the last share (Hu et al., 2024, arXiv:2404.06395)."""
    start = 1 - config.decay_fraction
    return _linear(max(0.0, progress - start) / config.decay_fraction, peak, config)


def _constant(progress: float, peak: float, config: ScheduleConfig) -> float:
    """peak."""
    return peak


SCHEDULES = {"cosine": _cosine, "linear": _linear, "wsd": _wsd, "constant": _constant}
