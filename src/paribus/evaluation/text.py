"""How well a model predicts a text that it is given as bytes."""

from collections.abc import Callable

import numpy as np

from paribus.errors import DataError
from paribus.evaluation.losses import Evaluation, EvaluationText, evaluate
from paribus.model.transformer import Transformer
from paribus.tokenizer.tokenizer import Tokenizer

BATCH_SIZE = 16


def evaluate_text(
    model: Transformer,
    tokenizer: Tokenizer,
    data: bytes,
    *,
    batch_size: int = BATCH_SIZE,
    precision: str = "fp32",
    poll: Callable[[], None] = lambda: None,
) -> Evaluation:
    """The loss of `model` on all bytes of `data`, read as one document.

    The end-of-text token stands before the text, so that its first token is predicted too; a
    tokenizer without one leaves that token out. Raises DataError for a text without a target.
    """
    ids = tokenizer.encode(data)
    tokens = with_document_start(tokenizer, ids)
    if len(tokens) < 2:
        raise DataError(f"text: expected something to predict, found {len(data)} bytes")
    return evaluate(
        model,
        EvaluationText.of(tokenizer, tokens),
        batch_size=batch_size,
        precision=precision,
        poll=poll,
    )


def with_document_start(tokenizer: Tokenizer, ids: np.ndarray) -> np.ndarray:
    """`ids` behind the end-of-text id, which is what stands before every document in training."""
    if tokenizer.end_of_text is None:
        return ids
    return np.concatenate([np.array([tokenizer.end_of_text], ids.dtype), ids])
