"""Settings of the training data. Imports no torch."""

from pathlib import Path
from typing import Literal

from paribus.config.settings import settings


@settings
class DataConfig:
    """Which token shards a run reads, and in which order."""

    dir: Path = Path("data/tinystories")
    """The folder that `paribus data prepare` wrote."""
    order: Literal["epoch", "random", "sequential"] = "epoch"
    """epoch: every window once, shuffled; random: with replacement; sequential: in stored order."""
