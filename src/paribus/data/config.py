"""Settings of the training data. Imports no torch."""

from pathlib import Path
from typing import Literal

from paribus.config.settings import settings


@settings
class DataConfig:
    """Where the token shards lie and in which order a run reads them."""

    dir: Path = Path("data/tinystories")
    """Folder that `paribus data prepare` wrote."""
    order: Literal["epoch", "random", "sequential"] = "epoch"
    """epoch: each window once, shuffled; random: with replacement; sequential: as stored."""
