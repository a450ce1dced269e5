"""Trains models of several widths one after the other, compiled; a process of its own.

The compiler cannot trace the run-time checks of shapes that the other tests switch on.
"""

from dataclasses import replace
from functools import partial

import torch

from paribus.experiment import Experiment
from paribus.model.config import ModelConfig
from paribus.optim.config import AdamWConfig
from paribus.training.calibration import measure_speed
from paribus.training.config import TrainingConfig
from paribus.training.loader import random_batches


def train_models(n_models: int) -> None:
    """Makes some steps of each, as calibrations and the arms of a study do."""
    model = ModelConfig(vocab_size=50, context_length=8, d_model=8, n_layers=1, n_heads=1)
    training = TrainingConfig(
        steps=10, batch_size=2, precision="fp32", compile="on", device="cpu", threads=1
    )
    for number in range(1, n_models + 1):
        experiment = Experiment(
            model=replace(model, d_ff=8 * number), optimizer=AdamWConfig(), training=training
        )
        measure_speed(experiment, random_batches(experiment))


if __name__ == "__main__":
    torch.compile = partial(torch.compile, backend="eager")  # what is compiled, not how fast
    with torch._dynamo.config.patch(recompile_limit=2, fail_on_recompile_limit_hit=True):
        train_models(4)
