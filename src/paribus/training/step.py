"""One weight update: forward and backward in parts, clipping, and a halt before a broken update."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from paribus.data.batches import Batch
from paribus.errors import NonFiniteError
from paribus.experiment import Experiment
from paribus.model.inputs import check_ids
from paribus.optim.build import set_learning_rate
from paribus.optim.clip import clip_gradients, clipped_norm
from paribus.optim.schedule import learning_rate
from paribus.tracking.metrics import LayerNorms
from paribus.training.layer_norms import layer_norms
from paribus.training.numerics import Numerics
from paribus.training.state import TrainState

LEAST_SCALE = 1.0
"""Of fp16 losses: a gradient that overflows without being made larger is not finite."""


@dataclass(frozen=True)
class StepResult:
    """What one update was: nats per token, learning rate, gradient norms."""

    loss: float
    lr: float
    grad_norm: float
    grad_norm_clipped: float
    layers: Sequence[LayerNorms] = ()
    """Norms by layer, at the steps that `training.layer_norms_every` names."""


def train_step(
    state: TrainState, batch: Batch, experiment: Experiment, numerics: Numerics
) -> StepResult:
    """Makes update `state.step + 1` on `batch` and counts it.

    Raises NonFiniteError before the update where the loss or the gradient norm is not finite; the
    state is then still that of the step before.
    """
    training = experiment.training
    assert training.steps is not None
    lr = learning_rate(state.step + 1, experiment.schedule, experiment.optimizer.lr, training.steps)
    state.optimizer.zero_grad(set_to_none=True)
    loss = _gradients(batch, training.accumulation, numerics)
    numerics.scaler.unscale_(state.optimizer)
    every = training.layer_norms_every
    is_due = every is not None and (state.step + 1) % every == 0
    layers = layer_norms(state.model.named_parameters()) if is_due else []
    norm = clip_gradients(state.model.parameters(), training.clip_norm)
    loss_value, norm_value = torch.stack([loss, norm.to(loss)]).tolist()
    # A scaled fp16 gradient may overflow: its update is left out, and the next scale is smaller.
    may_overflow = numerics.scaler.is_enabled() and numerics.scaler.get_scale() >= LEAST_SCALE
    is_sound = math.isfinite(norm_value) or may_overflow
    if not math.isfinite(loss_value) or not is_sound:
        raise _non_finite(state.step + 1, loss_value, norm_value, lr, batch)
    set_learning_rate(state.optimizer, lr)
    numerics.scaler.step(state.optimizer)
    numerics.scaler.update()
    state.step += 1
    state.tokens += batch.tokens.numel()
    state.scaler = numerics.scaler.state_dict() if numerics.scaler.is_enabled() else None
    return StepResult(
        loss_value, lr, norm_value, clipped_norm(norm_value, training.clip_norm), layers
    )


def _gradients(batch: Batch, parts: int, numerics: Numerics) -> Tensor:
    """Adds the gradient of the mean loss over `batch`; returns its cross-entropy.

    The ids are checked here, before they leave the CPU: one out of range ends a process on CUDA.
    """
    for ids in (batch.tokens, batch.targets):
        check_ids(ids, numerics.vocab_size)
    tokens = batch.tokens.to(numerics.device, non_blocking=True).chunk(parts)
    targets = batch.targets.to(numerics.device, non_blocking=True).chunk(parts)
    total = torch.zeros((), device=numerics.device)
    for part_tokens, part_targets in zip(tokens, targets, strict=True):
        with numerics.autocast():
            loss = numerics.loss(part_tokens, part_targets)
        numerics.scaler.scale(loss.objective / parts).backward()
        total += loss.nats / parts
    return total


def _non_finite(step: int, loss: float, norm: float, lr: float, batch: Batch) -> NonFiniteError:
    what, found = ("loss", loss) if not math.isfinite(loss) else ("gradient norm", norm)
    return NonFiniteError(
        f"{what} at step {step}: expected finite, found {found} (loss {loss:.4g}, lr {lr:.3g}, "
        f"grad norm {norm:.4g}, batch {batch.hash}). The update was not made; lower optimizer.lr, "
        "or lengthen schedule.warmup_steps"
    )
