"""Settings of what mirrors the metrics of a run elsewhere. Imports no torch."""

from paribus.config.settings import settings


@settings
class TrackingConfig:
    """Where metrics go besides the run folder. Nothing leaves the machine by default."""

    mirrors: tuple[str, ...] = ()
    """Trackers that get every row of metrics.jsonl: wandb, tensorboard, or one that an installed
    package registers as an entry point of the group paribus.trackers."""
