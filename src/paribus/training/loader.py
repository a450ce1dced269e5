"""The batches of a run, in the order of its steps: read here, or ahead in other processes.

The batch of a step is a function of the seed and the step alone (`data.batches`), so any number of
workers gives the same batches.
"""

import contextlib
import signal
import warnings
from collections.abc import Callable, Iterator

import torch
from torch.utils.data import DataLoader, Dataset

from paribus.data.batches import Batch, Batches
from paribus.data.shards import TokenShards, open_shards
from paribus.experiment import Experiment
from paribus.files import STOP_SIGNALS
from paribus.model.accounting import vocab_size

BatchAt = Callable[[int], Batch]


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
    """Batches of random ids, for timing without data: they take the same time."""
    model, training = experiment.model, experiment.training

    def at(step: int) -> Batch:
        source = torch.Generator().manual_seed(step)
        shape = (training.batch_size, model.context_length + 1)
        windows = torch.randint(vocab_size(model), shape, generator=source)
        return Batch(windows[:, :-1].contiguous(), windows[:, 1:].contiguous())

    return at


@contextlib.contextmanager
def batches_from(
    step: int, experiment: Experiment, shards: TokenShards
) -> Iterator[Iterator[Batch]]:
    """An iterator over the batches of `step` and all later steps of the run.

    `data.workers` processes read them ahead of time; they end with the block.
    """
    n_workers, n_steps = experiment.data.workers, experiment.training.steps
    assert n_steps is not None
    if n_workers == 0 or step >= n_steps:
        batches = open_batches(experiment, shards)
        yield (batches.at(number) for number in range(step, n_steps))
        return
    with warnings.catch_warnings():  # more workers than cores are the user's choice
        warnings.simplefilter("ignore", UserWarning)
        batches = iter(_loader(step, experiment, shards))
    try:
        yield batches
    finally:
        batches._shutdown_workers()  # type: ignore[attr-defined]  # now, not when it is collected


def _loader(step: int, experiment: Experiment, shards: TokenShards) -> DataLoader:
    n_steps = experiment.training.steps
    assert n_steps is not None
    return DataLoader(
        _StepDataset(experiment, shards),
        sampler=range(step, n_steps),
        batch_size=None,  # an item is a whole batch
        num_workers=experiment.data.workers,
        multiprocessing_context="spawn",  # a forked child may hang in the threads of its parent
        worker_init_fn=_ignore_signals,
        pin_memory=experiment.training.device == "cuda",
        generator=torch.Generator(),  # the run's own random state stays untouched
    )


class _StepDataset(Dataset):
    """The batch of each step; opens the shards again in the process that reads them."""

    def __init__(self, experiment: Experiment, shards: TokenShards):
        self._experiment, self._folder = experiment, shards.folder
        self._content_hash, self._batches = shards.content_hash, None

    def __getitem__(self, step: int) -> Batch:
        if self._batches is None:
            shards = open_shards(self._folder)
            assert shards.content_hash == self._content_hash
            self._batches = open_batches(self._experiment, shards)
        return self._batches.at(step)

    def __getstate__(self) -> dict:
        return self.__dict__ | {"_batches": None}


def _ignore_signals(worker: int) -> None:
    """A stop signal goes to the whole process group; the trainer alone acts on it."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
