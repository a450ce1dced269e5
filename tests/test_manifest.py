import pytest

from paribus.errors import DataError
from paribus.files import publish_folder
from paribus.manifest import parse_json, read_json, read_manifest, verify_files

RECORD = {"format": "test", "version": 1}


def write_two(folder):
    (folder / "a.txt").write_bytes(b"alpha")
    (folder / "b.bin").write_bytes(bytes(1000))


@pytest.fixture
def manifest(tmp_path):
    """Publishes a folder and changes its manifest's text; gives the folder."""

    def make(change=lambda text: text):
        folder = tmp_path / "folder"
        publish_folder(folder, write_two, RECORD)
        path = folder / "MANIFEST.json"
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
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
        ("{", "[", "expected a JSON object"),
        ("}", "", "expected a JSON object"),
    ],
)
def test_a_manifest_is_read_strictly(manifest, old, new, message):
    folder = manifest(lambda text: text.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_manifest(folder, format_name="test", version=1)
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


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
