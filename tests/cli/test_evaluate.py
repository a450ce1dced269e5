"""`paribus eval`."""

import gzip
import json

import numpy as np
import pytest
from click.testing import CliRunner, Result

from paribus import checkpoint
from paribus.cli.evaluate import evaluate
from paribus.data.prepare import prepare
from paribus.errors import DataError, InputMissingError, StoppedError
from paribus.evaluation import losses
from paribus.evaluation.text import evaluate_text
from paribus.interrupts import StopFlag

TEXT = b"Once upon a time there was a table.\n" * 30


def called(run, *arguments: object) -> Result:
    arguments = (run, "--device", "cpu", *arguments)
    return CliRunner().invoke(evaluate, list(map(str, arguments)))


def expected(run, tokens: np.ndarray) -> losses.Evaluation:
    opened = checkpoint.open_run(run)
    text = losses.EvaluationText.of(opened.tokenizer, tokens)
    return losses.evaluate(opened.model, text, batch_size=4)


def test_a_run_is_evaluated_on_the_validation_tokens_that_it_keeps(made_run):
    result = called(made_run, "--json")
    assert result.exit_code == 0, result.output
    found = expected(made_run, np.load(made_run / "validation.npy"))
    assert json.loads(result.stdout) == {
        "run": str(made_run),
        "step": 2,
        "source": str(made_run),
        "loss": found.loss,
        "perplexity": found.perplexity,
        "bits_per_byte": found.bits_per_byte,
        "n_tokens": 199,
        "n_bytes": found.n_bytes,
    }


def test_a_text_file_is_evaluated_whole(made_run, tmp_path):
    path = tmp_path / "story é.txt"
    path.write_bytes("Once upon a time\r\nthere was é.\n".encode())
    opened = checkpoint.open_run(made_run)
    found = evaluate_text(opened.model, opened.tokenizer, path.read_bytes(), batch_size=4)
    record = json.loads(called(made_run, "--text", path, "--json").stdout)
    assert (record["loss"], record["n_bytes"]) == (found.loss, len(path.read_bytes()))
    lines = called(made_run, "--text", path).stdout.splitlines()
    assert lines[0] == f"loss           {found.loss:.4f} nats per token"
    assert lines[2] == f"bits per byte  {found.bits_per_byte:.4f}"


def prepared(made_run, folder, validation: float):
    text = folder / "in.txt"
    documents = (f"document {n} on a table\n" for n in range(100))
    text.write_text("<|endoftext|>\n".join(documents), encoding="utf-8")
    tokenizer = checkpoint.open_run(made_run).tokenizer
    return prepare([text], tokenizer, folder / "data", validation=validation)


def test_the_validation_part_of_a_token_folder_is_evaluated_whole(made_run, tmp_path):
    shards = prepared(made_run, tmp_path, 0.3)
    record = json.loads(called(made_run, "--data", tmp_path / "data", "--json").stdout)
    found = expected(made_run, np.concatenate(shards.validation))
    assert (record["loss"], record["n_tokens"]) == (found.loss, shards.n_validation_tokens - 1)


def test_a_token_folder_without_validation_is_refused(made_run, tmp_path):
    prepared(made_run, tmp_path, 0.0)
    result = called(made_run, "--data", tmp_path / "data")
    assert isinstance(result.exception, DataError)
    assert "expected validation tokens, found 0" in str(result.exception)


def test_an_empty_text_is_refused(made_run, tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    result = called(made_run, "--text", tmp_path / "empty.txt")
    assert isinstance(result.exception, DataError)
    assert "empty.txt: expected text, found none" in str(result.exception)


def test_a_compressed_text_is_measured_as_what_it_holds(made_run, tmp_path):
    (tmp_path / "a.txt").write_bytes(TEXT)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(TEXT))
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": TEXT.decode()}), encoding="utf-8")
    plain, *others = (
        json.loads(called(made_run, "--text", tmp_path / name, "--json").output)
        for name in ("a.txt", "a.txt.gz", "a.jsonl")
    )
    assert [other | {"source": plain["source"]} for other in others] == [plain, plain]


def test_a_missing_text_is_named(made_run, tmp_path):
    result = called(made_run, "--text", tmp_path / "none.txt")
    assert isinstance(result.exception, InputMissingError)
    assert "none.txt" in str(result.exception)


def test_data_and_text_together_are_a_usage_error(made_run):
    result = called(made_run, "--text", "a", "--data", "b")
    assert result.exit_code == 2 and "found both" in result.stderr


def test_a_perplexity_beyond_json_is_null(made_run, monkeypatch):
    monkeypatch.setattr(losses.math, "exp", lambda loss: float("inf"))
    record = json.loads(called(made_run, "--json").stdout)
    assert record["perplexity"] is None and record["loss"] > 0


def test_a_signal_ends_an_evaluation_with_its_exit_code(made_run, monkeypatch):
    monkeypatch.setattr(StopFlag, "__bool__", lambda flag: True)
    monkeypatch.setattr(StopFlag, "__init__", lambda flag: setattr(flag, "signal", 15))
    result = called(made_run)
    assert isinstance(result.exception, StoppedError) and result.exception.exit_code == 143
    assert result.stdout == ""


@pytest.mark.parametrize("words", ["paribus eval runs/quickstart --text book.txt"])
def test_help_shows_an_example(words):
    assert words in CliRunner().invoke(evaluate, ["--help"]).stdout
