"""Training: limits, errors, running out, progress. What is learned, test_reference.py tests."""

import pytest

from paribus.errors import ConfigError, DataError
from paribus.tokenizer.train import train

IMPLEMENTATIONS = ["naive", "fast"]


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_a_text_without_enough_pairs_ends_early_and_says_so(impl):
    report = train([b"ab"], vocab_size=1000, impl=impl)
    assert report.ran_out and report.vocabulary.size == 258
    assert not train([b"ab"], vocab_size=258, impl=impl).ran_out


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_no_token_is_longer_than_allowed(impl):
    report = train([b"aaaaaaaa " * 9], vocab_size=300, max_token_length=3, impl=impl)
    assert max(map(len, report.vocabulary.ids)) <= 3 and report.ran_out


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
@pytest.mark.parametrize("blocks", [[], [b""], [b"", b""]])
def test_an_empty_text_is_refused(impl, blocks):
    with pytest.raises(DataError, match="expected at least one byte, found none"):
        train(blocks, vocab_size=300, impl=impl)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 256}, r"vocab_size: expected at least 257 \(256 bytes and 1 special"),
        ({"vocab_size": -1, "specials": []}, "expected at least 256"),
        ({"vocab_size": 300, "specials": ["<a>", "<a>"]}, "found '<a>' twice"),
        ({"vocab_size": 300, "specials": [""]}, "found an empty one"),
        ({"vocab_size": 300, "pattern": "gpt3"}, "found 'gpt3'"),
        ({"vocab_size": 300, "ties": "none"}, "expected cs336 or hf"),
        ({"vocab_size": 300, "max_token_length": 0}, "expected at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_the_text_is_read(options, message):
    def unread():
        raise AssertionError("the text was read")
        yield b""

    with pytest.raises(ConfigError, match=message):
        train(unread(), **options)


def test_the_smallest_vocabulary_is_that_of_bytes():
    report = train([b"abab"], vocab_size=256, specials=[])
    assert report.vocabulary.merges == () and not report.ran_out


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_what_the_progress_raises_ends_the_training(impl):
    class Enough(Exception):
        pass

    def progress(stage: str, done: int, total: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        train([b"hello hello"], vocab_size=300, impl=impl, progress=progress)


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_an_error_of_the_source_comes_through(impl):
    def broken():
        yield b"text"
        raise DataError("page 7: torn")

    with pytest.raises(DataError, match="page 7: torn"):
        train(broken(), vocab_size=300, impl=impl)


def test_the_report_counts_the_whole_text():
    text = b"one two\n<|endoftext|>\none"
    report = train([text[:9], text[9:]], vocab_size=258)
    assert report.n_bytes == len(text)
    assert report.n_distinct_pretokens == 3  # "one", " two", "\n"
    assert report.seconds >= 0 and (report.peak_bytes is None or report.peak_bytes > 1 << 20)
