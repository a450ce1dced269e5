"""Cached decoding gives the logits of the uncached model, for every variant."""

import pytest
import torch

from axes import random_model, small_config
from closeness import assert_close
from paribus.errors import DataError


@torch.no_grad()
def cached_logits(model, tokens, pieces):
    cache = model.new_cache()
    parts = []
    for piece in tokens.split(pieces, dim=-1):
        parts.append(model(piece, cache=cache))
    assert cache.length == tokens.shape[-1]
    return torch.cat(parts, dim=-2)


@pytest.mark.parametrize("pieces", [[1] * 8, [3, 4, 1]], ids=str)
def test_cached_equals_uncached(stream_config, pieces, tokens):
    model = random_model(stream_config)
    assert_close(cached_logits(model, tokens, pieces), model(tokens), atol=2e-5)


@pytest.mark.parametrize("backend", ["manual", "sdpa"])
@pytest.mark.parametrize("n_kv_heads", [1, 2])
def test_grouped_queries_are_cached_unrepeated(backend, n_kv_heads, tokens):
    model = random_model(small_config(n_kv_heads=n_kv_heads, attention_backend=backend))
    assert_close(cached_logits(model, tokens, [4, 1, 3]), model(tokens), atol=2e-5)
    cache = model.new_cache()
    with torch.no_grad():
        model(tokens, cache=cache)
    assert cache.layers[0].keys.shape == (3, n_kv_heads, 8, 4)


def test_reading_on_past_the_context_is_refused(tokens):
    model = random_model(small_config())
    cache = model.new_cache()
    with torch.no_grad():
        model(tokens, cache=cache)
        with pytest.raises(DataError, match=r"1 to 8 tokens.*found 9"):
            model(tokens[:, :1], cache=cache)
    assert cache.length == 8


def test_two_caches_do_not_share_memory(tokens):
    model = random_model(small_config())
    first, second = model.new_cache(), model.new_cache()
    with torch.no_grad():
        model(tokens[:1, :4], cache=first)
        model(tokens[1:2, :4], cache=second)
        found = model(tokens[:1, 4:], cache=first)
    assert_close(found, model(tokens[:1])[:, 4:], atol=2e-5)
