"""Checks of a model's input: anything but sequences of known token ids raises a DataError."""

import torch
from torch import Tensor

from paribus.errors import DataError

ID_TYPES = (torch.int64, torch.int32)


def check_shape(tokens: Tensor, start: int, context_length: int) -> None:
    """Refuses anything but ids, an empty sequence, and one that ends past the context."""
    if not isinstance(tokens, Tensor):
        found = type(tokens).__name__
        raise DataError(f"model: expected a tensor of token ids, found {found}. Use torch.tensor()")
    if tokens.dtype not in ID_TYPES:
        found = str(tokens.dtype).removeprefix("torch.")
        raise DataError(f"model: expected token ids as int64 or int32, found {found}. Use .long()")
    if tokens.ndim == 0 or 0 in tokens.shape[:-1]:
        raise DataError(
            f"model: expected at least one sequence of token ids, found shape "
            f"{tuple(tokens.shape)}. Leave an empty batch out"
        )
    end = start + tokens.shape[-1]
    if not start < end <= context_length:
        raise DataError(
            f"model: expected 1 to {context_length} tokens (model.context_length), found {end}. "
            "Cut the sequence, or train with a longer context"
        )


def check_ids(tokens: Tensor, vocab_size: int) -> None:
    """Refuses ids outside the vocabulary. It reads them all, so it belongs on the CPU."""
    low, high = (int(edge) for edge in torch.aminmax(tokens))
    if low < 0 or high >= vocab_size:
        raise DataError(
            f"model: expected token ids from 0 to {vocab_size - 1} (model.vocab_size), found "
            f"{low if low < 0 else high}. Encode the text with this model's tokenizer"
        )
