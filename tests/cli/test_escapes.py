"""Names, settings and texts from outside never reach the terminal with control characters."""

import json
import logging
import re
import shutil
import sys
import warnings
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from paribus.cli.display import StatusLine, TrainingDisplay
from paribus.tokenizer import formats
from paribus.tokenizer.vocabulary import Vocabulary

EVIL = "\x1b[2J\x07\r\u202e\x9b31m\x7f\nerror: fake"
SHOWN = r"\x1b[2J\x07\r\u202e\x9b31m\x7f\nerror: fake"
OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@pytest.fixture
def clean(cli, tmp_path, monkeypatch):
    """Runs a command and checks that its output obeys the rule; no line is one from outside."""
    monkeypatch.chdir(tmp_path)

    def check(*arguments, code=None):
        done = cli(*arguments)
        assert code is None or done.code == code, done
        assert not OBEYED.search(done.out + done.err), done
        assert "error: fake" not in (done.out + done.err).split("\n"), done
        if done.code:
            assert sum(line.startswith("error: ") for line in done.err.split("\n")) == 1, done
        return done

    return check


@pytest.fixture
def tokens(tiny_data, tmp_path):
    """A copy of the tiny token data, and a function that changes its manifest."""
    folder = tmp_path / "tokens"
    shutil.copytree(tiny_data.tokens, folder)
    path = folder / "MANIFEST.json"

    def change(edit):
        record = json.loads(path.read_text(encoding="utf-8"))
        edit(record)
        path.write_text(json.dumps(record), encoding="utf-8")
        return folder

    return change


def test_values_of_a_manifest(clean, tokens):
    for key in ("tokenizer_hash", "content_hash", "dtype", "format", "version", "end_of_text"):
        clean("data", "inspect", tokens(lambda record, key=key: record.update({key: EVIL})))
        clean("data", "inspect", "tokens", "--verify")


def test_names_in_a_manifest(clean, tokens):
    for name in (EVIL, f"{EVIL}/x"):
        folder = tokens(lambda r, name=name: r["files"].update({name: {"bytes": 1, "sha256": "0"}}))
        clean("data", "inspect", folder)
        tokens(lambda r, name=name: r["files"].pop(name))


@pytest.mark.parametrize("name", [EVIL, "a\udcff\udcfe", "line\nbreak"])
def test_names_of_folders_and_files(clean, tiny_data, tmp_path, name):
    text = tmp_path / f"{name}.txt"
    shutil.copy(tiny_data.text, text)
    folder = tmp_path / f"{name} tokenizer"
    shutil.copytree(tiny_data.tokenizer, folder)
    for arguments in (
        ("tokenizer", "stats", folder.name, text.name),
        ("tokenizer", "compare", folder.name, tiny_data.tokenizer),
        ("tokenizer", "encode", folder.name, text.name, "--out", f"{name}.npy"),
        ("tokenizer", "convert", folder.name, f"{name}.tiktoken"),
        ("tokenizer", "profile", text.name, "--vocab-size", 270),
        ("tokenizer", "train", text.name, "--vocab-size", 270, "--out", f"{name} made"),
        ("data", "prepare", text.name, "--tokenizer", folder.name, "--out", f"{name} data"),
        ("data", "inspect", f"{name} data"),
    ):
        clean(*arguments, code=0)
    for arguments in (
        ("tokenizer", "encode", f"{name} absent", text.name),
        ("tokenizer", "decode", folder.name, f"{name} absent"),
        ("data", "inspect", f"{name} absent"),
        ("eval", f"{name} absent"),
        ("generate", f"{name} absent"),
        ("resume", f"{name} absent"),
        ("train", f"{name} absent"),
        ("plan", f"{name} absent"),
        (f"{name} verb",),
        ("info", name, name),
        ("data", "import", name, "--dtype", name),
        ("tokenizer", "encode", f"--{name}"),
    ):
        assert clean(*arguments).code != 0


@pytest.mark.parametrize(
    "setting",
    [
        {EVIL: 1}, {"model": {EVIL: 1}}, {"model": {"norm_placement": EVIL}}, {"base": EVIL},
        {"data": {"dir": EVIL}}, {"run": {"dir": EVIL}}, {"evaluation": {"prompts": EVIL}},
    ],
    ids=range(7),
)  # fmt: skip
def test_keys_and_values_of_a_config(clean, tmp_path, setting):
    with Path(tmp_path / "c.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(setting, file)
    for verb in ("train", "accounting"):
        clean(verb, "c.yaml")


def test_special_tokens(clean, tmp_path):
    vocabulary = Vocabulary.build("gpt2", [EVIL, "<s>"], [(b"\x1b", b"[")], "cs336")
    formats.publish(vocabulary, tmp_path / "whole")
    (tmp_path / "pair").mkdir()
    formats.write_files(vocabulary, tmp_path / "pair")
    (tmp_path / "pair" / "tokenizer.json").unlink()
    (tmp_path / "t.txt").write_text("\x1b[2J\n", encoding="utf-8")
    warned = clean("tokenizer", "encode", "pair", "t.txt", "--pattern", "gpt2", code=0)
    assert SHOWN in warned.err
    clean("tokenizer", "convert", "whole", "x.tiktoken", code=0)
    clean("tokenizer", "stats", "whole", "t.txt", code=0)
    clean("tokenizer", "explain", "whole", EVIL, code=0)
    content = json.loads((tmp_path / "whole" / "tokenizer.json").read_text(encoding="utf-8"))
    content["normalizer"] = {"type": EVIL}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    clean("tokenizer", "encode", "tokenizer.json", "t.txt", code=65)


def test_prompts_and_samples_of_an_evaluation(clean, tiny_data, tmp_path):
    overrides = ("training.steps=3", "evaluation.every=2")
    prompts = f"evaluation.prompts={json.dumps([EVIL[:5]])}"
    data = ("--data", tiny_data.tokens)
    done = clean("train", tiny_data.config, *overrides, prompts, *data, "--run", "r")
    assert done.code == 0 and r"\x1b[2J" in done.err
    log = (tmp_path / "r" / "run.log").read_text(encoding="utf-8")
    assert not OBEYED.search(log)


def test_log_records_and_warnings(clean, monkeypatch, capsys):
    clean("info", "--json", code=0)  # sets both up
    logging.getLogger("paribus").warning("%s is passed over", EVIL)
    warnings.showwarning(UserWarning(EVIL), UserWarning, "paribus/x.py", 1)
    shown = capsys.readouterr().err
    assert shown == f"warning: {SHOWN} is passed over\nwarning: {SHOWN}\n"


def test_a_traceback(clean, monkeypatch):
    monkeypatch.setattr("paribus.cli.info._facts", lambda: {}[EVIL])
    done = clean("info", "--debug", code=70)
    assert "Traceback" in done.err


def test_json_stays_json(clean, tmp_path, tiny_data):
    name = "a\x7f\x1b\n.txt"
    shutil.copy(tiny_data.text, tmp_path / name)
    found = clean("tokenizer", "stats", tiny_data.tokenizer, name, "--json", code=0)
    assert list(json.loads(found.out)) == [name]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_and_notes_of_a_run(monkeypatch, capsys, is_terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    line = StatusLine()
    line._last = 0
    line.show(EVIL)
    line.end()
    display = TrainingDisplay()
    display.on_note(EVIL)
    display.__exit__()
    shown = capsys.readouterr().err
    # The displays move the cursor by themselves; what they are given does not.
    for foreign in ("\x1b[2J", "\x07", "\u202e", "\x9b", "\x7f"):
        assert foreign not in shown
    assert shown.count(r"\x1b[2J") == 2
