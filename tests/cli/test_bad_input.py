"""Bad input: one line, the exit code of docs/exit-codes.md, nothing half-written."""

import errno
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from paribus.errors import InputMissingError, ParibusError, from_os_error
from paribus.files import STOP_SIGNALS
from paribus.tokenizer.formats import write_files
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.vocabulary import Vocabulary


def listing(folder):
    return {str(p.relative_to(folder)): p.lstat().st_size for p in sorted(folder.rglob("*"))}


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
    ("specials", "words"),
    [
        (["<a>", "<a>"], ["'<a>' twice. Give it once"]),
        (["<a>", ""], ["empty one. Leave it out"]),
        (["Ġt"], ["names no byte or other token", "b' t'", "ASCII"]),
        (["caf\xe9"], ["names no byte or other token"]),
        (["\udcff\udcfe"], ["expected text of UTF-8"]),
    ],
)
def test_a_special_that_cannot_be_is_refused_before_any_text_is_read(refused, specials, words):
    given = [part for special in specials for part in ("--special", special)]
    refused(2, ["--special: expected", *words], *TOKENIZE, "-", *SIZE, *given)


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
        ("optimizer.lr=1e300", ["optimizer.lr", "number below", "found 1e+300"]),
        ("training.threads=100000", ["training.threads", "below 1025", "The nearest is 1024"]),
        ("model.d_ff_ratio=1e300", ["model.d_ff_ratio", "number below", "found 1e+300"]),
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
        ("training: {seed: 1}\nmodel:\n", ["model (c.yaml:2): expected a section", "found null"]),
        ("model:\n  position:\n", ["model.position (c.yaml:2): expected a section", "found null"]),
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


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((*TOKENIZE, "-", *SIZE, "--threads", 10**11), "--threads"),
        ((*TOKENIZE, "-", *SIZE, "--threads", 1025), "--threads"),
        ((*TOKENIZE, "-", *SIZE, "--max-token-length", 1 << 70), "--max-token-length"),
        (("tokenizer", "profile", "-", "--vocab-size", 1 << 70), "--vocab-size"),
        (
            ("data", "prepare", "-", "--tokenizer", "t", "--out", "o", "--threads", 1025),
            "--threads",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_number_that_no_machine_holds(refused, arguments, name):
    refused(
        2, [name, "is not in the range 1<=x<=" if name != "--vocab-size" else "257"], *arguments
    )


def test_memory_that_pytorch_cannot_get(cli, train, tmp_path, monkeypatch):
    from paribus.training import plan

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "available_bytes", lambda device: None)  # the system does not say
    done = cli(*train("model.d_model=2000000000", "model.d_ff=1000000000"))
    error = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert done.code == 71
    assert len(error) == 1 and "memory: expected enough, found none left" in error[0]


def test_an_error_that_nobody_foresaw_is_one_line(refused, monkeypatch):
    def broken(*_):
        raise RuntimeError("first\nframe #0: somewhere\nframe #1: elsewhere")

    monkeypatch.setattr("paribus.experiment.load_experiment", broken)
    refused(70, ["unexpected RuntimeError: first. ", "--debug"], "accounting", "base_modern")


def test_a_target_that_is_neither_a_number_nor_a_config(refused):
    size = "model.vocab_size=300"
    for target in ("-5", "nan", "16M-tokens"):
        refused(66, [f"--match {target}: ", "Write a number as 16M"], "accounting", "base_modern", size, "--match", target)  # fmt: skip


def test_a_size_above_free_memory_is_refused_before_it_is_made(refused, monkeypatch):
    from paribus.cli import bench

    refused(71, ["--size", "expected", "found 99,999,999,000MB"], "bench", "tokenizer", "--size", "99999999GB")  # fmt: skip
    monkeypatch.setattr(bench, "available_memory_bytes", lambda: 2_999_999)
    refused(71, ["--size", "found 1MB"], "bench", "tokenizer", "--size", "1MB")


def test_a_separator_that_is_no_text(refused, tiny_data):
    prepare = ("data", "prepare", "-", "--tokenizer", tiny_data.tokenizer, "--out", "out")
    refused(2, ["--separator: expected text of UTF-8, found"], *prepare, "--separator", "\udcff")


@pytest.fixture
def taken(tmp_path):
    for name in ("in.txt", "notes"):
        (tmp_path / name).write_text("text", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("absent")


@pytest.mark.parametrize(
    "out", ["in.txt", "notes", "folder", "link", "no/x.npy", "in.txt/x", "a" * 300]
)
def test_a_file_that_cannot_be_made(refused, tiny_data, taken, out):
    words = [out, ". "]
    refused(73, words, "tokenizer", "encode", tiny_data.tokenizer, "in.txt", "--out", out)
    if out in ("notes", "link"):
        refused(73, words, "tokenizer", "convert", tiny_data.tokenizer, out)


@pytest.mark.parametrize("out", ["x.json", "x.txt", ".tiktoken"])
def test_the_name_of_a_file_for_a_folder(refused, tiny_data, out):
    words = [out, "expected the name of a folder", "found"]
    refused(2, words, "tokenizer", "convert", tiny_data.tokenizer, out)


def test_a_file_of_ranks_that_lacks_an_id_says_so_when_it_is_made(
    cli, refused, tiny_data, tmp_path
):
    ranks = tmp_path / "x.tiktoken"
    made = cli("tokenizer", "convert", tiny_data.tokenizer, ranks)
    assert made.code == 0
    _, warned = made.err.splitlines()
    assert warned.startswith(f"warning: {ranks}: left out 1 special token ('<|endoftext|>')")
    refused(65, [ranks, "expected", "found none for 0"], "tokenizer", "encode", ranks, "-")
    refused(73, [ranks, "found one"], "tokenizer", "convert", tiny_data.tokenizer, ranks)


HEADER = "{'descr': '<u2', 'fortran_order': False, 'shape': (%s,), }"


@pytest.mark.parametrize(
    "header",
    [
        HEADER % 3, HEADER % -1, HEADER % 10**18, HEADER % (1 << 70), HEADER.replace("<u2", "<f4") % 1,
        HEADER.replace("<u2", "|O") % 2, HEADER.replace("<u2", "|V0") % 2, "{'descr'", "(" * 9000,
        "[1", "\xff",
    ],
    ids=lambda header: header[:60],
)  # fmt: skip
def test_an_array_whose_header_lies(refused, tiny_data, tmp_path, header):
    text = header.encode("latin-1")
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\x07\0\x09\0"
    (tmp_path / "x.npy").write_bytes(data)
    refused(65, ["x.npy", "expected", "found"], "tokenizer", "decode", tiny_data.tokenizer, "x.npy")


@pytest.mark.parametrize("text", ["1 two", "1.5", "9" * 30, "9" * 5000, "1_0", "True", "\xff"])
def test_ids_that_are_no_numbers(refused, tiny_data, tmp_path, text):
    (tmp_path / "ids").write_text(text, encoding="latin-1")
    words = ["ids: expected ids separated by white space, found '"]
    refused(65, words, "tokenizer", "decode", tiny_data.tokenizer, "ids")


@pytest.mark.parametrize("code", [n for n in errno.errorcode if n != errno.EPIPE])
def test_what_the_system_refuses_comes_with_what_to_do(code):
    for creating in (False, True):
        for path, where in ((None, ""), ("runs/a", ": runs/a")):
            error = from_os_error(OSError(code, os.strerror(code)), path, creating=creating)
            start = f"{os.strerror(code)}{where}. "
            assert str(error).startswith(start)
            assert re.fullmatch(r"[A-Z][^\n]{9,}", str(error).removeprefix(start)), error
            assert not (creating and isinstance(error, InputMissingError))


@pytest.mark.parametrize(
    ("name", "exit_code", "creating_code", "message"),
    [
        ("EACCES", 77, 77, "Permission denied: runs/a. Choose a folder you can write to"),
        ("EPERM", 77, 77, "Operation not permitted: runs/a. Choose a folder you can write to"),
        ("EROFS", 73, 73, "Read-only file system: runs/a. Choose a folder on a disk you can write to"),
        ("ENOENT", 66, 73, "No such file or directory: runs/a. Make its folder first"),
        ("ENOTDIR", 66, 73, "Not a directory: runs/a. Choose a path whose folders are no files"),
        ("EISDIR", 65, 73, "Is a directory: runs/a. Choose the name of a file"),
        ("ENAMETOOLONG", 66, 73, "File name too long: runs/a. Choose a shorter name"),
        ("ELOOP", 65, 73, "Too many levels of symbolic links: runs/a. Choose a path without links"),
        ("EEXIST", 73, 73, "File exists: runs/a. Remove it, or choose another name"),
        ("ENOMEM", 71, 71, "Cannot allocate memory: runs/a. Close other programs, or work on less"),
        ("ENOSPC", 74, 74, "No space left on device: runs/a. Free some space, and run the command again"),
        ("EDQUOT", 74, 74, "Disk quota exceeded: runs/a. Free some of your quota, and run the command again"),
        ("EFBIG", 74, 74, "File too large: runs/a. Raise the limit on file size (ulimit -f), or split the data"),
        ("EMFILE", 74, 74, "Too many open files: runs/a. Raise the limit on open files: ulimit -n 4096"),
        ("ENFILE", 74, 74, "Too many open files in system: runs/a. Close other programs"),
        ("EIO", 74, 74, "Input/output error: runs/a. Check the disk, or take a copy from another one"),
        ("EBUSY", 74, 74, "Device or resource busy: runs/a. Close the program that uses it"),
        ("ETXTBSY", 74, 74, "Text file busy: runs/a. Close the program that uses it"),
        ("EINVAL", 74, 74, "Invalid argument: runs/a. Choose a folder on another file system"),
        ("ESTALE", 74, 74, "Stale file handle: runs/a. Check the network"),
    ],
)  # fmt: skip
@pytest.mark.skipif(sys.platform != "linux", reason="other systems say it in other words")
def test_the_cause_decides_the_exit_code_and_the_remedy(name, exit_code, creating_code, message):
    cause = OSError(getattr(errno, name), os.strerror(getattr(errno, name)))
    created = from_os_error(cause, "runs/a", creating=True)
    assert from_os_error(cause, "runs/a").exit_code == exit_code
    assert created.exit_code == creating_code
    assert str(created).startswith(message)


def test_a_folder_that_may_not_be_written_is_named_with_the_remedy(cli, train, monkeypatch):
    def denied(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", denied)  # root may write everywhere
    done = cli(*train(run="runs/a"))
    assert done.code == 77
    last = done.err.splitlines()[-1]
    assert last == "error: Permission denied: runs/a. Choose a folder you can write to"


def test_an_error_is_one_line_whatever_a_name_holds(refused, tmp_path):
    for name in ("a\nb.yaml", "a\x1b[2Jb", os.fsdecode(b"a\xffb")):
        refused(66, [ascii(name)[1:-1]], "accounting", name)
        refused(66, [ascii(name)[1:-1]], "data", "inspect", name)


def test_a_folder_for_a_file_and_a_file_for_a_folder(refused, tiny_data, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    encode = ("tokenizer", "encode", tiny_data.tokenizer)
    refused(65, ["Is a directory: ", "folder. Name a file in it"], *encode, "folder")
    refused(66, ["Not a directory: ", "file/x. Check the name: a part of it"], *encode, "file/x")


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
