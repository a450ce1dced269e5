"""A parameter states its initial value, its count and its decay, or is refused by name."""

import dataclasses
from typing import Literal

import pytest
import torch
from torch import nn

from axes import small_config
from paribus.errors import ConfigError
from paribus.model.accounting import count_parameters, estimate_memory
from paribus.model.config import PositionFacts
from paribus.model.init import initialize
from paribus.model.parameter import Drawn, parameter
from paribus.model.position import PositionSignal
from paribus.model.transformer import Transformer
from paribus.model.variants import FFNS, NORMS
from paribus.optim.build import build_optimizer
from paribus.optim.config import AdamWConfig, MuonConfig, SGDConfig


@dataclasses.dataclass(frozen=True)
class OwnSettings(PositionFacts):
    """A kind of position that counts `n` trained numbers."""

    n: int = 0
    kind: Literal["own"] = "own"

    def n_parameters(self, model):
        return self.n


class OwnSignal(PositionSignal):
    """Adds the sum of what it trains to the embeddings."""

    def embed(self, x, positions):
        return x + sum(value.sum() for value in self.parameters())


def built(made, n=0, buffer=None, **changes):
    """A model whose position trains `made` under the name `own`."""
    config = small_config(**changes)
    model = Transformer(config)
    model.position = OwnSignal()
    if made is not None:
        model.position.own = made
    if buffer is not None:
        model.position.register_buffer("kept", buffer)
    object.__setattr__(config, "position", OwnSettings(n))
    return model, config


STATED = {
    "a scalar": (lambda: parameter(initial=0.5), 1),
    "one number": (lambda: parameter(1, initial=0.25), 1),
    "a vector of its own values": (lambda: parameter(3, initial=torch.tensor([1.0, 2.0, 3.0])), 3),
    "a matrix": (lambda: parameter(5, 7, initial=Drawn()), 35),
    "three axes": (lambda: parameter(2, 5, 7, initial=Drawn()), 70),
    "a drawn vector": (lambda: parameter(400, initial=Drawn(std=0.1)), 400),
    "a drawn scalar": (lambda: parameter(initial=Drawn(std=0.1)), 1),
    "a table of zeros": (lambda: parameter(4, 4, initial=0.0), 16),
    "a frozen one": (lambda: parameter(2, initial=3.0).requires_grad_(False), 2),
}


@pytest.mark.parametrize("init", ["truncated_normal", "normal", "gpt2"])
@pytest.mark.parametrize("name", STATED)
def test_a_stated_parameter_begins_as_it_says_and_is_counted(name, init):
    make, n = STATED[name]
    model, config = built(make(), n, init=init)
    own = model.position.own
    with torch.no_grad():
        own.fill_(torch.nan)
    initialize(model, config, seed=0)
    if isinstance(own.initial, Drawn):
        assert torch.isfinite(own).all() and (own != 0).all()
    else:
        assert torch.equal(own, torch.as_tensor(own.initial).expand(own.shape))
    assert count_parameters(config).position == n == own.numel()
    total = sum(p.numel() for p in model.parameters())
    assert estimate_memory(config, sequences=1, loss_rows=None).weights == 4 * total


def test_a_drawn_vector_has_its_spread():
    model, config = built(parameter(4000, initial=Drawn(std=0.1)), 4000, init="normal")
    initialize(model, config, seed=0)
    assert model.position.own.std().item() == pytest.approx(0.1, rel=0.05)


def test_a_stack_of_matrices_has_the_spread_of_one():
    model, config = built(parameter(6, 50, 30, initial=Drawn()), 9000)
    initialize(model, config, seed=0)
    assert model.position.own.std().item() == pytest.approx(0.987 * (2 / 80) ** 0.5, rel=0.03)


REFUSED = {
    "no initial value": (
        lambda: nn.Parameter(torch.ones(())),
        1,
        r"position\.own: .*states its initial value.*parameter\.parameter\(",
    ),
    "no initial value, one number": (
        lambda: nn.Parameter(torch.tensor([0.7])),
        1,
        r"position\.own: .*initial",
    ),
    "no initial value, a name like a bias": (
        lambda: nn.Parameter(torch.ones(3, 3)),
        9,
        r"position\.own: .*initial",
    ),
    "whole numbers": (
        lambda: stated_integers(),
        2,
        r"position\.own: .*floating-point numbers, found int64.*buffer",
    ),
    "a drawn scalar without a spread": (
        lambda: parameter(initial=Drawn()),
        1,
        r"position\.own: .*standard deviation.*shape \(\)",
    ),
    "a drawn vector without a spread": (
        lambda: parameter(5, initial=Drawn()),
        5,
        r"position\.own: .*shape \(5,\)",
    ),
    "values of another shape": (
        lambda: parameter(3, initial=torch.ones(2)),
        3,
        r"position\.own: .*shape \(3,\), found \(2,\)",
    ),
    "not counted": (
        lambda: parameter(initial=0.5),
        0,
        r"expected 0 trained numbers in position.*found 1 \(position\.own\).*n_parameters",
    ),
    "counted twice": (
        lambda: parameter(1, initial=0.5),
        2,
        r"expected 2 trained numbers in position.*found 1 \(position\.own\)",
    ),
    "counted and not there": (
        lambda: None,
        4,
        r"expected 4 trained numbers in position.*found 0 \(none\)",
    ),
}


def stated_integers():
    made = nn.Parameter(torch.zeros(2, dtype=torch.long), requires_grad=False)
    made.initial = 1
    return made


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_stated_is_refused_by_name(name):
    make, n, message = REFUSED[name]
    model, config = built(make(), n)
    with pytest.raises(ConfigError, match=message) as caught:
        initialize(model, config, seed=0)
    assert "\n" not in str(caught.value)


def test_a_parameter_with_two_names_is_refused():
    model, config = built(None)
    model.position.own = model.token_embedding.weight
    with pytest.raises(ConfigError, match=r"position\.own: .*found that of token_embedding\."):
        initialize(model, config, seed=0)


def test_a_parameter_outside_of_every_part_is_refused():
    model, config = built(None)
    model.temperature = parameter(initial=1.0)
    with pytest.raises(ConfigError, match=r"0 trained numbers in model.*1 \(temperature\)"):
        initialize(model, config, seed=0)


@pytest.mark.parametrize("value", [torch.tensor([2.0, 3.0]), torch.tensor(7), torch.tensor([True])])
def test_a_buffer_keeps_what_its_module_gave_it(value):
    model, config = built(None, buffer=value)
    initialize(model, config, seed=0)
    assert torch.equal(model.state_dict()["position.kept"], value)
    assert count_parameters(config).position == 0


class ScaledNorm(nn.Module):
    """weight * tanh(scale * x), the scale a number without axes (Zhu et al., 2025)."""

    def __init__(self, d_model):
        super().__init__()
        self.weight = parameter(d_model, initial=1.0)
        self.scale = parameter(initial=0.5)

    def forward(self, x):
        return self.weight * torch.tanh(self.scale * x)


def test_the_row_of_a_norm_counts_its_own_numbers(monkeypatch):
    config = small_config()
    model = Transformer(config)
    for layer in model.layers:
        layer.attention_norm, layer.ffn_norm = ScaledNorm(16), ScaledNorm(16)
    model.final_norm = ScaledNorm(16)
    with pytest.raises(ConfigError, match=r"in norms.*layers\.\*\.ffn_norm\.scale"):
        initialize(model, config, seed=0)
    monkeypatch.setitem(NORMS, "rmsnorm", dataclasses.replace(NORMS["rmsnorm"], n_others=1))
    initialize(model, config, seed=0)
    assert {layer.ffn_norm.scale.item() for layer in model.layers} == {0.5}
    assert count_parameters(config).total == sum(p.numel() for p in model.parameters())


def test_the_row_of_a_network_counts_its_own_numbers(monkeypatch):
    config = small_config()
    model = Transformer(config)
    for layer in model.layers:
        layer.ffn.slope = parameter(2, initial=0.1)
    with pytest.raises(ConfigError, match=r"in ffn.*layers\.\*\.ffn\.slope.*variants\.py"):
        initialize(model, config, seed=0)
    monkeypatch.setitem(FFNS, "swiglu", dataclasses.replace(FFNS["swiglu"], n_others=2))
    initialize(model, config, seed=0)
    assert count_parameters(config).total == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("optimizer", [AdamWConfig, SGDConfig, MuonConfig])
@pytest.mark.parametrize("rule", ["matrices", "all"])
@pytest.mark.parametrize(
    ("shape", "stated", "by_rule"),
    [((), None, False), ((1,), None, False), ((3, 4), None, True), ((2, 3, 4), None, True),
     ((), True, True), ((3, 4), False, False), ((2, 3, 4), False, False)],
)  # fmt: skip
def test_a_parameter_decays_as_it_states(shape, stated, by_rule, rule, optimizer):
    own = parameter(*shape, initial=1.0, decays=stated)
    model, config = built(own, own.numel())
    initialize(model, config, seed=0)
    made = build_optimizer(model.named_parameters(), optimizer(decay=rule, weight_decay=0.3))
    (decay,) = (g["weight_decay"] for g in made.param_groups if "position.own" in g["names"])
    assert (decay == 0.3) == (by_rule or rule == "all")


@pytest.mark.parametrize("name", STATED)
@pytest.mark.parametrize("optimizer", [AdamWConfig(), MuonConfig(), SGDConfig()])
def test_a_stated_parameter_trains(name, optimizer, tokens):
    make, n = STATED[name]
    model, config = built(make(), n)
    initialize(model, config, seed=0)
    before = model.position.own.detach().clone()
    made = build_optimizer(model.named_parameters(), optimizer)
    model(tokens).square().sum().backward()
    for group in made.param_groups:
        group["lr"] = 0.1
    made.step()
    moved = not torch.equal(before, model.position.own)
    assert moved == model.position.own.requires_grad
