"""quickstart: from text to a run that speaks for itself, in a few seconds of budget."""

import json

import pytest

from paribus.cli.main import run
from paribus.first_run import texts

PARTS = {
    "config.yaml", "environment.json", "status.json", "metrics.jsonl", "samples.jsonl", "run.log",
    "tokenizer", "data", "data.json", "validation.npy", "checkpoints", "loss.svg", "run.lock",
    "run.lock.json",
}  # fmt: skip


@pytest.fixture
def quickstart(tmp_path, monkeypatch, capsys):
    """Runs the command with a budget of a second in a folder of its own; (exit code, out, err)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARIBUS_RUNS", "my runs")

    def call(*arguments):
        exit_code = run(["quickstart", "--time", "1s", *map(str, arguments)])
        return exit_code, *capsys.readouterr()

    return call


def test_own_text_becomes_a_run_that_generates_and_extends(quickstart, tiny_data, tmp_path, capsys):
    exit_code, out, err = quickstart("--text", tiny_data.text)
    folder = tmp_path / "my runs" / "quickstart"
    assert exit_code == 0, err
    assert "plan: " in out and "best step 2: " in out and "run folder: my runs/quickstart" in out
    assert {path.name for path in folder.iterdir()} == PARTS
    assert [path.name for path in folder.parent.iterdir()] == ["quickstart"]  # no workshop is left
    assert run(["generate", str(folder), "--max-tokens", "3"]) == 0
    # The next command that it names goes on, though the time budget is spent.
    assert "training.steps=4" in out
    assert run(["resume", str(folder), "training.steps=4"]) == 0
    assert json.loads((folder / "status.json").read_text(encoding="utf-8"))["step"] == 4


def test_a_second_quickstart_takes_a_name_of_its_own(quickstart, tmp_path, monkeypatch):
    (tmp_path / "my runs" / "quickstart").mkdir(parents=True)
    monkeypatch.setattr(texts, "FABLES_BYTES", 20_000)
    exit_code, out, _ = quickstart("--corpus", "fables")
    assert exit_code == 0 and "run folder: my runs/quickstart-2" in out


def test_a_text_of_three_words_works_with_a_warning(quickstart, tmp_path):
    (tmp_path / "three.txt").write_text("three small words", encoding="utf-8")
    exit_code, out, err = quickstart("--text", "three.txt")
    assert exit_code == 0, err
    assert "warning: too little text: validation is empty" in out
    assert "--- sample 1" in out


def test_a_text_of_one_letter_works(quickstart, tmp_path):
    (tmp_path / "one.txt").write_text("x", encoding="utf-8")
    exit_code, out, err = quickstart("--text", "one.txt")
    assert exit_code == 0, err
    assert "bits per byte inf" in out


def test_the_config_of_a_run_makes_another(quickstart, tiny_data, tmp_path):
    assert quickstart("--text", tiny_data.text, "--run", "first")[0] == 0
    assert run(["train", "first/config.yaml", "--run", "second"]) == 0
    weights = [
        next((tmp_path / name / "checkpoints").glob("step-00000002/model.safetensors"))
        for name in ("first", "second")
    ]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["--text", "absent.txt"], 66, "absent.txt"),
        (["--text", "empty.txt"], 65, "empty.txt"),
        (["--text", "words.txt", "--run", "taken"], 73, "taken"),
        (["--text", "words.txt", "--time", "soon"], 2, "--time"),
        (["words.txt"], 2, "--text"),
        (["--text", "words.txt", "--run", "-dash"], 2, "run.dir"),
        (["--text", ""], 66, "empty name"),
        (["--corpus", "novels"], 2, "novels"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(quickstart, tmp_path, arguments, exit_code, said):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "words.txt").write_text("some words\n" * 50, encoding="utf-8")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    found, _, err = quickstart(*arguments)
    assert found == exit_code
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and said in errors[0] and "Traceback" not in err
    assert not any(path.name.startswith(".tmp") for path in tmp_path.rglob("*"))
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} - {"my runs"}
    assert left == {"empty.txt", "words.txt", "taken", "taken/file"}
