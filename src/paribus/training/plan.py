"""What a run takes before it starts: time by a short calibration, memory by formulas."""

import dataclasses
from dataclasses import dataclass

from paribus.device import available_bytes
from paribus.errors import OutOfMemoryError
from paribus.experiment import Experiment
from paribus.machine import resident_memory_bytes
from paribus.model.accounting import Memory
from paribus.model.config import ModelConfig
from paribus.training.budget import (
    TokenCounts,
    flops_per_step,
    memory_of,
    tokens_per_step,
    with_steps,
)
from paribus.training.calibration import Say, Speed, measure_speed, steps_of_evaluation
from paribus.training.compiler import with_compile
from paribus.training.config import TrainingConfig
from paribus.training.loader import BatchAt, random_batches
from paribus.training.resolve import resolve_budget

KEPT_BY_ALLOCATOR = 0.25
"""Share of a pass's memory that the allocator holds in addition, in freed pieces that do not fit
the next tensor: 0.14 to 0.5 with glibc's allocator, less for larger tensors."""
COMPILER_BYTES = 180_000_000
"""Memory of the compiler's own modules and tables: 190 MB with torch 2.15."""
HOPELESS = 4
"""A step that needs so many times the available memory cannot run on any system."""


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
        """FLOPs per second of matrix products during training; 0 if nothing was measured."""
        return self.flops_per_step / self.speed.step if self.speed is not None else 0.0

    @property
    def n_evaluations(self) -> int:
        """Evaluations on the way and at the end."""
        every = self.experiment.evaluation.every
        return -(-self.n_steps // every) if every else 1

    @property
    def seconds(self) -> float:
        """Seconds of the whole run; 0 if nothing was measured."""
        if self.speed is None:
            return 0.0
        held_out = self.n_evaluations * steps_of_evaluation(self.experiment, self.data)
        return self.speed.start + self.speed.step * (self.n_steps + held_out)


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
        available_bytes=available_bytes(experiment.training.device),
        speed=None,
        data=data,
    )
    if not before.fits:
        steps = with_steps(with_compile(experiment, "off"), data, None)
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
    needed, available = bytes_of_run(experiment), available_bytes(experiment.training.device)
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


def _process_bytes(experiment: Experiment) -> int:
    """What this process holds once a step of the least model has loaded what a step needs."""
    if experiment.training.device != "cpu":
        return 0
    model = ModelConfig(vocab_size=8, context_length=4, d_model=8, n_layers=1, n_heads=1)
    training = TrainingConfig(
        batch_size=1, device="cpu", precision="fp32", threads=experiment.training.threads
    )
    least = dataclasses.replace(experiment, model=model, training=training)
    measure_speed(with_compile(least, "off"), random_batches(least))
    return resident_memory_bytes() or 0


def gigabytes(n_bytes: int | None) -> str:
    """A size for a message, without its unit."""
    return f"{(n_bytes or 0) / 1e9:.1f}"
