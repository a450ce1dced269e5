"""`paribus plan`."""

import json
import shlex
import shutil

import pytest

TINY = (
    "model.vocab_size=300", "model.d_model=32", "model.context_length=16", "model.n_layers=1",
    "training.batch_size=2", "training.steps=20", "training.compile=off",
    "schedule.warmup_steps=2", "evaluation.tokens=64", "evaluation.every=10",
)  # fmt: skip


def test_a_plan_tells_memory_and_time(cli):
    done = cli("plan", "base_modern", *TINY)
    assert done.code == 0
    for part in ("parameters", "FLOPs", "memory", "fits", "tokens/s", "20 steps", "2 evaluations"):
        assert part in done.out


def test_a_plan_as_json_adds_up(cli):
    said = json.loads(cli("plan", "base_modern", *TINY, "--json").out)
    assert said["tokens"] == 20 * 2 * 16
    assert said["seconds"] > 20 * said["seconds_per_step"]
    assert said["tokens_per_second"] == pytest.approx(2 * 16 / said["seconds_per_step"])


def test_a_run_that_fits_as_it_is_gets_no_proposal(cli):
    done = cli("plan", "base_modern", *TINY, "--fit", "10 hours")
    assert "fits into 10:00:00 as it is" in done.out
    assert "paribus train" not in done.out


def test_the_proposal_is_a_command_that_plans_as_promised(cli):
    words = ["base_modern", *TINY, "training.steps=1000000"]
    done = cli("plan", *words, "--fit", "20s")
    line = next(line for line in done.out.splitlines() if "paribus train" in line)
    command = shlex.split(line)
    assert command[:3] == ["paribus", "train", "base_modern"]
    said = json.loads(cli("plan", *command[2:], "--json").out)
    assert said["steps"] < 1_000_000
    assert f"for {said['steps']:,} steps" in done.out


def test_the_proposal_reads_the_data_of_the_plan(cli, tiny_data, tmp_path):
    tokens = tmp_path / "a b" / "tokens"
    shutil.copytree(tiny_data.tokens, tokens)
    words = ["base_modern", *TINY[1:], "training.steps=1000000"]
    done = cli("plan", *words, "--data", str(tokens), "--fit", "1s")
    line = next(line for line in done.out.splitlines() if "paribus train" in line)
    command = shlex.split(line)
    done = cli(*command[1:], "--run", str(tmp_path / "run"))
    assert done.code == 0, done.err


def test_a_plan_of_a_batch_beyond_all_memory_makes_none(cli, tiny_data):
    words = [*TINY[1:], "training.batch_size=2000000000", "--data", str(tiny_data.tokens)]
    done = cli("plan", "base_modern", *words)
    assert done.code == 0
    assert "does not fit" in done.out


def test_a_time_too_short_for_any_run_is_not_promised(cli):
    done = cli("plan", "base_modern", *TINY, "--fit", "0.00001s")
    assert "No run of a model like this one fits into 0:00" in done.out
    assert "A run that fits" not in done.out


def test_plans_that_cannot_be_are_refused_in_one_line(cli, tmp_path):
    for words, said in (
        (["--fit", "soon"], "--fit: expected a duration as 90s, 5m, 2h"),
        (["--data", str(tmp_path)], "expected token data (MANIFEST.json)"),
    ):
        done = cli("plan", "base_modern", *TINY, *words)
        assert done.code != 0
        assert said in done.err
        assert len(done.err.strip().splitlines()) == 1
