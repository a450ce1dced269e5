"""What training minimizes, as a function of the model and a batch: readable or chunked.

Both give the same number (`paribus.loss` proves it); a run with `training.loss_rows` set never
holds all logits at once.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from paribus.loss import Loss, chunked_loss, exponentiate_in_place, readable_loss
from paribus.model.transformer import Transformer
from paribus.shapes import Tokens
from paribus.training.compiler import compiled
from paribus.training.config import TrainingConfig
from paribus.training.recomputation import keeping_products

Function = TypeVar("Function", bound=Callable)


class Objective(Protocol):
    """The training loss of a model on a batch."""

    def __call__(self, model: Transformer, tokens: Tokens, targets: Tokens) -> Loss: ...


class ReadableObjective:
    """cross_entropy(model(tokens), targets) + z_loss."""

    def __init__(self, training: TrainingConfig):
        self._z_weight = training.z_loss or 0.0
        self._forward = _prepared(Transformer.forward, training)

    def __call__(self, model: Transformer, tokens: Tokens, targets: Tokens) -> Loss:
        return readable_loss(self._forward(model, tokens), targets, self._z_weight)


class ChunkedObjective:
    """The same loss, with the logits of `training.loss_rows` positions at a time."""

    def __init__(self, training: TrainingConfig):
        assert training.loss_rows is not None
        self._rows, self._z_weight = training.loss_rows, training.z_loss or 0.0
        self._hidden = _prepared(Transformer.hidden, training)
        is_compiled = training.compile == "on"
        self._exponentiate = (
            compiled(exponentiate_in_place) if is_compiled else exponentiate_in_place
        )

    def __call__(self, model: Transformer, tokens: Tokens, targets: Tokens) -> Loss:
        return chunked_loss(
            self._hidden(model, tokens),
            model.output_weight,
            targets,
            self._rows,
            model.logit_scale,
            model.config.logit_softcap,
            self._z_weight,
            self._exponentiate,
        )


def build_objective(training: TrainingConfig) -> Objective:
    """The objective that `training` describes."""
    if training.loss_rows is None:
        return ReadableObjective(training)
    return ChunkedObjective(training)


def _prepared(function: Function, training: TrainingConfig) -> Function:
    """A forward pass, recomputed in the backward pass and compiled as `training` says."""
    lean = keeping_products(function) if training.recomputes else function
    return compiled(lean) if training.compile == "on" else lean  # type: ignore[return-value]
