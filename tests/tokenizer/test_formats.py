"""Files of a tokenizer: round trips through each form, and files that are damaged or foreign."""

import base64
import json
from pathlib import Path

import pytest

from paribus.errors import DataError, InputMissingError, ParibusError
from paribus.files import record_checksum
from paribus.tokenizer import formats, ranks
from paribus.tokenizer.patterns import EXPRESSIONS, OTHER_SPELLINGS
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train
from paribus.tokenizer.vocabulary import Vocabulary

SPECIALS = ["<|endoftext|>", "<|end of turn é|>"]
TEXT = "low lower newest widest naïve 🦊 \n\n it's 2024 ".encode() * 3


def trained(pattern="gpt2", ties="cs336", specials=SPECIALS) -> Vocabulary:
    options = {"specials": specials, "pattern": pattern, "ties": ties}
    return train([TEXT], vocab_size=290, **options).vocabulary


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    formats.write_files(trained(), tmp_path)
    return tmp_path


@pytest.mark.parametrize("pattern", EXPRESSIONS)
@pytest.mark.parametrize("ties", ["cs336", "hf"])
def test_tokenizer_json_holds_everything(tmp_path, pattern, ties):
    vocabulary = trained(pattern, ties)
    formats.write_files(vocabulary, tmp_path)
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        assert formats.read(path) == vocabulary
        assert formats.read(path).hash == vocabulary.hash


def test_the_two_files_hold_all_but_the_pattern(folder):
    (folder / "tokenizer.json").unlink()
    for path in (folder, folder / "vocab.json", folder / "merges.txt"):
        assert formats.read(path, pattern="gpt2").hash == trained().hash
        other = formats.read(path, pattern="cl100k")
        assert other.pattern == "cl100k" and other.merges == trained().merges


def test_ranks_hold_bytes_and_merges(tmp_path):
    for ties in ("cs336", "hf"):
        plain = trained(ties=ties, specials=[])
        (tmp_path / "own.tiktoken").write_bytes(ranks.as_bytes(plain))
        for path in (tmp_path, tmp_path / "own.tiktoken"):
            assert formats.read(path, pattern="gpt2") == plain
        special = trained(ties=ties)
        lines = ranks.as_bytes(special)
        assert ranks.from_bytes(lines, specials=special.special_tokens) == special


def test_windows_line_ends_change_nothing(folder):
    (folder / "tokenizer.json").unlink()
    merges = folder / "merges.txt"
    merges.write_bytes(merges.read_bytes().replace(b"\n", b"\r\n"))
    assert formats.read(folder, pattern="gpt2").hash == trained().hash


def test_merges_that_make_one_byte_string_survive_both_forms_of_json(tmp_path):
    merges = [(b"a", b"b"), (b"b", b"c"), (b"ab", b"c"), (b"a", b"bc"), (b"abc", b"b")]
    vocabulary = Vocabulary.build("gpt2", SPECIALS, merges, "cs336")
    formats.write_files(vocabulary, tmp_path)
    assert formats.read(tmp_path / "tokenizer.json") == vocabulary
    (tmp_path / "tokenizer.json").unlink()
    assert formats.read(tmp_path, pattern="gpt2") == vocabulary
    with pytest.raises(DataError, match="no counterpart in tiktoken"):
        ranks.as_bytes(vocabulary)


def test_gpt2_is_read_from_its_own_files_and_through_every_form(gpt2, gpt2_folder, tmp_path):
    assert gpt2.size == 50257 and gpt2.end_of_text == 50256
    formats.write_files(gpt2, tmp_path)
    assert formats.read(tmp_path).hash == gpt2.hash
    read_again = ranks.from_bytes(ranks.as_bytes(gpt2), specials=gpt2.special_tokens)
    assert read_again.hash == gpt2.hash


def test_a_published_folder_is_compared_with_its_manifest(tmp_path):
    target = tmp_path / "tokenizer"
    formats.publish(trained(), target)
    assert Tokenizer.from_files(target).hash == trained().hash
    path = target / "vocab.json"
    path.write_bytes(path.read_bytes().replace(b"288", b"298"))
    with pytest.raises(DataError, match=r"vocab\.json: expected SHA-256"):
        formats.read(target)


def test_a_path_without_a_tokenizer_is_an_input_that_is_missing(tmp_path):
    for path in (tmp_path, tmp_path / "absent", tmp_path / "absent.json"):
        with pytest.raises(InputMissingError, match="expected"):
            formats.read(path)
    (tmp_path / "vocab.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputMissingError, match=r"merges\.txt"):
        formats.read(tmp_path)


def changed(folder: Path, change) -> Path:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def set_at(*keys_and_value):
    *keys, last, value = keys_and_value

    def change(content):
        for key in keys:
            content = content[key]
        content[last] = value

    return change


SPLIT = {"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated", "invert": False}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}


def sequence(*steps):
    return set_at("pre_tokenizer", {"type": "Sequence", "pretokenizers": list(steps)})


FOREIGN = {
    "a normalizer": (set_at("normalizer", {"type": "NFC"}), "normalizer: expected null, found NFC"),
    "padding": (set_at("padding", {"strategy": "BatchLongest"}), "padding: expected null"),
    "another model": (set_at("model", "type", "Unigram"), "expected BPE, found Unigram"),
    "no model": (set_at("model", None), "expected BPE, found none"),
    "dropout": (set_at("model", "dropout", 0.1), "expected no dropout"),
    "a suffix": (set_at("model", "end_of_word_suffix", "</w>"), "expected no end_of_word_suffix"),
    "whole words": (set_at("model", "ignore_merges", True), "expected no ignore_merges"),
    "a template": (
        set_at("post_processor", {"type": "TemplateProcessing", "single": []}),
        "post_processor: expected null or ByteLevel, found TemplateProcessing",
    ),
    "no pre-tokenizer": (set_at("pre_tokenizer", None), "pre_tokenizer: expected ByteLevel"),
    "another pre-tokenizer": (
        set_at("pre_tokenizer", {"type": "FixedLength", "length": 0}),
        "found FixedLength",
    ),
    "another regex": (
        sequence({**SPLIT, "pattern": {"Regex": OTHER_SPELLINGS["cl100k"]}}, BYTE_LEVEL),
        "regular expression of gpt2, cl100k",
    ),
    "a string": (sequence({**SPLIT, "pattern": {"String": " "}}, BYTE_LEVEL), "found 'None'"),
    "removal": (sequence({**SPLIT, "behavior": "Removed"}, BYTE_LEVEL), "Isolated"),
    "a prefix space": (
        sequence(SPLIT, {**BYTE_LEVEL, "add_prefix_space": True}),
        "add_prefix_space false",
    ),
    "steps that are none": (set_at("pre_tokenizer", "pretokenizers", 7), "pre_tokenizer"),
    "a stripping token": (set_at("added_tokens", 0, "lstrip", True), "found lstrip true"),
    "a token that is not special": (set_at("added_tokens", 0, "special", False), "special false"),
    "an added token elsewhere": (set_at("added_tokens", 0, "id", 7), "in vocab, found another"),
    "an added token without id": (set_at("added_tokens", 0, {}), "id and content"),
    "added tokens that are none": (set_at("added_tokens", {"a": 1}), "expected a list"),
    "a vocabulary that is none": (set_at("model", "vocab", []), "expected an object, found list"),
    "merges that are none": (set_at("model", "merges", {"a": "b"}), "expected a list"),
    "a merge of one": (set_at("model", "merges", 0, ["a"]), "merge 0: expected two names"),
    "a merge of numbers": (set_at("model", "merges", 0, [1, 2]), "merge 0: expected two names"),
    "a merge of three": (set_at("model", "merges", 0, "a b c"), "merge 0: expected two names"),
    "a merge of unknown tokens": (set_at("model", "merges", 0, "zz q"), "made before it"),
    "a merge of other letters": (set_at("model", "merges", 0, "中 文"), "merge 0"),
    "a missing merge": (lambda content: content["model"]["merges"].pop(), "token"),
    "a missing byte": (lambda content: content["model"]["vocab"].pop("!"), "none for byte 33"),
    "a gap": (set_at("model", "vocab", "!", 4000), "different ids"),
    "an id twice": (set_at("model", "vocab", "!", 3), "id 3: expected one token"),
    "an id that is none": (set_at("model", "vocab", "!", -1), "expected an integer from 0"),
    "an id that is true": (set_at("model", "vocab", "!", True), "expected an integer from 0"),
    "a huge id": (set_at("model", "vocab", "!", 1 << 64), "expected an integer from 0"),
    "a token from nowhere": (set_at("model", "vocab", "zzz", 290), "found none of them"),
    "another letter": (set_at("model", "vocab", "中", 290), "visible bytes"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_tokenizer_json_that_means_something_else_is_refused(folder, name):
    change, message = FOREIGN[name]
    path = changed(folder, change)
    with pytest.raises(DataError) as caught:
        formats.read(folder)
    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)
    assert "\n" not in str(caught.value) and "expected" in str(caught.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json", "merges.txt"])
def test_a_file_cut_anywhere_is_refused(folder, name):
    if name != "tokenizer.json":
        (folder / "tokenizer.json").unlink()
    path = folder / name
    whole = path.read_bytes()
    for length in [0, 1, 2, 7, len(whole) // 2, len(whole) - 3]:
        path.write_bytes(whole[:length])
        with pytest.raises(DataError) as caught:
            formats.read(folder)
        assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


# fmt: off
WRONG_FILES = [
    b"", b"\0" * 99, b"\x1f\x8b\x08\0\0", b"\x80\x04\x95K.", b"[" * 100_000, b"{}", b"[]",
    b'{"a": NaN}', b'{"a": 1, "a": 2}', b'{"a": {}}', b"\xff\xfe{", b'"text"',
]
# fmt: on


@pytest.mark.parametrize("data", WRONG_FILES, ids=range(len(WRONG_FILES)))
@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.json", "merges.txt", "x.tiktoken"])
def test_files_of_another_kind_are_refused_in_one_line(folder, name, data):
    (folder / "tokenizer.json").unlink()
    path = folder / name
    path.write_bytes(data)
    with pytest.raises(ParibusError) as caught:
        formats.read(path)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.exit_code == 65


def line(token: bytes, rank: int | str) -> bytes:
    return base64.b64encode(token) + f" {rank}\n".encode()


BYTES = b"".join(line(bytes([byte]), byte) for byte in range(256))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (b"not base64!", "line 257: expected a token in base64"),
        (line(b"ab", -1), "line 257: expected a token in base64"),
        (line(b"ab", "1e3"), "line 257: expected a token in base64"),
        (line(b"ab", 10**12), "line 257: expected a token in base64"),
        (line(b"a", 256), "line 257: expected a new token"),
        (line(b"ab", 97), "found one id twice"),
        (line(b"ab", 257), "found none for 256"),
        (line(b"abc", 256), "token 'abc': expected two tokens of lower rank"),
    ],
)
def test_ranks_that_cannot_be_are_refused(tmp_path, lines, message):
    path = tmp_path / "x.tiktoken"
    path.write_bytes(BYTES + lines)
    with pytest.raises(DataError) as caught:
        formats.read(path)
    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)


@pytest.mark.parametrize("pattern", ["gpt2", "o200k"])
def test_other_spellings_of_a_pattern_are_read(folder, pattern):
    path = changed(
        folder, sequence({**SPLIT, "pattern": {"Regex": OTHER_SPELLINGS[pattern]}}, BYTE_LEVEL)
    )
    assert formats.read(path).pattern == pattern


def test_older_spellings_of_tokenizer_json_are_read(folder):
    def older(content):
        content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
        content["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False}
        content["post_processor"] = {"type": "ByteLevel", "trim_offsets": True}
        del content["model"]["type"], content["normalizer"]
        for key in ("continuing_subword_prefix", "end_of_word_suffix"):
            content["model"][key] = ""

    changed(folder, older)
    assert formats.read(folder).hash == trained().hash


@pytest.fixture
def published(tmp_path):
    formats.publish(
        Vocabulary.build("gpt2", ["<s>"], [(b"a", b"b"), (b"ab", b"c")], "cs336"), tmp_path / "t"
    )
    return tmp_path / "t"


@pytest.mark.parametrize(
    "change",
    [
        {"hash": "0" * 64}, {"hash": None}, {"files": {}}, {"files": None}, {"format": "paribus-tokenizeR"},
        {"format": None}, {"version": 2},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_says_other_than_its_folder_is_refused(published, change):
    assert formats.read(published).size == 259
    manifest = published / "MANIFEST.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(record | change), encoding="utf-8")
    with pytest.raises(DataError, match=r"MANIFEST\.json: expected [^\n]+, found [^\n]+$"):
        formats.read(published)


def test_a_manifest_names_each_file(published):
    manifest = published / "MANIFEST.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    del record["files"]["merges.txt"]
    record["checksum"] = record_checksum(record)
    manifest.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(
        DataError, match=r"MANIFEST\.json: expected the SHA-256 of merges\.txt, found"
    ):
        formats.read(published)


def test_a_byte_order_mark_is_none_of_the_content(published):
    whole = formats.read(published)
    for name in ("vocab.json", "merges.txt", "tokenizer.json"):
        path = published / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (published / "MANIFEST.json").unlink()
    assert formats.read(published) == whole
    (published / "tokenizer.json").unlink()
    assert formats.read(published, pattern="gpt2") == whole


@pytest.mark.parametrize("lines", ["ab c\na b\n", "a b\na b\nab c\n"])
def test_a_wrong_merge_is_said_of_merges_txt(published, lines):
    (published / "merges.txt").write_text(f"#version: 0.2\n{lines}", encoding="utf-8")
    with pytest.raises(DataError, match=r"merges\.txt: merge \d: expected [^\n]+, found"):
        formats.read(published / "vocab.json")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("5", "'5'"),
        (5, "5"),
        ({"a": 1}, "an object without type"),
        ({"type": "NFC"}, "NFC"),
        ([], r"\[\]"),
    ],
)
def test_a_step_that_is_not_done_here_is_named_as_it_stands(published, value, found):
    content = json.loads((published / "tokenizer.json").read_text(encoding="utf-8"))
    path = published.parent / "tokenizer.json"
    path.write_text(json.dumps(content | {"normalizer": value}), encoding="utf-8")
    with pytest.raises(DataError, match=rf"normalizer: expected null, found {found}\. "):
        formats.read(path)
