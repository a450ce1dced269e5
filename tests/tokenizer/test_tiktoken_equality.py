"""The ids of tiktoken with GPT-2's ranks under each of its patterns, on any text."""

import os
from pathlib import Path

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from tokenizer_texts import TORTURE, texts

from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.unicode_table import RANGES
from paribus.tokenizer.vocabulary import Vocabulary

# As tiktoken_ext.openai_public has them.
TIKTOKEN_PATTERNS = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}


def ranks_encoding(vocabulary: Vocabulary, pattern: str) -> tiktoken.Encoding:
    return tiktoken.Encoding(
        pattern,
        pat_str=TIKTOKEN_PATTERNS[pattern],
        mergeable_ranks=vocabulary.ids,
        special_tokens={text: i for i, text in vocabulary.special_tokens},
    )


@pytest.fixture(scope="session", params=TIKTOKEN_PATTERNS)
def both(request, gpt2):
    """Our tokenizer and tiktoken's, with one vocabulary."""
    ours = Vocabulary(request.param, gpt2.special_tokens, gpt2.byte_ids, gpt2.merges)
    return Tokenizer(ours), ranks_encoding(gpt2, request.param)


@settings(max_examples=300 * TORTURE, deadline=None)
@given(text=texts)
def test_ids_equal_those_of_tiktoken(both, text):
    ours, theirs = both
    assert ours.encode(text).tolist() == theirs.encode_ordinary(text)
    with_specials = theirs.encode(text, allowed_special="all")
    assert ours.encode(text, allow_special=True).tolist() == with_specials
    assert ours.decode(with_specials) == text


@pytest.mark.parametrize(
    "name", ["address.txt", "german.txt", "tinystories_sample.txt", "corpus.en"]
)
def test_ids_of_the_course_texts_equal_those_of_tiktoken(both, gpt2_folder, name):
    ours, theirs = both
    data = (gpt2_folder / name).read_bytes()
    assert ours.encode(data).tolist() == theirs.encode_ordinary(data.decode())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stories.txt", "code.txt", "multilingual.txt", "english-web.txt"])
def test_ids_of_a_whole_corpus_equal_those_of_tiktoken(both, name):
    folder = os.environ.get("PARIBUS_CORPORA")
    if not folder or not (Path(folder) / name).is_file():
        pytest.skip(f"set PARIBUS_CORPORA to a folder with {name}")
    ours, theirs = both
    text = (Path(folder) / name).read_bytes().decode()
    for at in range(0, len(text), 1_000_000):
        part = text[at : at + 1_000_000]
        assert np.array_equal(ours.encode(part), np.array(theirs.encode_ordinary(part)))


def assert_cut_alike(both, code_points):
    ours, theirs = both
    for shape in ("a{}b ", "'{} ", "1{}1 ", " {}  ", "!{}!"):
        text = "".join(shape.replace("{}", chr(code)) for code in code_points)
        for at in range(0, len(text), 400_000):
            part = text[at : at + 400_000]
            assert ours.encode(part).tolist() == theirs.encode_ordinary(part)


def test_code_points_at_the_borders_of_classes_are_cut_as_tiktoken_cuts_them(both):
    names = " ".join(RANGES.values()).replace("-", " ").split()
    borders = {int(name, 16) + step for name in names for step in (-1, 0, 1)}
    assert_cut_alike(both, sorted(borders - {*range(0xD800, 0xE000)}))


@pytest.mark.slow
def test_every_code_point_is_cut_as_tiktoken_cuts_it(both):
    assert_cut_alike(both, [*range(0xD800), *range(0xE000, 0x110000)])


def test_the_long_s_ends_a_contraction_where_case_does_not_matter(both):
    ours, theirs = both
    for text in ("it'ſ", "IT'S", "it'ſa", "we'LL", "we'lL'", "K'K"):
        assert ours.encode(text).tolist() == theirs.encode_ordinary(text)
