"""The Tokenizer: round trips, special tokens, streams of text, wrong ids."""

import pickle
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from tokenizer_texts import byte_texts, texts

from paribus.errors import CannotCreateError, ConfigError, DataError, ParibusError
from paribus.tokenizer.reference_encoder import ReferenceEncoder
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train

TEXT = "Once upon a time there was a naïve fox 🦊🦊. It's the end.\n".encode() * 3
SPECIALS = ["<|endoftext|>", "<|endoftext|><|endoftext|>"]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train([TEXT], vocab_size=290, specials=SPECIALS).vocabulary)


@settings(max_examples=300, deadline=None)
@given(text=byte_texts)
def test_all_bytes_come_back(tokenizer, text):
    assert tokenizer.decode_bytes(tokenizer.encode(text)) == text
    assert tokenizer.decode_bytes(tokenizer.encode(text, allow_special=True)) == text


@settings(max_examples=200, deadline=None)
@given(text=texts)
def test_text_comes_back_whole_and_as_a_stream(tokenizer, text):
    ids = tokenizer.encode(text)
    pieces = list(tokenizer.decode_stream(ids.tolist()))
    assert tokenizer.decode(ids) == "".join(pieces) == text
    assert "" not in pieces


def test_text_makes_a_special_token_only_where_it_is_allowed(tokenizer):
    text = "a<|endoftext|>b"
    assert 0 not in tokenizer.encode(text)
    assert tokenizer.encode(text, allow_special=True).tolist().count(0) == 1
    twice = tokenizer.encode("<|endoftext|><|endoftext|>", allow_special=True)
    assert twice.tolist() == [1]
    undeclared = tokenizer.encode("<|pad|>", allow_special=True)
    assert len(undeclared) > 1 and tokenizer.decode(undeclared) == "<|pad|>"


def test_empty_text_has_no_ids(tokenizer):
    for text in ("", b""):
        ids = tokenizer.encode(text)
        assert ids.dtype == np.uint16 and ids.shape == (0,)
    assert tokenizer.decode([]) == "" and list(tokenizer.encode_iterable([])) == []
    assert tokenizer.encode_batch([]) == []
    assert [ids.tolist() for ids in tokenizer.encode_batch(["", ""])] == [[], []]


def test_half_a_character_becomes_the_replacement_character(tokenizer):
    ids = [tokenizer.token_to_id(bytes([byte])) for byte in "🦊".encode()]
    assert tokenizer.decode(ids[:2]) == "\ufffd"
    assert list(tokenizer.decode_stream(ids)) == ["🦊"]
    assert list(tokenizer.decode_stream(ids[:2])) == ["\ufffd"]
    broken = [*ids[:2], tokenizer.token_to_id("a")]
    assert "".join(tokenizer.decode_stream(broken)) == tokenizer.decode(broken) == "\ufffda"


def test_a_lone_surrogate_is_kept(tokenizer):
    ids = tokenizer.encode("a\ud800b")
    assert tokenizer.decode_bytes(ids) == b"a\xed\xa0\x80b"


@pytest.mark.parametrize(
    "ids", [[0, 320], [-1], [1 << 31], [1 << 70], [0.5], [[1]], [1, [2]], ["a"]]
)
def test_ids_that_are_none_are_refused(tokenizer, ids):
    for decode in (tokenizer.decode, tokenizer.decode_bytes, tokenizer.count_bytes):
        with pytest.raises(DataError, match="expected"):
            decode(ids)
    with pytest.raises(DataError, match="expected"):
        list(tokenizer.decode_stream(ids))


def test_a_large_id_does_not_wrap(tokenizer):
    with pytest.raises(DataError, match="found 4294967296"):
        tokenizer.decode(np.array([1 << 32]))


def test_tokens_are_found_by_text_and_by_bytes(tokenizer):
    assert tokenizer.token_to_id("<|endoftext|>") == tokenizer.end_of_text == 0
    assert tokenizer.token_to_id(b"<|endoftext|>") is None
    assert tokenizer.token_to_id(b"\xff") == 2 + 255
    assert tokenizer.token_to_id("no token of this") is None


def test_bytes_of_text_are_counted_without_special_tokens(tokenizer):
    ids = tokenizer.encode(TEXT + b"<|endoftext|>", allow_special=True)
    assert tokenizer.count_bytes(ids) == len(TEXT)
    assert tokenizer.count_bytes([]) == 0


def test_a_pickled_tokenizer_is_the_same(tokenizer):
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.hash == tokenizer.hash and len(copy) == len(tokenizer) == 290
    assert copy.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()
    assert repr(copy).startswith("Tokenizer(290 ids, pattern gpt2, 2 special, ")


def test_without_the_core_the_reference_takes_over_and_says_so(tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "paribus._core", None)
    with pytest.warns(UserWarning, match="slow Python reference"):
        slow = Tokenizer(tokenizer.vocabulary)
    assert isinstance(slow._encoder, ReferenceEncoder)
    assert slow.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()
    assert slow.encode(TEXT).dtype == tokenizer.encode(TEXT).dtype == np.uint16
    assert slow.decode_bytes(slow.encode(TEXT)) == TEXT
    assert list(slow.encode_iterable([TEXT[:5], TEXT[5:]])) == slow.encode(TEXT).tolist()
    batch = slow.encode_batch([TEXT, b"", b"fox"])
    assert [slow.decode_bytes(ids) for ids in batch] == [TEXT, b"", b"fox"]
    with pytest.warns(UserWarning, match="slow Python reference"):
        report = train([TEXT], vocab_size=290, specials=SPECIALS)
    assert report.vocabulary == tokenizer.vocabulary


@pytest.mark.parametrize("encoder", ["core", "reference"])
@pytest.mark.filterwarnings("ignore:no C")
def test_what_is_no_integer_is_no_id(tokenizer, encoder, monkeypatch):
    if encoder == "reference":
        monkeypatch.setitem(sys.modules, "paribus._core", None)
    tried = Tokenizer(tokenizer.vocabulary)
    rows = [[True], [True, 1], [1, True], [np.True_, 1], [2, 1.0], [None], [10**5000], [1 << 64, 1]]
    rows += [np.array([True]), np.array([1.0]), np.array(1), np.ma.array([1, 2], mask=[0, 1])]
    for row in rows:
        for use in (tried.decode, tried.decode_bytes, tried.count_bytes):
            with pytest.raises(DataError, match=r"^ids?\b.*expected .*, found [^\n]+$"):
                use(row)
    for row in ([1, True], [1, 2.0], np.array([1.0])):
        with pytest.raises(DataError, match="expected an integer, found"):
            list(tried.decode_stream(row))
    assert tried.decode(np.array([70, 71], object)) == tried.decode([70, 71])


def test_a_wrong_id_is_named_by_its_place(tokenizer):
    for use in (
        tokenizer.decode,
        tokenizer.count_bytes,
        lambda row: [*tokenizer.decode_stream(row)],
    ):
        with pytest.raises(DataError, match=r"^id 2: expected 0 to 289, found -1"):
            use([1, 70, -1, 1])


THREADS = [0, False, True, -1, 1.5, "2", 10**11, 10**5000]


@pytest.mark.parametrize(
    "threads", THREADS, ids=[f"{value!r:.20}" for value in THREADS[:-1]] + ["huge"]
)
def test_threads_are_none_or_a_number_of_them(tokenizer, threads):
    for use in (
        lambda: tokenizer.encode("a", threads=threads),
        lambda: tokenizer.encode_batch(["a"], threads=threads),
        lambda: train([TEXT], vocab_size=290, threads=threads),
    ):
        with pytest.raises(ConfigError, match=r"^threads: expected [^\n]+, found [^\n]+$"):
            use()
    assert tokenizer.encode("a", threads=np.int64(2)).tolist() == tokenizer.encode("a").tolist()


def test_settings_of_training_are_integers_within_their_limits():
    for setting in (
        {"vocab_size": 300.0}, {"vocab_size": True}, {"vocab_size": 1 << 40}, {"vocab_size": "300"},
        {"max_token_length": 1 << 70}, {"max_token_length": 0}, {"max_memory": 1e9},
        {"max_memory": 0},
    ):  # fmt: skip
        (name,) = setting
        with pytest.raises(ConfigError, match=rf"^{name}: expected [^\n]+, found [^\n]+$"):
            train([TEXT], **{"vocab_size": 290, **setting})


def test_allow_special_is_a_flag(tokenizer):
    text = "<|endoftext|>"
    for flag in (True, 1, np.True_):
        assert tokenizer.encode(text, allow_special=flag).tolist() == [0]
        assert list(tokenizer.encode_iterable([text], allow_special=flag)) == [0]
    for flag in (False, 0, np.False_):
        assert 0 not in tokenizer.encode(text, allow_special=flag)
    for flag in (2, "no", None, {text}):
        with pytest.raises(ConfigError, match=r"^allow_special: expected True or False, found"):
            tokenizer.encode(text, allow_special=flag)


def test_text_is_str_or_bytes(tokenizer):
    for kind in (bytes, bytearray, memoryview):
        assert tokenizer.encode(kind(b"ab")).tolist() == tokenizer.encode("ab").tolist()
        assert tokenizer.token_to_id(kind(b"a")) == tokenizer.token_to_id("a")
    for text in (None, 5, np.array([1, 2]), ["a"]):
        for use in (
            lambda text=text: tokenizer.encode(text),
            lambda text=text: tokenizer.encode_batch(["a", text]),
            lambda text=text: list(tokenizer.encode_iterable(["a", text])),
            lambda text=text: tokenizer.token_to_id(text),
        ):
            with pytest.raises(ConfigError, match=r"^text: expected str or bytes, found \w+$"):
                use()


WRONG_TYPES = {
    "encode": [lambda t: t.encode(3), lambda t: t.encode("a", threads="x")],
    "encode_batch": [lambda t: t.encode_batch(3), lambda t: t.encode_batch("one text"),
                     lambda t: t.encode_batch(None), lambda t: t.encode_batch([b"a", 3])],
    "encode_iterable": [lambda t: list(t.encode_iterable(3)), lambda t: [*t.encode_iterable([3])]],
    "encode_blocks": [lambda t: list(t.encode_blocks(None)), lambda t: [*t.encode_blocks(b"a")]],
    "decode": [lambda t: t.decode("x"), lambda t: t.decode(3), lambda t: t.decode(None)],
    "decode_bytes": [lambda t: t.decode_bytes(3), lambda t: t.decode_bytes({"a": 1})],
    "decode_stream": [lambda t: list(t.decode_stream(3)), lambda t: list(t.decode_stream("x"))],
    "count_bytes": [lambda t: t.count_bytes(3), lambda t: t.count_bytes("x")],
    "token_to_id": [lambda t: t.token_to_id(3), lambda t: t.token_to_id(None)],
    "save": [lambda t: t.save(3), lambda t: t.save(None)],
    "from_files": [lambda t: t.from_files(3), lambda t: t.from_files(None),
                   lambda t: t.from_files(b"t"), lambda t: t.from_files("t", pattern=["gpt2"]),
                   lambda t: t.from_files("t", pattern="gpt3")],
}  # fmt: skip


@pytest.mark.parametrize("method", WRONG_TYPES)
def test_a_wrong_type_is_one_line_of_a_paribus_error(tokenizer, method):
    for call in WRONG_TYPES[method]:
        with pytest.raises(ParibusError, match=r"^[^\n]+: expected [^\n]+, found [^\n]+$"):
            call(tokenizer)


@pytest.mark.parametrize("impl", ["fast", "naive"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"vocab_size": "x"}, {"vocab_size": None}, {"specials": "<s>"}, {"specials": [3]},
        {"specials": 3}, {"pattern": ["gpt2"]}, {"ties": 3}, {"threads": "2"}, {"impl": "quick"},
        {"progress": 3}, {"sources": "text"}, {"sources": ["text"]}, {"sources": b"text"},
        {"sources": 3}, {"sources": [TEXT, None]},
    ],
    ids=str,
)  # fmt: skip
def test_training_names_an_argument_of_a_wrong_type(wrong, impl):
    options = {"sources": [TEXT], "vocab_size": 290, "impl": impl, **wrong}
    with pytest.raises(ConfigError, match=r"^[a-z_]+: expected [^\n]+, found [^\n]+$"):
        train(options.pop("sources"), **options)


def test_buffers_of_bytes_train_like_bytes(tokenizer):
    for kind in (bytearray, memoryview):
        report = train([kind(TEXT)], vocab_size=290, specials=SPECIALS)
        assert report.vocabulary == tokenizer.vocabulary


def test_a_tokenizer_is_made_of_a_vocabulary():
    for wrong in (None, "folder", {}):
        with pytest.raises(ConfigError, match=r"^vocabulary: expected a Vocabulary, found"):
            Tokenizer(wrong)


def test_saving_takes_a_name_and_says_what_is_wrong_with_it(tokenizer, tmp_path):
    (tmp_path / "made").mkdir()
    tokenizer.save(str(tmp_path / "made"))
    assert Tokenizer.from_files(tmp_path / "made").hash == tokenizer.hash
    (tmp_path / "file").touch()
    for wrong in ("absent", "absent/deep", "file", "file/below"):
        with pytest.raises(CannotCreateError, match=rf"{wrong}: expected a folder, found [^\n]+$"):
            tokenizer.save(str(tmp_path / wrong))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "made"]
