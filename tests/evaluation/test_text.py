"""The loss of a model on a text given as bytes."""

import math

import numpy as np
import pytest
import torch

from paribus.errors import DataError
from paribus.evaluation.text import evaluate_text, with_document_start
from paribus.model.config import ModelConfig
from paribus.model.init import initialize
from paribus.model.transformer import Transformer
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary

MERGES = [(b"a", b"b"), (b"ab", b"c"), ("é".encode()[:1], "é".encode()[1:])]


def tokenizer_of(*specials: str) -> Tokenizer:
    return Tokenizer(Vocabulary.build("gpt2", specials, MERGES, "cs336"))


def model_for(tokenizer: Tokenizer) -> Transformer:
    config = ModelConfig(
        vocab_size=len(tokenizer), context_length=8, d_model=16, n_layers=1, n_heads=2, d_ff=32
    )
    model = Transformer(config)
    initialize(model, config, 0)
    return model.eval()


def test_every_byte_counts_once():
    tokenizer = tokenizer_of("<|endoftext|>")
    model = model_for(tokenizer)
    text = "abcab <|endoftext|> é\n".encode()
    found = evaluate_text(model, tokenizer, text)
    assert found.n_bytes == len(text)
    assert found.n_tokens == len(tokenizer.encode(text))
    total = found.loss * found.n_tokens
    assert found.bits_per_byte == pytest.approx(total / math.log(2) / len(text), rel=1e-12)


def test_a_text_is_evaluated_behind_the_end_of_text():
    tokenizer = tokenizer_of("<|endoftext|>")
    model = model_for(tokenizer).double()
    ids = [0, *tokenizer.encode(b"abc cab").tolist()]
    with torch.no_grad():
        logits = model(torch.tensor([ids[:-1]]))[0]
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:])).item()
    assert evaluate_text(model, tokenizer, b"abc cab").loss == pytest.approx(expected, rel=1e-12)


def test_without_an_end_of_text_the_first_token_is_not_predicted():
    tokenizer = tokenizer_of()
    found = evaluate_text(model_for(tokenizer), tokenizer, b"abcx")
    assert (found.n_tokens, found.n_bytes) == (1, 1)


def test_a_document_starts_behind_the_end_of_text():
    tokenizer = tokenizer_of("<|endoftext|>", "<|x|>")
    ids = np.array([0, *tokenizer.encode("abcab é".encode()), 1], np.uint32)
    assert with_document_start(tokenizer, ids[1:]).tolist() == ids.tolist()
    assert with_document_start(tokenizer, ids).dtype == np.uint32


@pytest.mark.parametrize(("specials", "text"), [(["<|endoftext|>"], b""), ([], b""), ([], b"a")])
def test_a_text_with_nothing_to_predict_is_refused(specials, text):
    tokenizer = tokenizer_of(*specials)
    with pytest.raises(DataError, match="text: expected something to predict"):
        evaluate_text(model_for(tokenizer), tokenizer, text)


def test_a_tokenizer_does_not_change_what_a_byte_costs_by_itself():
    """A model of equal scores pays log2(vocabulary) a token, whatever its text."""
    tokenizer = tokenizer_of("<|endoftext|>")
    model = model_for(tokenizer)
    with torch.no_grad():
        model.output_weight.zero_()
    found = evaluate_text(model, tokenizer, b"abcabc")
    assert found.bits_per_byte == pytest.approx(2 * math.log2(len(tokenizer)) / 6, rel=1e-6)
