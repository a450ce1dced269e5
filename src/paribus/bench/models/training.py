"""Whole training steps compared with other libraries, two processes at a time, in alternation."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch

from paribus.bench.library import Say
from paribus.bench.models.peers import MODELS, count, optimizer_of
from paribus.bench.models.sizes import SHAPES, Shape
from paribus.bench.rows import OURS, Row
from paribus.data.batches import Batch
from paribus.device import DTYPES, matmul_peak, peak_bytes, synchronize
from paribus.errors import CheckFailedError, ParibusError
from paribus.experiment import Experiment
from paribus.model.accounting import count_flops
from paribus.model.config import ModelConfig
from paribus.optim.config import AdamWConfig, ScheduleConfig
from paribus.processes import Worker
from paribus.training.config import TrainingConfig
from paribus.training.loader import random_batches
from paribus.training.objective import build_objective
from paribus.training.process_settings import process_settings
from paribus.training.state import TrainState
from paribus.training.step import train_step

N_BATCHES = 8
"""Batches of random tokens, the same for both sides, used in turn."""
LEAST_SECONDS = 2.0
"""Shortest time between two looks at the clock."""
SECONDS_TO_START = 900.0
"""Time limit of imports and the compiler."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What both sides have in common."""

    shape: str
    precision: str
    device: str
    threads: int
    compile: bool
    nanogpt: Path | None = None

    @property
    def sizes(self) -> Shape:
        """Size of the model and of the batch."""
        return SHAPES[self.shape]

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one update."""
        return self.sizes.batch_size * self.sizes.context_length


class Started(NamedTuple):
    """A side that has taken its first step."""

    n_parameters: int
    seconds: float


class Taken(NamedTuple):
    """What some steps took, per step, and the last loss."""

    seconds: float
    cpu: float
    loss: float


Step = Callable[[Batch], float]


def step_rows(
    setting: Setting, names: list[str], rounds: int, peak: float, say: Say
) -> Iterator[Row]:
    """Two rows for each library: ours with the same parts, and theirs. If none of them can be
    measured, ours is measured alone.

    `peak` is what `peak_of` found.
    """
    has_time = False
    for name in names:
        rows = list(_compared(setting, name, rounds, peak, say))
        has_time |= any(row.wall for row in rows)
        yield from rows
    if not has_time:
        name = names[0] if len(names) == 1 else OURS
        yield from _alone(setting, name, rounds, peak, say)


def peak_of(setting: Setting) -> float:
    """FLOPs per second of a large product alone, on the threads of the steps."""
    torch.set_num_threads(setting.threads)
    return matmul_peak(setting.device, setting.precision)


def _compared(setting: Setting, name: str, rounds: int, peak: float, say: Say) -> Iterator[Row]:
    """Ours and theirs, or a row that says why there is no time."""
    theirs = Row(task="step", library=name, label=_label(name), parts=name)
    if not MODELS[name].is_there(setting.nanogpt):
        yield replace(theirs, note="not installed")
        return
    ours = Row(task="step", library=OURS, label=OURS, parts=name)
    try:
        yield from _measured(setting, [ours, theirs], rounds, peak, say)
    except ParibusError as error:
        yield replace(theirs, note=str(error)[:200])


def _alone(setting: Setting, name: str, rounds: int, peak: float, say: Say) -> Iterator[Row]:
    """Our model with the parts of `name`."""
    row = Row(task="step", library=OURS, label=OURS, parts=name)
    for measured in _measured(setting, [row], rounds, peak, say):
        yield replace(measured, ours_over_it=None, memory_over_ours=None)


def _label(name: str) -> str:
    return f"{name} {MODELS[name].version() or ''}".strip()


def _parts(name: str) -> Mapping[str, Any]:
    return MODELS[name].parts if name in MODELS else {}


def _measured(
    setting: Setting, rows: list[Row], rounds: int, peak: float, say: Say
) -> Iterator[Row]:
    """The rows with their figures, each side in a process of its own. Ours comes first."""
    with contextlib.ExitStack() as stack:
        sides = {}
        for row in rows:
            say(f"start {row.library}, with the parts of {row.parts}")
            worker = Worker(prepare, setting, row.parts, row.library == OURS, name=row.label)
            stack.enter_context(worker)
            sides[row.library] = (worker, worker.ask("start", seconds=SECONDS_TO_START))
        _check_equal_sizes({side: started for side, (_, started) in sides.items()})
        taken = _alternate(sides, rounds, say)
        peaks = {side: worker.ask("peak") for side, (worker, _) in sides.items()}
    config = setting.sizes.config(_parts(rows[0].parts))
    flops = count_flops(config).training * setting.sizes.batch_size
    for row in rows:
        side = row.library
        seconds = median(one.seconds for one in taken[side])
        ratios = [t.seconds / o.seconds for o, t in zip(taken[OURS], taken[side], strict=True)]
        yield replace(
            row,
            n_parameters=sides[side][1].n_parameters,
            n_tokens=setting.tokens_per_step,
            wall=seconds,
            cpu=median(one.cpu for one in taken[side]),
            share_of_peak=flops / seconds / peak,
            peak_bytes=peaks[side],
            start_seconds=sides[side][1].seconds,
            ours_over_it=median(ratios),
            memory_over_ours=peaks[side] / peaks[OURS] if peaks[OURS] else None,
        )


def _check_equal_sizes(started: dict[str, Started]) -> None:
    sizes = {side: one.n_parameters for side, one in started.items()}
    if len(set(sizes.values())) > 1:
        raise CheckFailedError(f"parameters: expected equally many, found {sizes}")


def _alternate(sides: dict, rounds: int, say: Say) -> dict[str, list[Taken]]:
    """Seconds per step, measured for each side in turn."""
    n_steps = {}
    for side, (worker, _) in sides.items():
        trial = worker.ask("steps", 1, seconds=SECONDS_TO_START)
        n_steps[side] = max(1, round(LEAST_SECONDS / trial.seconds))
    taken: dict[str, list[Taken]] = {side: [] for side in sides}
    for number in range(rounds):
        for side, (worker, _) in sides.items():
            say(f"round {number + 1}, {side}")
            found = worker.ask("steps", n_steps[side], seconds=SECONDS_TO_START)
            taken[side].append(found)
    return taken


def prepare(setting: Setting, name: str, is_ours: bool) -> Callable[..., object]:
    """One side, in a process of its own: what answers "start", "steps" n and "peak"."""
    torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    begun = time.perf_counter()
    make = our_steps if is_ours else their_steps
    n_parameters, step = make(setting, name)
    batch_at = random_batches(our_experiment(setting, setting.sizes.config(_parts(name))))
    batches = [batch_at(number) for number in range(N_BATCHES)]
    n_made = 0

    def some(n_steps: int) -> Taken:
        nonlocal n_made
        loss = 0.0
        start, cpu = synchronize(setting.device), time.process_time()
        for _ in range(n_steps):
            loss = step(batches[n_made % len(batches)])
            n_made += 1
        end = synchronize(setting.device)
        return Taken((end - start) / n_steps, (time.process_time() - cpu) / n_steps, loss)

    def answer(what: str, *arguments: int) -> object:
        if what == "start":
            some(1)
            return Started(n_parameters, time.perf_counter() - begun)
        return some(*arguments) if what == "steps" else peak_bytes(setting.device)

    return answer


def our_steps(setting: Setting, name: str) -> tuple[int, Step]:
    """Our model with the parts of a library's model."""
    experiment = our_experiment(setting, setting.sizes.config(_parts(name)))
    process_settings(experiment.training).__enter__()  # for as long as this process lives
    state = TrainState.create(experiment)
    objective = build_objective(experiment.training)
    step = lambda batch: train_step(state, batch, experiment, objective).loss  # noqa: E731
    return count(state.model), step


def our_experiment(setting: Setting, model: ModelConfig) -> Experiment:
    """Our side, set up as in a run."""
    return Experiment(
        model=model,
        optimizer=AdamWConfig(lr=1e-3),
        schedule=ScheduleConfig(kind="constant", warmup_steps=0),
        training=TrainingConfig(
            steps=10**6,
            batch_size=setting.sizes.batch_size,
            precision=setting.precision,  # type: ignore[arg-type]
            compile="on" if setting.compile else "off",
            device=setting.device,  # type: ignore[arg-type]
            threads=setting.threads,
        ),
    )


def their_steps(setting: Setting, name: str) -> tuple[int, Step]:
    """A library's model, compiled with its loss in one graph, and PyTorch's fused AdamW."""
    model, loss_of = MODELS[name].build(setting.sizes.config(_parts(name)), setting.nanogpt)
    model.to(setting.device).train()
    optimizer = optimizer_of(model)
    compiled = torch.compile(loss_of, dynamic=False) if setting.compile else loss_of
    dtype = DTYPES[setting.precision]

    def step(batch: Batch) -> float:
        tokens, targets = batch.tokens.to(setting.device), batch.targets.to(setting.device)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(setting.device, dtype, enabled=dtype != torch.float32):
            loss = compiled(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return count(model), step
