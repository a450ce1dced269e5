"""Norms of each layer's gradient and weights, before an update."""

from collections.abc import Iterable

import torch
from torch import Tensor

from paribus.optim.clip import global_norm
from paribus.tracking.metrics import LayerNorms


@torch.no_grad()
def layer_norms(named_parameters: Iterable[tuple[str, Tensor]]) -> list[LayerNorms]:
    """The norms of every layer, in the order of the model; waits once for the device."""
    layers: dict[str, list[Tensor]] = {}
    for name, parameter in named_parameters:
        layers.setdefault(_layer_of(name), []).append(parameter)
    norms = [
        global_norm(tensors)
        for parameters in layers.values()
        for tensors in ([p.grad for p in parameters if p.grad is not None], parameters)
    ]
    values = torch.stack(norms).view(-1, 2).tolist()
    return [
        LayerNorms(layer=layer, grad_norm=grad_norm, weight_norm=weight_norm)
        for layer, (grad_norm, weight_norm) in zip(layers, values, strict=True)
    ]


def _layer_of(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "layers" else parts[0]
