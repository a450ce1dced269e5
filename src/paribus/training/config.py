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
    """Budget in weight updates. Set exactly one of steps, tokens, epochs, time."""
    tokens: str | Annotated[int, Gt(0)] | None = None
    """Budget in tokens: a number, or 20M-tokens."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Budget in passes over the training tokens."""
    time: str | Annotated[int, Gt(0)] | None = None
    """Budget in wall-clock time: 90s, 5m, 2h, "20 minutes". Before step 0 it is converted to the
    number of steps that take that long, evaluations included."""
    batch_size: Annotated[int, Gt(0)] = 64
    """Sequences per weight update."""
    accumulation: Annotated[int, Gt(0)] = 1
    """Number of parts a batch is computed in; divides batch_size and does not change the result."""
    clip_norm: Annotated[float, Gt(0)] | None = 1.0
    """Maximum global gradient norm; null: no clipping."""
    z_loss: Annotated[float, Gt(0)] | None = None
    """Weight of mean(log(sum(exp(logits)))²), added to the cross-entropy; null: none. The reported
    loss leaves it out."""
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    """Seed of the initial weights and of the data order."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Number format of matrix products; weights stay in fp32."""
    compile: Literal["auto", "on", "off"] = "auto"
    """torch.compile; auto: on if the predicted run is long enough to pay for compiling."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Device to train on."""
    threads: Annotated[int, Gt(0), Lt(1025)] | None = None
    """CPU threads; null: PyTorch chooses. CPU results depend on it."""
    loss_rows: Annotated[int, Gt(0)] | None = 512
    """Positions whose logits are in memory at once; null: the readable loss, with all logits."""
    layer_norms_every: Annotated[int, Gt(0)] | None = 100
    """Steps between rows with the gradient and weight norms of each layer; null: none."""
    deterministic: bool = True
    """Use only deterministic algorithms; matters on CUDA and when compiling, elsewhere all are."""

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
        """Whether the backward pass recomputes cheap values: when compiled on a CPU, where fresh
        memory costs more than the passes that fill it. Not measured on other devices.
        """
        return self.compile == "on" and self.device == "cpu"


@settings
class CheckpointConfig:
    """When a run saves checkpoints, and which it keeps."""

    every: Annotated[int, Gt(0)] | None = 1000
    """Steps between checkpoints; null: only at the end."""
    keep_last: Annotated[int, Ge(2)] = 2
    """Newest checkpoints to keep, in addition to the one with the best validation loss."""
