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
    """Highest learning rate, reached at the end of the warm-up."""
    weight_decay: Annotated[float, Ge(0)] = 0.1
    """Strength of the decay; each step takes lr * weight_decay of a weight away."""
    decay: Literal["matrices", "all"] = "matrices"
    """Which parameters decay: tensors of two dimensions and more, or all."""


@settings
class MomentSettings(OptimizerSettings):
    """Settings of the kinds with adaptive moments."""

    beta1: Fraction = 0.9
    """Decay of the mean of gradients."""
    beta2: Fraction = 0.95
    """Decay of the mean of squared gradients."""
    eps: Annotated[float, Gt(0)] = 1e-8
    """Added to the root, outside of it."""

    @property
    def moments(self) -> tuple[int, int]:
        """Numbers kept for each weight of a hidden matrix, and of any other tensor."""
        return 2, 2


@settings
class AdamWConfig(MomentSettings):
    """AdamW: adaptive moments with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    kind: Literal["adamw"] = "adamw"
    foreach: bool = True
    """All tensors in one call, or compiled in one pass; false: the readable update, one by one."""


@settings
class SGDConfig(OptimizerSettings):
    """SGD: the gradient, or its running sum, with decoupled weight decay."""

    kind: Literal["sgd"] = "sgd"
    momentum: Fraction = 0.9
    """Share of the running sum that stays; 0: the gradient alone."""

    @property
    def moments(self) -> tuple[int, int]:
        """Numbers kept for each weight of a hidden matrix, and of any other tensor."""
        return (1, 1) if self.momentum else (0, 0)


@settings
class MuonConfig(MomentSettings):
    """Muon for the hidden matrices, AdamW at `lr` for tables, norms and biases (Jordan, 2024)."""

    kind: Literal["muon"] = "muon"
    matrix_lr: Rate = 0.02
    """Highest learning rate of the hidden matrices; it follows the schedule as lr does."""
    momentum: Fraction = 0.95
    """Decay of the mean of their gradients."""
    iterations: Annotated[int, Gt(0)] = 5
    """Steps of Newton and Schulz."""

    @property
    def moments(self) -> tuple[int, int]:
        """Numbers kept for each weight of a hidden matrix, and of any other tensor."""
        return 1, 2


OptimizerConfig = AdamWConfig | SGDConfig | MuonConfig


@settings
class ScheduleConfig:
    """The learning rate of each step."""

    kind: Literal["cosine", "wsd", "linear", "constant"] = "cosine"
    """Shape after the warm-up; wsd: warm-up, stable, decay."""
    warmup_steps: Annotated[int, Ge(0)] | None = 2000
    """Steps of linear growth from 0 to optimizer.lr; null: a tenth of the horizon."""
    min_lr: Annotated[float, Ge(0)] = 3e-5
    """Learning rate at the horizon and after it; constant ignores it."""
    horizon: Annotated[int, Gt(0)] | None = None
    """Step at which min_lr is reached; null: the last step of the run."""
    decay_fraction: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the steps from warm-up to horizon that wsd spends decaying."""
