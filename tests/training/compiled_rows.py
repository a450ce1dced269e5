"""Compiles rows of the covering array and compares them with eager; a process of its own.

The compiler cannot trace the run-time checks of shapes that the other tests switch on.
"""

import dataclasses
import json
import os
import sys
from functools import partial

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from axes import ROWS, config_of, random_model
from paribus.loss import chunked_loss, exponentiate_in_place
from paribus.training.recomputation import keeping_products


def largest_difference(row, backend: str) -> float:
    """Of logits, loss and every gradient, over 1 + its size; the trunk must be one graph."""
    torch.compiler.reset()
    config = config_of(row)
    model = random_model(dataclasses.replace(config, n_layers=1))
    tokens = torch.randint(0, 13, (4, 8), generator=torch.Generator().manual_seed(3))
    compiled = partial(torch.compile, backend=backend, fullgraph=True, dynamic=False)
    results = []
    for trunk, prepared in (
        (model.hidden, lambda f: f),
        (keeping_products(model.hidden), compiled),
    ):
        hidden = prepared(trunk)(tokens)
        loss = chunked_loss(
            hidden, model.output_weight, tokens, 8, config.logit_scale, config.logit_softcap,
            z_weight=1e-2, exponentiate=prepared(exponentiate_in_place),
        ).objective  # fmt: skip
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        results.append((model.logits(hidden), loss, *gradients))
    pairs = zip(*results, strict=True)
    # torch's max, unlike Python's, is NaN where any of them is.
    return torch.stack([((a - b).abs() / (1 + a.abs())).max() for a, b in pairs]).max().item()


if __name__ == "__main__":
    backend, *numbers = sys.argv[1:]
    torch.use_deterministic_algorithms(True)  # as compiled runs do: no choice may be refused
    print(json.dumps({n: largest_difference(ROWS[int(n)], backend) for n in numbers}))
