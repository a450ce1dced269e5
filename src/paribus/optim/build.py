"""The configured optimizer over a model's parameters."""

from collections.abc import Iterable

from torch.nn import Parameter
from torch.optim import Optimizer

from paribus.optim.adamw import AdamW
from paribus.optim.config import AdamWConfig
from paribus.optim.groups import decay_groups


def build_optimizer(
    named_parameters: Iterable[tuple[str, Parameter]], config: AdamWConfig
) -> Optimizer:
    """An optimizer whose groups follow `optimizer.decay`."""
    return AdamW(
        decay_groups(named_parameters, config),
        lr=config.lr,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
    )
