"""Bad input: one line, the exit code of docs/exit-codes.md, nothing half-written."""

import errno
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from paribus.errors import ParibusError
from paribus.files import STOP_SIGNALS
from paribus.tokenizer.formats import write_files
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary


def listing(folder):
    return {str(p.relative_to(folder)): p.stat().st_size for p in sorted(folder.rglob("*"))}


@pytest.fixture
def refused(cli, tmp_path, monkeypatch):
    """Checks a refusal: exit code, and the words that its one line has to hold."""
    monkeypatch.chdir(tmp_path)

    def check(code, words, *arguments):
        before = listing(tmp_path)
        done = cli(*arguments)
        lines = done.err.splitlines()
        assert done.code == code, done.err
        assert len(lines) == 1, done.err
        assert lines[0].startswith("error: ")
        for word in words:
            assert str(word) in lines[0]
        assert "Traceback" not in done.err
        assert done.out == ""
        assert listing(tmp_path) == before

    return check


@pytest.fixture
def train(tiny_data):
    """Arguments of a tiny run."""

    def make(*overrides, data=tiny_data.tokens, run="run"):
        return ("train", tiny_data.config, *overrides, "--data", data, "--run", run)

    return make


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "empty.txt").touch()
    return "empty.txt"


TOKENIZE = ("tokenizer", "train")
SIZE = ("--vocab-size", 300, "--out", "out")


@pytest.mark.parametrize(
    "arguments",
    [
        (*TOKENIZE, "absent.txt", *SIZE),
        ("train", "absent.yaml"),
        ("train", "base_modern", "--data", "absent"),
        ("resume", "absent"),
        ("generate", "absent"),
        ("eval", "absent"),
        ("accounting", "absent.yaml"),
        ("data", "inspect", "absent"),
        ("tokenizer", "encode", "absent", "-"),
    ],
    ids=lambda arguments: " ".join(map(str, arguments[:2])),
)
def test_a_missing_file(refused, arguments):
    refused(66, ["absent"], *arguments)


def test_missing_files_beside_a_tokenizer(refused, tiny_data):
    prepare = ("data", "prepare", "absent.txt", "--tokenizer", tiny_data.tokenizer, "--out", "o")
    refused(66, ["absent.txt"], *prepare)
    refused(66, ["absent.txt"], "tokenizer", "encode", tiny_data.tokenizer, "absent.txt")
    refused(66, ["absent.txt"], "tokenizer", "decode", tiny_data.tokenizer, "absent.txt")


def test_missing_data_brings_the_two_commands_that_make_it(refused, train):
    words = ["absent", "paribus tokenizer train", "paribus data prepare"]
    refused(66, words, *train(data="absent"))


def test_an_empty_file(refused, empty, tiny_data, cli):
    refused(65, ["empty.txt", "expected", "found"], *TOKENIZE, empty, *SIZE)
    prepare = ("data", "prepare", empty, "--tokenizer", tiny_data.tokenizer, "--out", "out")
    refused(65, ["expected", "found no text"], *prepare)
    done = cli("tokenizer", "encode", tiny_data.tokenizer, empty)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_folder_without_text(refused, tmp_path, tiny_data):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "image.png").write_bytes(b"\x89PNG")
    refused(65, ["texts", "expected", "found"], *TOKENIZE, "texts", *SIZE)
    prepare = ("data", "prepare", "texts", "--tokenizer", tiny_data.tokenizer, "--out", "out")
    refused(65, ["texts", "expected", "found"], *prepare)


@pytest.mark.parametrize("size", [256, 0, -1])
def test_a_vocabulary_below_bytes_and_specials(refused, tiny_data, size):
    words = ["at least 257", f"found {size}"]
    refused(2, words, *TOKENIZE, tiny_data.text, "--vocab-size", size, "--out", "out")


@pytest.mark.parametrize(
    ("specials", "words"), [(["<a>", "<a>"], ["<a>"]), (["<a>", ""], ["empty"])]
)
def test_a_duplicate_or_empty_special(refused, tiny_data, specials, words):
    given = [part for special in specials for part in ("--special", special)]
    refused(2, words, *TOKENIZE, tiny_data.text, *SIZE, *given)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.d_model=15", ["model.d_model", "multiple of model.n_heads = 2", "found 15"]),
        ("model.n_layer=2", ["model.n_layer", "Did you mean 'model.n_layers'?"]),
        ("training.batch_size=0", ["training.batch_size", "above 0", "found 0"]),
        ("schedule.warmup_steps=8", ["schedule.warmup_steps", "fewer than training.steps = 8"]),
        ("model.vocab_size=100", ["model.vocab_size", "300", "100"]),
        ("training.accumulation=3", ["training.accumulation", "divisor", "found 3"]),
        (
            "evaluation.prompts=[one fox and two hens and a very old tree]",
            ["evaluation.prompts", "at most 16 tokens", "found"],
        ),
        ("training.time=soon", ["training.time", "90s, 5m, 2h", "'soon'"]),
        ("training.steps", ["key=value"]),
        ("--lr=1", ["--lr"]),
    ],
)
def test_a_setting_that_means_nothing(refused, train, override, words):
    refused(2, words, *train(override))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: {d_model: 250, n_heads: 4}\n", ["c.yaml:1", "d_model", "found 250", "248"]),
        ("model:\n  n_layer: 2\n", ["c.yaml:2", "'n_layer'", "model.n_layers"]),
        ("model:\n  d_model: 8\n  d_model: 16\n", ["c.yaml:3", "d_model", "twice"]),
        ("training: {batch_size: 0}\n", ["c.yaml:1", "found 0"]),
    ],
)
def test_a_config_that_means_nothing_is_named_by_file_and_line(refused, tmp_path, text, words):
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    refused(2, words, "train", "c.yaml")
    refused(2, words, "accounting", "c.yaml")


def test_several_mistakes_are_a_line_each(cli, tmp_path):
    (tmp_path / "c.yaml").write_text("model: {n_layer: 2, d_model: wide}\n", encoding="utf-8")
    done = cli("accounting", tmp_path / "c.yaml")
    assert done.code == 2
    assert [line.split()[:2] for line in done.err.splitlines()] == [
        ["error:", "model.n_layer"],
        ["error:", "model.d_model"],
    ]


@pytest.fixture
def mixed(tiny_data, tmp_path):
    """Token data beside the files of another tokenizer."""
    folder = shutil.copytree(tiny_data.tokens, tmp_path / "mixed")
    for name in ("vocab.json", "merges.txt", "tokenizer.json"):
        (folder / name).unlink()
    write_files(Vocabulary.build("gpt2", ["<|endoftext|>"], [(b"a", b"b")], "cs336"), folder)
    return folder


def test_data_encoded_with_another_tokenizer(refused, train, mixed):
    refused(65, [mixed, "expected", "found"], *train(data=mixed))


def test_a_truncated_shard(refused, train, tiny_data, tmp_path):
    folder = shutil.copytree(tiny_data.tokens, tmp_path / "tokens")
    shard = folder / "train-00000.npy"
    shard.write_bytes(shard.read_bytes()[:-2])
    size = shard.stat().st_size
    words = [shard, f"expected {size + 2}", f"found {size}"]
    refused(65, words, *train(data=folder))
    refused(65, words, "data", "inspect", folder)


@pytest.mark.parametrize("verb", ["tokenizer", "prepare"])
def test_a_full_disk(refused, tiny_data, monkeypatch, verb):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    arguments = {
        "tokenizer": (*TOKENIZE, tiny_data.text, *SIZE),
        "prepare": (
            "data", "prepare", tiny_data.text, "--tokenizer", tiny_data.tokenizer, "--out", "out",
        ),
    }  # fmt: skip
    refused(74, ["out", "free bytes"], *arguments[verb])


def test_a_disk_that_fills_while_training_keeps_what_was_saved(cli, train, tmp_path, monkeypatch):
    from paribus import checkpoint

    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        real, left = os.fsync, [40]

        def filling(descriptor):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor)

        patch.setattr(os, "fsync", filling)
        done = cli(*train())
    assert done.code == 74
    assert done.err.splitlines()[-1].startswith("error: run")
    assert "free bytes" in done.err
    reported = [line for line in done.err.splitlines() if line.startswith("saved step ")]
    # The newest may be whole and yet unreported: the disk was full when its name was made durable.
    assert checkpoint.find(tmp_path / "run").step >= int(reported[-1].split()[-1])
    assert not list(tmp_path.rglob(".tmp-*"))
    assert cli("resume", "run").code == 0


def test_a_run_folder_in_use(refused, cli, train, tmp_path):
    assert cli(*train("training.steps=3")).code == 0
    refused(73, ["run", "expected no run, found one", "paribus resume run"], *train())


def test_a_run_folder_at_work(cli, train, tmp_path, monkeypatch):
    from paribus.files import locked

    monkeypatch.chdir(tmp_path)
    with locked(tmp_path / "run"):
        done = cli(*train())
    assert done.code == 69
    assert f"pid {os.getpid()}" in done.err.splitlines()[-1]


def test_an_output_that_exists(refused, tiny_data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    refused(73, ["out", "found files"], *TOKENIZE, tiny_data.text, *SIZE)


def test_a_text_of_three_words_works(cli, tmp_path, monkeypatch, tiny_data):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "three.txt").write_text("only three words", encoding="utf-8")
    made = cli(*TOKENIZE, "three.txt", "--vocab-size", 1000, "--out", "t")
    assert made.code == 0
    assert made.err.startswith("warning: ")
    assert cli("data", "prepare", "three.txt", "--tokenizer", "t", "--out", "d").code == 0
    done = cli(
        "train", tiny_data.config, "--data", "d", "--run", "r", "model.context_length=2",
        "evaluation.prompts=[]", "training.steps=3",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "too short" in done.err


def test_a_truncated_newest_checkpoint_is_said_and_passed_over(cli, train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli(*train())
    newest = tmp_path / "run" / "checkpoints" / "step-00000008" / "model.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    done = cli("generate", "run", "--prompt", "Once", "--max-tokens", 3)
    assert done.code == 0
    assert done.out.startswith("Once")
    warned = [line for line in done.err.splitlines() if "step-00000008" in line]
    assert len(warned) == 1
    assert warned[0].startswith("warning: ")


@pytest.mark.parametrize(
    "data",
    [b"a\r\nb\r\n", b"\xef\xbb\xbfbom", b"nul\0nul", b"a" * 100_000, b"\xff\xfe\x80 half \xc3"],
    ids=["crlf", "bom", "nul", "one letter", "invalid UTF-8"],
)
def test_every_byte_survives_the_way_to_ids_and_back(cli, tiny_data, tmp_path, data):
    (tmp_path / "in.txt").write_bytes(data)
    assert cli("tokenizer", "encode", tiny_data.tokenizer, tmp_path / "in.txt", "--out", tmp_path / "ids.npy").code == 0  # fmt: skip
    ids = np.load(tmp_path / "ids.npy")
    assert Tokenizer.from_files(tiny_data.tokenizer).decode_bytes(ids) == data


def test_the_page_of_exit_codes_is_what_the_errors_say():
    page = (Path(__file__).parents[2] / "docs/exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d, ]+) \| `(\w+)` \|", page, re.MULTILINE)
    codes = {name: {int(code) for code in cell.split(", ")} for cell, name in rows}
    assert codes.pop("StoppedError") >= set(STOP_SIGNALS.values())
    kinds = {kind.__name__: {kind.exit_code} for kind in ParibusError.__subclasses__()}
    del kinds["StoppedError"]
    assert codes == kinds
