import gzip
import json
import lzma
import os
import re

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from paribus.data import streams
from paribus.data.corpus import documents, split_documents, text_blocks, text_files
from paribus.errors import AccessDeniedError, DataError, InputMissingError

LINE = b"<|endoftext|>\n"
COMPRESSORS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


def cut(data, sizes):
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


def by_lines(data):
    """The definition, read literally: lines end in LF; those of the separator alone divide."""
    groups = [[]]
    for line in re.findall(rb"[^\n]*\n|[^\n]+", data):
        if line.removesuffix(b"\n").removesuffix(b"\r") == b"<|endoftext|>":
            groups.append([])
        else:
            groups[-1].append(line)
    return [document for lines in groups if (document := b"".join(lines))]


PIECES = st.sampled_from(
    [b"<|endoftext|>", b"<|endoftext", b"|>", b"\n", b"\r\n", b"\r", b"a", b" ", b"\xff", b"\0"]
)


@given(st.lists(PIECES, max_size=30).map(b"".join), st.lists(st.integers(0, 20), max_size=12))
def test_documents_equal_the_definition_wherever_the_blocks_are_cut(data, sizes):
    assert list(split_documents(cut(data, sizes), "<|endoftext|>")) == by_lines(data)


def test_a_document_owns_its_last_line_break_and_nothing_but_separator_lines_is_lost(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n\n" + LINE + b"\xef\xbb\xbftwo\r\n<|endoftext|>\r\nthree\0\xff")
    assert list(documents([path])) == [b"one\n\n", b"\xef\xbb\xbftwo\r\n", b"three\0\xff"]


@pytest.mark.parametrize("data", [b"", LINE, LINE * 3, b"<|endoftext|>"])
def test_no_text_between_separators_is_no_document(tmp_path, data):
    (tmp_path / "a.txt").write_bytes(data)
    assert list(documents([tmp_path / "a.txt"])) == []


def test_a_file_without_a_separator_line_is_one_document(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"in a line <|endoftext|> it is text\n")
    (tmp_path / "b.txt").write_bytes(b"second")
    found = list(documents([tmp_path]))
    assert found == [b"in a line <|endoftext|> it is text\n", b"second"]


def test_another_separator_and_none(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x\n<s>\ny\n" + LINE)
    assert list(documents([tmp_path], separator="<s>")) == [b"x\n", b"y\n" + LINE]
    assert list(documents([tmp_path], separator=None)) == [b"x\n<s>\ny\n" + LINE]


def test_json_lines_give_their_field_even_with_a_separator_in_it(tmp_path):
    rows = [{"text": "a\n<|endoftext|>\nb", "id": 1}, {"text": ""}, {"text": "é\ud800"}]
    (tmp_path / "a.jsonl").write_text("\n\n".join(map(json.dumps, rows)), encoding="utf-8")
    expected = [b"a\n<|endoftext|>\nb", "é".encode() + b"\xed\xa0\x80"]
    assert list(documents([tmp_path])) == expected


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (b'{"content": "x"}', "only content"),
        (b'{"text": 3}', "found a number"),
        (b"[1]", "found list"),
        (b'{"text": "x", "text": "y"}', "twice"),
        (b'{"text": "\xff"}', "JSON object"),
        (b"{" * 20_000, "JSON object"),
    ],
)
def test_a_bad_json_line_is_named_by_its_number(tmp_path, line, part):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "fine"}\n\n' + line + b"\n")
    with pytest.raises(DataError, match=part) as error:
        list(documents([tmp_path / "a.jsonl"]))
    assert "a.jsonl:3: " in str(error.value)
    assert "\n" not in str(error.value)


def test_line_numbers_count_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "BLOCK_BYTES", 7)
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "ab"}\n' * 5 + b"oops")
    with pytest.raises(DataError, match=re.escape("a.jsonl:6: ")):
        list(documents([tmp_path / "a.jsonl"]))


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_compressed_files_of_several_members_read_like_plain_ones(tmp_path, suffix):
    compress = COMPRESSORS[suffix]
    text = [b"first\n" + LINE, b"second\n" * 5000 + LINE, b"third"]
    (tmp_path / f"a.txt{suffix}").write_bytes(b"".join(map(compress, text)))
    assert list(documents([tmp_path])) == [b"first\n", b"second\n" * 5000, b"third"]
    (tmp_path / f"a.txt{suffix}").write_bytes(compress(text[0]) + b"\0" * 8)
    assert list(documents([tmp_path])) == [b"first\n"]


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_compressed_file_cut_anywhere_is_an_error(tmp_path, suffix):
    whole = COMPRESSORS[suffix](os.urandom(300))
    path = tmp_path / f"a.txt{suffix}"
    for n_bytes in [*range(1, 20), len(whole) // 2, *range(len(whole) - 9, len(whole))]:
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(DataError, match=r"expected .* found"):
            list(documents([path]))


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_plain_text_or_garbage_behind_compression_is_an_error(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    for data in (b"plain text, not compressed", COMPRESSORS[suffix](b"text") + b"garbage"):
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"a\.txt"):
            list(documents([path]))


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_bomb_is_refused_while_it_inflates(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 1 << 20)
    monkeypatch.setattr(streams, "RATIO_LIMIT", 100)
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(COMPRESSORS[suffix](bytes(8 << 20)))
    with pytest.raises(DataError, match="100 times"):
        list(documents([path]))


def test_a_folder_is_read_in_the_order_of_path_bytes_and_by_known_suffix_only(tmp_path):
    for name in ["b.txt", "a/z.md", "B.txt", "a.txt", "a/é.jsonl.gz", ".hidden.txt", "x.bin"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    names = [os.path.relpath(path, tmp_path) for path in text_files([tmp_path])]
    assert names == ["B.txt", "a.txt", "a/z.md", "a/é.jsonl.gz", "b.txt"]


def test_globs_and_files_of_any_suffix_are_taken_as_named(tmp_path):
    for name in ["b.log", "a.log", "c[1].txt"]:
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert list(documents([str(tmp_path / "*.log")])) == [b"a.log", b"b.log"]
    assert list(documents([str(tmp_path / "c[1].txt")])) == [b"c[1].txt"]


@pytest.mark.parametrize("name", ["absent.txt", "*.none", "absent/"])
def test_a_missing_input_is_named(tmp_path, name):
    with pytest.raises(InputMissingError, match=re.escape(name.rstrip("/"))):
        text_files([str(tmp_path / name)])


def test_a_folder_without_text_is_refused(tmp_path):
    (tmp_path / "picture.png").touch()
    with pytest.raises(DataError, match=r"\.jsonl"):
        text_files([tmp_path])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(tmp_path):
    (tmp_path / "a.txt").touch(mode=0)
    with pytest.raises(AccessDeniedError, match=r"a\.txt"):
        list(documents([tmp_path / "a.txt"]))


def test_standard_input_is_read_like_a_file(monkeypatch, tmp_path):
    (tmp_path / "in").write_bytes(b"a\n" + LINE + b"b")
    with (tmp_path / "in").open(encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert list(documents(["-"])) == [b"a\n", b"b"]


def test_text_blocks_keep_every_byte_and_put_a_border_between_files(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a\r\n" + LINE + b"\xff")
    (tmp_path / "b.jsonl").write_text('{"text": "b"}\n{"text": "c"}\n', encoding="utf-8")
    joined = b"".join(text_blocks([tmp_path]))
    border = b"<|endoftext|>"
    assert joined == b"a\r\n" + LINE + b"\xff" + border + b"b" + border + b"c" + border


def test_a_byte_order_mark_in_front_of_json_lines_is_none_of_the_text(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "ab"}\n{"text": "\xef\xbb\xbf"}\n')
    assert list(documents([tmp_path / "a.jsonl"])) == [b"ab", b"\xef\xbb\xbf"]
