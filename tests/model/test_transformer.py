"""The whole model: against an independent forward pass, and the laws that every variant obeys."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy_reference
import pytest
import torch

from axes import random_model, small_config
from closeness import assert_close
from paribus.errors import ConfigError, DataError
from paribus.loss import cross_entropy
from paribus.model.config import Learned, ModelConfig, NoPosition, Rope, Sinusoidal
from paribus.model.residual import RESIDUALS
from paribus.model.transformer import Transformer


def reference_logits(model, config, tokens):
    weights = {k: v.double().numpy() for k, v in model.state_dict().items()}
    return np.stack([numpy_reference.logits(weights, config, row) for row in tokens.numpy()])


def test_every_variant_equals_the_numpy_forward_pass(variant_config, tokens):
    model = random_model(variant_config)
    found = model(tokens).detach().double().numpy()
    np.testing.assert_allclose(found, reference_logits(model, variant_config, tokens), atol=2e-5)


def test_every_gradient_is_the_slope_of_the_numpy_loss(variant_config, tokens):
    """Along a random direction of each tensor, by central differences in float64."""
    model = random_model(variant_config)
    tokens, targets = tokens[:1, :-1], tokens[:1, 1:]
    cross_entropy(model(tokens), targets).backward()
    weights = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    rng, step = np.random.default_rng(5), 1e-6

    def loss(**moved):
        return numpy_reference.mean_loss(weights | moved, variant_config, tokens, targets)

    for name, parameter in model.named_parameters():
        direction = rng.standard_normal(parameter.shape)
        ahead, behind = (weights[name] + sign * step * direction for sign in (1, -1))
        slope = (loss(**{name: ahead}) - loss(**{name: behind})) / (2 * step)
        found = (parameter.grad.double().numpy() * direction).sum()
        assert found == pytest.approx(slope, rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("backend", ["manual", "sdpa"])
@pytest.mark.parametrize("n_kv_heads", [1, 2])
def test_grouped_queries_equal_the_numpy_forward_pass(backend, n_kv_heads, position, tokens):
    config = small_config(n_kv_heads=n_kv_heads, attention_backend=backend, position=position)
    model = random_model(config)
    found = model(tokens).detach().double().numpy()
    np.testing.assert_allclose(found, reference_logits(model, config, tokens), atol=2e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"embedding_scale": "sqrt_d_model"},
        {"logit_scale": 0.25},
        {"final_norm": "off"},
        {"norm_placement": "post", "final_norm": "on"},
        {"position": Rope(theta=100.0)},
        {"norm_eps": 0.5},
        {"n_heads": 1},
        {"logit_softcap": 0.5, "logit_scale": 2.0},
        {"qk_norm": True, "norm_eps": 0.5, "n_kv_heads": 1},
    ],
)
def test_other_settings_equal_the_numpy_forward_pass(changes, tokens):
    config = small_config(**changes)
    model = random_model(config)
    found = model(tokens).detach().double().numpy()
    np.testing.assert_allclose(found, reference_logits(model, config, tokens), atol=2e-5)


def test_no_position_sees_the_future_and_each_sees_all_of_the_past(variant_config):
    model = random_model(variant_config)
    embedded = []
    model.token_embedding.register_forward_hook(lambda _, __, output: embedded.append(output))
    tokens = torch.arange(6)[None]
    logits = model(tokens)
    weights = torch.randn(logits.shape[-1], generator=torch.Generator().manual_seed(2))
    for position in range(tokens.shape[-1]):
        score = logits[0, position] @ weights
        (gradient,) = torch.autograd.grad(score, embedded[0], retain_graph=True)
        reach = gradient[0].abs().amax(-1)
        assert (reach[: position + 1] > 0).all()
        assert (reach[position + 1 :] == 0).all()


def test_the_gradient_reaches_every_parameter(variant_config, tokens):
    model = random_model(variant_config)
    model(tokens).square().sum().backward()
    # The bias of k adds the same number to all scores of a row, which softmax takes away again.
    neutral = ".k_proj.bias"
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert name.endswith(neutral) or parameter.grad.abs().sum() > 0, name


def test_names_are_equal_under_every_placement():
    names = {
        placement: set(random_model(small_config(norm_placement=placement)).state_dict())
        for placement in RESIDUALS
    }
    without_norms = {frozenset(n for n in found if "norm" not in n) for found in names.values()}
    assert len(without_norms) == 1
    assert names["pre"] == names["output"] == names["post"] | {"final_norm.weight"}
    added = {name for name in names["sandwich"] if "_output_norm" in name}
    assert names["sandwich"] - added == names["pre"] and len(added) == 4
    assert names["none"] == next(iter(without_norms))


def test_an_option_adds_only_its_own_names():
    plain = set(random_model(small_config()).state_dict())
    normed = set(random_model(small_config(qk_norm=True)).state_dict())
    assert normed - plain == {
        f"layers.{i}.attention.{part}_norm.weight" for i in (0, 1) for part in "qk"
    }
    assert set(random_model(small_config(logit_softcap=1.0)).state_dict()) == plain


def test_names_and_shapes_of_the_state_are_those_documented():
    shapes = {
        k: tuple(v.shape) for k, v in Transformer(small_config(n_layers=1)).state_dict().items()
    }
    assert shapes == {
        "token_embedding.weight": (13, 16),
        "layers.0.attention_norm.weight": (16,),
        "layers.0.attention.q_proj.weight": (16, 16),
        "layers.0.attention.k_proj.weight": (16, 16),
        "layers.0.attention.v_proj.weight": (16, 16),
        "layers.0.attention.o_proj.weight": (16, 16),
        "layers.0.ffn_norm.weight": (16,),
        "layers.0.ffn.gate_proj.weight": (24, 16),
        "layers.0.ffn.up_proj.weight": (24, 16),
        "layers.0.ffn.down_proj.weight": (16, 24),
        "final_norm.weight": (16,),
    }


def test_fixed_tables_are_not_in_the_state():
    plain = set(Transformer(small_config(position=NoPosition())).state_dict())
    assert set(Transformer(small_config(position=Rope())).state_dict()) == plain
    assert set(Transformer(small_config(position=Sinusoidal())).state_dict()) == plain
    learned = set(Transformer(small_config(position=Learned())).state_dict())
    assert learned == plain | {"position.table.weight"}


def test_a_tied_model_has_one_table_and_an_untied_one_two():
    tied = Transformer(small_config())
    assert tied.output_weight is tied.token_embedding.weight
    untied = Transformer(small_config(tie_embeddings=False))
    assert untied.output_weight is not untied.token_embedding.weight
    assert (
        "lm_head.bias"
        not in Transformer(small_config(bias=True, tie_embeddings=False)).state_dict()
    )


def test_hidden_times_the_output_table_is_the_forward_pass(tokens):
    model = random_model(small_config(logit_scale=0.5))
    expected = model.hidden(tokens) @ model.output_weight.T * model.logit_scale
    assert_close(model(tokens), expected)


def test_a_shorter_sequence_gives_the_same_first_logits(stream_config, tokens):
    model = random_model(stream_config)
    assert_close(model(tokens[:, :5]), model(tokens)[:, :5], atol=2e-5, rtol=0)


def test_any_leading_axes_will_do(tokens):
    # PyTorch sums five axes in another order than four, which a growing stream would magnify.
    model = random_model(small_config(), std=0.25)
    stacked = model(tokens.view(3, 1, 8))
    assert_close(stacked[:, 0], model(tokens))
    assert_close(model(tokens[0]), model(tokens)[0])


@pytest.mark.parametrize("n_tokens", [0, 9])
def test_a_sequence_that_the_context_does_not_hold_is_refused(n_tokens):
    model = random_model(small_config())
    with pytest.raises(DataError, match=rf"1 to 8 tokens.*found {n_tokens}"):
        model(torch.zeros(1, n_tokens, dtype=torch.long))


@pytest.mark.parametrize("token", [-1, 13])
def test_an_id_outside_the_vocabulary_is_refused_by_name(token):
    model = random_model(small_config())
    with pytest.raises(DataError, match=f"from 0 to 12 .*found {token}"):
        model(torch.tensor([[0, token]]))


REFUSED = [
    ("torch.zeros(2, 3)", "int64 or int32, found float32"),
    ("torch.zeros(2, 3, dtype=torch.uint8)", "int64 or int32, found uint8"),
    ("torch.zeros(2, 3, dtype=torch.bool)", "int64 or int32, found bool"),
    ("[[1, 2]]", "a tensor of token ids, found list"),
    ("torch.zeros(2, 3, dtype=torch.long).numpy()", "a tensor of token ids, found ndarray"),
    ("torch.zeros(0, 3, dtype=torch.long)", r"at least one sequence .*\(0, 3\)"),
    ("torch.tensor(5)", r"at least one sequence .*\(\)"),
    ("torch.zeros(2, 0, dtype=torch.long)", "1 to 8 tokens .*found 0"),
    ("torch.zeros(2, 9, dtype=torch.long)", "1 to 8 tokens .*found 9"),
    ("torch.full((2, 3), 13)", "from 0 to 12 .*found 13"),
    ("torch.full((2, 3), -1)", "from 0 to 12 .*found -1"),
]


@pytest.fixture(scope="module")
def answers():
    """What a model says to each of REFUSED, where no test checks annotations."""
    code = """if True:
        import sys, torch
        from axes import random_model, small_config
        from paribus.errors import DataError
        model = random_model(small_config())
        model(torch.zeros(2, 3, dtype=torch.int32))
        for text in sys.argv[1:]:
            try:
                model(eval(text))
            except DataError as error:
                print(error)
            else:
                print("accepted")
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *(text for text, _ in REFUSED)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda i: REFUSED[i][0])
def test_tokens_that_are_none_are_refused_in_one_line(answers, number):
    assert len(answers) == len(REFUSED)
    assert re.search(REFUSED[number][1], answers[number])


def test_a_model_without_a_vocabulary_is_refused():
    with pytest.raises(ConfigError, match=r"model\.vocab_size"):
        Transformer(ModelConfig())


def test_autocast_keeps_the_stream_and_the_weights_in_float32(stream_config, tokens):
    model = random_model(stream_config)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.hidden(tokens)
    assert hidden.dtype == torch.float32
    exact = model.hidden(tokens)
    assert (hidden - exact).norm() < 0.03 * exact.norm()


@pytest.mark.parametrize("kind", ["", "_truncated"])
def test_the_model_of_cs336_2024_gives_its_recorded_logits(kind, cs336_array):
    arrays = cs336_array("spring2024/transformer_lm")
    config = ModelConfig(
        vocab_size=100,
        context_length=64,
        d_model=128,
        n_layers=2,
        n_heads=2,
        d_ff=512,
        ffn="gelu",
        position=Learned(),
        tie_embeddings=False,
    )
    names = {
        "token_embeddings": "token_embedding",
        "position_embeddings": "position.table",
        "attn.output_proj": "attention.o_proj",
        "attn.": "attention.",
        "ln1": "attention_norm",
        "ln2": "ffn_norm",
        "ln_final": "final_norm",
        "ffn.w1": "ffn.up_proj",
        "ffn.w2": "ffn.down_proj",
    }
    state = {}
    for name, value in arrays.items():
        if name.startswith("weights/"):
            name = name.removeprefix("weights/")
            for theirs, ours in names.items():
                name = name.replace(theirs, ours)
            state[name] = torch.from_numpy(value)
    model = Transformer(config)
    model.load_state_dict(state)
    found = model(torch.from_numpy(arrays[f"input{kind}"]))
    expected = torch.from_numpy(arrays[f"expected{kind}"])
    assert_close(found.detach(), expected, atol=1e-4, rtol=1e-5)
