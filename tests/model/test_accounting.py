"""Counts: a golden table, computed independently, and the model itself."""

import dataclasses
import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from axes import random_model, small_config
from paribus.errors import ConfigError
from paribus.loss import chunked_loss, cross_entropy
from paribus.model.accounting import (
    check_vocab_size,
    count_flops,
    count_hidden_matrices,
    count_parameters,
    estimate_memory,
    vocab_size,
)
from paribus.model.attention import BACKENDS
from paribus.model.config import Alibi, Learned, ModelConfig, NoPosition, Sinusoidal
from paribus.model.transformer import Transformer
from paribus.model.variants import FFNS, PLACEMENTS
from paribus.optim.build import build_optimizer
from paribus.optim.config import AdamWConfig, MuonConfig, SGDConfig
from paribus.optim.groups import is_hidden_matrix

VANILLA = {
    "norm_placement": "post",
    "norm": "layernorm",
    "position": Sinusoidal(),
    "ffn": "relu",
    "bias": True,
}
WIDE = {"d_model": 512, "n_layers": 16, "n_heads": 16, "context_length": 512}

GOLDEN = [
    (50_257, VANILLA, 1024, 16_024_832, 28_890_624),
    (50_257, VANILLA | {"ffn": "swiglu"}, 704, 16_091_904, 28_957_696),
    (50_257, {}, 704, 16_079_360, 28_945_152),
    (50_257, {"ffn": "relu"}, 1024, 16_013_824, 28_879_616),
    (32_000, VANILLA, 1024, 11_351_040, 19_543_040),
    (32_000, {}, 704, 11_405_568, 19_597_568),
    (10_000, VANILLA, 1024, 5_719_040, 8_279_040),
    (10_000, {}, 704, 5_773_568, 8_333_568),
    (50_257, WIDE, 1408, 77_128_704, None),
    (50_257, WIDE | {"ffn": "relu"}, 2048, 76_080_128, None),
]


@pytest.mark.parametrize(("vocab", "arm", "d_ff", "tied", "untied"), GOLDEN)
def test_parameters_of_the_golden_table(vocab, arm, d_ff, tied, untied):
    config = ModelConfig(vocab_size=vocab, **arm)
    assert config.feed_forward_width == d_ff
    assert count_parameters(config).total == tied
    if untied is not None:
        other = dataclasses.replace(config, tie_embeddings=False)
        assert count_parameters(other).total == untied
        assert count_parameters(other).non_embedding == count_parameters(config).non_embedding


def test_the_tinystories_model_of_cs336():
    config = ModelConfig(
        vocab_size=10_000, d_model=512, n_layers=4, n_heads=16, d_ff=1344, tie_embeddings=False
    )
    found = count_parameters(config)
    assert (found.total, found.non_embedding) == (22_696_448, 12_456_448)


def test_learned_positions_add_context_times_width():
    plain, learned = (count_parameters(ModelConfig(position=p())) for p in (Sinusoidal, Learned))
    assert learned.total - plain.total == learned.position == 256 * 256


@pytest.mark.parametrize("n_kv_heads", [None, 2])
def test_the_formula_counts_what_the_model_has(variant_config, n_kv_heads):
    config = dataclasses.replace(variant_config, n_kv_heads=n_kv_heads)
    parameters = dict(Transformer(config).named_parameters())
    counted = count_parameters(config)
    assert counted.total == sum(p.numel() for p in parameters.values())
    assert counted.norms == sum(p.numel() for n, p in parameters.items() if "norm" in n)
    assert counted.ffn == sum(p.numel() for n, p in parameters.items() if ".ffn." in n)
    projections = [p for n, p in parameters.items() if ".attention." in n and "norm" not in n]
    assert counted.attention == sum(p.numel() for p in projections)
    hidden = [p for n, p in parameters.items() if is_hidden_matrix(n, p)]
    assert count_hidden_matrices(config) == sum(p.numel() for p in hidden)


SIZES = {
    "small": (768, 12, 12),
    "medium": (1024, 24, 16),
    "large": (1280, 36, 20),
    "xl": (1600, 48, 25),
}
WIDTHS_2026 = {"small": 2048, "medium": 2752, "large": 3392, "xl": 4288}
FLOPS = [
    (2025, "small", 1024, 3.4963e11),
    (2025, "medium", 1024, 1.0331e12),
    (2025, "large", 1024, 2.2578e12),
    (2025, "xl", 1024, 4.5133e12),
    (2025, "xl", 16_384, 1.4952e14),
    (2026, "small", 1024, 2.9165e11),
    (2026, "medium", 1024, 8.3017e11),
    (2026, "large", 1024, 1.7685e12),
    (2026, "xl", 1024, 3.5168e12),
    (2026, "xl", 16_384, 1.3358e14),
]


def gpt2(edition, size):
    d_model, n_layers, n_heads = SIZES[size]
    return ModelConfig(
        vocab_size=50_257,
        context_length=1024,
        d_model=d_model,
        n_layers=n_layers,
        n_heads=n_heads,
        d_ff=4 * d_model if edition == 2025 else WIDTHS_2026[size],
        tie_embeddings=False,
    )


@pytest.mark.parametrize(("edition", "size", "seq", "flops"), FLOPS)
def test_flops_of_the_cs336_accounting(edition, size, seq, flops):
    found = count_flops(gpt2(edition, size), seq)
    assert float(f"{found.forward:.4e}") == flops
    assert found.training == 3 * found.forward


@pytest.mark.parametrize(("edition", "total"), [(2025, 2_127_057_600), (2026, 1_640_452_800)])
def test_parameters_of_the_cs336_accounting(edition, total):
    assert count_parameters(gpt2(edition, "xl")).total == total


def counted_by_part(counter):
    """What PyTorch counted, by the parts of Flops."""
    linear = (torch.ops.aten.mm, torch.ops.aten.addmm)
    parts = dict.fromkeys(("attention_projections", "attention_scores", "ffn"), 0)
    for module, flops in counter.get_flop_counts().items():
        for operation, n_flops in flops.items():
            if module.endswith(".ffn"):
                parts["ffn"] += n_flops
            elif module.endswith(".attention"):
                part = "projections" if operation in linear else "scores"
                parts[f"attention_{part}"] += n_flops
    return parts | {"lm_head": counter.get_total_flops() - sum(parts.values())}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_kv_heads", [None, 2, 1])
def test_flops_are_those_that_pytorch_counts(variant_config, n_kv_heads, backend):
    config = dataclasses.replace(
        variant_config, n_kv_heads=n_kv_heads, attention_backend=backend, d_ff=None, d_ff_multiple=8
    )
    model, tokens = random_model(config), torch.zeros(2, 8, dtype=torch.long)
    with FlopCounterMode(display=False) as forward:
        loss = cross_entropy(model(tokens), tokens)
    with FlopCounterMode(display=False) as backward:
        loss.backward()
    expected = count_flops(config)
    assert counted_by_part(forward) == {k: 2 * v for k, v in asdict(expected).items()}
    # The fused kernel keeps no scores: its backward pass makes q k^T, half of what attention costs
    # forward, once more. The formula leaves that out, as it is no part of the model.
    again = expected.attention_scores // 2 if backend == "sdpa" else 0
    assert backward.get_total_flops() == 2 * (expected.training - expected.forward + again)


def test_the_chunked_loss_costs_what_the_formula_says():
    """PyTorch does not count `addmm_`, by which it sums the gradient of the table: one product."""
    config = small_config(attention_backend="manual")
    model, tokens = random_model(config), torch.zeros(2, 8, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        loss = chunked_loss(model.hidden(tokens), model.output_weight, tokens, rows=5)
        loss.objective.backward()
    expected = count_flops(config)
    assert counter.get_total_flops() == 2 * (expected.training - expected.lm_head)


@pytest.mark.parametrize(("edition", "size"), [(2025, "small"), (2026, "xl")])
def test_flops_of_full_size_are_those_that_pytorch_counts(edition, size):
    config = dataclasses.replace(gpt2(edition, size), attention_backend="manual")
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        Transformer(config)(torch.zeros(1, 1024, dtype=torch.long))
    assert counter.get_total_flops() == count_flops(config).forward


KEPT = [
    *({"ffn": ffn, "attention_backend": "manual"} for ffn in FFNS),
    *({"norm_placement": placement} for placement in PLACEMENTS),
    *({"norm": "layernorm", "norm_placement": p, "ffn": "relu"} for p in ("pre", "sandwich")),
    {"qk_norm": True},
    {"qk_norm": True, "position": NoPosition()},
    *({"position": Alibi(), "attention_backend": backend} for backend in BACKENDS),
    {"position": Alibi(), "n_heads": 32, "n_layers": 1},  # half of it are biases
]


@pytest.mark.parametrize("width", [4, 2], ids=["fp32", "bf16"])
@pytest.mark.parametrize("axes", KEPT, ids=lambda axes: "-".join(map(str, axes.values())))
def test_activations_are_those_that_the_backward_pass_keeps(axes, width):
    config = ModelConfig(
        **({"vocab_size": 300, "d_model": 64, "n_heads": 2, "context_length": 64} | axes)
    )
    model = Transformer(config)
    for parameter in model.parameters():
        torch.nn.init.ones_(parameter)
    kept: dict[int, int] = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    autocast = torch.autocast("cpu", torch.bfloat16, enabled=width == 2)
    with autocast, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.hidden(torch.zeros(4, 64, dtype=torch.long))
    for parameter in model.parameters():
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    memory = estimate_memory(config, sequences=4, loss_rows=128, width=width)
    assert memory.activations == pytest.approx(sum(kept.values()), rel=0.15)


@pytest.mark.parametrize(
    "optimizer", [AdamWConfig(), SGDConfig(), SGDConfig(momentum=0.0), MuonConfig()]
)
def test_memory_of_weights_gradients_and_moments_is_exact(optimizer):
    config = small_config(bias=True, norm="layernorm", tie_embeddings=False)
    model = Transformer(config)
    n = sum(p.numel() for p in model.parameters())
    made = build_optimizer(model.named_parameters(), optimizer)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    made.step()
    kept = [t for state in made.state.values() for t in state.values() if t.ndim]
    memory = estimate_memory(config, sequences=2, loss_rows=4, moments=optimizer.moments)
    assert (memory.weights, memory.gradients) == (4 * n, 4 * n)
    assert memory.optimizer == 4 * sum(tensor.numel() for tensor in kept)
    assert memory.peak == memory.weights + memory.optimizer + max(
        memory.activations + memory.loss, memory.gradients + memory.update
    )


def test_gradients_of_a_part_stay_while_the_next_is_computed():
    config = small_config(vocab_size=1000)
    one, two = (estimate_memory(config, sequences=64, loss_rows=4, parts=n) for n in (1, 2))
    assert one.of_pass > 2 * one.gradients, "the peak is at the loss"
    assert two.peak - one.peak == one.gradients
    assert dataclasses.replace(two, accumulated=0) == one


def test_the_chunked_loss_needs_memory_for_its_rows_only():
    config = small_config(vocab_size=1000)
    few, all_rows = (estimate_memory(config, sequences=2, loss_rows=r) for r in (4, None))
    assert few.loss < all_rows.loss / 3


def test_a_null_vocabulary_counts_as_that_of_gpt2():
    assert vocab_size(ModelConfig()) == 50_257
    assert vocab_size(ModelConfig(vocab_size=7)) == 7


def test_a_vocabulary_that_is_not_that_of_the_data_is_refused():
    check_vocab_size(ModelConfig(), 100)
    check_vocab_size(ModelConfig(vocab_size=100), 100)
    with pytest.raises(ConfigError, match=r"model\.vocab_size: expected.*100.*found 99"):
        check_vocab_size(ModelConfig(vocab_size=99), 100)


def test_accounting_and_schedules_need_no_torch():
    code = (
        "import sys, paribus.model.accounting, paribus.model.config, paribus.optim.config, "
        "paribus.optim.schedule; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
