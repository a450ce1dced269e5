"""Cross-entropy from scratch: the readable one, and one that never holds all logits at once."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

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
    largest tensor is (rows, vocab).
    """
    dtype = _autocast_dtype(hidden)
    flat = hidden.reshape(-1, hidden.shape[-1])
    return _ChunkedCrossEntropy.apply(flat, weight, targets.reshape(-1), rows, scale, dtype)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, targets, rows, scale, dtype):
        narrow_weight = weight.detach().to(dtype)
        needs = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        grad_hidden = torch.empty_like(hidden) if needs else None
        grad_weight = torch.zeros_like(weight) if needs else None
        total = torch.zeros((), device=hidden.device)
        for start in range(0, len(hidden), rows):
            part = hidden[start : start + rows].detach().to(dtype)
            wanted = targets[start : start + rows, None]
            logits = (part @ narrow_weight.T).float() * scale
            logits -= logits.amax(-1, keepdim=True)
            chosen = logits.gather(-1, wanted)
            exponents = logits.exp_()
            sums = exponents.sum(-1, keepdim=True)
            total += (sums.log() - chosen).sum()
            if needs:
                # d loss / d logits = softmax - one at the target, over the number of positions
                grad = exponents.div_(sums)
                grad.scatter_add_(-1, wanted, grad.new_full(wanted.shape, -1.0))
                grad = grad.mul_(scale / len(hidden)).to(dtype)
                grad_hidden[start : start + rows] = grad @ narrow_weight
                if dtype == grad_weight.dtype:
                    grad_weight.addmm_(grad.T, part)
                else:
                    grad_weight += grad.T @ part
        ctx.save_for_backward(grad_hidden, grad_weight)
        return total / len(hidden)

    @staticmethod
    def backward(ctx, grad_loss):
        grad_hidden, grad_weight = ctx.saved_tensors
        return grad_hidden * grad_loss, grad_weight * grad_loss, None, None, None, None


def _autocast_dtype(hidden: Tensor) -> torch.dtype:
    kind = hidden.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32
