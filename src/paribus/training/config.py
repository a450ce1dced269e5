"""Settings of the training loop and of checkpoints. Imports no torch."""

from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from paribus.config.settings import settings
from paribus.errors import ConfigError


@settings
class TrainingConfig:
    """Budget, batch and numerics of a run."""

    EXCLUSIVE: ClassVar[tuple[str, ...]] = ("steps", "tokens", "epochs", "time")

    steps: Annotated[int, Gt(0)] | None = 40_000
    """Budget in weight updates. Give one of steps, tokens, epochs, time."""
    tokens: str | Annotated[int, Gt(0)] | None = None
    """Budget in tokens: a number, or 20M-tokens."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Budget in passes over the training tokens."""
    time: str | Annotated[int, Gt(0)] | None = None
    """Budget in wall-clock time: 90s, 5m, 2h, "20 minutes". It becomes, once, a number of steps,
    which are to take that long with their evaluations."""
    batch_size: Annotated[int, Gt(0)] = 64
    """Sequences of one weight update."""
    accumulation: Annotated[int, Gt(0)] = 1
    """Parts that a batch is computed in; divides batch_size; the result does not depend on it."""
    clip_norm: Annotated[float, Gt(0)] | None = 1.0
    """Largest global gradient norm; null: no clipping."""
    z_loss: Annotated[float, Gt(0)] | None = None
    """Weight of mean(log(sum(exp(logits)))²) beside the cross-entropy; null: none. The loss that a
    run reports is without it."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    """Seed of the initial values and of the data order."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of the matrix products; weights stay in fp32."""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile; auto: on where the predicted run is long enough to pay for it."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the run computes."""
    threads: Annotated[int, Gt(0), Lt(1025)] | None = None
    """CPU threads; null: as many as PyTorch chooses. CPU results depend on it."""
    loss_rows: Annotated[int, Gt(0)] | None = 512
    """Positions whose logits exist at once; null: the readable loss, all logits at once."""
    layer_norms_every: Annotated[int, Gt(0)] | None = 100
    """Steps between rows with the norms of each layer's gradient and weights; null: none."""
    deterministic: bool = True
    """Only deterministic algorithms, on CUDA and where a run compiles; elsewhere all are."""

    def __post_init__(self) -> None:
        given = [name for name in self.EXCLUSIVE if getattr(self, name) is not None]
        if len(given) != 1:
            raise ConfigError(
                "training.steps: expected one of training.steps, training.tokens, training.epochs, "
                f"training.time, found {', '.join(given) or 'none'}"
            )
        if self.batch_size % self.accumulation:
            raise ConfigError(
                f"training.accumulation: expected a divisor of training.batch_size = "
                f"{self.batch_size}, found {self.accumulation}"
            )

    @property
    def recomputes(self) -> bool:
        """Whether the backward pass makes what is cheap anew: compiled on a CPU, where fresh memory
        costs more than the passes that fill it. Not measured on other devices.
        """
        return self.compile == "on" and self.device == "cpu"


@settings
class CheckpointConfig:
    """When a run saves itself and what it keeps."""

    every: Annotated[int, Gt(0)] | None = 1000
    """Steps between checkpoints; null: only at the end."""
    keep_last: Annotated[int, Ge(2)] = 2
    """Newest checkpoints kept; the one with the best validation loss is kept besides."""
