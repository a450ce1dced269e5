"""One weight update: forward and backward in parts, clipping, and a halt before a broken update."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from paribus.data.batches import Batch
from paribus.device import autocast
from paribus.errors import NonFiniteError
from paribus.experiment import Experiment
from paribus.model.inputs import check_ids
from paribus.optim.build import set_learning_rate
from paribus.optim.clip import clip_gradients, clipped_norm
from paribus.optim.schedule import learning_rate
from paribus.tracking.metrics import LayerNorms
from paribus.training.config import TrainingConfig
from paribus.training.layer_norms import layer_norms
from paribus.training.objective import Objective
from paribus.training.state import TrainState

MIN_LOSS_SCALE = 1.0
"""Below this loss scale, an fp16 overflow is a real NaN."""


@dataclass(frozen=True)
class StepResult:
    """What one update did: nats per token, learning rate, gradient norms."""

    loss: float
    lr: float
    grad_norm: float
    grad_norm_clipped: float
    layers: Sequence[LayerNorms] = ()
    """Norms by layer, every `training.layer_norms_every` steps."""


def train_step(
    state: TrainState, batch: Batch, experiment: Experiment, objective: Objective
) -> StepResult:
    """Makes update `state.step + 1` on `batch` and counts it.

    Raises NonFiniteError before the update if the loss or the gradient norm is not finite; the
    state is then still that of the step before.
    """
    training = experiment.training
    assert training.steps is not None
    lr = learning_rate(state.step + 1, experiment.schedule, experiment.optimizer.lr, training.steps)
    state.optimizer.zero_grad(set_to_none=True)
    loss = _accumulate_gradients(state, batch, training, objective)
    state.scaler.unscale_(state.optimizer)
    every = training.layer_norms_every
    is_due = every is not None and (state.step + 1) % every == 0
    layers = layer_norms(state.model.named_parameters()) if is_due else []
    norm = clip_gradients(state.model.parameters(), training.clip_norm)
    loss_value, norm_value = torch.stack([loss, norm.to(loss)]).tolist()
    # A scaled fp16 gradient may overflow: its update is skipped, and the next scale is smaller.
    may_overflow = state.scaler.is_enabled() and state.scaler.get_scale() >= MIN_LOSS_SCALE
    is_sound = math.isfinite(norm_value) or may_overflow
    if not math.isfinite(loss_value) or not is_sound:
        raise _non_finite(state.step + 1, loss_value, norm_value, lr, batch)
    set_learning_rate(state.optimizer, lr)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    state.step += 1
    state.tokens += batch.tokens.numel()
    return StepResult(
        loss_value, lr, norm_value, clipped_norm(norm_value, training.clip_norm), layers
    )


def _accumulate_gradients(
    state: TrainState, batch: Batch, training: TrainingConfig, objective: Objective
) -> Tensor:
    """Adds the gradient of the mean loss over `batch`; returns its cross-entropy.

    The ids are checked here, before they leave the CPU: one out of range ends a process on CUDA.
    """
    for ids in (batch.tokens, batch.targets):
        check_ids(ids, len(state.model.output_weight))
    n_parts = training.accumulation
    tokens = batch.tokens.to(training.device, non_blocking=True).chunk(n_parts)
    targets = batch.targets.to(training.device, non_blocking=True).chunk(n_parts)
    total = torch.zeros((), device=training.device)
    for part_tokens, part_targets in zip(tokens, targets, strict=True):
        with autocast(training.device, training.precision):
            loss = objective(state.model, part_tokens, part_targets)
        state.scaler.scale(loss.objective / n_parts).backward()
        total += loss.nats / n_parts
    return total


def _non_finite(step: int, loss: float, norm: float, lr: float, batch: Batch) -> NonFiniteError:
    what, found = ("loss", loss) if not math.isfinite(loss) else ("gradient norm", norm)
    return NonFiniteError(
        f"{what} at step {step}: expected finite, found {found} (loss {loss:.4g}, lr {lr:.3g}, "
        f"grad norm {norm:.4g}, batch {batch.hash}). The update was not made; lower optimizer.lr, "
        "or lengthen schedule.warmup_steps"
    )
