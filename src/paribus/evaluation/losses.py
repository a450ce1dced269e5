"""The loss of a model on a text, every target counted once, the same number each time."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from paribus.device import autocast
from paribus.errors import DataError, OutOfMemoryError, is_out_of_memory
from paribus.model.inputs import check_ids
from paribus.model.transformer import Transformer
from paribus.shapes import Scalar, Tokens
from paribus.tokenizer.tokenizer import Tokenizer

Rows = Float[Tensor, "rows d_model"]
RowTargets = Int[Tensor, " rows"]
Autocast = Callable[[], AbstractContextManager]
"""Opens the block in which a batch runs."""

LOSS_ROWS = 1024
"""Positions whose logits exist at once."""

log = logging.getLogger("paribus")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How well a model predicts a text."""

    loss: float
    """Mean cross-entropy, nats per token."""
    perplexity: float
    """exp(loss); infinity where that is beyond a float."""
    bits_per_byte: float
    """Total nats / ln 2 / bytes of the predicted text: comparable between tokenizers."""
    n_tokens: int
    """Targets that were predicted."""
    n_bytes: int
    """Bytes that they stand for."""


@dataclass(frozen=True, eq=False)
class EvaluationText:
    """Token ids to predict, all but the first, and the bytes of text that those stand for."""

    tokens: np.ndarray
    n_bytes: int

    def __post_init__(self) -> None:
        if len(self.tokens) < 2:
            raise DataError(f"evaluation: expected at least 2 tokens, found {len(self.tokens)}")

    @classmethod
    def of(cls, tokenizer: Tokenizer, tokens: np.ndarray) -> "EvaluationText":
        """The text of `tokens`. Raises DataError for fewer than two."""
        return cls(tokens, tokenizer.count_bytes(tokens[1:]))


@torch.no_grad()
def evaluate(
    model: Transformer,
    text: EvaluationText,
    *,
    batch_size: int,
    precision: str = "fp32",
    poll: Callable[[], None] = lambda: None,
) -> Evaluation:
    """The loss over windows of the model's context that do not overlap and cover every target once.

    `poll` is called before every batch and may raise to stop. If memory runs out the batch is
    halved, with one warning; the numbers stay, up to rounding. Raises OutOfMemoryError if even one
    window does not fit.
    """
    device = model.output_weight.device
    was_training = model.training
    model.eval()
    total = _Total(model, lambda: autocast(device.type, precision), batch_size)
    try:
        for inputs, targets in _windows(text.tokens, model.config.context_length, batch_size):
            poll()
            for ids in (inputs, targets):
                check_ids(ids, len(model.output_weight))
            total.add(inputs.to(device), targets.to(device))
    finally:
        model.train(was_training)
    return _evaluation(total.nats, len(text.tokens) - 1, text.n_bytes)


def _evaluation(nats: float, n_tokens: int, n_bytes: int) -> Evaluation:
    loss = nats / n_tokens
    return Evaluation(
        loss=loss,
        perplexity=math.inf if loss > 700 else math.exp(loss),
        bits_per_byte=nats / math.log(2) / n_bytes if n_bytes else math.inf,
        n_tokens=n_tokens,
        n_bytes=n_bytes,
    )


def _windows(
    tokens: np.ndarray, context_length: int, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets: the whole windows batch by batch, then the rest, shorter and alone."""
    n_targets = len(tokens) - 1
    n_whole = n_targets // context_length
    for first in range(0, n_whole, batch_size):
        n_rows = min(batch_size, n_whole - first)
        yield _window_batch(tokens, first * context_length, n_rows, context_length)
    rest = n_targets - n_whole * context_length
    if rest:
        yield _window_batch(tokens, n_whole * context_length, 1, rest)


def _window_batch(
    tokens: np.ndarray, start: int, n_rows: int, length: int
) -> tuple[Tensor, Tensor]:
    ids = torch.from_numpy(tokens[start : start + n_rows * length + 1].astype(np.int64))
    return ids[:-1].view(n_rows, length), ids[1:].view(n_rows, length)


class _Total:
    """The sum of all losses in nats; it makes its batches smaller where memory ends."""

    def __init__(self, model: Transformer, autocast: Autocast, batch_size: int):
        self.nats = 0.0
        self._model = model
        self._autocast = autocast
        self._batch_size = batch_size
        self._is_halved = False

    def add(self, inputs: Tokens, targets: Tokens) -> None:
        first = 0
        while first < len(inputs):
            rows = slice(first, first + self._batch_size)
            nats = self._try(inputs[rows], targets[rows])
            if nats is None:
                self._halve(len(inputs[rows]))
            else:
                self.nats += nats
                first = rows.stop

    def _try(self, inputs: Tokens, targets: Tokens) -> float | None:
        """The sum over one batch, None where memory ended."""
        try:
            with self._autocast():
                return total_loss(self._model, inputs, targets).item()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside of the handler, where nothing refers to the batch any more.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _halve(self, batch_size: int) -> None:
        if batch_size == 1:
            raise OutOfMemoryError(
                "evaluation: expected memory for one window, found too little. "
                "Close other programs, or compute on the CPU"
            )
        if not self._is_halved:
            log.warning(
                "evaluation: no memory for %d windows at once, going on with fewer", batch_size
            )
        self._is_halved = True
        self._batch_size = batch_size // 2


def total_loss(model: Transformer, inputs: Tokens, targets: Tokens) -> Scalar:
    """The sum of the losses in nats, in float64 where the device has it."""
    hidden = model.hidden(inputs).flatten(0, 1)
    chunks = zip(hidden.split(LOSS_ROWS), targets.flatten().split(LOSS_ROWS), strict=True)
    sums = [_chunk_losses(model, rows, row_targets) for rows, row_targets in chunks]
    return torch.stack(sums).sum()


def _chunk_losses(model: Transformer, hidden: Rows, targets: RowTargets) -> Scalar:
    logits = model.logits(hidden)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    losses = logits.logsumexp(-1) - logits.gather(-1, targets[:, None]).squeeze(-1)
    return losses.sum() if losses.device.type == "mps" else losses.double().sum()
