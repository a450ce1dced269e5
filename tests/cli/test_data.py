import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from paribus.cli import data as module
from paribus.cli.data import data
from paribus.errors import CannotCreateError, DataError, InputMissingError


class ByteTokenizer:
    hash = hashlib.sha256(b"bytes").hexdigest()
    end_of_text = 256

    def __len__(self):
        return 257

    def encode_batch(self, texts, *, threads=None):
        return [np.frombuffer(text, np.uint8).astype(np.uint32) for text in texts]

    def count_bytes(self, ids):
        return int((ids < 256).sum())

    def save(self, folder):
        (folder / "tokenizer.json").write_text("{}", encoding="utf-8")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "load_tokenizer", lambda path, pattern: ByteTokenizer())
    monkeypatch.chdir(tmp_path)
    text = "<|endoftext|>\n".join(f"document {n}\n" for n in range(200))
    (tmp_path / "in.txt").write_text(text, encoding="utf-8")

    def invoke(*arguments, stdin=None):
        return CliRunner().invoke(data, list(arguments), input=stdin)

    return invoke


PREPARE = ("prepare", "in.txt", "--tokenizer", "t", "--out", "out")


def test_prepare_then_inspect_print_the_counts(run):
    made = run(*PREPARE, "--val", "10%")
    assert made.exit_code == 0, made.output
    assert "documents                200" in made.stdout
    seen = run("inspect", "out", "--verify")
    assert "verified                 yes" in seen.stdout
    assert seen.stdout.replace("yes", "no") == made.stdout


def test_json_is_one_object_on_standard_output(run):
    made = json.loads(run(*PREPARE, "--json", "--val", "0.1").stdout)
    seen = json.loads(run("inspect", "out", "--json").stdout)
    assert made == seen
    assert made["documents"] == 200
    assert 0 < made["validation_documents"] < 50


def test_what_the_user_should_know_is_a_warning_on_standard_error(run):
    made = run("prepare", "-", "--tokenizer", "t", "--out", "out", stdin=b"only three words")
    assert made.exit_code == 0, made.output
    assert made.stderr == "warning: too little text: validation is empty\n"
    assert "warning" not in made.stdout


def test_standard_input_and_another_separator(run):
    run("prepare", "-", "--tokenizer", "t", "--out", "out", "--separator", "#", stdin=b"a\n#\nb\n")
    assert "documents                2" in run("inspect", "out").stdout


def test_import_takes_raw_ids(run, tmp_path):
    ids = np.array([*b"one", 256, *b"two", 256] * 100, "<u2")
    (tmp_path / "a.bin").write_bytes(ids.tobytes())
    made = run("import", "a.bin", "--dtype", "uint16", "--tokenizer", "t", "--out", "out")
    assert made.exit_code == 0, made.output
    assert "documents                200" in made.stdout
    assert "invalid utf8 bytes       unknown" in made.stdout


def test_an_output_in_use_is_refused_before_the_tokenizer_is_read(run, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x").touch()
    monkeypatch.setattr(module, "load_tokenizer", None)
    assert isinstance(run(*PREPARE).exception, CannotCreateError)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("prepare", "absent.txt", "--tokenizer", "t", "--out", "out"), InputMissingError),
        (("prepare", ".git", "--tokenizer", "t", "--out", "out"), DataError),
        (("inspect", "absent"), InputMissingError),
        (("import", "absent.bin", "--tokenizer", "t", "--out", "out"), InputMissingError),
    ],
)
def test_bad_input_is_an_error_of_its_kind(run, tmp_path, arguments, kind):
    (tmp_path / ".git").mkdir()
    assert isinstance(run(*arguments).exception, kind)


@pytest.mark.parametrize("share", ["100%", "-1", "1.0", "some", "nan"])
def test_a_share_that_means_nothing_is_a_usage_error(run, share):
    made = run(*PREPARE, "--val", share)
    assert made.exit_code == 2
    assert "such as 1%" in made.stderr


@pytest.mark.parametrize("verb", ["prepare", "inspect", "download", "import"])
def test_every_verb_has_help_with_an_example(run, verb):
    shown = run(verb, "--help")
    assert shown.exit_code == 0
    assert f"paribus data {verb} " in shown.stdout


def test_help_and_every_verb_leave_torch_alone():
    script = "import sys; from paribus.cli.data import data; import paribus.data.prepare, "
    script += "paribus.data.inspect, paribus.data.import_bin, paribus.data.download, paribus.data."
    script += "order, paribus.sample_text.pydocs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_loading_the_command_loads_no_numpy():
    script = "import sys; from paribus.cli.data import data; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
