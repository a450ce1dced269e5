"""What a model config refuses: one line with the key, the rule, the value and what is legal."""

import dataclasses

import pytest

from paribus.errors import ConfigError
from paribus.experiment import load_experiment
from paribus.model.config import ModelConfig

REFUSED = [
    ("vocab_size=0", "expected a number above 0, found 0. Set it to null"),
    ("context_length=1.6", "expected a whole number, found 1.6. The nearest is 2"),
    ("d_model=255", "expected a multiple of model.n_heads = 4, found 255. Set d_model to 256"),
    ("d_model=-3", "expected a number above 0, found -3"),
    ("d_model=4294967296", "expected a number below 2147483648, found 4294967296"),
    ("n_layers=0", "expected a number above 0, found 0. The nearest is 1"),
    ("n_heads=true", "expected a whole number, found true"),
    ("n_kv_heads=3", "expected a divisor of model.n_heads = 4, found 3. Set n_kv_heads to 2"),
    ("n_kv_heads=9", "expected a divisor of model.n_heads = 4, found 9. Set n_kv_heads to 4"),
    ("norm_placement=sandwhich", "expected pre, post, sandwich, output or none, found 'sandwhich'. Did you mean 'sandwich'?"),
    ("norm=rms", "expected rmsnorm or layernorm, found 'rms'. Did you mean 'rmsnorm'?"),
    ("norm_eps=0", "expected at least 1e-12, found 0. The nearest is 1e-12"),
    ("norm_eps=.nan", "expected a finite number, found nan"),
    ("final_norm=true", "expected auto, on or off, found true"),
    ("position.kind=alibi", "expected rope, none, sinusoidal or learned, found 'alibi'"),
    ("position.theta=0.5", "expected at least 1, found 0.5. The nearest is 1.0"),
    ("ffn=swigelu", "expected swiglu, geglu, relu, gelu, silu or relu2, found 'swigelu'. Did you mean 'swiglu'?"),
    ("d_ff=0", "expected a number above 0, found 0. Set it to null"),
    ("d_ff_ratio=0", "expected a number above 0, found 0. Set it to null"),
    ("d_ff_multiple=0", "expected a number above 0, found 0. The nearest is 1"),
    ("d_ff_rounding=floor", "expected ceil or nearest, found 'floor'"),
    ("qk_norm=1", "expected true or false, found 1"),
    ("attention_backend=flash", "expected sdpa or manual, found 'flash'"),
    ("tie_embeddings=null", "expected true or false, found null"),
    ("logit_scale=0", "expected a number above 0, found 0"),
    ("logit_softcap=0", "expected a number above 0, found 0. Set it to null"),
    ("bias=no", "expected true or false, found 'no'"),
    ("init=gpt", "expected truncated_normal, normal or gpt2, found 'gpt'. Did you mean 'gpt2'?"),
    ("embedding_std=-1", "expected a number above 0, found -1"),
    ("embedding_scale=2", "expected none or sqrt_d_model, found 2"),
]  # fmt: skip


@pytest.mark.parametrize(("override", "message"), REFUSED)
def test_a_value_is_refused_in_one_line_with_what_is_legal(override, message):
    with pytest.raises(ConfigError) as caught:
        load_experiment("base_modern", [f"model.{override}"])
    assert str(caught.value) == f"model.{override.split('=')[0]} (command line): {message}"


def test_every_key_of_the_model_has_its_refusal():
    refused = {override.partition("=")[0].partition(".")[0] for override, _ in REFUSED}
    assert refused == {field.name for field in dataclasses.fields(ModelConfig)}


def test_rotary_positions_need_an_even_head_width():
    with pytest.raises(ConfigError, match=r"position\.kind.*found 3\. Set model\.d_model to 16"):
        ModelConfig(d_model=12, n_heads=4)
    assert ModelConfig(d_model=16, n_heads=4).head_width == 4


@pytest.mark.parametrize("d_model", range(1, 40))
def test_the_width_that_is_advised_is_legal(d_model):
    try:
        ModelConfig(d_model=d_model, n_heads=3)
    except ConfigError as error:
        advised = int(str(error).partition("d_model to ")[2].split(",")[0])
        assert ModelConfig(d_model=advised, n_heads=3)
        assert abs(advised - d_model) <= 5


def test_a_width_and_a_ratio_exclude_each_other():
    with pytest.raises(ConfigError, match=r"d_ff_ratio.*null when model\.d_ff = 100"):
        ModelConfig(d_ff=100, d_ff_ratio=2.0)
    found = load_experiment("base_modern", ["model.d_ff=100", "model.d_ff_ratio=2"]).model
    assert (found.d_ff, found.feed_forward_width) == (None, 512)


def test_another_optimizer_has_other_keys():
    muon = load_experiment("base_modern", ["optimizer.kind=muon", "optimizer.matrix_lr=0.1"])
    assert muon.optimizer.moments == (1, 2)
    with pytest.raises(ConfigError, match=r"optimizer\.beta1 .*a key of 'sgd', found 'beta1'"):
        load_experiment("base_modern", ["optimizer.kind=sgd", "optimizer.beta1=0.5"])
