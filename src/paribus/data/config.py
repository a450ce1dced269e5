"""Settings of the training data. Imports no torch."""

from pathlib import Path
from typing import Literal

from paribus.config.settings import settings
from paribus.errors import ConfigError


@settings
class DataConfig:
    """Where the token shards lie and in which order a run reads them."""

    dir: Path = Path("data/tinystories")
    """Folder that `paribus data prepare` wrote."""
    order: Literal["epoch", "random", "sequential"] = "epoch"
    """epoch: each window once, shuffled; random: with replacement; sequential: as stored."""

    def __post_init__(self) -> None:
        if "\0" in str(self.dir):
            raise ConfigError(f"data.dir: expected a path, found {str(self.dir)!r}, which is none")
