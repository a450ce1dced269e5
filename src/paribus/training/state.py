"""TrainState: everything that changes while a run trains, and its way to and from a checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from paribus.checkpoint import Snapshot, load_weights
from paribus.errors import DataError
from paribus.experiment import Experiment
from paribus.model.init import initialize
from paribus.model.transformer import Transformer
from paribus.optim.build import build_optimizer
from paribus.training.numerics import compiled

RANDOM = "random."
"""Begin of the names of random states among the tensors of a snapshot."""
FIELDS = ("tokens", "seconds", "chain", "scaler")
"""What a snapshot keeps as JSON, beside the step and the validation loss."""


@dataclass
class TrainState:
    """Model, optimizer and position of a run.

    The data position is `step` itself: the batch of a step is a function of the seed and the step.
    """

    model: Transformer
    optimizer: torch.optim.Optimizer
    step: int = 0
    """Weight updates made."""
    tokens: int = 0
    """Tokens trained on."""
    seconds: float = 0.0
    """Training time without evaluation."""
    chain: str = "0" * 16
    """Chain of the metrics after `step`."""
    validation_loss: float | None = None
    """Nats per token at the newest evaluation; None before the first."""
    scaler: dict[str, Any] | None = None
    """State of the fp16 gradient scaler."""

    @classmethod
    def create(cls, experiment: Experiment) -> "TrainState":
        """The state before the first step: initial values from the seed, on the run's device."""
        model = Transformer(experiment.model)
        initialize(model, experiment.model, experiment.training.seed)
        model.to(experiment.training.device)
        torch.manual_seed(experiment.training.seed)
        compiler = compiled if experiment.training.compile == "on" else None
        named = model.named_parameters()
        return cls(model, build_optimizer(named, experiment.optimizer, compiler))

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
            state={name: getattr(self, name) for name in FIELDS},
            validation_loss=self.validation_loss,
        )

    def restore(self, snapshot: Snapshot, source: Path) -> None:
        """Takes over `snapshot`; raises DataError where it belongs to another model."""
        load_weights(self.model, snapshot.weights, source)
        parameters = dict(self.model.named_parameters())
        for name, value in snapshot.optimizer.items():
            if name.startswith(RANDOM):
                _set_random_state(name.removeprefix(RANDOM), value)
                continue
            owner, _, key = name.rpartition(".")
            if owner not in parameters:
                raise DataError(f"{source}: {name}: expected a moment of a parameter, found none")
            parameter = parameters[owner]
            # A step count is a scalar that stays where the optimizer keeps it, on the CPU.
            moved = value.to(parameter.device) if value.ndim else value
            self.optimizer.state[parameter][key] = moved.clone()
        self.step, self.validation_loss = snapshot.step, snapshot.validation_loss
        for name in FIELDS:
            setattr(self, name, snapshot.state[name])


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
