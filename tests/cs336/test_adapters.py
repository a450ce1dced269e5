"""The adapters under checks like those of the course, on the fixtures that need no `model.pt`."""

import functools
import inspect
import io
import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import adapters
from closeness import assert_close

# Names of arguments, the same in both editions.
SIGNATURES = {
    "get_adamw_cls": "",
    "get_tokenizer": "vocab merges special_tokens",
    "run_cross_entropy": "inputs targets",
    "run_embedding": "vocab_size d_model weights token_ids",
    "run_get_batch": "dataset batch_size context_length device",
    "run_get_lr_cosine_schedule": "it max_learning_rate min_learning_rate warmup_iters cosine_cycle_iters",
    "run_gradient_clipping": "parameters max_l2_norm",
    "run_linear": "d_in d_out weights in_features",
    "run_load_checkpoint": "src model optimizer",
    "run_multihead_self_attention": "d_model num_heads q_proj_weight k_proj_weight v_proj_weight o_proj_weight in_features",
    "run_multihead_self_attention_with_rope": "d_model num_heads max_seq_len theta q_proj_weight k_proj_weight v_proj_weight o_proj_weight in_features token_positions",
    "run_rmsnorm": "d_model eps weights in_features",
    "run_rope": "d_k theta max_seq_len in_query_or_key token_positions",
    "run_save_checkpoint": "model optimizer iteration out",
    "run_scaled_dot_product_attention": "Q K V mask",
    "run_silu": "in_features",
    "run_softmax": "in_features dim",
    "run_swiglu": "d_model d_ff w1_weight w2_weight w3_weight in_features",
    "run_train_bpe": "input_path vocab_size special_tokens",
    "run_transformer_block": "d_model num_heads d_ff max_seq_len theta weights in_features",
    "run_transformer_lm": "vocab_size context_length d_model num_layers num_heads d_ff rope_theta weights in_indices",
}
SNAPSHOTS = "spring2025/_snapshots/"
SHAPE = {"d_model": 64, "num_heads": 4, "d_ff": 128}


def draw(seed, *shape):
    torch.manual_seed(seed)
    return torch.randn(*shape)


def queries_keys_values_mask():
    return (draw(1, 4, 12, 64), draw(2, 4, 16, 64), draw(3, 4, 16, 64), draw(5, 4, 12, 16) > 0.5)


def test_the_21_functions_of_the_course_take_its_arguments_in_its_order():
    doors = [name for name in vars(adapters) if name.startswith(("run_", "get_"))]
    assert sorted(doors) == sorted(adapters.__all__) == sorted(SIGNATURES)
    found = {name: inspect.signature(getattr(adapters, name)).parameters for name in doors}
    assert {name: " ".join(p for p in found[name] if p != "kwargs") for name in doors} == SIGNATURES


# Model: the recorded arrays, and PyTorch where the weights are not to be had


def test_attention_and_rope_give_the_recorded_arrays(cs336_array):
    q, k, v, mask = queries_keys_values_mask()
    found = adapters.run_scaled_dot_product_attention(Q=q, K=k, V=v, mask=mask)
    name = "test_scaled_dot_product_attention"
    assert_close(found, torch.from_numpy(cs336_array(SNAPSHOTS + name)["array"]))
    parts = (part.unflatten(0, (2, 2)) for part in (q, k, v, mask))
    found = adapters.run_scaled_dot_product_attention(*parts)
    name = "test_4d_scaled_dot_product_attention"
    assert_close(found, torch.from_numpy(cs336_array(SNAPSHOTS + name)["array"]))
    found = adapters.run_rope(64, 10_000.0, 12, draw(4, 4, 12, 64), torch.arange(12))
    assert_close(found, torch.from_numpy(cs336_array(SNAPSHOTS + "test_rope")["array"]))


def test_attention_without_a_mask_looks_everywhere():
    q, k, v, _ = queries_keys_values_mask()
    expected = nn.functional.scaled_dot_product_attention(q, k, v)
    assert_close(adapters.run_scaled_dot_product_attention(q, k, v), expected)


def test_the_small_layers_equal_pytorch():
    x, weight, gain = draw(4, 4, 12, 64), draw(7, 128, 64) / 8, draw(8, 64)
    ids = torch.randint(0, 128, (4, 12))
    assert_close(adapters.run_linear(64, 128, weight, x), x @ weight.T, atol=1e-5)
    assert_close(adapters.run_embedding(128, 64, weight, ids), weight[ids])
    expected = nn.functional.rms_norm(x, (64,), gain, 1e-5)
    assert_close(adapters.run_rmsnorm(64, 1e-5, gain, x), expected)
    assert_close(adapters.run_silu(x), nn.functional.silu(x))
    assert_close(adapters.run_softmax(x + 1000, 1), torch.softmax(x, 1), atol=1e-5)
    w1, w2, w3 = draw(9, 128, 64) / 8, draw(10, 64, 128) / 8, draw(11, 128, 64) / 8
    expected = (nn.functional.silu(x @ w1.T) * (x @ w3.T)) @ w2.T
    assert_close(adapters.run_swiglu(64, 128, w1, w2, w3, x), expected, atol=1e-5)


def block_weights(seed=20):
    shapes = {f"attn.{name}_proj.weight": (64, 64) for name in ("q", "k", "v", "output")}
    shapes |= {"ln1.weight": (64,), "ln2.weight": (64,)}
    shapes |= {"ffn.w1.weight": (128, 64), "ffn.w2.weight": (64, 128), "ffn.w3.weight": (128, 64)}
    return {name: draw(seed + i, *shape) / 6 for i, (name, shape) in enumerate(shapes.items())}


def attention_by_pytorch(weights, x, positions=None):
    """PyTorch's fused attention; with positions, each pair of neighbours turned by hand."""
    q, k, v = (
        (x @ weights[f"attn.{name}_proj.weight"].T).unflatten(-1, (4, 16)).transpose(-2, -3)
        for name in "qkv"
    )
    if positions is not None:
        angles = positions[:, None] / 10_000 ** (torch.arange(0, 16, 2) / 16)
        turn = torch.polar(torch.ones_like(angles), angles)
        q, k = (
            torch.view_as_real(torch.view_as_complex(part.unflatten(-1, (8, 2))) * turn).flatten(-2)
            for part in (q, k)
        )
    mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    return mixed.transpose(-2, -3).flatten(-2) @ weights["attn.output_proj.weight"].T


def test_multi_head_attention_equals_pytorch_with_and_without_positions():
    weights, x = block_weights(), draw(4, 4, 12, 64)
    projections = [weights[f"attn.{name}_proj.weight"] for name in ("q", "k", "v", "output")]
    found = adapters.run_multihead_self_attention(64, 4, *projections, x)
    assert_close(found, attention_by_pytorch(weights, x), atol=1e-5)
    expected = attention_by_pytorch(weights, x, torch.arange(12))
    for positions in (
        None,
        torch.arange(12),
        torch.arange(12)[None],
        torch.arange(12).expand(4, 12),
    ):
        found = adapters.run_multihead_self_attention_with_rope(
            64, 4, 16, 10_000.0, *projections, x, token_positions=positions
        )
        assert_close(found, expected, atol=1e-5)


def block_by_pytorch(weights, x):
    normed = nn.functional.rms_norm(x, (64,), weights["ln1.weight"], 1e-5)
    x = x + attention_by_pytorch(weights, normed, torch.arange(x.shape[-2]))
    normed = nn.functional.rms_norm(x, (64,), weights["ln2.weight"], 1e-5)
    gate, up = (normed @ weights[f"ffn.{name}.weight"].T for name in ("w1", "w3"))
    return x + (nn.functional.silu(gate) * up) @ weights["ffn.w2.weight"].T


def test_block_and_model_equal_their_composition_in_pytorch():
    weights, x = block_weights(), draw(4, 4, 12, 64)
    found = adapters.run_transformer_block(
        **SHAPE, max_seq_len=16, theta=1e4, weights=weights, in_features=x
    )
    assert_close(found, block_by_pytorch(weights, x), atol=1e-5)

    layers = [block_weights(20), block_weights(60)]
    state = {f"layers.{i}.{name}": w for i, layer in enumerate(layers) for name, w in layer.items()}
    state |= {
        "token_embeddings.weight": draw(90, 100, 64),
        "ln_final.weight": draw(91, 64),
        "lm_head.weight": draw(92, 100, 64) / 8,
    }
    ids = torch.randint(0, 100, (4, 12))
    for n_tokens in (12, 6):
        stream = state["token_embeddings.weight"][ids[:, :n_tokens]]
        for layer in layers:
            stream = block_by_pytorch(layer, stream)
        normed = nn.functional.rms_norm(stream, (64,), state["ln_final.weight"], 1e-5)
        found = adapters.run_transformer_lm(
            vocab_size=100, context_length=16, num_layers=2, rope_theta=1e4, weights=state,
            in_indices=ids[:, :n_tokens], **SHAPE,
        )  # fmt: skip
        assert_close(found, normed @ state["lm_head.weight"].T, atol=1e-4)


# Training


def test_cross_entropy_equals_pytorch_at_large_logits():
    logits, targets = draw(30, 8, 5), torch.randint(0, 5, (8,))
    for size in (1.0, 1000.0):
        expected = nn.functional.cross_entropy(size * logits, targets)
        assert_close(adapters.run_cross_entropy(size * logits, targets), expected, atol=1e-4)


def test_gradient_clipping_leaves_frozen_parameters_out():
    def parameters():
        made = [nn.Parameter(draw(40 + i, 5, 5)) for i in range(6)]
        made[-1].requires_grad_(False)
        torch.cat(made).sum().backward()
        return made

    ours, theirs = parameters(), parameters()
    adapters.run_gradient_clipping(iter(ours), 1e-2)
    torch.nn.utils.clip_grad_norm_(theirs, 1e-2)
    for one, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert_close(one.grad, other.grad)


def test_the_cosine_schedule_has_its_public_corners():
    rates = [adapters.run_get_lr_cosine_schedule(it, 1.0, 0.1, 7, 21) for it in range(25)]
    assert rates[0] == 0 and rates[7] == 1.0
    assert rates[14] == pytest.approx(0.55)
    assert rates[21:] == [0.1] * 4


def test_batches_start_uniformly_at_every_valid_place():
    starts = Counter()
    for _ in range(1000):
        x, y = adapters.run_get_batch(np.arange(100, dtype=np.uint16), 32, 7, "cpu")
        assert x.shape == y.shape == (32, 7)
        assert x.dtype == y.dtype == torch.int64
        assert torch.equal(x + 1, y)
        starts.update(x[:, 0].tolist())
    assert (min(starts), max(starts)) == (0, 92)
    expected = 32_000 / 93
    assert all(abs(count - expected) < 5 * expected**0.5 for count in starts.values())


def test_a_device_that_is_not_there_raises():
    with pytest.raises((RuntimeError, AssertionError)):
        adapters.run_get_batch(np.arange(100), 32, 7, "cuda:99")


@pytest.mark.parametrize("where", ["path", "file object"])
def test_a_checkpoint_brings_everything_back(where, tmp_path):
    def fresh():
        model = nn.Sequential(nn.Linear(10, 6), nn.ReLU(), nn.Linear(6, 3))
        return model, adapters.get_adamw_cls()(model.parameters(), lr=1e-3, weight_decay=0.01)

    def go_on(model, optimizer):
        for i in range(10):
            optimizer.zero_grad()
            model(draw(50 + i, 10)).square().sum().backward()
            optimizer.step()

    model, optimizer = fresh()
    go_on(model, optimizer)
    out = tmp_path / "checkpoint.pt" if where == "path" else io.BytesIO()
    adapters.run_save_checkpoint(model, optimizer, 10, out)
    if where == "file object":
        out.seek(0)
    other_model, other_optimizer = fresh()
    assert adapters.run_load_checkpoint(out, other_model, other_optimizer) == 10
    assert str(optimizer.state_dict()) == str(other_optimizer.state_dict())
    go_on(model, optimizer)
    go_on(other_model, other_optimizer)
    for one, other in zip(model.parameters(), other_model.parameters(), strict=True):
        assert torch.equal(one, other)


# Tokenizer


@functools.cache
def gpt2_bytes():
    """The byte of each of GPT-2's printable characters."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    names = {chr(byte): byte for byte in visible}
    return names | {chr(256 + place): byte for place, byte in enumerate(hidden)}


def as_bytes(name):
    table = gpt2_bytes()
    return bytes(table[character] for character in name)


def read_merges(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
    return [tuple(as_bytes(part) for part in pair) for pair in pairs]


@pytest.fixture(scope="module")
def gpt2(gpt2_folder):
    names = json.loads((gpt2_folder / "gpt2_vocab.json").read_text(encoding="utf-8"))
    vocab = {i: as_bytes(name) for name, i in names.items()}
    merges = read_merges(gpt2_folder / "gpt2_merges.txt")

    def make(special_tokens=None):
        extended = dict(vocab)
        for text in special_tokens or []:
            if text.encode() not in extended.values():
                extended[len(extended)] = text.encode()
        return adapters.get_tokenizer(extended, merges, special_tokens)

    return make


@pytest.fixture(scope="module")
def tiktoken_gpt2(gpt2_folder):
    tiktoken = pytest.importorskip("tiktoken")
    names = json.loads((gpt2_folder / "gpt2_vocab.json").read_text(encoding="utf-8"))
    ranks = {as_bytes(name): i for name, i in names.items() if name != "<|endoftext|>"}
    pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return tiktoken.Encoding(
        "gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256}
    )


TEXTS = [
    "",
    "s",
    "🙃",
    "Hello, how are you?",
    "Héllò hôw are ü? 🙃",
    "Héllò hôw <|endoftext|><|endoftext|> are ü? 🙃<|endoftext|>",
]
FILES = [
    "address.txt",
    "german.txt",
    "tinystories_sample.txt",
    "special_token_trailing_newlines.txt",
    "special_token_double_newlines_non_whitespace.txt",
]


def test_an_undeclared_special_token_is_ordinary_text(gpt2):
    declared, undeclared = "<|x|>", "<|endoftext|>"
    text = f"low{undeclared}er{declared}{declared} new"
    plain, tokenizer = gpt2(None), gpt2([declared])
    x = len(plain.tokenizer)
    expected = [*plain.encode(f"low{undeclared}er"), x, x, *plain.encode(" new")]
    assert tokenizer.encode(text) == expected
    assert list(tokenizer.encode_iterable([text[:12], text[12:]])) == expected
    assert tokenizer.decode(expected) == text


@pytest.mark.parametrize("special_tokens", [None, ["<|endoftext|>"]])
def test_ids_are_those_of_tiktoken(gpt2, tiktoken_gpt2, gpt2_folder, special_tokens):
    tokenizer = gpt2(special_tokens)
    allowed = set(special_tokens or [])
    for text in [*TEXTS, *((gpt2_folder / name).read_text(encoding="utf-8") for name in FILES)]:
        expected = tiktoken_gpt2.encode(text, allowed_special=allowed, disallowed_special=())
        assert tokenizer.encode(text) == expected
        assert tokenizer.decode(expected) == text
        assert list(tokenizer.encode_iterable(text.splitlines(keepends=True))) == expected


def test_overlapping_special_tokens_take_the_longest(gpt2):
    twice = "<|endoftext|><|endoftext|>"
    tokenizer = gpt2(["<|endoftext|>", twice])
    ids = tokenizer.encode(f"Hello, how {twice} are you?<|endoftext|>")
    tokens = [tokenizer.decode([i]) for i in ids]
    assert tokens.count("<|endoftext|>") == 1
    assert tokens.count(twice) == 1


def test_training_gives_the_recorded_merges_quickly(gpt2_folder):
    start = time.monotonic()
    vocab, merges = adapters.run_train_bpe(gpt2_folder / "corpus.en", 500, ["<|endoftext|>"])
    assert time.monotonic() - start < 1.5
    assert merges == read_merges(gpt2_folder / "train-bpe-reference-merges.txt")
    path = gpt2_folder / "train-bpe-reference-vocab.json"
    names = json.loads(path.read_text(encoding="utf-8"))
    assert set(vocab) == set(names.values())
    assert set(vocab.values()) == {as_bytes(name) for name in names}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS means this on Linux")
def test_a_long_file_is_encoded_within_one_megabyte(gpt2, gpt2_folder, tmp_path):
    import resource

    sample = (gpt2_folder / "tinystories_sample.txt").read_text(encoding="utf-8")
    path = tmp_path / "long.txt"
    path.write_text(sample * (5_000_000 // len(sample)), encoding="utf-8")
    tokenizer = gpt2()
    n_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    resident = n_pages * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    with path.open(encoding="utf-8") as lines:
        resource.setrlimit(resource.RLIMIT_AS, (resident + 1_000_000, before[1]))
        try:
            n_ids = sum(1 for _ in tokenizer.encode_iterable(lines))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)
    assert n_ids == len(tokenizer.encode(path.read_text(encoding="utf-8")))
