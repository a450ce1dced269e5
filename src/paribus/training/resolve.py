"""What a run decides once, before step 0: each `auto`, and its budget as a number of steps."""

import dataclasses

import torch

from paribus.device import best_precision, find_device
from paribus.experiment import Experiment
from paribus.training.budget import TokenCounts, needs_calibration, parse_duration, with_steps
from paribus.training.calibration import Say, Speed, measure_speed, steps_in
from paribus.training.compiler import CompilationError, resolve_compile, with_compile
from paribus.training.loader import BatchAt


def resolve_machine(experiment: Experiment) -> Experiment:
    """`experiment` with device, precision and threads as they are on this machine."""
    training = experiment.training
    device = find_device(training.device, "training.device")
    precision = training.precision
    if precision == "auto":
        precision = best_precision(device)
    threads = training.threads or torch.get_num_threads()
    training = dataclasses.replace(training, device=device, precision=precision, threads=threads)
    return dataclasses.replace(experiment, training=training)


def resolve_budget(
    experiment: Experiment, data: TokenCounts | None, batch_at: BatchAt, say: Say
) -> tuple[Experiment, Speed | None]:
    """`experiment`, on its machine, with its number of steps and whether it compiles.

    A budget in time is measured, and again with the compiler if that is on. The second value is
    the speed of the resolved experiment, None if it was not measured.
    """
    speed = None
    if needs_calibration(experiment):
        say("measuring the time of a step")
        speed = measure_speed(with_compile(experiment, "off"), batch_at)
        say(f"calibration: {speed.step:.3f} s per step")
    resolved = with_steps(experiment, data, _steps_in_budget(experiment, data, speed))
    resolved = resolve_compile(resolved, speed.step if speed else None)
    if resolved.training.compile == "on" and experiment.training.time is not None:
        resolved, speed = _resolve_compiled(experiment, resolved, speed, data, batch_at, say)
    elif resolved.training.compile == "on":
        speed = None
    say(f"{resolved.training.steps} steps, compile {resolved.training.compile}")
    return resolved, speed


def _resolve_compiled(
    experiment: Experiment,
    uncompiled: Experiment,
    speed: Speed | None,
    data: TokenCounts | None,
    batch_at: BatchAt,
    say: Say,
) -> tuple[Experiment, Speed | None]:
    """A budget in time of compiled steps, or of uncompiled ones if they cannot be compiled."""
    compiled = with_compile(experiment, "on")
    try:
        say("compiling a step")
        faster = measure_speed(compiled, batch_at)
    except CompilationError as error:
        say(f"{error}. The run continues uncompiled")
        return with_compile(uncompiled, "off"), speed
    say(f"calibration: {faster.step:.3f} s per compiled step")
    return with_steps(compiled, data, _steps_in_budget(compiled, data, faster)), faster


def _steps_in_budget(
    experiment: Experiment, data: TokenCounts | None, speed: Speed | None
) -> int | None:
    time = experiment.training.time
    if time is None or speed is None:
        return None
    return steps_in(parse_duration(time), experiment, data, speed)
