"""Cross-entropy from scratch: the readable one, and one that never holds all logits at once."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from paribus.shapes import Scalar


def cross_entropy(logits: Float[Tensor, "*batch vocab"], targets: Int[Tensor, "*batch"]) -> Scalar:
    """mean(log(sum(exp(logits))) - logits[target]), in nats; finite at logits of any size."""
    wide = logits.float()
    wide = wide - wide.amax(-1, keepdim=True).detach()
    chosen = wide.gather(-1, targets[..., None]).squeeze(-1)
    return (wide.exp().sum(-1).log() - chosen).mean()


def chunked_cross_entropy(
    hidden: Float[Tensor, "*batch d_model"],
    weight: Float[Tensor, "vocab d_model"],
    targets: Int[Tensor, "*batch"],
    rows: int,
    scale: float = 1.0,
) -> Scalar:
    """cross_entropy(hidden weight^T * scale, targets), `rows` positions at a time.

    The gradients are made in the forward pass, chunk by chunk: nothing is computed twice, and the
    largest tensor is (rows, vocab). Under autocast the products run in its number format; the sum
    over chunks and everything between the products is float32.
    """
    flat, wanted = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    needs_gradients = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    dtype = _product_dtype(hidden)
    return _ChunkedCrossEntropy.apply(flat, weight, wanted, rows, scale, dtype, needs_gradients)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0913 - autograd takes no keywords
        ctx: Any, hidden, weight, targets, rows, scale, dtype, needs_gradients
    ):
        """The loss; keeps d loss / d hidden and d loss / d weight, both times the positions."""
        weight = weight.detach().to(dtype)
        total = torch.zeros((), device=hidden.device)
        kept = _empty_gradients(hidden, weight) if needs_gradients else ()
        # One buffer for all chunks: fresh memory of this size costs more than the arithmetic in it.
        logits = hidden.new_empty((min(rows, len(hidden)), len(weight)), dtype=torch.float32)
        for start in range(0, len(hidden), rows):
            inputs = (hidden[start : start + rows] * scale).to(dtype)
            wanted = targets[start : start + rows, None]
            chunk = _project(inputs, weight, logits[: len(inputs)])
            total += _softmax_in_place(chunk, wanted)
            if kept:
                grad_hidden, grad_weight = kept
                # d loss / d logits = softmax - one at the target
                chunk.scatter_add_(-1, wanted, chunk.new_full(wanted.shape, -1.0))
                gradient = chunk.to(dtype)
                grad_hidden[start : start + rows] = (gradient @ weight) * scale
                _accumulate(grad_weight, gradient, inputs)
        ctx.save_for_backward(*kept)
        ctx.n_positions = len(hidden)
        return total / len(hidden)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs):  # type: ignore[override]
        grad_hidden, grad_weight = ctx.saved_tensors
        factor = grad_outputs[0] / ctx.n_positions
        return grad_hidden * factor, grad_weight * factor, None, None, None, None, None


def _empty_gradients(hidden: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(hidden), torch.zeros_like(weight, dtype=torch.float32)


def _project(inputs: Tensor, weight: Tensor, logits: Tensor) -> Tensor:
    """inputs weight^T as float32, in the memory of `logits`."""
    if weight.dtype == logits.dtype:
        return torch.mm(inputs, weight.T, out=logits)
    return logits.copy_(inputs @ weight.T)


def _softmax_in_place(logits: Tensor, wanted: Tensor) -> Tensor:
    """Turns logits into probabilities; returns the sum of the losses at `wanted`."""
    logits -= logits.amax(-1, keepdim=True)
    chosen = logits.gather(-1, wanted)
    sums = logits.exp_().sum(-1, keepdim=True)
    logits /= sums
    return (sums.log() - chosen).sum()


def _accumulate(grad_weight: Tensor, gradient: Tensor, inputs: Tensor) -> None:
    """grad_weight += gradient^T inputs, the sum in float32."""
    if gradient.dtype == grad_weight.dtype:
        grad_weight.addmm_(gradient.T, inputs)
    else:
        grad_weight += gradient.T @ inputs


def _product_dtype(hidden: Tensor) -> torch.dtype:
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
