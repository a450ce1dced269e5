"""TrainState: everything that changes while a run trains, and its way to and from a checkpoint."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from paribus.checkpoint import Progress, Snapshot, load_weights
from paribus.errors import DataError
from paribus.experiment import Experiment
from paribus.model.init import initialize
from paribus.model.transformer import Transformer
from paribus.optim.build import build_optimizer
from paribus.tracking.metrics import FIRST_CHAIN
from paribus.training.compiler import compiled

RANDOM = "random."
"""Prefix for RNG-state tensors in a snapshot."""


@dataclass
class TrainState:
    """Model, optimizer and position of a run.

    The data position is `step` itself: the batch of a step is a function of the seed and the step.
    """

    model: Transformer
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    """Scales fp16 losses; does nothing in other number formats."""
    step: int = 0
    """Weight updates made."""
    tokens: int = 0
    """Tokens trained on."""
    seconds: float = 0.0
    """Training time without evaluation."""
    chain: str = FIRST_CHAIN
    """Chain of the metrics after `step`."""
    validation_loss: float | None = None
    """Nats per token of an evaluation at `step`; None if there was none."""
    best_loss: float = float("inf")
    """The lowest validation loss of any checkpoint so far."""

    @classmethod
    def create(cls, experiment: Experiment) -> "TrainState":
        """The state before the first step: initial values from the seed, on the run's device."""
        training = experiment.training
        model = Transformer(experiment.model)
        initialize(model, experiment.model, training.seed)
        model.to(training.device)
        torch.manual_seed(training.seed)
        compiler = compiled if training.compile == "on" else None
        optimizer = build_optimizer(model.named_parameters(), experiment.optimizer, compiler)
        scaler = torch.amp.GradScaler(training.device, enabled=training.precision == "fp16")
        return cls(model, optimizer, scaler)

    def snapshot(self) -> Snapshot:
        """The state as named tensors and JSON."""
        names: dict[Tensor, str] = {
            parameter: name for name, parameter in self.model.named_parameters()
        }
        moments = {
            f"{names[parameter]}.{key}": value
            for parameter, values in self.optimizer.state.items()
            for key, value in values.items()
            if isinstance(value, Tensor)
        }
        return Snapshot(
            step=self.step,
            weights=self.model.state_dict(),
            optimizer=moments | _random_states(),
            progress=Progress(
                tokens=self.tokens,
                seconds=self.seconds,
                chain=self.chain,
                scaler=self.scaler.state_dict() or None,
            ),
            validation_loss=self.validation_loss,
        )

    def restore(self, snapshot: Snapshot, source: Path) -> None:
        """Takes over `snapshot`; raises DataError if it belongs to another model or optimizer."""
        load_weights(self.model, snapshot.weights, source)
        self._restore_moments(snapshot, source)
        self.step, self.validation_loss = snapshot.step, snapshot.validation_loss
        progress = snapshot.progress
        self.tokens, self.seconds, self.chain = progress.tokens, progress.seconds, progress.chain
        if progress.scaler is not None and self.scaler.is_enabled():
            self.scaler.load_state_dict(progress.scaler)

    def _restore_moments(self, snapshot: Snapshot, source: Path) -> None:
        parameters = dict(self.model.named_parameters())
        for name, value in snapshot.optimizer.items():
            if name.startswith(RANDOM):
                _set_random_state(name.removeprefix(RANDOM), value)
                continue
            owner, _, key = name.rpartition(".")
            parameter = parameters.get(owner)
            if parameter is None:
                raise DataError(f"{source}: {name}: expected a moment of a parameter, found none")
            if value.ndim and value.shape != parameter.shape:
                raise DataError(
                    f"{source}: {name}: expected the shape {tuple(parameter.shape)} of its "
                    f"parameter, found {tuple(value.shape)}. The checkpoint is damaged"
                )
            # A step count is a scalar that stays where the optimizer keeps it, on the CPU.
            moved = value.to(parameter.device) if value.ndim else value
            self.optimizer.state[parameter][key] = moved.clone()


def _random_states() -> dict[str, Tensor]:
    states = {f"{RANDOM}cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states[f"{RANDOM}cuda"] = torch.cuda.get_rng_state()
    return states


def _set_random_state(kind: str, state: Tensor) -> None:
    if kind == "cpu":
        torch.set_rng_state(state)
    elif torch.cuda.is_available():
        torch.cuda.set_rng_state(state)
