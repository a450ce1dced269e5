import errno
import hashlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from paribus.data import prepare as prepare_module
from paribus.data import shard_writer
from paribus.data.prepare import prepare
from paribus.errors import CannotCreateError, DataError, InputMissingError, StorageError


def texts_of(shards, split):
    """The documents read back from the files alone, by numpy and the manifest."""
    part = shards.manifest[split]
    arrays = [np.load(shards.folder / shard["name"], mmap_mode="r") for shard in part["shards"]]
    ids = np.concatenate([*arrays, np.empty(0, np.uint16)])
    starts = np.load(shards.folder / f"{split}-documents.npy").astype(int).tolist()
    pieces = [ids[a:b] for a, b in itertools.pairwise([*starts, len(ids)])]
    assert all(piece[-1] == 256 for piece in pieces)
    return [bytes(piece[:-1].tolist()) for piece in pieces]


def test_documents_come_back_from_the_files_whole_and_in_order(shards, stories):
    train, validation = texts_of(shards, "train"), texts_of(shards, "validation")
    assert sorted(train + validation) == sorted(stories)
    assert [story for story in stories if story in set(train)] == train
    assert 10 < len(validation) < 60
    assert (shards.n_train_bytes, shards.n_validation_bytes) == (
        sum(map(len, train)),
        sum(map(len, validation)),
    )
    assert shards.n_train_tokens == shards.n_train_bytes + len(train)
    assert shards.dtype == "uint16"


def test_the_folder_is_byte_identical_whatever_the_threads_and_the_blocks(
    tmp_path, write_corpus, stories, byte_tokenizer, monkeypatch
):
    source, folders = write_corpus(stories), []
    for number, (block, threads) in enumerate([(1 << 24, None), (1, 1), (100, 2), (999, 3)]):
        monkeypatch.setattr(prepare_module, "BLOCK_BYTES", block)
        folders.append(tmp_path / f"out{number}")
        prepare([source], byte_tokenizer(), folders[-1], threads=threads)
    contents = [{path.name: path.read_bytes() for path in f.iterdir()} for f in folders]
    assert all(content == contents[0] for content in contents)


def test_one_call_of_the_tokenizer_encodes_a_block(tmp_path, write_corpus, stories, byte_tokenizer):
    tokenizer = byte_tokenizer()
    prepare([write_corpus(stories)], tokenizer, tmp_path / "out")
    assert tokenizer.n_calls == 2


def test_documents_reach_across_small_shards(
    tmp_path, write_corpus, stories, byte_tokenizer, monkeypatch
):
    whole = prepare([write_corpus(stories)], byte_tokenizer(), tmp_path / "whole")
    monkeypatch.setattr(shard_writer.ShardWriter.__init__, "__defaults__", (100,))
    cut = prepare([write_corpus(stories)], byte_tokenizer(), tmp_path / "cut")
    assert [len(shard) for shard in cut.train[:-1]] == [100] * (len(cut.train) - 1)
    assert 1 <= len(cut.train[-1]) <= 100
    assert np.array_equal(np.concatenate(cut.train), whole.train[0])
    assert texts_of(cut, "train") == texts_of(whole, "train")


def test_the_manifest_states_counts_hashes_and_source(shards, stories, byte_tokenizer):
    record = json.loads((shards.folder / "MANIFEST.json").read_text(encoding="utf-8"))
    assert record["format"] == "paribus-tokens"
    assert (record["vocab_size"], record["dtype"], record["end_of_text"]) == (257, "uint16", 256)
    assert record["tokenizer_hash"] == byte_tokenizer().hash
    for name, entry in record["files"].items():
        data = (shards.folder / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert set(record["files"]) == {path.name for path in shards.folder.iterdir()} - {
        "MANIFEST.json"
    }
    digests = b"".join(hashlib.sha256(story).digest() for story in stories)
    assert record["source"]["fingerprint"] == hashlib.sha256(digests).hexdigest()


def test_repeated_documents_are_dropped_and_counted(tmp_path, write_corpus, byte_tokenizer):
    source = write_corpus([b"a\n", b"b\n", b"a\n", b"a\n"])
    shards = prepare([source], byte_tokenizer(), tmp_path / "out", validation=0)
    assert texts_of(shards, "train") == [b"a\n", b"b\n"]
    assert shards.manifest["source"]["n_duplicates"] == 2


@pytest.mark.parametrize("vocab_size", [65_535, 65_536, 65_537])
def test_two_bytes_hold_ids_exactly_up_to_65536(tmp_path, write_corpus, byte_tokenizer, vocab_size):
    tokenizer = byte_tokenizer(vocab_size, end_of_text=vocab_size - 1)
    shards = prepare([write_corpus([b"text\n"])], tokenizer, tmp_path / "out", validation=0)
    assert shards.dtype == ("uint16" if vocab_size <= 65_536 else "uint32")
    assert shards.train[0][-1] == vocab_size - 1


def test_an_id_outside_the_vocabulary_is_refused_and_nothing_is_published(
    tmp_path, write_corpus, byte_tokenizer
):
    with pytest.raises(DataError, match="below the vocabulary size 256, found 256"):
        prepare([write_corpus([b"x"])], byte_tokenizer(vocab_size=256), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbftext\r\nline\r\n",
        b"a\0b\n",
        b"\xff\xfe\x80\n",
        b"a" * 100_000,
        b"x",
        b"\xef\xbb\xbf",
        b"three little words",
    ],
)
def test_every_byte_is_kept(tmp_path, write_corpus, byte_tokenizer, data):
    shards = prepare([write_corpus([data])], byte_tokenizer(), tmp_path / "out")
    assert b"".join(texts_of(shards, "train") + texts_of(shards, "validation")) == data
    assert shards.n_train_bytes + shards.n_validation_bytes == len(data)


def test_too_little_text_leaves_validation_empty_with_a_note(
    tmp_path, write_corpus, byte_tokenizer
):
    shards = prepare([write_corpus([b"only three words"])], byte_tokenizer(), tmp_path / "out")
    assert (shards.validation, shards.n_validation_tokens) == ((), 0)
    assert shards.notes == ["too little text: validation is empty"]


def test_a_separator_within_a_line_is_text_and_is_noted(tmp_path, write_corpus, byte_tokenizer):
    source = write_corpus([b"a<|endoftext|>b\n"])
    shards = prepare([source], byte_tokenizer(), tmp_path / "out", validation=0)
    assert texts_of(shards, "train") == [b"a<|endoftext|>b\n"]
    assert "1 times within a line" in shards.notes[0]


def test_a_tokenizer_without_end_of_text_puts_nothing_between(
    tmp_path, write_corpus, byte_tokenizer
):
    tokenizer = byte_tokenizer(256, end_of_text=None)
    shards = prepare([write_corpus([b"ab\n", b"c"])], tokenizer, tmp_path / "out", validation=0)
    assert bytes(shards.train[0].tolist()) == b"ab\nc"
    assert shards.train_documents.tolist() == [0, 3]


@pytest.mark.parametrize("data", [b"", b"<|endoftext|>\n"])
def test_an_empty_file_is_refused(tmp_path, write_corpus, byte_tokenizer, data):
    with pytest.raises(DataError, match="found no text"):
        prepare([write_corpus([data])], byte_tokenizer(), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


def test_a_missing_file_is_refused(tmp_path, byte_tokenizer):
    with pytest.raises(InputMissingError, match=r"absent\.txt"):
        prepare([tmp_path / "absent.txt"], byte_tokenizer(), tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_an_output_in_use_is_refused_before_any_work(tmp_path, byte_tokenizer, kind):
    out = tmp_path / "out"
    if kind == "folder":
        out.mkdir()
        (out / "precious").touch()
    else:
        out.touch()
    with pytest.raises(CannotCreateError, match="another name"):
        prepare([tmp_path / "absent.txt"], byte_tokenizer(), out)
    assert out.exists()


def test_progress_may_stop_the_work_and_leaves_nothing(
    tmp_path, write_corpus, stories, byte_tokenizer
):
    def stop(n_bytes, n_tokens):
        assert 0 < n_bytes < n_tokens
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([write_corpus(stories)], byte_tokenizer(), tmp_path / "out", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


FILL_A_DISK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import ByteTokenizer
from paribus.data.prepare import prepare
from paribus.errors import StorageError
try:
    prepare([Path(sys.argv[2])], ByteTokenizer(), Path(sys.argv[3]) / "tokens")
except StorageError as error:
    print(error)
    print([path.name for path in Path(sys.argv[3]).iterdir()])
    sys.exit(74)
"""


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    (tmp_path / "big.txt").write_bytes(b"line\n" * 400_000)
    (tmp_path / "mount").mkdir()
    child = [sys.executable, "-c", FILL_A_DISK, str(Path(__file__).parent)]
    child += [str(tmp_path / "big.txt"), str(tmp_path / "mount")]
    mount = 'mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"'
    tried = ["unshare", "-rm", "sh", "-c", mount, str(tmp_path / "mount"), *child]
    result = subprocess.run(tried, capture_output=True, encoding="utf-8", check=False)
    if result.returncode not in (0, 74):
        pytest.skip(f"no file system may be mounted here: {result.stderr.strip()[:80]}")
    assert result.returncode == 74, result.stderr
    message, left = result.stdout.splitlines()
    assert "expected room on the disk" in message
    assert left == "[]"


def test_a_file_size_limit_is_a_storage_error_and_leaves_nothing(
    tmp_path, write_corpus, byte_tokenizer
):
    resource = pytest.importorskip("resource")
    source = write_corpus([b"line\n" * 100_000])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, limits[1]))
    try:
        with pytest.raises(StorageError, match=os.strerror(errno.EFBIG)):
            prepare([source], byte_tokenizer(), tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]
