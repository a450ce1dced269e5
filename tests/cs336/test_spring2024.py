"""Weights with recorded outputs of the Spring 2024 edition: GELU, no rotation, pre-norm blocks.

Those of RMSNorm, attention, the whole model and AdamW stand beside the tests of these parts.
"""

import pytest
import torch

from closeness import assert_close
from paribus.model.activations import gelu
from paribus.model.block import Block
from paribus.model.config import ModelConfig, NoPosition
from paribus.model.ffn import FeedForward
from paribus.model.position import build_position

OUR_NAMES = {
    "attn.output_proj": "attention.o_proj",
    "attn.": "attention.",
    "ln1": "attention_norm",
    "ln2": "ffn_norm",
    "w1": "up_proj",
    "w2": "down_proj",
}


@pytest.fixture
def read(cs336_array):
    """The input, the expected output and the weights by our names."""

    def named(name):
        for theirs, ours in OUR_NAMES.items():
            name = name.replace(theirs, ours)
        return name.removeprefix("weights/")

    def read(name):
        arrays = {k: torch.from_numpy(v) for k, v in cs336_array(f"spring2024/{name}").items()}
        weights = {named(key): value for key, value in arrays.items() if key.startswith("weights/")}
        return arrays["input"], arrays["expected"], weights

    return read


def test_the_recorded_feed_forward_network_is_reproduced(read):
    x, expected, weights = read("positionwise_feedforward")
    ffn = FeedForward(64, 128, bias=False, activation=gelu)
    ffn.load_state_dict(weights)
    assert_close(ffn(x).detach(), expected)


def test_the_recorded_block_is_reproduced(read):
    x, expected, weights = read("transformer_block")
    config = ModelConfig(d_model=64, n_heads=2, d_ff=256, ffn="gelu", position=NoPosition())
    block = Block(config)
    block.load_state_dict(weights)
    rotate = build_position(config).rotation(torch.arange(x.shape[-2]))
    assert_close(block(x, rotate).detach(), expected)
