from hypothesis import given
from hypothesis import strategies as st

from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.stats import compare, explain, text_stats
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary

MERGES = [(b"t", b"h"), (b"th", b"e"), (b" ", b"the"), (b"l", b"l")]
SMALL = Vocabulary.build("gpt2", ["<|endoftext|>"], MERGES, "cs336")


def test_a_word_is_explained_merge_by_merge():
    first, second = explain(SMALL, b"the the")
    assert first.steps == ((b"t", b"h", b"e"), (b"th", b"e"), (b"the",))
    assert first.merges == (0, 1)
    assert second.steps[-1] == (b" the",)
    assert second.merges == (0, 1, 2)
    assert second.ids == (SMALL.ids[b" the"],)


@given(st.binary(max_size=60))
def test_what_is_explained_is_what_is_encoded(text):
    explained = explain(SMALL, text)
    assert b"".join(one.pretoken for one in explained) == text
    ids = [i for one in explained for i in one.ids]
    assert ids == ReferenceEncoder(SMALL).encode(text, allow_special=False).tolist()
    for one in explained:
        assert [len(step) for step in one.steps] == list(
            range(len(one.pretoken), len(one.pretoken) - len(one.steps), -1)
        )


def test_a_text_is_counted():
    found = text_stats(Tokenizer(SMALL), [b"the the", "ll ü".encode()])
    assert (found.n_bytes, found.n_tokens, found.n_words) == (12, 6, 4)
    assert found.bytes_per_token == 2.0
    assert found.fertility == 1.5
    assert found.longest_used[:3] == (b" the", b"the", b"ll")
    # Of 260 ordinary tokens these are in use: the, " the", ll, a space, and the two bytes of ü.
    assert found.n_unused == 260 - 6
    assert found.longest_unused[0] == b"th"


def test_no_text_has_no_tokens():
    found = text_stats(Tokenizer(SMALL), [])
    assert (found.n_tokens, found.bytes_per_token, found.fertility) == (0, 0.0, 0.0)


def test_two_vocabularies_are_compared():
    other = Vocabulary.build("gpt2", [], [*MERGES[:2], (b"the", b"n")], "cs336")
    difference = compare(SMALL, other)
    assert difference.only_first == (b" the", b"ll")
    assert difference.only_second == (b"then",)
    assert difference.n_common == 258
    assert difference.n_equal_merges == 2
    # A special token does not hide an ordinary one of the same bytes.
    hidden = Vocabulary.build("gpt2", [" the"], MERGES, "cs336")
    assert compare(hidden, other).only_first == (b" the", b"ll")
    same = compare(SMALL, SMALL)
    assert (same.only_first, same.only_second, same.n_equal_merges) == ((), (), 4)
