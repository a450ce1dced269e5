"""A text in pieces gives the ids of the whole text, wherever it is cut."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_texts import TORTURE, byte_texts, cut, cuts, texts

from paribus.tokenizer import reference, streaming
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

SPECIALS = ["<|s|>", "<|s|><|s|>", "<|s|>x", "<|endoftext|>"]
SPECIAL_PIECES = [
    b"<|s|>",
    b"<|",
    b"<",
    b"s|>",
    b"x",
    b"<|endoftext|>",
    b"<|endoftext",
    b" ",
    b"\n",
]

special_texts = st.lists(st.sampled_from(SPECIAL_PIECES), max_size=12).map(b"".join)
mixed = st.lists(byte_texts | special_texts, max_size=4).map(b"".join)


PATTERNS = ["gpt2", "cl100k", "o200k", "none"]


def pretokens(text: bytes, specials: list[bytes], pattern: str) -> list[bytes]:
    """All that encoding looks at: the special tokens and what the pattern cuts between them."""
    found: list[bytes] = []
    for place, segment in enumerate(reference.split_at_special_tokens(text, specials)):
        found += [segment] if place % 2 else reference.split(segment, pattern)
    return found


def assert_blocks_hide_no_cut(pieces, specials, pattern, block_bytes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK_BYTES", block_bytes)
        blocks = list(streaming.blocks(pieces, settled_length(specials, pattern)))
    text = b"".join(pieces)
    assert b"".join(blocks) == text
    found = [pretoken for block in blocks for pretoken in pretokens(block, specials, pattern)]
    assert found == pretokens(text, specials, pattern)


def settled_length(specials: list[bytes], pattern: str) -> streaming.SettledLength:
    def split_ends(text: bytes) -> np.ndarray:
        return np.cumsum([len(piece) for piece in reference.split(text, pattern)], dtype=int)

    return lambda text: streaming.settled_length(text, split_ends, specials)


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=300 * TORTURE, deadline=None)
@given(text=mixed, places=cuts, allow_special=st.booleans(), block_bytes=st.integers(1, 40))
def test_any_cutting_gives_the_same_pretokens(pattern, text, places, allow_special, block_bytes):
    specials = [text.encode() for text in SPECIALS] if allow_special else []
    assert_blocks_hide_no_cut(cut(text, places), specials, pattern, block_bytes)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    "text",
    [
        "see x'll go on",
        "see x'ſ go on",
        "see 中Aé go on",
        "see 中AB'll go on",
        "a \nb c d",
        "a\n  b c d",
        "!\n\n/ a !\n!\n!\n",
        "1234567 89",
        "<|s|><|s|><|s|>x<|endoftext|> <|endoftex",
        "the end\n \n  ",
    ],
)
def test_every_single_cut_of_hard_texts_gives_the_same_pretokens(pattern, text):
    data, specials = text.encode(), [text.encode() for text in SPECIALS]
    for place in range(len(data) + 1):
        assert_blocks_hide_no_cut([data[:place], data[place:]], specials, pattern, 1)
        assert_blocks_hide_no_cut([data[:place], data[place:]], [], pattern, 1)


@pytest.fixture(scope="module", params=PATTERNS)
def tokenizer(request):
    text = b"the cat's hat isn't THAT big, it'll do. \n\n 123 " * 4
    return Tokenizer(
        train([text], vocab_size=300, specials=SPECIALS, pattern=request.param).vocabulary
    )


@settings(max_examples=100 * TORTURE, deadline=None)
@given(text=mixed, places=cuts, allow_special=st.booleans())
def test_any_cutting_gives_the_same_ids(tokenizer, text, places, allow_special):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK_BYTES", 1)
        ids = list(tokenizer.encode_iterable(cut(text, places), allow_special=allow_special))
    assert ids == tokenizer.encode(text, allow_special=allow_special).tolist()


@settings(max_examples=100 * TORTURE, deadline=None)
@given(text=mixed, places=cuts, allow_special=st.booleans())
def test_blocks_of_the_core_and_of_the_reference_give_the_same_ids(
    tokenizer, text, places, allow_special
):
    naive = ReferenceEncoder(tokenizer.vocabulary)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK_BYTES", 1)
        blocks = [
            list(tokenizer.encode_blocks(cut(text, places), allow_special=allow_special)),
            [
                naive.encode(block, allow_special)
                for block in streaming.blocks(
                    cut(text, places), lambda part: naive.settled_length(part, allow_special)
                )
            ],
        ]
    expected = naive.encode(text, allow_special).tolist()
    assert [np.concatenate(ids).tolist() for ids in blocks] == [expected, expected]


@settings(max_examples=50 * TORTURE, deadline=None)
@given(text=texts)
def test_text_may_come_character_by_character(tokenizer, text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK_BYTES", 1)
        assert list(tokenizer.encode_iterable(text)) == tokenizer.encode(text).tolist()


def test_what_is_settled_can_be_encoded_alone():
    encoder = ReferenceEncoder(Vocabulary.build("gpt2", SPECIALS, [], "cs336"))

    def settled(text: bytes, allow_special: bool = True) -> bytes:
        return text[: encoder.settled_length(text, allow_special)]

    assert settled(b"one two three") == b"one"
    assert settled(b"one \n two three") == b"one"
    assert settled(b"one<|s|><|s|>two") == b"one<|s|><|s|>"
    assert settled(b"one<|s|>") == settled(b"one<|s|><|") == b""
    assert settled(b"one<|s|> two <|endo", allow_special=False) == b"one<|s|> two"
    assert settled("one two three é".encode()[:-1]) == b"one two"


@pytest.mark.parametrize("piece", [b"word ", b" ", b"\n", b"a"])
def test_memory_does_not_grow_with_the_text(piece):
    tokenizer = Tokenizer(Vocabulary.build("gpt2", SPECIALS, [], "cs336"))
    longest = 0 if piece == b"word " else 1 << 19
    pieces = (piece * (1024 // len(piece)) for _ in range(max(longest, 1 << 20) >> 10))
    if longest:  # one pretoken of 512 KB
        pieces = (piece * 1024 for _ in range(longest >> 10))
    tracemalloc.start()
    for _ in tokenizer.encode_iterable(pieces):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * (streaming.BLOCK_BYTES + longest)
