"""What is text and what is not: by first bytes, whatever the name says."""

import bz2
import gzip
import io
import json
import logging
import lzma
import pickle
import sqlite3
import zipfile

import numpy as np
import pytest

from paribus.data.corpus import check_separator, documents, split_documents, text_blocks
from paribus.data.signatures import binary_format_of
from paribus.data.streams import read_blocks
from paribus.errors import ConfigError, DataError

TEXT = b"Once upon a time there was a fox.\n" * 400


def read(path, **options):
    return b"".join(read_blocks(path, **options))


COMPRESSED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("name", ["{kind}", "txt", "data", "TXT.{kind}"])
def test_compressed_text_is_unpacked_whatever_its_name(tmp_path, kind, name):
    path = tmp_path / f"text.{name.format(kind=kind)}"
    path.write_bytes(COMPRESSED[kind](TEXT))
    assert read(path) == TEXT
    path.write_bytes(COMPRESSED[kind](TEXT[:1000]) + COMPRESSED[kind](TEXT[1000:]))
    assert read(path) == TEXT, "two members are one text"


@pytest.mark.parametrize("kind", COMPRESSED)
def test_damaged_and_cut_compressed_text_is_one_line(tmp_path, kind):
    path = tmp_path / f"text.txt.{kind}"
    whole = COMPRESSED[kind](np.random.default_rng(0).bytes(20_000))
    for data in (whole[:-5], whole[: len(whole) // 2] + b"xxxx" + whole[len(whole) // 2 + 4 :]):
        path.write_bytes(data)
        with pytest.raises(DataError) as caught:
            read(path, binary=True)
        assert "\n" not in str(caught.value)


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", TEXT)
    return buffer.getvalue()


def npy():
    buffer = io.BytesIO()
    np.save(buffer, np.arange(10))
    return buffer.getvalue()


def database(folder):
    with sqlite3.connect(folder / "x.db") as connection:
        connection.execute("create table a (b)")
    return (folder / "x.db").read_bytes()


def safetensors():
    head = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return len(head).to_bytes(8, "little") + head + b"\0\0\0\0"


BINARY = {
    "ZIP": zipped,
    "NumPy": npy,
    "safetensors": safetensors,
    "pickle": lambda: pickle.dumps({"a": [1, 2]}),
    "PDF": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "PNG": lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "JPEG": lambda: b"\xff\xd8\xff\xe0\0\x10JFIF",
    "tar": lambda: b"a.txt".ljust(257, b"\0") + b"ustar\x0000" + bytes(300),
    "7z": lambda: b"7z\xbc\xaf\x27\x1c\0\4",
    "RAR": lambda: b"Rar!\x1a\x07\x01\0",
    "Parquet": lambda: b"PAR1\x15\x04",
    "ELF": lambda: b"\x7fELF\x02\x01\x01",
}


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("name", ["file.txt", "file", "file.txt.gz"])
def test_a_known_binary_format_is_refused_by_name_and_taken_if_asked(tmp_path, kind, name):
    data, path = BINARY[kind](), tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    with pytest.raises(DataError, match=rf"{name} is an? .*{kind}.*, not text.*--binary"):
        read(path)
    assert read(path, binary=True) == data
    with pytest.raises(DataError, match="not text"):
        list(text_blocks([path]))
    assert b"".join(documents([path], separator=None, binary=True)) == data


def test_a_database_is_refused(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(database(tmp_path))
    with pytest.raises(DataError, match="SQLite"):
        read(path)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\0", b"\0" * 1000, b"\xff\xfe", b"\xef\xbb\xbfBOM", b"PK is a pair of letters",
        b"BZh is how it begins", b"MZ and more", b"GIF is a format", b"RIFF raff " * 60, b"%PD",
        b"\x80 and more", b"Rar! is rare", b"LZIP", b"ID3 tags", b"\r\n" * 300, b"OggS ", b"\x1f\x8b",
    ],
)  # fmt: skip
def test_text_of_any_bytes_stays_text(tmp_path, text):
    path = tmp_path / "text.txt"
    path.write_bytes(text)
    assert read(path) == text
    assert binary_format_of(text) is None


@pytest.mark.parametrize("size", [1, 2, 7, 4096, 1 << 20])
@pytest.mark.parametrize("separator", ["<|endoftext|>", " ", "---", None])
def test_documents_do_not_depend_on_the_size_of_blocks(size, separator):
    text = b"one\n---\ntwo <|endoftext|>\n<|endoftext|>\r\nthree\n \nfour\n\n---"
    whole = list(split_documents([text], separator))
    cut = list(split_documents((text[i : i + size] for i in range(0, len(text), size)), separator))
    assert cut == whole


@pytest.mark.parametrize("separator", ["", "\n", "a\nb", "a\r", "\udcff"])
def test_a_separator_that_cannot_stand_on_a_line_is_refused(tmp_path, separator):
    (tmp_path / "a.txt").write_bytes(TEXT)
    with pytest.raises(ConfigError, match="separator"):
        check_separator(separator)
    with pytest.raises(ConfigError, match="separator"):
        list(documents([tmp_path / "a.txt"], separator=separator))


@pytest.mark.parametrize(
    "value",
    ["1" * 5000, "-" + "7" * 9000, "1e999999", "0." + "3" * 6000, "1E+400", "[" * 50 + "]" * 50],
)
def test_numbers_of_any_length_in_other_fields_are_passed_over(tmp_path, value):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"id": {value}, "text": "a story", "n": [{value}]}}\n', encoding="utf-8")
    assert list(documents([path])) == [b"a story"]


@pytest.mark.parametrize("value", ["5", "true", "null", "[1]", "1" * 5000])
def test_a_field_that_is_no_text_is_still_refused(tmp_path, value):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": {value}}}\n', encoding="utf-8")
    with pytest.raises(DataError, match="expected text in the field 'text'"):
        list(documents([path]))


def test_what_paribus_wrote_is_not_text_and_skipping_it_is_said(tmp_path, tiny_data, caplog):
    import shutil

    (tmp_path / "story.txt").write_bytes(TEXT)
    shutil.copytree(tiny_data.tokenizer, tmp_path / "tok")
    shutil.copytree(tiny_data.tokens, tmp_path / "deep" / "tokens")
    (tmp_path / "deep" / "tokens" / "note.txt").write_bytes(b"x")
    run = tmp_path / "runs" / "a"
    run.mkdir(parents=True)
    for name in ("config.yaml", "run.lock", "samples.jsonl"):
        (run / name).touch()
    with caplog.at_level(logging.WARNING):
        assert list(documents([tmp_path], separator=None)) == [TEXT]
    said = [record.getMessage() for record in caplog.records]
    for folder in ("tok", "tokens", "a"):
        assert any(f"/{folder} is skipped" in line for line in said)


def test_a_link_to_nothing_and_other_files_of_a_folder_are_named_and_left_out(tmp_path, caplog):
    (tmp_path / "story.txt").write_bytes(TEXT)
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "paper.pdf").touch()
    (tmp_path / "table.csv").touch()
    with caplog.at_level(logging.WARNING):
        assert list(documents([tmp_path], separator=None)) == [TEXT]
    (line,) = [record.getMessage() for record in caplog.records]
    assert "3 files are left out" in line
    assert all(name in line for name in ("gone.txt", "paper.pdf", "table.csv"))
