"""`paribus generate`."""

import json

import pytest
from click.testing import CliRunner, Result

from paribus import checkpoint
from paribus.cli.generate import generate
from paribus.errors import ConfigError, InputMissingError, StoppedError, UnavailableError
from paribus.generation import decode
from paribus.generation.config import SamplingConfig
from paribus.interrupts import StopFlag


def called(run, *arguments: str) -> Result:
    return CliRunner().invoke(generate, [str(run), "--device", "cpu", *arguments])


def expected(run, prompt: str, *, max_tokens: int = 200, seed: int = 0, stop=(), **sampling) -> str:
    opened = checkpoint.open_run(run)
    pieces = decode.generate(
        opened.model,
        opened.tokenizer,
        prompt,
        max_tokens=max_tokens,
        sampling=SamplingConfig(**sampling),
        seed=seed,
        stop=stop,
    )
    return "".join(pieces)


def test_standard_output_is_prompt_and_continuation_and_nothing_else(made_run):
    result = called(made_run, "--prompt", "abc é", "--max-tokens", "9")
    assert result.exit_code == 0
    assert result.stdout == "abc é" + expected(made_run, "abc é", max_tokens=9) + "\n"
    assert result.stderr == ""


def test_every_option_reaches_the_sampler(made_run):
    text = expected(
        made_run, "on", max_tokens=20, seed=5, temperature=1.5, top_k=90, top_p=0.9, min_p=0.01
    )
    options = "--max-tokens 20 --seed 5 --temperature 1.5 --top-k 90 --top-p 0.9 --min-p 0.01"
    assert called(made_run, "--prompt", "on", *options.split()).stdout == "on" + text + "\n"


def test_a_stop_string_is_not_printed(made_run):
    whole = expected(made_run, "on", max_tokens=20, temperature=0.0)
    stop = whole[4:6]
    result = called(
        made_run, "--prompt", "on", "--temperature", "0", "--stop", "no such text", "--stop", stop
    )
    assert result.stdout == "on" + whole[: whole.index(stop)] + "\n"


def test_json_is_one_object_with_the_reason_of_the_end(made_run):
    result = called(made_run, "--prompt", "on", "--max-tokens", "4", "--seed", "1", "--json")
    assert json.loads(result.stdout) == {
        "prompt": "on",
        "text": expected(made_run, "on", max_tokens=4, seed=1),
        "finish": "max_tokens",
        "tokens": 4,
        "seed": 1,
        "step": 2,
    }


def test_a_full_context_is_said_on_standard_error(made_run):
    result = called(made_run, "--prompt", "on", "--temperature", "0")
    assert "context of 32 tokens" in result.stderr
    assert result.stdout == "on" + expected(made_run, "on", temperature=0.0) + "\n"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--temperature", "-1"], ConfigError, "--temperature: expected a number from 0"),
        (["--top-k", "0"], ConfigError, "--top-k"),
        (["--max-tokens", "0"], ConfigError, "--max-tokens"),
        (["--stop", ""], ConfigError, "--stop"),
        (["--prompt", "x" * 40], ConfigError, "--prompt: expected at most 32 tokens"),
        (["--device", "mps"], UnavailableError, "--device: expected an available device"),
    ],
)
def test_what_means_nothing_is_refused_before_a_word_is_printed(
    made_run, arguments, error, message
):
    result = called(made_run, *arguments)
    assert isinstance(result.exception, error) and message in str(result.exception)
    assert result.stdout == ""


def test_a_folder_that_is_no_run_is_named(tmp_path):
    result = called(tmp_path / "none")
    assert isinstance(result.exception, InputMissingError)
    assert "config.yaml" in str(result.exception)


def test_a_signal_ends_the_text_with_its_exit_code(made_run, monkeypatch):
    monkeypatch.setattr(StopFlag, "__bool__", lambda flag: True)
    monkeypatch.setattr(StopFlag, "__init__", lambda flag: setattr(flag, "signal", 15))
    result = called(made_run, "--prompt", "on")
    assert isinstance(result.exception, StoppedError)
    assert result.exception.exit_code == 143 and "stopped after 1 tokens" in str(result.exception)


def test_help_shows_an_example():
    text = CliRunner().invoke(generate, ["--help"]).stdout
    assert 'paribus generate runs/quickstart --prompt "Once upon a time"' in text
