"""Compiles rows of the covering array and compares them with eager; a process of its own.

The compiler cannot trace the run-time checks of shapes that the other tests switch on.
"""

import dataclasses
import json
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from axes import ROWS, config_of, random_model


def largest_difference(row, backend: str) -> float:
    """Of logits and of every gradient, over 1 + its size; the trunk must be one graph."""
    torch.compiler.reset()
    model = random_model(dataclasses.replace(config_of(row), n_layers=1))
    tokens = torch.randint(0, 13, (4, 8), generator=torch.Generator().manual_seed(3))
    results = []
    for hidden in (model.hidden, torch.compile(model.hidden, backend=backend, fullgraph=True)):
        logits = model.logits(hidden(tokens))
        gradients = torch.autograd.grad(logits.square().mean(), list(model.parameters()))
        results.append((logits, *gradients))
    pairs = zip(*results, strict=True)
    return max(((a - b).abs() / (1 + a.abs())).max().item() for a, b in pairs)


if __name__ == "__main__":
    backend, *numbers = sys.argv[1:]
    print(json.dumps({n: largest_difference(ROWS[int(n)], backend) for n in numbers}))
