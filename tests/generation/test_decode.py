"""Texts behind prompts: equal to the uncached model step by step, whole characters, known ends."""

import itertools

import pytest
import torch

from paribus.errors import ConfigError
from paribus.generation.decode import Decoding, generate
from paribus.generation.sampling import SamplingConfig, choose
from paribus.model.config import Alibi, Learned, ModelConfig, NoPosition, Rope, Sinusoidal
from paribus.model.init import initialize
from paribus.model.transformer import Transformer
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary

GREEDY = SamplingConfig(temperature=0.0)
ARCHITECTURES = [
    {"position": Rope()},
    {"position": NoPosition(), "norm": "layernorm", "bias": True},
    {"position": Sinusoidal(), "norm_placement": "post", "ffn": "relu"},
    {"position": Learned(), "tie_embeddings": False, "n_kv_heads": 1, "logit_scale": 0.5},
    {"position": Alibi(), "n_kv_heads": 2},
    {"position": Rope(), "attention_backend": "manual", "embedding_scale": "sqrt_d_model"},
]


def byte_tokenizer(*specials: str) -> Tokenizer:
    return Tokenizer(Vocabulary.build("gpt2", specials, [], "cs336"))


def small_model(tokenizer: Tokenizer, seed: int = 0, **axes) -> Transformer:
    shape = {"vocab_size": len(tokenizer), "context_length": 24, "d_model": 16, "n_layers": 2}
    config = ModelConfig(**(shape | {"n_heads": 2, "d_ff": 32, "embedding_std": 1.0} | axes))
    model = Transformer(config)
    initialize(model, config, seed)
    return model.eval()


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tokenizer() -> Tokenizer:
    return byte_tokenizer("<|endoftext|>")


@torch.no_grad()
def uncached_ids(model: Transformer, prompt: list[int], config: SamplingConfig, seed: int) -> list:
    """The reference: the whole text through the model for every id, until the context is full."""
    generator = torch.Generator().manual_seed(seed)
    ids = list(prompt)
    while len(ids) <= model.config.context_length:
        token_id = choose(model(torch.tensor([ids]))[0, -1], config, generator)
        if token_id == 0:
            break
        ids.append(token_id)
    return ids[len(prompt) :]


@pytest.mark.parametrize("axes", ARCHITECTURES, ids=lambda axes: axes["position"].kind)
def test_greedy_text_is_the_argmax_of_the_uncached_model(tokenizer, axes):
    model = small_model(tokenizer, **axes)
    prompt = tokenizer.encode("abc").tolist()
    argmax = list(prompt)
    with torch.no_grad():
        while len(argmax) <= model.config.context_length:
            argmax.append(int(model(torch.tensor([argmax]))[0, -1].argmax()))
    assert 0 not in argmax, "the model ends the text: choose another seed"
    decoding = Decoding(
        model,
        torch.tensor(prompt),
        max_tokens=99,
        end_of_text=0,
        sampling=GREEDY,
        generator=torch.Generator(),
    )
    assert list(decoding) == argmax[len(prompt) :]
    text = "".join(generate(model, tokenizer, "abc", max_tokens=99, sampling=GREEDY, seed=0))
    assert text == tokenizer.decode(argmax[len(prompt) :])


@pytest.mark.parametrize("axes", ARCHITECTURES, ids=lambda axes: axes["position"].kind)
def test_sampled_text_is_that_of_the_uncached_model(tokenizer, axes):
    model = small_model(tokenizer, **axes)
    config = SamplingConfig(temperature=1.3, top_k=100, top_p=0.95)
    for seed in range(5):
        continuation = generate(model, tokenizer, "é", max_tokens=99, sampling=config, seed=seed)
        expected = uncached_ids(model, tokenizer.encode("é").tolist(), config, seed)
        assert "".join(continuation) == tokenizer.decode(expected)
        assert continuation.n_tokens == len(expected)


def test_pieces_are_whole_characters_and_make_the_text(tokenizer):
    """A model of chance makes bytes that rarely fit together: the hardest stream there is."""
    model = small_model(tokenizer, context_length=50)
    for seed in range(3):
        options = {"max_tokens": 45, "sampling": SamplingConfig(top_k=200), "seed": seed}
        ids = uncached_ids(model, tokenizer.encode("a").tolist(), options["sampling"], seed)
        pieces = list(generate(model, tokenizer, "a", **options))
        assert "".join(pieces) == tokenizer.decode(ids[:45])
        assert all(pieces)


def test_a_character_is_passed_on_when_its_last_byte_is_made(tokenizer):
    """Bytes of a fixed text by a model that knows it by heart: one id leads to the next."""
    text = "aé€😀b"
    model = parrot(tokenizer, text)
    pieces = list(generate(model, tokenizer, "a", max_tokens=99, sampling=GREEDY, seed=0))
    assert pieces == ["é", "€", "😀", "b"]


def parrot(tokenizer: Tokenizer, text: str) -> Transformer:
    """A model whose layers do nothing and whose output table leads each byte to the one behind it.

    Behind the last byte of `text` comes the end-of-text id.
    """
    ids = [*tokenizer.encode(text).tolist(), 0]
    assert len(set(ids)) == len(ids), "each byte once"
    model = small_model(
        tokenizer, d_model=512, n_heads=1, tie_embeddings=False, position=NoPosition()
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.zero_() if "layers" in name else None
        model.token_embedding.weight.copy_(torch.eye(len(tokenizer), 512))
        model.output_weight.zero_()
        for token_id, following in itertools.pairwise(ids):
            model.output_weight[following, token_id] = 1.0
    return model


@pytest.mark.parametrize(
    ("options", "finish", "text"),
    [
        ({}, "end_of_text", "bcdefgh"),
        ({"max_tokens": 3}, "max_tokens", "bcd"),
        ({"max_tokens": 7}, "max_tokens", "bcdefgh"),
        ({"stop": ["ef"]}, "stop", "bcd"),
        ({"stop": ["x", "h", "gh"]}, "stop", "bcdef"),
    ],
)
def test_a_text_says_why_it_ended(tokenizer, options, finish, text):
    options = {"max_tokens": 20, "sampling": GREEDY, "seed": 0} | options
    continuation = generate(parrot(tokenizer, "abcdefgh"), tokenizer, "a", **options)
    assert continuation.finish is None
    assert "".join(continuation) == text
    assert continuation.finish == finish


def test_the_context_ends_the_text():
    tokenizer = byte_tokenizer()
    model = small_model(tokenizer, context_length=5)
    for prompt, n_tokens in (("a", 5), ("abcd", 2), ("abcde", 1)):
        found = generate(model, tokenizer, prompt, max_tokens=99, sampling=GREEDY, seed=0)
        "".join(found)
        assert (found.finish, found.n_tokens) == ("context", n_tokens)
    with pytest.raises(ConfigError, match=r"^prompt: expected at most 5 tokens .* found 6"):
        generate(model, tokenizer, "abcdef", max_tokens=1, sampling=GREEDY, seed=0)


def test_an_empty_prompt_starts_behind_the_end_of_text(tokenizer):
    model = small_model(tokenizer)
    expected = uncached_ids(model, [0], GREEDY, 0)
    found = "".join(generate(model, tokenizer, "", max_tokens=99, sampling=GREEDY, seed=0))
    assert found == tokenizer.decode(expected)


def test_an_empty_prompt_needs_an_end_of_text():
    tokenizer = byte_tokenizer()
    with pytest.raises(ConfigError, match=r"^prompt: expected some text"):
        generate(small_model(tokenizer), tokenizer, "", max_tokens=1, sampling=GREEDY, seed=0)


def test_a_prompt_never_becomes_a_special_token(tokenizer):
    model = small_model(tokenizer)
    prompt = list(b"<|endoftext|>")
    expected = uncached_ids(model, [1 + byte for byte in prompt], GREEDY, 0)
    found = generate(model, tokenizer, "<|endoftext|>", max_tokens=99, sampling=GREEDY, seed=0)
    assert "".join(found) == tokenizer.decode(expected)


def test_bytes_of_a_command_line_that_are_no_text_are_taken_as_they_are(tokenizer):
    model = small_model(tokenizer)
    expected = uncached_ids(model, [1 + 0xFF, 1 + ord("a")], GREEDY, 0)
    prompt = b"\xffa".decode("utf-8", "surrogateescape")
    found = generate(model, tokenizer, prompt, max_tokens=99, sampling=GREEDY, seed=0)
    assert "".join(found) == tokenizer.decode(expected)
    with pytest.raises(ConfigError, match=r"^prompt: expected text, found half a character"):
        generate(model, tokenizer, "a\ud800", max_tokens=1, sampling=GREEDY, seed=0)


def test_equal_seeds_make_equal_texts_whatever_torch_s_own_seed(tokenizer):
    model = small_model(tokenizer)
    texts = []
    for seed, global_seed in ((1, 0), (1, 99), (2, 0)):
        torch.manual_seed(global_seed)
        state = torch.get_rng_state()
        options = {"max_tokens": 20, "sampling": SamplingConfig(), "seed": seed}
        texts.append("".join(generate(model, tokenizer, "a", **options)))
        assert torch.equal(torch.get_rng_state(), state)
    assert texts[0] == texts[1] != texts[2]


def test_text_arrives_before_the_last_token_is_made(tokenizer):
    continuation = generate(
        parrot(tokenizer, "abcdefgh"), tokenizer, "a", max_tokens=7, sampling=GREEDY, seed=0
    )
    assert (next(continuation), continuation.n_tokens) == ("b", 1)


@pytest.mark.parametrize("n", [0, -1])
def test_no_tokens_at_all_are_refused(tokenizer, n):
    with pytest.raises(ConfigError, match=r"^max_tokens"):
        generate(small_model(tokenizer), tokenizer, "a", max_tokens=n, sampling=GREEDY, seed=0)
