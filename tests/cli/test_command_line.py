import itertools
import json
import os
import signal
import subprocess
import sys

import click
import pytest

from paribus import files
from paribus.cli import main
from paribus.model.matching import MEASURES, MULTIPLES


def verbs(group=main.paribus, prefix=()):
    """Every verb with the names that lead to it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*prefix, name)
        if isinstance(command, click.Group):
            yield from verbs(command, (*prefix, name))


def test_the_verbs_of_the_first_issue_are_there():
    expected = [
        "quickstart",
        "tokenizer",
        "data",
        "train",
        "resume",
        "generate",
        "eval",
        "accounting",
        "info",
    ]
    assert set(expected) <= {names[0] for names in verbs()}
    assert ("tokenizer", "decode") in list(verbs())


@pytest.mark.parametrize("names", list(verbs()), ids=" ".join)
def test_every_verb_has_help_with_an_example(cli, names):
    done = cli(*names, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Example" in done.out
    assert f"paribus {' '.join(names)}" in done.out.partition("Example")[2]


def test_help_imports_no_torch_and_is_quick():
    script = "import sys; from paribus.cli.main import run; run(['--help']);"
    script += "sys.exit(bool({'torch', 'numpy', 'pydantic', 'filelock'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_verb_shows_the_help(cli):
    done = cli()
    assert done.code == 2
    assert "quickstart" in done.out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["trian"], "train"),
        (["train"], "CONFIG"),
        (["info", "--jsn"], "--json"),
        (["tokenizer", "x"], "x"),
    ],
)
def test_a_mistyped_command_is_one_line_and_exit_2(cli, arguments, word):
    done = cli(*arguments)
    assert done.code == 2
    assert word in done.err
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [("--debug", "resume", "absent"), ("resume", "absent", "--debug")]
)
def test_debug_shows_the_traceback_and_the_same_line(cli, arguments):
    plain = cli("resume", "absent")
    done = cli(*arguments)
    assert done.code == plain.code == 66
    assert "Traceback" in done.err
    assert done.err.endswith(plain.err)


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (MemoryError(), 71),
        (PermissionError(13, "Permission denied", "x"), 77),
        (FileNotFoundError(2, "No such file", "x"), 66),
        (OSError(28, "No space left on device", "x"), 74),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("oh"), 70),
        (RecursionError("deep"), 70),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_whatever_is_raised_is_one_line_with_its_exit_code(cli, monkeypatch, raised, code):
    def fail(*_, **__):
        raise raised

    monkeypatch.setattr(main.paribus, "main", fail)
    done = cli("info")
    assert done.code == code
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("error: ")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer of the system")
def test_a_signal_is_not_lost_where_python_compiles_what_is_imported(monkeypatch):
    monkeypatch.setattr(main, "_signals", [])
    # Python computes constants while it compiles, and ignores what goes wrong there.
    source = "[" + "3 ** 60, " * 200_000 + "]"
    former = signal.signal(signal.SIGALRM, main._terminate)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            compile(source, "module", "eval")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def test_control_characters_in_a_name_do_not_reach_the_terminal(cli):
    done = cli("resume", "evil\x1b[2Jname")
    assert "\x1b" not in done.err
    assert "evil" in done.err


@pytest.mark.parametrize(
    "arguments", [("info",), ("accounting", "base_modern", "model.vocab_size=32000")]
)
def test_json_is_one_object_on_standard_output(cli, arguments):
    done = cli(*arguments, "--json")
    assert done.code == 0
    assert isinstance(json.loads(done.out), dict)
    assert len(done.out.splitlines()) == 1


def test_the_json_of_accounting_has_the_golden_count(cli):
    found = json.loads(cli("accounting", "base_modern", "model.vocab_size=10000", "--json").out)
    assert found["parameters"]["total"] == 5_773_568
    assert set(found) == {"parameters", "flops", "memory"}


def test_accounting_solves_for_the_cost_of_another_config(cli):
    """Golden counts: ReLU of 1024 beside SwiGLU of 704, whose costs differ by 65,536."""
    shown = cli(
        "accounting", "ablation_modern_relu", "model.vocab_size=50257", "--match", "base_modern"
    )
    assert shown.out.splitlines()[0] == (
        "ablation_modern_relu model.d_ff=1024: 16,013,824 parameters, wanted 16,079,360, "
        "mismatch -65,536 (-0.408%)"
    )
    finer = cli(
        "accounting", "ablation_modern_relu", "model.vocab_size=50257", "model.d_ff_multiple=1",
        "--match", "base_modern", "--json",
    )  # fmt: skip
    found = json.loads(finer.out)
    assert found["match"] == {
        "key": "model.d_ff", "value": 1056, "measure": "parameters", "target": 16_079_360,
        "found": 16_079_360, "mismatch": 0,
    }  # fmt: skip
    assert found["parameters"]["total"] == 16_079_360
    # What it prints is the override that gives it.
    again = cli(
        "accounting", "ablation_modern_relu", "model.vocab_size=50257", "model.d_ff=1056", "--json"
    )
    assert json.loads(again.out)["parameters"] == found["parameters"]


@pytest.mark.parametrize(
    ("target", "number"),
    [("20M", 20_000_000), ("20,000,001", 20_000_001), ("0.02b", 20_000_000), ("2e7", 20_000_000)],
)
def test_accounting_solves_for_a_number(cli, target, number):
    done = cli("accounting", "base_modern", "model.vocab_size=50257", "--match", target, "--json")
    assert json.loads(done.out)["match"]["target"] == number


def test_accounting_solves_for_every_key_and_measure(cli):
    line = ("accounting", "base_modern", "model.vocab_size=50257", "--match", "base_modern")
    for key, measure in itertools.product(MULTIPLES, MEASURES):
        found = json.loads(cli(*line, "--by", key, "--measure", measure, "--json").out)["match"]
        assert (found["key"], found["measure"]) == (f"model.{key}", measure)
        assert (found["value"], found["mismatch"]) == (
            {"d_ff": 704, "d_model": 256, "n_layers": 4}[key],
            0,
        )


def test_accounting_refuses_a_match_that_there_is_not(cli):
    for target, code, words in (
        ("1000", 2, "match: expected at least 14,113,280 parameters"),
        ("absent", 66, "absent: expected a config file"),
        ("-5", 66, "-5: expected a config file"),
    ):
        done = cli("accounting", "base_modern", "model.vocab_size=50257", "--match", target)
        assert (done.code, done.out) == (code, "") and words in done.err
        assert len(done.err.splitlines()) == 1


def test_text_to_model_to_text(cli, tiny_data, tmp_path, monkeypatch):
    """The whole way by commands, each answer for scripts read as JSON."""
    monkeypatch.chdir(tmp_path)
    made = cli(
        "tokenizer", "train", tiny_data.text, "--vocab-size", 300, "--out", "t", "--json"
    )  # fmt: skip
    assert json.loads(made.out)["vocab_size"] == 300
    prepared = cli("data", "prepare", tiny_data.text, "--tokenizer", "t", "--out", "d", "--json")
    assert json.loads(prepared.out) == json.loads(cli("data", "inspect", "d", "--json").out)
    done = cli("train", tiny_data.config, "training.steps=4", "--data", "d", "--run", "r")
    assert done.code == 0, done.err
    assert "saved step 4" in done.err
    assert cli("resume", "r", "training.steps=5").code == 0
    shown = cli("generate", "r", "--prompt", "Once", "--max-tokens", 5, "--seed", 1, "--json")
    record = json.loads(shown.out)
    plain = cli("generate", "r", "--prompt", "Once", "--max-tokens", 5, "--seed", 1)
    assert plain.out == f"{record['prompt']}{record['text']}\n"
    found = json.loads(cli("eval", "r", "--json").out)
    assert found["bits_per_byte"] > 0
    assert json.loads(cli("eval", "r", "--text", tiny_data.text, "--json").out)["loss"] > 0


def test_no_color_is_obeyed(cli, monkeypatch, tiny_data, tmp_path):
    monkeypatch.setenv("NO_COLOR", "1")
    done = cli("train", tiny_data.config, "training.steps=3", "--data", tiny_data.tokens, "--run", tmp_path / "r")  # fmt: skip
    assert done.code == 0
    assert "\x1b" not in done.out + done.err


def paribus(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "paribus", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def test_a_reader_that_has_enough_ends_the_command_quietly(tiny_data, tmp_path):
    text = tmp_path / "long.txt"
    text.write_bytes(tiny_data.text.read_bytes() * 20)  # more ids than a pipe holds
    process = paribus("tokenizer", "encode", tiny_data.tokenizer, text)
    assert process.stdout is not None
    assert process.stdout.read(10)
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 0


def test_a_pipe_of_encode_and_decode_gives_the_text_back(tiny_data):
    text = "Grüße, 世界!\n".encode()
    encode = paribus("tokenizer", "encode", tiny_data.tokenizer, "-", stdin=subprocess.PIPE)
    ids, _ = encode.communicate(text)
    decode = paribus("tokenizer", "decode", tiny_data.tokenizer, "-", stdin=subprocess.PIPE)
    back, _ = decode.communicate(ids)
    assert back == text
    assert encode.returncode == decode.returncode == 0


@pytest.mark.skipif(not hasattr(os, "kill"), reason="sends signals")
@pytest.mark.parametrize("number", sorted(files.STOP_SIGNALS), ids=lambda n: f"signal {n}")
def test_a_signal_from_outside_is_the_exit_code_of_the_process(tiny_data, tmp_path, number):
    if number != 15:
        pytest.skip("SIGTERM alone needs a process of its own: tests/training sends the others")
    process = paribus(
        "train", tiny_data.config, "training.steps=100000", "checkpoint.every=100000",
        "evaluation.every=100000", "--data", tiny_data.tokens, "--run", tmp_path / "r",
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(b"saved step 0"):
            break
    process.send_signal(number)
    rest = process.stderr.read().decode()
    assert process.wait() == files.STOP_SIGNALS[number]
    assert "stopped and saved at step" in rest
    assert "Continue: paribus resume" in rest
    assert "Traceback" not in rest
