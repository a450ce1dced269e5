"""The C++ core against the Python reference over many vocabularies, ten thousand texts in all."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_texts import BROKEN, EDGES, TORTURE, cut, cuts

from paribus.tokenizer import streaming
from paribus.tokenizer.patterns import EXPRESSIONS
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

pytest.importorskip("paribus._core", reason="installed without the C++ core")

SPECIALS = ("<|s|>", "<|s|><|s|>", "<|s|>x", "<|endoftext|>", "aa", " ")
TEXT = (
    "the cat's hat isn't THAT big, it'll do. 中文 ébé 🦊 \n\n 123 <|s|> aab abab\r\n".encode() * 4
)
LETTERS = [b"a", b"b", b"c", b" ", b"\n", b"\xc3", b"\xa9", b"\xf5", b"\xff", b"'", b"s", b"<"]
Pair = tuple[bytes, bytes]


def any_merges(random: Random, n_merges: int, *, shuffled: bool) -> list[Pair]:
    """Merges of tokens made before. Where `shuffled`, as far as that rule allows, in an order of
    chance: then a low rank can need what a high rank makes, and some entries are never reached."""
    tokens, merges = list(LETTERS), []
    for _ in range(n_merges):
        merge = (random.choice(tokens), random.choice(tokens))
        if merge not in merges and len(merge[0] + merge[1]) <= 16:
            merges.append(merge)
            tokens.append(merge[0] + merge[1])
    if not shuffled:
        return merges
    known, ordered = {bytes([byte]) for byte in range(256)}, []
    while merges:
        ready = [merge for merge in merges if merge[0] in known and merge[1] in known]
        merge = random.choice(ready)
        merges.remove(merge)
        ordered.append(merge)
        known.add(merge[0] + merge[1])
    return ordered


def made_vocabularies() -> list[Vocabulary]:
    """Trained ones and arbitrary ones under each pattern, with overlapping special tokens."""
    random, made = Random(5), []
    for pattern in EXPRESSIONS:
        for ties in ("cs336", "hf"):
            specials = random.sample(SPECIALS, random.randrange(len(SPECIALS) + 1))
            trained = train([TEXT], vocab_size=330, specials=specials, pattern=pattern, ties=ties)
            merges = any_merges(random, 90, shuffled=ties == "hf")
            made += [trained.vocabulary, Vocabulary.build(pattern, specials, merges, ties)]
    return made


@pytest.fixture(scope="module")
def both():
    return [(Tokenizer(made), ReferenceEncoder(made)) for made in made_vocabularies()]


def test_some_entries_are_reached_by_no_merge(both):
    def is_reached(naive, token):
        return len(naive.encode(token, False)) == 1

    unreached = [
        sum(not is_reached(naive, token) for token in naive.vocabulary.ids if len(token) > 1)
        for _, naive in both
    ]
    assert sum(count > 0 for count in unreached) >= 6


PIECES = [*LETTERS * 6, *(edge.encode() for edge in EDGES), *BROKEN]
PIECES += [text.encode() for text in SPECIALS * 3]
PIECES += [bytes([byte]) for byte in range(255, 0xE6, -1)]
places = st.integers(0, 15)
# One byte chooses a piece: thousands of examples are drawn and shrunk in seconds.
texts = st.binary(max_size=60).map(
    lambda choices: b"".join(PIECES[byte % len(PIECES)] for byte in choices)
)


# 5000 texts, each with special tokens and without: 10,000 cases.
@settings(max_examples=5000 * TORTURE, deadline=None)
@given(place=places, text=texts)
def test_any_text_under_any_vocabulary_has_the_ids_of_the_reference(both, place, text):
    tokenizer, naive = both[place]
    for allow_special in (False, True):
        expected = naive.encode(text, allow_special)
        ids = tokenizer.encode(text, allow_special=allow_special)
        assert ids.dtype == expected.dtype and ids.tolist() == expected.tolist()
        assert tokenizer.decode_bytes(ids) == text


@settings(max_examples=400 * TORTURE, deadline=None)
@given(place=places, text=texts, cut_at=cuts, allow_special=st.booleans())
def test_a_stream_under_any_vocabulary_has_the_ids_of_the_whole(
    both, place, text, cut_at, allow_special
):
    tokenizer, _ = both[place]
    whole = tokenizer.encode(text, allow_special=allow_special).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK_BYTES", 1 + len(cut_at))
        pieces = cut(text, cut_at)
        assert list(tokenizer.encode_iterable(pieces, allow_special=allow_special)) == whole
    streamed = "".join(tokenizer.decode_stream(whole))
    assert streamed == tokenizer.decode(whole) == text.decode("utf-8", "replace")


@pytest.mark.parametrize("pattern", EXPRESSIONS)
def test_neither_threads_nor_sizes_change_the_ids_of_a_long_text(pattern):
    random = Random(pattern)
    edges = [TEXT, b"<|s|><|s|>x", b"\xf5\xff\x80", b" \n" * 40, b"a" * 700, "中".encode() * 300]
    text = b"".join(random.choice(edges) for _ in range(16_000))
    tokenizer = Tokenizer(
        train([TEXT], vocab_size=330, specials=SPECIALS[:4], pattern=pattern).vocabulary
    )
    one = tokenizer.encode(text, allow_special=True, threads=1)
    assert tokenizer.decode_bytes(one) == text
    for threads in (2, 3, 8, 16):
        assert np.array_equal(tokenizer.encode(text, allow_special=True, threads=threads), one)
    sizes = [1 << 16, 1 << 20, len(text)]
    for size in sizes:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(streaming, "BLOCK_BYTES", size)
            pieces = [text[at : at + size // 3] for at in range(0, len(text), size // 3)]
            ids = np.fromiter(tokenizer.encode_iterable(pieces, allow_special=True), one.dtype)
            assert np.array_equal(ids, one)
