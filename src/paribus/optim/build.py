"""The configured optimizer over a model's parameters; axis `optimizer.kind`."""

from collections.abc import Callable, Iterable
from typing import assert_never

from torch.nn import Parameter
from torch.optim import Optimizer

from paribus.optim.adamw import AdamW, update_in_one_pass
from paribus.optim.config import AdamWConfig, MomentSettings, MuonConfig, OptimizerConfig, SGDConfig
from paribus.optim.groups import decay_groups, muon_groups
from paribus.optim.muon import Muon
from paribus.optim.sgd import SGD

Compiler = Callable[[Callable[..., None]], Callable[..., None]]


def build_optimizer(
    named_parameters: Iterable[tuple[str, Parameter]],
    config: OptimizerConfig,
    compiler: Compiler | None = None,
) -> Optimizer:
    """An optimizer whose groups follow `optimizer.decay`.

    `compiler` gives a function compiled, for the kinds that have one for it.
    """
    match config:
        case AdamWConfig():
            one_pass = compiler(update_in_one_pass) if compiler and config.foreach else None
            return AdamW(
                decay_groups(named_parameters, config),
                lr=config.lr,
                betas=_betas(config),
                eps=config.eps,
                foreach=config.foreach,
                one_pass=one_pass,
            )
        case SGDConfig():
            return SGD(decay_groups(named_parameters, config), config.lr, config.momentum)
        case MuonConfig():
            return Muon(
                muon_groups(named_parameters, config),
                momentum=config.momentum,
                iterations=config.iterations,
                betas=_betas(config),
                eps=config.eps,
            )
        case _:
            assert_never(config)


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    """Gives every group its share of the schedule's rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_ratio"]


def _betas(config: MomentSettings) -> tuple[float, float]:
    return config.beta1, config.beta2
