import contextlib
import json
import re

import pytest

from paribus.errors import DataError
from paribus.files import publish_folder, record_checksum
from paribus.manifest import (
    has_checksum,
    kind_of_folder,
    parse_json,
    read_json,
    read_manifest,
    verify_files,
)

RECORD = {"format": "test", "version": 1}


def write_two(folder):
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "b.bin").write_bytes(bytes(1000))


@pytest.fixture
def manifest(tmp_path):
    """Publishes a folder and changes its manifest's text; gives the folder."""

    def make(change=lambda text: text, *, is_signed=False):
        folder = tmp_path / "folder"
        publish_folder(folder, write_two, RECORD)
        path = folder / "MANIFEST.json"
        text = change(path.read_text(encoding="utf-8"))
        if is_signed:
            with contextlib.suppress(ValueError):
                record = json.loads(text)
                text = text.replace(record["checksum"], record_checksum(record))
        path.write_text(text, encoding="utf-8")
        return folder

    return make


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"version": 1', '"version": 2', "version 2"),
        ('"version": 1', '"version": "1"', "version '1'"),
        ('"format": "test"', '"format": "tokens"', "'tokens'"),
        ('"bytes": 5', '"bytes": 6', "expected 6 bytes, found 5"),
        ('"bytes": 5', '"bytes": "5"', "another shape"),
        ('"bytes": 5', '"bytes": 5, "bytes": 5', "the key 'bytes' twice"),
        ('"bytes": 5', '"bytes": NaN', "NaN"),
        ('"files"', '"fils"', "another shape"),
        ('"a.txt"', '"../a.txt"', "another shape"),
        ('"a.txt"', '"c.txt"', "found no such file"),
        ('"a.txt"', '".."', "another shape"),
        ('"a.txt"', '""', "another shape"),
        ('"a.txt"', '"a\\u0000"', "another shape"),
        ('"a.txt"', '"\\udcff"', "found no such file"),
        ('"bytes": 5', '"bytes": true', "another shape"),
        ('"bytes": 5', '"bytes": -5', "another shape"),
        ('"bytes": 5', f'"bytes": {1 << 63}', "another shape"),
        ('"sha256": "', '"sha256": "0', "another shape"),
        ("{", "[", "expected a JSON object"),
        ("}", "", "expected a JSON object"),
    ],
)
def test_a_manifest_is_read_strictly(manifest, old, new, message):
    folder = manifest(lambda text: text.replace(old, new), is_signed=True)
    with pytest.raises(DataError) as caught:
        read_manifest(folder, format_name="test", version=1)
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"bytes": 5', '"bytes": 6'),
        ('"a.txt"', '"b.txt"'),
        ('"files"', '"fils"'),
        ('"checksum"', '"checksun"'),
        ('"checksum": "', '"checksum": "0'),
        ('"format"', '"more": 1, "format"'),
    ],
)
def test_a_change_that_leaves_the_checksum_is_noticed(manifest, old, new):
    folder = manifest(lambda text: text.replace(old, new))
    with pytest.raises(DataError, match=r"MANIFEST\.json: expected (a JSON object|the 'checksum')"):
        read_manifest(folder, format_name="test", version=1)


def test_an_older_manifest_ends_with_its_files_and_has_no_checksum(manifest):
    folder = manifest(lambda text: re.sub(r',\s*"checksum": "\w*"', "", text))
    record = read_manifest(folder, format_name="test", version=1)
    assert not has_checksum(record)
    verify_files(folder, record)


def test_a_file_above_the_limit_is_refused_before_any_is_read(manifest):
    folder = manifest()
    record = read_manifest(folder, format_name="test", version=1)
    (folder / "a.txt").write_bytes(b"other")
    with pytest.raises(DataError, match=r"b\.bin: expected at most 999 bytes, found 1000"):
        verify_files(folder, record, limit=999)


@pytest.mark.parametrize(
    ("format_name", "kind"),
    [
        ("paribus-tokens", "token data"),
        ("paribus-tokenizer", "a tokenizer"),
        ("paribus-checkpoint", "a checkpoint"),
        ("paribus-later", "a folder that Paribus wrote"),
        ("other", None),
        (3, None),
    ],
)
def test_a_folder_that_paribus_wrote_is_known_by_its_manifest(tmp_path, format_name, kind):
    publish_folder(tmp_path / "made", write_two, {"format": format_name, "version": 9})
    assert kind_of_folder(tmp_path / "made") == kind


def test_a_folder_is_none_of_ours_by_a_name_alone(tmp_path):
    assert kind_of_folder(tmp_path / "absent") is None
    (tmp_path / "MANIFEST.json").write_text("of a cargo ship", encoding="utf-8")
    (tmp_path / "config.yaml").write_text("a: 1", encoding="utf-8")
    assert kind_of_folder(tmp_path) is None
    (tmp_path / "metrics.jsonl").touch()
    assert kind_of_folder(tmp_path) == "a run"


def test_json_that_is_deep_long_or_no_object_is_refused(tmp_path):
    for text in ("[" * 10_000, "[1]", "1", "\xff", ""):
        with pytest.raises(DataError, match="expected a JSON object"):
            parse_json(text.encode("latin-1"), "source")
    (tmp_path / "large").write_bytes(b" " * 100)
    with pytest.raises(DataError, match="expected at most 99 bytes, found 100"):
        read_json(tmp_path / "large", limit=99)


def test_a_flipped_byte_is_found_by_verify_alone(manifest):
    folder = manifest()
    data = bytearray((folder / "b.bin").read_bytes())
    data[500] ^= 1
    (folder / "b.bin").write_bytes(data)
    record = read_manifest(folder, format_name="test", version=1)
    with pytest.raises(DataError, match=r"b\.bin: expected SHA-256"):
        verify_files(folder, record)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"[" * 10_000, "one nested too deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number of too many digits"),
        (b'{"a": "\xff"}', "a byte that is no UTF-8"),
        (b'{"a" 1}', "none at line 1, column 6"),
    ],
)
def test_what_is_no_json_is_said_without_words_of_python(text, found):
    with pytest.raises(DataError, match=f"^source: expected a JSON object, found {found}"):
        parse_json(text, "source")
    assert parse_json(b'\xef\xbb\xbf{"a": 1}', "source") == {"a": 1}
