"""The training loss from scratch: the readable one, and one that never holds all logits at once."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from paribus.shapes import Scalar


@dataclass(frozen=True)
class Loss:
    """What training minimizes, and the cross-entropy in it."""

    objective: Scalar
    """Cross-entropy plus the weighted z-loss."""
    nats: Scalar
    """Mean cross-entropy alone, without gradient: comparable whatever is added to it."""


def cross_entropy(logits: Float[Tensor, "*batch vocab"], targets: Int[Tensor, "*batch"]) -> Scalar:
    """mean(log(sum(exp(logits))) - logits[target]), in nats; finite at logits of any size."""
    wide = logits.float()
    wide = wide - wide.amax(-1, keepdim=True).detach()
    chosen = wide.gather(-1, targets[..., None]).squeeze(-1)
    return (wide.exp().sum(-1).log() - chosen).mean()


def z_loss(logits: Float[Tensor, "*batch vocab"]) -> Scalar:
    """mean(log(sum(exp(logits)))²): keeps logits near 0 (PaLM, 2022, arXiv:2204.02311)."""
    wide = logits.float()
    largest = wide.amax(-1, keepdim=True).detach()
    log_partition = (wide - largest).exp().sum(-1).log() + largest.squeeze(-1)
    return log_partition.square().mean()


def readable_loss(
    logits: Float[Tensor, "*batch vocab"], targets: Int[Tensor, "*batch"], z_weight: float = 0.0
) -> Loss:
    """cross_entropy + z_weight * z_loss, from all logits at once."""
    nats = cross_entropy(logits, targets)
    objective = nats + z_weight * z_loss(logits) if z_weight else nats
    return Loss(objective, nats.detach())


def chunked_loss(
    hidden: Float[Tensor, "*batch d_model"],
    weight: Float[Tensor, "vocab d_model"],
    targets: Int[Tensor, "*batch"],
    rows: int,
    scale: float = 1.0,
    softcap: float | None = None,
    z_weight: float = 0.0,
) -> Loss:
    """readable_loss of softcap(hidden weight^T * scale), `rows` positions at a time.

    The gradients are made in the forward pass, chunk by chunk: nothing is computed twice, and the
    largest tensor is (rows, vocab). Under autocast the products run in its number format; the sum
    over chunks and everything between the products is float32.
    """
    flat, wanted = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    needs_gradients = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    head = _Head(rows, scale, softcap, z_weight, _product_dtype(hidden), needs_gradients)
    return Loss(*_ChunkedLoss.apply(flat, weight, wanted, head))


@dataclass(frozen=True)
class _Head:
    """How a chunk of hidden states becomes logits and a loss."""

    rows: int
    scale: float
    softcap: float | None
    z_weight: float
    dtype: torch.dtype
    needs_gradients: bool


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, head: _Head):
        """The loss; keeps d loss / d hidden and d loss / d weight, both times the positions."""
        weight = weight.detach().to(head.dtype)
        nats, squares = (torch.zeros((), device=hidden.device) for _ in range(2))
        kept = _empty_gradients(hidden, weight) if head.needs_gradients else ()
        # One buffer for all chunks: fresh memory of this size costs more than the arithmetic in it.
        n_rows = min(head.rows, len(hidden))
        logits = hidden.new_empty((n_rows, len(weight)), dtype=torch.float32)
        for start in range(0, len(hidden), head.rows):
            inputs = (hidden[start : start + head.rows] * head.scale).to(head.dtype)
            wanted = targets[start : start + head.rows, None]
            chunk = _project(inputs, weight, logits[: len(inputs)])
            slope = None if head.softcap is None else _cap_in_place(chunk, head.softcap)
            losses, log_partition = _softmax_in_place(chunk, wanted)
            nats += losses.sum()
            squares += log_partition.square().sum()
            if kept:
                grad_hidden, grad_weight = kept
                _to_gradient(chunk, wanted, log_partition, head.z_weight, slope)
                gradient = chunk.to(head.dtype)
                grad_hidden[start : start + head.rows] = (gradient @ weight) * head.scale
                _accumulate(grad_weight, gradient, inputs)
        ctx.save_for_backward(*kept)
        ctx.n_positions = len(hidden)
        nats /= len(hidden)
        ctx.mark_non_differentiable(nats)
        if not head.z_weight:
            return nats.clone(), nats
        return nats + head.z_weight * squares / len(hidden), nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs):  # type: ignore[override]
        grad_hidden, grad_weight = ctx.saved_tensors
        factor = grad_outputs[0] / ctx.n_positions
        return grad_hidden * factor, grad_weight * factor, None, None


def _empty_gradients(hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(hidden), torch.zeros_like(weight, dtype=torch.float32)


def _project(inputs: Tensor, weight: Tensor, logits: Tensor) -> Tensor:
    """inputs weight^T as float32, in the memory of `logits`."""
    if weight.dtype == logits.dtype:
        return torch.mm(inputs, weight.T, out=logits)
    return logits.copy_(inputs @ weight.T)


def _cap_in_place(logits: Tensor, cap: float) -> Tensor:
    """Turns logits into cap tanh(logits / cap); returns the slope of that, 1 - tanh²."""
    logits.div_(cap).tanh_()
    slope = 1 - logits.square()
    logits *= cap
    return slope


def _softmax_in_place(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Turns logits into probabilities; returns the losses at `wanted` and log(sum(exp(logits)))."""
    largest = logits.amax(-1, keepdim=True)
    logits -= largest
    chosen = logits.gather(-1, wanted)
    sums = logits.exp_().sum(-1, keepdim=True)
    logits /= sums
    log_sums = sums.log_()
    return log_sums - chosen, log_sums + largest


def _to_gradient(
    probabilities: Tensor,
    wanted: Tensor,
    log_partition: Tensor,
    z_weight: float,
    slope: Tensor | None,
) -> None:
    """Turns softmax into d loss / d logits: (1 + 2 z log_partition) softmax - one at the target.

    Under a soft-cap, times its slope.
    """
    if z_weight:
        probabilities *= 1 + 2 * z_weight * log_partition
    probabilities.scatter_add_(-1, wanted, probabilities.new_full(wanted.shape, -1.0))
    if slope is not None:
        probabilities *= slope


def _accumulate(grad_weight: Tensor, gradient: Tensor, inputs: Tensor) -> None:
    """grad_weight += gradient^T inputs, the sum in float32."""
    if gradient.dtype == grad_weight.dtype:
        grad_weight.addmm_(gradient.T, inputs)
    else:
        grad_weight += gradient.T @ inputs


def _product_dtype(hidden: Tensor) -> torch.dtype:
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
