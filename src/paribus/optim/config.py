"""Settings of the optimizer and of the learning-rate schedule. Imports no torch."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from paribus.config.settings import settings

Fraction = Annotated[float, Ge(0), Lt(1)]
Rate = Annotated[float, Gt(0), Lt(1_000_000)]
"""A learning rate; PyTorch accepts only what fits into float32."""


@settings
class OptimizerSettings:
    """Settings of every kind of optimizer."""

    kind: str
    lr: Rate = 3e-4
    """Peak learning rate, reached at the end of the warm-up."""
    weight_decay: Annotated[float, Ge(0)] = 0.1
    """Decoupled weight decay; each step shrinks a weight by lr * weight_decay of itself."""
    decay: Literal["matrices", "all"] = "matrices"
    """Which parameters decay: tensors with two or more dimensions, or all."""


@settings
class MomentSettings(OptimizerSettings):
    """Settings of the kinds with adaptive moments."""

    beta1: Fraction = 0.9
    """Decay of the running mean of gradients."""
    beta2: Fraction = 0.95
    """Decay of the running mean of squared gradients."""
    eps: Annotated[float, Gt(0)] = 1e-8
    """Added to the square root, outside of it."""

    @property
    def moments(self) -> tuple[int, int]:
        """Moments kept per weight: for hidden matrices, and for all other tensors."""
        return 2, 2


@settings
class AdamWConfig(MomentSettings):
    """AdamW: adaptive moments with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    kind: Literal["adamw"] = "adamw"
    foreach: bool = True
    """Update all tensors in one call; false: the readable update, one tensor at a time."""


@settings
class SGDConfig(OptimizerSettings):
    """SGD with momentum and decoupled weight decay."""

    kind: Literal["sgd"] = "sgd"
    momentum: Fraction = 0.9
    """Share of the running sum that is kept; 0: plain gradient descent."""

    @property
    def moments(self) -> tuple[int, int]:
        """Moments kept per weight: for hidden matrices, and for all other tensors."""
        return (1, 1) if self.momentum else (0, 0)


@settings
class MuonConfig(MomentSettings):
    """Muon for the hidden matrices, AdamW at `lr` for tables, norms and biases (Jordan, 2024)."""

    kind: Literal["muon"] = "muon"
    matrix_lr: Rate = 0.02
    """Peak learning rate of the hidden matrices; it follows the same schedule as lr."""
    momentum: Fraction = 0.95
    """Decay of the running mean of their gradients."""
    iterations: Annotated[int, Gt(0)] = 5
    """Newton-Schulz iterations."""

    @property
    def moments(self) -> tuple[int, int]:
        """Moments kept per weight: for hidden matrices, and for all other tensors."""
        return 1, 2


OptimizerConfig = AdamWConfig | SGDConfig | MuonConfig


@settings
class ScheduleConfig:
    """How the learning rate changes from step to step."""

    kind: Literal["cosine", "wsd", "linear", "constant"] = "cosine"
    """Shape after the warm-up; wsd is warm-up, stable, decay."""
    warmup_steps: Annotated[int, Ge(0)] | None = 2000
    """Steps of linear growth from 0 to optimizer.lr; null: a tenth of the horizon."""
    min_lr: Annotated[float, Ge(0)] = 3e-5
    """Learning rate at and after the horizon; constant ignores it."""
    horizon: Annotated[int, Gt(0)] | None = None
    """Step at which min_lr is reached; null: the last step of the run."""
    decay_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Fraction of the steps between warm-up and horizon that wsd spends decaying."""
