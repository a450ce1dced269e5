"""Initial values: every tensor is set, by its rule, from the seed and its name alone."""

import dataclasses
import math

import pytest
import torch

from axes import small_config
from closeness import assert_close
from paribus.model.config import Learned, ModelConfig
from paribus.model.init import initialize, standard_draw
from paribus.model.transformer import Transformer
from paribus.model.variants import INITS


def fresh(config, seed=0):
    model = Transformer(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(math.nan)
    initialize(model, config, seed)
    return dict(model.named_parameters())


def test_no_tensor_keeps_what_memory_held(variant_config):
    for name, parameter in fresh(variant_config).items():
        assert torch.isfinite(parameter).all(), name


def test_norms_begin_as_one_and_biases_as_zero():
    for name, parameter in fresh(small_config(norm="layernorm", bias=True)).items():
        if name.endswith("bias"):
            assert (parameter == 0).all(), name
        elif "norm" in name:
            assert (parameter == 1).all(), name


def wide_config(**changes):
    shape = {"vocab_size": 500, "d_model": 128, "n_layers": 3, "d_ff": 320, "context_length": 200}
    return ModelConfig(**(shape | changes))


STDS = [
    ({}, "token_embedding.weight", math.sqrt(2 / 628)),
    ({"tie_embeddings": False}, "token_embedding.weight", 1.0),
    ({"tie_embeddings": False}, "lm_head.weight", math.sqrt(2 / 628)),
    ({"position": Learned()}, "position.table.weight", 1.0),
    ({}, "layers.1.attention.q_proj.weight", math.sqrt(2 / 256)),
    ({}, "layers.1.ffn.down_proj.weight", math.sqrt(2 / 448)),
    ({"n_kv_heads": 1}, "layers.1.attention.k_proj.weight", math.sqrt(2 / 160)),
    ({"embedding_std": 0.5}, "token_embedding.weight", 0.5),
    ({"embedding_std": 0.5, "tie_embeddings": False}, "lm_head.weight", math.sqrt(2 / 628)),
    ({"embedding_std": 0.5, "position": Learned()}, "position.table.weight", 0.5),
    ({"init": "normal"}, "token_embedding.weight", 0.02),
    ({"init": "normal"}, "layers.1.ffn.down_proj.weight", 0.02),
    ({"init": "gpt2"}, "layers.1.ffn.up_proj.weight", 0.02),
    ({"init": "gpt2"}, "layers.1.ffn.down_proj.weight", 0.02 / math.sqrt(6)),
    ({"init": "gpt2"}, "layers.1.attention.o_proj.weight", 0.02 / math.sqrt(6)),
]


@pytest.mark.parametrize(("changes", "name", "std"), STDS)
def test_a_tensor_has_the_spread_of_its_rule(changes, name, std):
    config = wide_config(**changes)
    values = fresh(config)[name].detach()
    assert config.initial_std(name, tuple(values.shape)) == pytest.approx(std)
    # A normal cut at 3 sigma keeps 98.7 % of its standard deviation.
    kept = 0.9866 if config.init == "truncated_normal" else 1.0
    assert values.std().item() == pytest.approx(kept * std, rel=0.03)
    assert abs(values.mean().item()) < 5 * std / math.sqrt(values.numel())
    if config.init == "truncated_normal":
        assert values.abs().max() <= 3 * std * (1 + 1e-6)
    else:
        assert values.abs().max() > 3 * std


def test_the_rule_gives_the_known_spread_of_the_original_tied_table():
    config = ModelConfig(vocab_size=50_257)
    assert config.initial_std("token_embedding.weight", (50_257, 256)) == pytest.approx(
        0.0063, abs=5e-5
    )


def test_initial_logits_of_every_rule_are_small_whether_tied_or_not(variant_config, tokens):
    config = dataclasses.replace(variant_config, embedding_std=None)
    model = Transformer(config)
    initialize(model, config, 0)
    loss_spread = model(tokens).logsumexp(-1).mean() - math.log(13)
    assert abs(loss_spread) < 1.5


def test_arms_share_the_standard_draw_of_a_tensor_they_share():
    plain = fresh(small_config())
    other = fresh(
        small_config(
            norm_placement="post",
            norm="layernorm",
            ffn="relu",
            bias=True,
            position=Learned(),
            n_layers=3,
        )
    )
    shared = [n for n in plain if n in other and plain[n].shape == other[n].shape]
    assert "layers.1.attention.q_proj.weight" in shared and "layers.0.ffn.up_proj.weight" in shared
    for name in shared:
        assert torch.equal(plain[name], other[name]), name


def test_another_spread_is_the_same_draw_rescaled():
    narrow, wide = (fresh(small_config(embedding_std=std)) for std in (0.1, 0.3))
    name = "token_embedding.weight"
    assert_close(narrow[name] * 3, wide[name])


def test_tensors_and_seeds_draw_apart():
    first, second = fresh(small_config(), seed=0), fresh(small_config(), seed=1)
    q, k = "layers.0.attention.q_proj.weight", "layers.0.attention.k_proj.weight"
    assert not torch.equal(first[q], second[q])
    assert not torch.equal(first[q], first[k])
    assert not torch.equal(first[q], first["layers.1.attention.q_proj.weight"])
    assert torch.equal(first[q], fresh(small_config(), seed=0)[q])


def test_no_global_random_state_is_read_or_moved():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = standard_draw("a", (3, 4), 0, is_truncated=True)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(first, standard_draw("a", (3, 4), 0, is_truncated=True))


def test_every_rule_knows_every_tensor():
    for rule in INITS:
        fresh(small_config(init=rule, tie_embeddings=False, position=Learned()))
