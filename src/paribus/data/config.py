"""Settings of the training data. Imports no torch."""

from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le

from paribus.config.settings import settings


@settings
class DataConfig:
    """Which token shards a run reads, and in which order."""

    dir: Path = Path("data/tinystories")
    """The folder that `paribus data prepare` wrote."""
    order: Literal["epoch", "random", "sequential"] = "epoch"
    """epoch: every window once, shuffled; random: with replacement; sequential: in stored order."""
    workers: Annotated[int, Ge(0), Le(64)] = 0
    """Processes that read batches ahead of time; 0: none. Every number gives the same batches."""
