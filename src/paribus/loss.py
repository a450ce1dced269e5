"""The training loss from scratch: the readable one, and one that never holds all logits at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from paribus.shapes import Scalar


@dataclass(frozen=True)
class Loss:
    """The objective that training minimizes, and the cross-entropy within it."""

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


def exponentiate_in_place(
    logits: Float[Tensor, "rows vocab"], largest: Float[Tensor, "rows 1"], softcap: float | None
) -> Float[Tensor, "rows 1"]:
    """Turns logits into exp(softcap(logits) - largest), times the slope of the cap; returns sums.

    The sums are those of the exponentials alone, without the slope. Compiled, it is one pass over
    memory.
    """
    wide = logits.float()  # the logits themselves where they are float32
    slope = None
    if softcap is not None:
        wide.div_(softcap).tanh_()
        slope = 1 - wide.square()
        wide.mul_(softcap)
    wide.sub_(largest).exp_()
    sums = wide.sum(-1, keepdim=True, dtype=_sum_dtype(logits)).float()
    if slope is not None:
        wide *= slope
    if wide.dtype != logits.dtype:
        logits.copy_(wide)
    return sums


def _sum_dtype(logits: Tensor) -> torch.dtype:
    # A compiled loop on a CPU adds one number after the other: in float32 the sum of a large
    # vocabulary is off by 1e-5. PyTorch's own sum adds in pairs.
    is_one_by_one = torch.compiler.is_compiling() and logits.device.type == "cpu"
    return torch.float64 if is_one_by_one and logits.dtype == torch.float32 else torch.float32


Exponentiate = Callable[[Tensor, Tensor, float | None], Tensor]


def chunked_loss(  # noqa: PLR0913 - the parts of one formula
    hidden: Float[Tensor, "*batch d_model"],
    weight: Float[Tensor, "vocab d_model"],
    targets: Int[Tensor, "*batch"],
    rows: int,
    scale: float = 1.0,
    softcap: float | None = None,
    z_weight: float = 0.0,
    exponentiate: Exponentiate = exponentiate_in_place,
) -> Loss:
    """readable_loss of softcap(hidden weight^T * scale), `rows` positions at a time.

    The gradients are made in the forward pass, chunk by chunk: nothing is computed twice, and the
    largest tensor is (rows, vocab). Under autocast the products run in its number format; the sum
    over chunks and everything between the products is float32. `exponentiate` may be given
    compiled.
    """
    flat, wanted = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    needs_gradients = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    dtype = _product_dtype(hidden)
    head = _Head(rows, scale, softcap, z_weight, dtype, needs_gradients, exponentiate)
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
    exponentiate: Exponentiate


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, head: _Head):
        """The loss; keeps d loss / d hidden and d loss / d weight, both times the positions."""
        weight = weight.detach().to(head.dtype)
        nats, squares = (torch.zeros((), device=hidden.device) for _ in range(2))
        kept = _empty_gradients(hidden, weight) if head.needs_gradients else ()
        # One buffer for all chunks: fresh memory of this size costs more than the arithmetic in it.
        logits = weight.new_empty((min(head.rows, len(hidden)), len(weight)))
        for start in range(0, len(hidden), head.rows):
            inputs = hidden[start : start + head.rows].float() * head.scale
            wanted = targets[start : start + head.rows, None]
            chunk = torch.mm(inputs.to(head.dtype), weight.T, out=logits[: len(inputs)])
            chosen = _capped(chunk.gather(-1, wanted), head.softcap)
            largest = _capped(chunk.amax(-1, keepdim=True), head.softcap)
            sums = head.exponentiate(chunk, largest, head.softcap)
            log_partition = sums.log() + largest
            nats += (log_partition - chosen).sum()
            squares += log_partition.square().sum()
            if kept:
                grad_hidden, grad_weight = kept
                factor = _to_gradient(chunk, wanted, chosen, sums, log_partition, head)
                grad_hidden[start : start + head.rows] = (chunk @ weight) * (factor * head.scale)
                _accumulate(grad_weight, chunk, (inputs * factor).to(head.dtype))
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
        # In place: copies would be the largest tensors of a step. A second backward pass through
        # the same loss is refused by autograd, which sees that what it saved has changed.
        grad_hidden, grad_weight = ctx.saved_tensors
        factor = grad_outputs[0] / ctx.n_positions
        return grad_hidden.mul_(factor), grad_weight.mul_(factor), None, None


def _empty_gradients(hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(hidden), torch.zeros_like(weight, dtype=torch.float32)


def _capped(logits: Tensor, cap: float | None) -> Tensor:
    wide = logits.float()
    return wide if cap is None else cap * (wide / cap).tanh()


def _to_gradient(
    exponentials: Tensor,
    wanted: Tensor,
    chosen: Tensor,
    sums: Tensor,
    log_partition: Tensor,
    head: _Head,
) -> Tensor:
    """Turns exponentials into d loss / d logits but for a factor of each row, which it returns.

    d loss / d logits = ((1 + 2 z log_partition) exponentials / sums - one at the target) * slope of
    the cap. The division by the sums is left to the small tensors of the products that follow.
    """
    growth = 1 + 2 * head.z_weight * log_partition
    at_target = growth * (chosen - log_partition).exp() - 1  # in float32, whatever the others are
    if head.softcap is not None:
        at_target *= 1 - (chosen / head.softcap).square()
    if head.z_weight:
        exponentials *= growth
    if head.dtype == torch.float16:  # it ends at 65,504: below the sum over a large vocabulary
        exponentials /= sums
        sums = torch.ones_like(sums)
    exponentials.scatter_(-1, wanted, (at_target * sums).to(exponentials.dtype))
    return 1 / sums


def _accumulate(grad_weight: Tensor, gradient: Tensor, inputs: Tensor) -> None:
    """grad_weight += gradient^T inputs, the sum in float32."""
    if gradient.dtype == grad_weight.dtype:
        grad_weight.addmm_(gradient.T, inputs)
    else:
        grad_weight += gradient.T @ inputs


def _product_dtype(hidden: Tensor) -> torch.dtype:
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
