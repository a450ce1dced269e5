import gzip

import numpy as np
import pytest

from paribus.data import token_file
from paribus.data.streams import BLOCK_BYTES
from paribus.errors import CannotCreateError, DataError, InputMissingError
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train

TEXT = b"Once upon a time there was a fox.<|endoftext|>Once upon a time " * 100


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train([TEXT], vocab_size=300).vocabulary)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "a text.txt"
    path.write_bytes(TEXT)
    return path


@pytest.mark.parametrize("allow_special", [False, True])
def test_the_file_holds_the_ids_of_the_text(text, tokenizer, tmp_path, allow_special):
    out = tmp_path / "ids.npy"
    n_ids = token_file.encode_file(text, tokenizer, out, allow_special=allow_special)
    ids = np.load(out)
    assert ids.dtype == np.uint16 and n_ids == len(ids)
    assert np.array_equal(ids, tokenizer.encode(TEXT, allow_special=allow_special))


def test_no_token_is_cut_where_a_block_ends(tokenizer, tmp_path):
    long = TEXT * (2 * BLOCK_BYTES // len(TEXT) + 2)
    with gzip.open(tmp_path / "long.txt.gz", "wb", compresslevel=1) as file:
        file.write(long)
    token_file.encode_file(tmp_path / "long.txt.gz", tokenizer, tmp_path / "ids.npy")
    assert np.array_equal(np.load(tmp_path / "ids.npy"), tokenizer.encode(long))


def test_a_vocabulary_above_16_bits_is_written_in_32(text, byte_tokenizer, tmp_path):
    class Wide(byte_tokenizer):
        def encode_blocks(self, pieces, **_):
            return self.encode_batch(pieces)

    out = tmp_path / "ids.npy"
    token_file.encode_file(text, Wide(vocab_size=65_537), out)
    assert np.load(out).dtype == np.uint32
    assert np.load(out).tobytes() == np.frombuffer(TEXT, np.uint8).astype(np.uint32).tobytes()


def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(text, tokenizer, tmp_path):
    out = tmp_path / "ids.npy"
    out.write_bytes(b"mine")
    with pytest.raises(CannotCreateError):
        token_file.encode_file(text, tokenizer, out)
    assert out.read_bytes() == b"mine"
    token_file.encode_file(text, tokenizer, out, replaces=True)
    assert np.array_equal(np.load(out), tokenizer.encode(TEXT))


def test_a_text_that_breaks_off_leaves_nothing_and_what_was_there(tokenizer, tmp_path):
    broken, out = tmp_path / "broken.txt.gz", tmp_path / "ids.npy"
    broken.write_bytes(gzip.compress(TEXT)[:-20])
    with pytest.raises(DataError):
        token_file.encode_file(broken, tokenizer, out)
    assert sorted(tmp_path.iterdir()) == [broken]
    out.write_bytes(b"mine")
    with pytest.raises(InputMissingError):
        token_file.encode_file(tmp_path / "gone.txt", tokenizer, out, replaces=True)
    assert out.read_bytes() == b"mine"
