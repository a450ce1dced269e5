"""Our tokenizer.json in Hugging Face's tokenizers: the same ids, the same merges."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_texts import repetitive, texts

from paribus.tokenizer import huggingface
from paribus.tokenizer.byte_names import token_name
from paribus.tokenizer.patterns import EXPRESSIONS
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

pytestmark = pytest.mark.peers
SPECIALS = ["<|endoftext|>", "<|s|>"]
TEXT = "low lower newest widest naïve 🦊 \n\n it's 2024 it'ſ THAT'S 中文Ab ".encode() * 3


def loaded(vocabulary: Vocabulary):
    from tokenizers import Tokenizer as TheirTokenizer

    return TheirTokenizer.from_str(json.dumps(huggingface.as_json(vocabulary)))


@pytest.fixture(scope="module", params=EXPRESSIONS)
def both(request):
    vocabulary = train([TEXT], vocab_size=320, specials=SPECIALS, pattern=request.param).vocabulary
    return Tokenizer(vocabulary), loaded(vocabulary)


@settings(max_examples=500, deadline=None)
@given(text=texts)
def test_ids_are_equal(both, text):
    ours, theirs = both
    ids = theirs.encode(text, add_special_tokens=False).ids
    assert ours.encode(text, allow_special=True).tolist() == ids
    assert theirs.decode(ids, skip_special_tokens=False) == ours.decode(ids)


def test_gpt2_has_equal_ids(gpt2, gpt2_folder):
    text = (gpt2_folder / "corpus.en").read_text(encoding="utf-8")
    assert loaded(gpt2).encode(text).ids == Tokenizer(gpt2).encode(text).tolist()


def test_a_tokenizer_json_that_tokenizers_writes_is_read(both):
    ours, theirs = both
    assert huggingface.from_json(json.loads(theirs.to_str())).hash == ours.hash


@settings(max_examples=100, deadline=None)
@given(text=texts | repetitive.map(bytes.decode), n_new_ids=st.integers(0, 30))
def test_the_ties_of_hf_give_the_merges_of_hf(text, n_new_ids):
    from tokenizers import Tokenizer as TheirTokenizer
    from tokenizers import models, pre_tokenizers, trainers

    theirs = TheirTokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=257 + n_new_ids,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Theirs counts a special token in the text, ours does not.
    text = text.replace("<|endoftext|>", "")
    theirs.train_from_iterator([text], trainer)
    merges = json.loads(theirs.to_str())["model"]["merges"]
    ours = train([text.encode() or b" "], vocab_size=257 + n_new_ids, ties="hf").vocabulary
    assert [[token_name(a), token_name(b)] for a, b in ours.merges] == merges
    assert theirs.get_vocab() == {
        **{token_name(token): i for token, i in ours.ids.items()},
        "<|endoftext|>": 0,
    }
