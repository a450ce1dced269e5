"""Experiment: the settings of all rooms, composed, and where configs and runs lie."""

from pathlib import Path

from paribus.config.settings import settings
from paribus.data.config import DataConfig
from paribus.evaluation.config import EvaluationConfig
from paribus.model.config import ModelConfig
from paribus.optim.config import AdamWConfig, ScheduleConfig
from paribus.training.config import CheckpointConfig, TrainingConfig


@settings
class RunConfig:
    """Where a run lies."""

    dir: Path | None = None
    """The run folder; null: runs/<config>-s<seed>."""


@settings
class Experiment:
    """Everything that a run is made from."""

    model: ModelConfig = ModelConfig()
    optimizer: AdamWConfig = AdamWConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    data: DataConfig = DataConfig()
    run: RunConfig = RunConfig()
