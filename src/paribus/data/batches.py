"""Batches: the token windows of a step, as tensors."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from paribus.data.config import DataConfig
from paribus.data.order import check_length, window_starts
from paribus.data.shards import TokenShards, gather


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs and the tokens that follow them."""

    tokens: Int[Tensor, "batch seq"]
    targets: Int[Tensor, "batch seq"]

    @property
    def hash(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the windows, as little-endian int64 by rows.

        A row is its tokens and the last target: every id that the step sees, once.
        """
        windows = torch.cat([self.tokens, self.targets[:, -1:]], dim=1).cpu().numpy()
        return hashlib.sha256(windows.astype("<i8").tobytes()).hexdigest()[:16]


class Batches:
    """The batches of a run: `at(step)` depends on the seed and the step alone."""

    def __init__(
        self,
        shards: TokenShards,
        config: DataConfig,
        *,
        batch_size: int,
        context_length: int,
        seed: int,
    ):
        self.shards, self.order = shards, config.order
        self.batch_size, self.context_length, self.seed = batch_size, context_length, seed
        check_length(shards.n_train_tokens, context_length)

    def starts(self, step: int) -> np.ndarray:
        """Where in the stream of training tokens the windows of `step` start."""
        return window_starts(
            self.order,
            seed=self.seed,
            step=step,
            batch_size=self.batch_size,
            n_tokens=self.shards.n_train_tokens,
            context_length=self.context_length,
        )

    def at(self, step: int) -> Batch:
        """The batch of `step`, counted from 0, on the CPU; targets are tokens one further on."""
        positions = self.starts(step)[:, None] + np.arange(self.context_length + 1)
        windows = torch.from_numpy(gather(self.shards.train, positions))
        return Batch(tokens=windows[:, :-1].contiguous(), targets=windows[:, 1:].contiguous())
