"""The position signal beside the token signal at step 0: formula, real tensors, the warning."""

import dataclasses
import re
import subprocess
import sys

import pytest
import torch

from paribus.experiment import load_experiment
from paribus.model.config import Alibi, Learned, ModelConfig, NoPosition, Rope, Sinusoidal
from paribus.model.init import initialize
from paribus.model.signal import FAR_ABOVE, position_signal_warning, position_to_token_ratio
from paribus.model.transformer import Transformer

ORIGINAL = ModelConfig(vocab_size=50_257, position=Sinusoidal())
SMALL = ModelConfig(vocab_size=512, d_model=48, context_length=64, position=Sinusoidal())
KEPT = 0.98658
"""Share of its standard deviation that a normal distribution cut at 3 keeps."""


def measured(config):
    """The ratio in a model that is initialized."""
    model = Transformer(config)
    initialize(model, config, seed=0)
    with torch.no_grad():
        tokens = model.token_embedding.weight * model.embedding_scale
        positions = torch.arange(config.context_length)
        added = model.position.embed(torch.zeros(len(positions), config.d_model), positions)
    return (added.square().mean().sqrt() / tokens.square().mean().sqrt()).item()


SETTINGS = [
    {},
    {"embedding_scale": "sqrt_d_model"},
    {"tie_embeddings": False},
    {"embedding_std": 0.3},
    {"init": "normal"},
    {"init": "gpt2", "embedding_scale": "sqrt_d_model"},
    {"d_model": 51, "n_heads": 3},
    {"d_model": 5, "n_heads": 1, "vocab_size": 4000},
    {"d_model": 1, "n_heads": 1, "vocab_size": 9000},
]


@pytest.mark.parametrize("position", [Sinusoidal(), Learned()], ids=lambda p: p.kind)
@pytest.mark.parametrize("changes", SETTINGS, ids=str)
def test_the_formula_is_the_ratio_of_the_real_tensors(position, changes):
    config = dataclasses.replace(SMALL, position=position, **changes)
    is_cut = config.init == "truncated_normal"
    expected = position_to_token_ratio(config)
    if is_cut and position.kind == "sinusoidal":
        expected /= KEPT  # of two tables that are both cut the factor cancels
    # Tables are samples: 64 positions of d_model numbers, vocab_size rows.
    tolerance = 0.02 if config.d_model > 40 and position.kind == "sinusoidal" else 0.1
    if position.kind == "learned" and config.d_model < 10:
        tolerance = 0.25
    assert measured(config) == pytest.approx(expected, rel=tolerance)


def test_the_known_ratios():
    assert position_to_token_ratio(SMALL) == pytest.approx(12, abs=0.2)
    assert position_to_token_ratio(ORIGINAL) == pytest.approx(112, abs=0.5)
    untied = dataclasses.replace(ORIGINAL, tie_embeddings=False)
    assert position_to_token_ratio(untied) == pytest.approx(0.5**0.5)


@pytest.mark.parametrize("position", [Rope(), NoPosition(), Alibi()], ids=lambda p: p.kind)
def test_a_kind_that_adds_nothing_has_no_ratio_and_no_warning(position):
    config = dataclasses.replace(ORIGINAL, position=position)
    assert position_to_token_ratio(config) == 0
    assert position_signal_warning(config) is None


ADVICE = [
    (ORIGINAL, "112 times .* Set model.embedding_scale=sqrt_d_model to make it 7.0 times"),
    (SMALL, "12 times .* Set model.embedding_scale=sqrt_d_model to make it 1.7 times"),
    (dataclasses.replace(ORIGINAL, position=Learned()), "159 times .*embedding_std=0.02 .* 1.0 t"),
    (dataclasses.replace(SMALL, init="normal"), "35 times .*embedding_scale=sqrt_d_model .* 5.1 t"),
    (
        dataclasses.replace(ORIGINAL, vocab_size=200_000),
        "224 times .*tie_embeddings=false .* 0.7 t",
    ),
    (
        dataclasses.replace(ORIGINAL, embedding_std=1e-4),
        "7071 times .* Set model.embedding_std=0.2 to make it 3.5 times",
    ),
]


@pytest.mark.parametrize(("config", "line"), ADVICE, ids=lambda value: str(value)[-30:])
def test_the_warning_is_one_line_that_names_a_setting(config, line):
    warning = position_signal_warning(config)
    assert warning is not None and "\n" not in warning
    assert re.search(line, warning), warning


@pytest.mark.parametrize("config", [config for config, _ in ADVICE], ids=lambda c: c.init)
def test_the_advice_silences_the_warning(config):
    warning = position_signal_warning(config)
    assert warning is not None
    key, _, value = warning.partition("Set model.")[2].split()[0].partition("=")
    typed = {"false": False}.get(value, float(value) if key == "embedding_std" else value)
    changed = dataclasses.replace(config, **{key: typed})
    assert position_to_token_ratio(changed) < FAR_ABOVE
    assert position_signal_warning(changed) is None


def test_the_shipped_presets_are_told_apart():
    assert position_signal_warning(load_experiment("base_modern").model) is None
    assert position_signal_warning(load_experiment("ablation_untied").model) is None
    assert "112 times" in str(position_signal_warning(load_experiment("base_vanilla").model))


def test_the_formula_needs_no_torch():
    code = "import sys, paribus.model.signal; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
