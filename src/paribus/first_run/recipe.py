"""The recipe of a first run: which model, vocabulary and schedule fit a text, a machine and a time.

docs/experiments.md has the measurements behind the numbers.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from paribus.data.config import DataConfig
from paribus.data.shards import TokenShards
from paribus.evaluation.config import EvaluationConfig
from paribus.experiment import Experiment, with_run_folder
from paribus.model.config import ModelConfig
from paribus.optim.config import AdamWConfig, ScheduleConfig
from paribus.training.calibration import Speed, measure_speed, steps_in
from paribus.training.config import TrainingConfig
from paribus.training.loader import open_batches, random_batches
from paribus.training.resolve import resolve_machine

MIN_STEPS = 300
"""A machine that cannot make as many steps of a recipe in the time gets a smaller one."""
MAX_EPOCHS = 20.0
"""Passes over the text after which a small model only memorizes it."""
EVALUATIONS = 6
WARMUP_SHARE, DECAY_SHARE = 0.1, 0.2


@dataclass(frozen=True, kw_only=True)
class Size:
    """A model and its batch. A head has a width of 32."""

    d_model: int
    n_layers: int
    batch_size: int
    context_length: int = 128
    vocab_size: int = 4096
    lr: float = 4e-3


SIZES = (
    Size(d_model=256, n_layers=6, batch_size=8),
    Size(d_model=128, n_layers=4, batch_size=8),
    Size(d_model=64, n_layers=3, batch_size=8, vocab_size=1024),
    Size(d_model=32, n_layers=2, batch_size=4, context_length=64, vocab_size=512),
)
"""Largest first."""


def choose_size(seconds: float, device: str) -> Size:
    """The largest size that makes enough steps in `seconds` at this moment."""
    for size in SIZES:
        experiment = resolve_machine(_experiment(size, device))
        if seconds / measure_speed(experiment, random_batches(experiment)).step >= MIN_STEPS:
            return size
    return SIZES[-1]


def vocabulary_size(size: Size, n_bytes: int) -> int:
    """The vocabulary of a model of `size` for a text of `n_bytes`: a small text has few words."""
    return max(512, min(size.vocab_size, n_bytes // 256))


def plan(
    size: Size,
    shards: TokenShards,
    folder: Path,
    seconds: float,
    device: str,
    prompts: tuple[str, ...],
) -> tuple[Experiment, Speed]:
    """The experiment of `size` on `shards` that ends within `seconds`, and its measured speed."""
    size = dataclasses.replace(
        size, context_length=max(1, min(size.context_length, shards.n_train_tokens - 1))
    )
    experiment = _experiment(size, device, vocab_size=shards.vocab_size)
    experiment = dataclasses.replace(
        experiment,
        data=DataConfig(dir=shards.folder),
        evaluation=dataclasses.replace(experiment.evaluation, prompts=prompts[:1]),
    )
    experiment = resolve_machine(with_run_folder(experiment, folder))
    speed = measure_speed(experiment, open_batches(experiment, shards).at)
    steps = steps_in(seconds, experiment, shards, speed, MAX_EPOCHS)
    return of_steps(experiment, max(2, steps)), speed


def of_steps(experiment: Experiment, steps: int) -> Experiment:
    """`experiment` of `steps` steps, evaluated and saved a few times on the way."""
    every = max(10, -(-steps // EVALUATIONS))
    warmup = int(WARMUP_SHARE * steps)
    return dataclasses.replace(
        experiment,
        training=dataclasses.replace(experiment.training, steps=steps),
        schedule=dataclasses.replace(experiment.schedule, warmup_steps=warmup),
        evaluation=dataclasses.replace(experiment.evaluation, every=every),
        checkpoint=dataclasses.replace(experiment.checkpoint, every=every),
    )


def steps_with_decay(step: int, experiment: Experiment) -> int:
    """The length of a run whose rate begins to decay right after `step`."""
    warmup = experiment.schedule.warmup_steps or 0
    stable = max(1, step - warmup)
    return warmup + -(-stable * 100 // round(100 * (1 - DECAY_SHARE)))


def _experiment(size: Size, device: str, vocab_size: int | None = None) -> Experiment:
    return Experiment(
        model=ModelConfig(
            vocab_size=vocab_size or size.vocab_size,
            context_length=size.context_length,
            d_model=size.d_model,
            n_layers=size.n_layers,
            n_heads=max(1, size.d_model // 32),
            # Tied tables without an embedding scale learn more slowly at this size.
            tie_embeddings=False,
        ),
        optimizer=AdamWConfig(lr=size.lr),
        # The rate is constant until the decay, so that a run may be cut short and still decay.
        schedule=ScheduleConfig(
            kind="wsd", warmup_steps=0, min_lr=size.lr / 100, decay_fraction=DECAY_SHARE
        ),
        training=TrainingConfig(batch_size=size.batch_size, device=device, compile="off"),  # type: ignore[arg-type]
        evaluation=EvaluationConfig(tokens=16_384),
    )
