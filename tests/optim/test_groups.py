"""Which parameters decay, and the optimizer that a config describes."""

from dataclasses import replace

import pytest
import torch

from paribus.model.config import Learned, ModelConfig
from paribus.model.init import initialize
from paribus.model.transformer import Transformer
from paribus.optim.adamw import AdamW
from paribus.optim.build import build_optimizer, set_learning_rate
from paribus.optim.config import AdamWConfig, MuonConfig, SGDConfig
from paribus.optim.groups import decay_groups
from paribus.optim.muon import Muon
from paribus.optim.sgd import SGD

CONFIG = ModelConfig(
    vocab_size=11, context_length=4, d_model=8, n_layers=1, n_heads=2, d_ff=12,
    norm="layernorm", bias=True, position=Learned(), tie_embeddings=False,
)  # fmt: skip


def names_by_decay(config):
    model = Transformer(CONFIG)
    groups = decay_groups(model.named_parameters(), config)
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    for group in groups:
        named = dict(model.named_parameters())
        assert all(named[n] is p for n, p in zip(group["names"], group["params"], strict=True))
    return {group["weight_decay"]: set(group["names"]) for group in groups}


def test_matrices_and_tables_decay_and_norms_and_biases_do_not():
    groups = names_by_decay(AdamWConfig(weight_decay=0.3))
    assert set(groups) == {0.3, 0.0}
    assert {"token_embedding.weight", "position.table.weight", "lm_head.weight"} <= groups[0.3]
    assert "layers.0.ffn.down_proj.weight" in groups[0.3]
    assert all(n.endswith("bias") or "norm" in n for n in groups[0.0])
    assert not any(n.endswith("bias") or "norm" in n for n in groups[0.3])


def test_all_may_decay():
    groups = names_by_decay(AdamWConfig(weight_decay=0.3, decay="all"))
    assert set(groups) == {0.3}


def test_frozen_parameters_are_left_out():
    model = Transformer(CONFIG)
    model.lm_head.weight.requires_grad_(False)
    groups = decay_groups(model.named_parameters(), AdamWConfig())
    assert "lm_head.weight" not in {name for group in groups for name in group["names"]}


def test_the_built_optimizer_takes_every_number_from_its_config():
    config = AdamWConfig(lr=0.5, beta1=0.1, beta2=0.2, eps=0.3, weight_decay=0.4)
    optimizer = build_optimizer(Transformer(CONFIG).named_parameters(), config)
    for group in optimizer.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (0.5, (0.1, 0.2), 0.3)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.4, 0.0]


def test_a_few_updates_of_a_real_model_follow_pytorch():
    # The gradient of k's bias is zero but for rounding, which AdamW would blow up to whole steps.
    config = replace(CONFIG, bias=False)

    def train(make):
        model = Transformer(config)
        initialize(model, config, 0)
        optimizer = make(decay_groups(model.named_parameters(), AdamWConfig()))
        tokens = torch.randint(0, 11, (6, 4), generator=torch.Generator().manual_seed(0))
        for _ in range(10):
            optimizer.zero_grad()
            model(tokens).square().mean().backward()
            optimizer.step()
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    difference = train(AdamW) - train(torch.optim.AdamW)
    assert difference.abs().max() < 1e-5


def test_muon_takes_the_matrices_of_blocks_and_adamw_the_rest():
    config = MuonConfig(lr=0.01, matrix_lr=0.05, weight_decay=0.3, momentum=0.7, iterations=3)
    optimizer = build_optimizer(Transformer(CONFIG).named_parameters(), config)
    assert isinstance(optimizer, Muon)
    matrices, tables, vectors = optimizer.param_groups
    assert all(name.startswith("layers.0.") for name in matrices["names"])
    assert {name.split(".")[-2] for name in matrices["names"]} == {
        *("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    }
    assert set(tables["names"]) == {
        *("token_embedding.weight", "position.table.weight", "lm_head.weight")
    }
    assert all(n.endswith("bias") or "norm" in n for n in vectors["names"])
    assert [g["is_orthogonal"] for g in optimizer.param_groups] == [True, False, False]
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.3, 0.3, 0.0]
    assert (matrices["momentum"], matrices["iterations"]) == (0.7, 3)
    set_learning_rate(optimizer, 0.002)
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates == pytest.approx([0.01, 0.002, 0.002])


def test_sgd_takes_every_number_from_its_config():
    config = SGDConfig(lr=0.5, momentum=0.25, weight_decay=0.4)
    optimizer = build_optimizer(Transformer(CONFIG).named_parameters(), config)
    assert isinstance(optimizer, SGD)
    assert [(g["lr"], g["momentum"]) for g in optimizer.param_groups] == [(0.5, 0.25)] * 2
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.4, 0.0]
