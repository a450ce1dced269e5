"""Trains at the small shape and prints the losses; a process of its own.

The compiler cannot trace the run-time checks of shapes that the other tests switch on.
"""

import json
import sys
from pathlib import Path

from paribus.data.shards import open_shards
from paribus.experiment import Experiment
from paribus.model.config import ModelConfig
from paribus.optim.config import AdamWConfig, ScheduleConfig
from paribus.training.config import TrainingConfig
from paribus.training.loader import open_batches
from paribus.training.objective import build_objective
from paribus.training.state import TrainState
from paribus.training.step import train_step


def learning_curve(data: Path, attention: str, training: dict) -> list[float]:
    """The loss of each step, with that attention backend and those training settings."""
    experiment = Experiment(
        model=ModelConfig(
            vocab_size=4096, context_length=128, d_model=128, attention_backend=attention
        ),
        optimizer=AdamWConfig(lr=4e-3),
        schedule=ScheduleConfig(warmup_steps=20, min_lr=4e-5),
        training=TrainingConfig(batch_size=32, device="cpu", threads=2, **training),
    )
    state = TrainState.create(experiment)
    objective = build_objective(experiment.training)
    batches = open_batches(experiment, open_shards(data))
    return [
        train_step(state, batches.at(n), experiment, objective).loss
        for n in range(training["steps"])
    ]


if __name__ == "__main__":
    data, attention, training = sys.argv[1:]
    print(json.dumps(learning_curve(Path(data), attention, json.loads(training))))
