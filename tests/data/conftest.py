"""A tokenizer small enough to check by eye, and token folders made with it."""

import hashlib

import numpy as np
import pytest

from paribus.data.prepare import prepare


class ByteTokenizer:
    """Byte b is id b; the end of text is 256."""

    def __init__(self, vocab_size=257, end_of_text=256):
        self.vocab_size, self.end_of_text = vocab_size, end_of_text
        self.hash = hashlib.sha256(b"%d" % vocab_size).hexdigest()
        self.n_calls = 0

    def __len__(self):
        return self.vocab_size

    def encode_batch(self, texts, *, threads=None):
        self.n_calls += 1
        return [np.frombuffer(text, np.uint8).astype(np.uint32) for text in texts]

    def count_bytes(self, ids):
        return int((ids < 256).sum())

    def save(self, folder):
        (folder / "tokenizer.json").write_text("{}", encoding="utf-8")


@pytest.fixture(scope="session")
def byte_tokenizer():
    return ByteTokenizer


@pytest.fixture
def write_corpus(tmp_path):
    """Writes documents into one file, separator lines between them."""

    def write(documents, name="corpus.txt"):
        path = tmp_path / name
        path.write_bytes(b"<|endoftext|>\n".join(documents))
        return path

    return write


@pytest.fixture
def stories():
    return [b"story %d: " % n + b"the cat sat. " * (n % 7) + b"\n" for n in range(300)]


@pytest.fixture
def shards(tmp_path, write_corpus, stories):
    return prepare([write_corpus(stories)], ByteTokenizer(), tmp_path / "tokens", validation=0.1)
