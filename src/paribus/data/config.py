"""Settings of the training data. Imports no torch."""

from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le

from paribus.config.settings import settings
from paribus.errors import ConfigError


@settings
class DataConfig:
    """Where the token shards lie and in which order a run reads them."""

    dir: Path = Path("data/tinystories")
    """Folder that `paribus data prepare` wrote."""
    order: Literal["epoch", "random", "sequential"] = "epoch"
    """epoch: each window once, shuffled; random: with replacement; sequential: as stored."""

    workers: Annotated[int, Ge(0), Le(64)] = 0
    """Processes that read batches ahead of time; 0: none. Every number gives the same batches."""

    def __post_init__(self) -> None:
        if "\0" in str(self.dir):
            raise ConfigError(f"data.dir: expected a path, found {str(self.dir)!r}, which is none")
