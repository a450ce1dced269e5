"""What a run takes before it starts: time by a short calibration, memory by formulas."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from paribus.data.batches import Batch, Batches
from paribus.data.shards import TokenShards
from paribus.errors import OutOfMemoryError
from paribus.experiment import Experiment
from paribus.machine import available_memory_bytes, resident_memory_bytes
from paribus.model.accounting import Memory, vocab_size
from paribus.model.config import ModelConfig
from paribus.training.budget import (
    TokenCounts,
    evaluated_tokens,
    flops_per_step,
    memory_of,
    needs_calibration,
    parse_duration,
    tokens_per_step,
    with_steps,
)
from paribus.training.config import TrainingConfig
from paribus.training.numerics import Numerics, resolve_compile, synchronize
from paribus.training.state import TrainState
from paribus.training.step import train_step

WARM_UP_STEPS = 2
TIMED_STEPS = 4
KEPT_BY_ALLOCATOR = 0.25
"""Of what a pass adds, so much more is held where pieces of freed memory do not fit the next
tensor: 0.14 to 0.5 with glibc's allocator, the less the larger the tensors."""
COMPILER_BYTES = 180_000_000
"""Of the compiler's own modules and tables in the process: 190 MB with torch 2.15."""
HOPELESS = 4
"""Times the available memory that no system lends."""
BatchAt = Callable[[int], Batch]
Say = Callable[[str], None]


class Speed(NamedTuple):
    """Seconds, measured on a state that is thrown away."""

    step: float
    """Of a step, the median."""
    start: float
    """Of what the first step does besides: with the compiler on, it compiles."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run will take."""

    experiment: Experiment
    """Resolved: machine, steps, compiling."""
    process_bytes: int
    """What the process holds aside from the run; 0 on an accelerator."""
    available_bytes: int | None
    """Memory that the run may take; None where the system does not say."""
    speed: Speed | None
    """None where the run does not fit into memory, so that nothing was measured."""
    data: TokenCounts | None
    """None where there is none yet."""

    @property
    def n_steps(self) -> int:
        """Weight updates of the run."""
        assert self.experiment.training.steps is not None
        return self.experiment.training.steps

    @property
    def memory(self) -> Memory:
        """Bytes of a step by part."""
        return memory_of(self.experiment)

    @property
    def peak_bytes(self) -> int:
        """The most memory that the process holds while it trains."""
        return self.process_bytes + bytes_of_run(self.experiment)

    @property
    def fits(self) -> bool:
        """Whether the memory suffices, as far as one can tell."""
        needed = bytes_of_run(self.experiment)
        return self.available_bytes is None or needed <= self.available_bytes

    @property
    def tokens(self) -> int:
        """Training tokens of the run."""
        return self.n_steps * tokens_per_step(self.experiment)

    @property
    def epochs(self) -> float | None:
        """Passes over the data."""
        return self.tokens / self.data.n_train_tokens if self.data is not None else None

    @property
    def flops_per_step(self) -> int:
        """FLOPs of matrix products of one update."""
        return flops_per_step(self.experiment)

    @property
    def flops_per_second(self) -> float:
        """Those of matrix products while steps are made; 0 where nothing was measured."""
        return self.flops_per_step / self.speed.step if self.speed is not None else 0.0

    @property
    def n_evaluations(self) -> int:
        """Evaluations on the way and at the end."""
        every = self.experiment.evaluation.every
        return -(-self.n_steps // every) if every else 1

    @property
    def seconds(self) -> float:
        """Of the whole run; 0 where nothing was measured."""
        if self.speed is None:
            return 0.0
        held_out = self.n_evaluations * _steps_of_evaluation(self.experiment, self.data)
        return self.speed.start + self.speed.step * (self.n_steps + held_out)


def steps_in(seconds: float, experiment: Experiment, data: TokenCounts | None, speed: Speed) -> int:
    """Most steps that end within `seconds`, evaluations included; at least one."""
    left = (seconds - speed.start) / speed.step
    cost = _steps_of_evaluation(experiment, data)
    every = experiment.evaluation.every
    # Steps up to an evaluation and itself; the last evaluation may come before a whole round.
    rounds, rest = divmod(left, every + cost) if every else (0.0, left)
    return max(1, int(rounds * (every or 0) + max(0.0, rest - cost)))


def _steps_of_evaluation(experiment: Experiment, data: TokenCounts | None) -> float:
    """Steps that take as long: forward only, a third of the work."""
    return evaluated_tokens(experiment, data) / (3 * tokens_per_step(experiment))


def open_batches(experiment: Experiment, shards: TokenShards) -> Batches:
    """The batches of a run. Raises DataError for fewer tokens than one sequence needs."""
    return Batches(
        shards,
        experiment.data,
        batch_size=experiment.training.batch_size,
        context_length=experiment.model.context_length,
        seed=experiment.training.seed,
    )


def random_batches(experiment: Experiment) -> BatchAt:
    """Batches of random ids, where there is no data yet: they take the same time."""
    model, training = experiment.model, experiment.training

    def at(step: int) -> Batch:
        source = torch.Generator().manual_seed(step)
        shape = (training.batch_size, model.context_length + 1)
        windows = torch.randint(vocab_size(model), shape, generator=source)
        return Batch(windows[:, :-1].contiguous(), windows[:, 1:].contiguous())

    return at


def resolve_budget(
    experiment: Experiment, data: TokenCounts | None, batch_at: BatchAt, say: Say
) -> tuple[Experiment, Speed | None]:
    """`experiment`, on its machine, with its number of steps and whether it compiles.

    A budget in time is measured, and anew with the compiler where that is on. The second value is
    the speed of the resolved experiment, None where it was not measured.
    """
    speed = None
    if needs_calibration(experiment):
        speed = measure_speed(compiling(experiment, "off"), batch_at)
        say(f"calibration: {speed.step:.3f} s a step")
    resolved = with_steps(experiment, data, _steps_in_budget(experiment, data, speed))
    resolved = resolve_compile(resolved, speed.step if speed else None)
    if resolved.training.compile == "on":
        speed = None
        if experiment.training.time is not None:
            compiled = compiling(experiment, "on")
            speed = measure_speed(compiled, batch_at)
            say(f"calibration: {speed.step:.3f} s a compiled step")
            resolved = with_steps(compiled, data, _steps_in_budget(compiled, data, speed))
    say(f"{resolved.training.steps} steps, compile {resolved.training.compile}")
    return resolved, speed


def _steps_in_budget(
    experiment: Experiment, data: TokenCounts | None, speed: Speed | None
) -> int | None:
    time = experiment.training.time
    if time is None or speed is None:
        return None
    return steps_in(parse_duration(time), experiment, data, speed)


def measure_speed(experiment: Experiment, batch_at: BatchAt) -> Speed:
    """Makes a few steps of `experiment`, its schedule and budget aside.

    The rate is next to 0: at its peak, without a warm-up, a sound run might not stay finite.
    """
    training = dataclasses.replace(
        experiment.training, steps=10**9, tokens=None, epochs=None, time=None
    )
    schedule = dataclasses.replace(experiment.schedule, warmup_steps=10**8, horizon=None)
    trial = dataclasses.replace(experiment, training=training, schedule=schedule)
    state = TrainState.create(trial)
    numerics = Numerics.build(state.model, training)
    times = []
    for step in range(WARM_UP_STEPS + TIMED_STEPS):
        start = synchronize(numerics.device)
        train_step(state, batch_at(step), trial, numerics)
        times.append(synchronize(numerics.device) - start)
    step = sorted(times[WARM_UP_STEPS:])[TIMED_STEPS // 2]
    return Speed(step, max(0.0, times[0] - step))


def forecast(
    experiment: Experiment, data: TokenCounts | None, batch_at: BatchAt, say: Say
) -> Forecast:
    """What `experiment`, resolved for this machine but for its budget, takes.

    Nothing is measured of a run that does not fit into memory; its budget must then be steps,
    tokens or epochs to be known.
    """
    before = Forecast(
        experiment=experiment,
        process_bytes=_process_bytes(experiment),
        available_bytes=_available_bytes(experiment.training.device),
        speed=None,
        data=data,
    )
    if not before.fits:
        steps = with_steps(compiling(experiment, "off"), data, None)
        return dataclasses.replace(before, experiment=steps)
    resolved, speed = resolve_budget(experiment, data, batch_at, say)
    speed = speed or measure_speed(resolved, batch_at)
    return dataclasses.replace(before, experiment=resolved, speed=speed)


def bytes_of_run(experiment: Experiment) -> int:
    """The most memory that training adds to a process: formulas, allocator, compiler."""
    memory = memory_of(experiment)
    compiler = COMPILER_BYTES if experiment.training.compile == "on" else 0
    return memory.peak + int(KEPT_BY_ALLOCATOR * memory.of_pass) + compiler


def lack_of_memory(experiment: Experiment) -> str | None:
    """What to say where the memory of this machine will hardly hold a step; None where it will.

    Raises OutOfMemoryError where it cannot, whatever the formulas leave out.
    """
    needed, available = bytes_of_run(experiment), _available_bytes(experiment.training.device)
    if available is None or needed <= available:
        return None
    is_of_the_batch = 2 * memory_of(experiment).of_pass > needed
    advice = (
        "training.batch_size smaller, or training.accumulation larger"
        if is_of_the_batch
        else "the model smaller (model.d_model, model.n_layers)"
    )
    lack = (
        f"memory: expected about {gigabytes(needed)} GB for a step, found "
        f"{gigabytes(available)} GB available. Make {advice}"
    )
    if needed > HOPELESS * available:
        raise OutOfMemoryError(lack)
    return lack


def compiling(experiment: Experiment, choice: Literal["auto", "on", "off"]) -> Experiment:
    """`experiment` with another `training.compile`."""
    training = dataclasses.replace(experiment.training, compile=choice)
    return dataclasses.replace(experiment, training=training)


def _process_bytes(experiment: Experiment) -> int:
    """What this process holds once a step of the least model has loaded what a step needs."""
    if experiment.training.device != "cpu":
        return 0
    model = ModelConfig(vocab_size=8, context_length=4, d_model=8, n_layers=1, n_heads=1)
    training = TrainingConfig(
        batch_size=1, device="cpu", precision="fp32", threads=experiment.training.threads
    )
    least = dataclasses.replace(experiment, model=model, training=training)
    measure_speed(compiling(least, "off"), random_batches(least))
    return resident_memory_bytes() or 0


def _available_bytes(device: str) -> int | None:
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return available_memory_bytes() if device == "cpu" else None


def gigabytes(n_bytes: int | None) -> str:
    """A size for a message, without its unit."""
    return f"{(n_bytes or 0) / 1e9:.1f}"
