import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from paribus import checkpoint
from paribus.config.load import to_plain
from paribus.errors import ConfigError, DataError, InputMissingError, UnavailableError
from paribus.tracking.rows import read_rows
from paribus.training.run import resume, train

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children")


def in_child(work):
    """Runs `work` in a forked child; gives its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        work()
        code = 0
    finally:
        os._exit(code)


def kill_at_call(number, work):
    """Whether a child that dies at its n-th call to rename, replace or fsync got that far."""

    def dying():
        left = [number]
        for name in ("rename", "replace", "fsync"):
            setattr(os, name, counted(getattr(os, name), left))
        work()

    def counted(real, left):
        def call(*arguments, **named):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return call

    _, status = os.waitpid(in_child(dying), 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("after", [1, 3, 4, 7, 8])
def test_resuming_equals_never_stopping(stopped_run, unbroken, outcome_of, after):
    folder = stopped_run("run", after=after)
    assert checkpoint.find(folder).step == after
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))


def test_stopping_at_every_step_equals_never_stopping(stopped_run, unbroken, outcome_of, recorder):
    from paribus.errors import StoppedError

    folder = stopped_run("run", after=1)
    for step in range(2, 8):
        with pytest.raises(StoppedError):
            resume(folder, listeners=[recorder(step)])
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))


def test_resuming_a_finished_run_changes_no_number(
    tiny_experiment, unbroken, outcome_of, recorder, tmp_path
):
    folder = shutil.copytree(unbroken, tmp_path / "copy")
    listener = recorder()
    resume(folder, listeners=[listener])
    assert not listener.steps
    assert "all 8 steps are made" in listener.notes[-1]
    outcome_of(folder).assert_equal(outcome_of(unbroken))


@needs_fork
def test_a_run_killed_at_file_calls_ends_as_if_never_killed(
    tiny_experiment, unbroken, outcome_of, subtests
):
    for number in (3, 12, 25, 31, 38, 47):
        with subtests.test(call=number):
            experiment = tiny_experiment(f"run-{number}")
            folder = experiment.run.dir
            if not kill_at_call(number, lambda experiment=experiment: train(experiment)):
                pytest.fail("the run made fewer file calls")
            before_the_first = not any((folder / "checkpoints").glob("step-*"))
            train(experiment) if before_the_first else resume(folder)
            outcome_of(folder).assert_equal(outcome_of(unbroken))
            assert not [*folder.glob(".tmp-*"), *folder.glob("checkpoints/.t*")]


@needs_fork
def test_a_resume_killed_at_file_calls_loses_no_reported_checkpoint(
    stopped_run, unbroken, outcome_of
):
    folder = stopped_run("run", after=2)
    step = checkpoint.find(folder).step
    for number in (2, 5, 8, 4, 9):
        if not kill_at_call(number, lambda: resume(folder)):
            break
        assert checkpoint.find(folder).step >= step
        step = checkpoint.find(folder).step
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))


@needs_fork
def test_kills_at_random_moments_change_no_bit(stopped_run, unbroken, outcome_of):
    folder = stopped_run("run", after=1)
    draw = random.Random(0)
    for _ in range(5):
        pid = in_child(lambda: resume(folder))
        time.sleep(draw.uniform(0.01, 0.3))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))


def start(tiny_data, folder, *overrides):
    """A run in a process of its own."""
    command = [sys.executable, "-m", "paribus", "train", str(tiny_data.config), *overrides]
    command += [f"data.dir={tiny_data.tokens}", "--run", str(folder)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")


def kill_after_step_2(process):
    for line in process.stderr:
        if line.startswith("saved step 2"):
            break
    process.kill()
    process.communicate()


def test_a_killed_process_is_taken_up_by_another(tiny_data, unbroken, outcome_of, tmp_path):
    folder = tmp_path / "run"
    kill_after_step_2(start(tiny_data, folder))
    assert checkpoint.find(folder).step >= 2
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))


# By the command alone: the run-time checks of shapes in this process cannot be compiled.
@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_killed_compiled_run_goes_on_bit_for_bit(tiny_data, outcome_of, tmp_path, precision):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    compiled = ["training.compile=on", f"training.precision={precision}", "training.threads=2"]
    _, said = start(tiny_data, whole, *compiled).communicate()
    kill_after_step_2(start(tiny_data, parts, *compiled))
    assert 2 <= checkpoint.find(parts).step < 8
    resumed = [sys.executable, "-m", "paribus", "resume", str(parts)]
    said += subprocess.run(resumed, stderr=subprocess.PIPE, encoding="utf-8", check=True).stderr
    assert "torch.compile failed" not in said
    outcome_of(parts).assert_equal(outcome_of(whole))


def test_config_yaml_repeats_the_run(unbroken, outcome_of, tmp_path):
    from paribus.experiment import load_experiment

    again = load_experiment(unbroken / "config.yaml", [f"run.dir={tmp_path / 'again'}"])
    outcome_of(train(again)).assert_equal(outcome_of(unbroken))


def test_a_truncated_newest_checkpoint_is_passed_over(stopped_run, unbroken, outcome_of, caplog):
    folder = stopped_run("run", after=5)
    weights = folder / "checkpoints" / "step-00000005" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert checkpoint.find(folder).step == 4
    assert "step-00000005 is not whole" in caplog.text
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))


@pytest.mark.parametrize(
    "override",
    ["optimizer.lr=2e-2", "training.seed=1", "training.batch_size=8", "data.order=random"],
)
def test_a_change_that_touches_an_update_is_refused_by_name(stopped_run, override):
    folder = stopped_run("run")
    config = (folder / "config.yaml").read_bytes()
    key = override.partition("=")[0]
    with pytest.raises(ConfigError, match=rf"{key}: .*--allow-change {key}"):
        resume(folder, [override])
    assert (folder / "config.yaml").read_bytes() == config


@pytest.mark.parametrize(
    "override",
    ["training.time=10s", "training.tokens=640", "training.epochs=3", "evaluation.tokens=50",
     "run.dir=elsewhere"],
)  # fmt: skip
def test_what_acts_only_before_step_0_cannot_be_changed(stopped_run, override):
    folder = stopped_run("run")
    config = (folder / "config.yaml").read_bytes()
    key = override.partition("=")[0]
    with pytest.raises(ConfigError, match=rf"{key}: .*acts only before step 0"):
        resume(folder, [override], allow_change=[key, "training.steps"])
    assert (folder / "config.yaml").read_bytes() == config


def test_fewer_steps_than_are_made_are_refused(stopped_run, unbroken, outcome_of):
    folder = stopped_run("run", after=5)
    with pytest.raises(ConfigError, match=r"training\.steps: expected at least 5.*found 4"):
        resume(folder, ["training.steps=4"])
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))


def test_an_extension_tells_the_rate_it_changes(unbroken, tmp_path, recorder):
    folder, listener = shutil.copytree(unbroken, tmp_path / "copy"), recorder()
    resume(folder, ["training.steps=16"], [listener])
    rate = listener.steps[0].lr
    assert any(f"learning rate of step 9 is {rate:.3g} instead of" in n for n in listener.notes)


def test_an_allowed_change_is_made_and_recorded(stopped_run, recorder):
    folder = stopped_run("run")
    listener = recorder()
    resume(folder, ["optimizer.lr=2e-2"], [listener], allow_change=["optimizer.lr"])
    assert max(m.lr for m in listener.steps) > 1e-2
    assert checkpoint.read_experiment(folder).optimizer.lr == 2e-2
    events = [row for row in read_rows(folder / "metrics.jsonl") if row["kind"] == "event"]
    assert ("changed", "optimizer.lr", 0.02) in [
        (row["name"], row.get("key"), row.get("value")) for row in events
    ]


def test_a_finished_run_is_extended(unbroken, tmp_path):
    folder = shutil.copytree(unbroken, tmp_path / "copy")
    resume(folder, ["training.steps=10"])
    assert checkpoint.find(folder).step == 10
    steps = [row["step"] for row in read_rows(folder / "metrics.jsonl") if row["kind"] == "train"]
    assert steps == list(range(1, 11))
    assert checkpoint.read_experiment(folder).training.steps == 10


def test_a_change_of_shape_is_refused_even_where_it_is_allowed(stopped_run):
    folder = stopped_run("run")
    with pytest.raises(DataError, match=r"expected .* found .*another model"):
        resume(folder, ["model.d_model=32"], allow_change=["model.d_model"])
    resume(folder)  # still as it was


def test_a_copied_run_resumes_from_its_own_data(stopped_run, unbroken, outcome_of, tmp_path):
    folder = shutil.move(stopped_run("run"), tmp_path / "elsewhere")
    record = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    (folder / "data.json").write_text(
        json.dumps(record | {"path": str(tmp_path / "gone")}), encoding="utf-8"
    )
    outcome_of(resume(folder)).assert_equal(outcome_of(unbroken))


@pytest.fixture
def bare_run(stopped_run, tmp_path):
    """A stopped run whose own data and last path are gone."""
    folder = stopped_run("run")
    shutil.rmtree(folder / "data")
    record = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    record["path"] = str(tmp_path / "gone")
    (folder / "data.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_data_is_found_by_its_content(bare_run, tiny_data, unbroken, outcome_of, tmp_path):
    renamed = shutil.copytree(tiny_data.tokens, tmp_path / "renamed")
    outcome_of(resume(bare_run, data=renamed)).assert_equal(outcome_of(unbroken))


def test_a_data_folder_may_be_named_as_a_setting(bare_run, tiny_data, unbroken, outcome_of):
    outcome_of(resume(bare_run, [f"data.dir={tiny_data.tokens}"])).assert_equal(
        outcome_of(unbroken)
    )


@pytest.mark.parametrize("named", [{"overrides": ["data.dir=gone"]}, {"data": Path("gone")}])
def test_a_data_folder_that_is_not_there_is_refused_and_not_recorded(stopped_run, named):
    folder = stopped_run("run")
    config = (folder / "config.yaml").read_bytes()
    with pytest.raises(InputMissingError, match="gone"):
        resume(folder, **named)
    assert (folder / "config.yaml").read_bytes() == config


def test_data_is_found_by_the_environment(bare_run, tiny_data, monkeypatch):
    monkeypatch.setenv("PARIBUS_DATA", str(tiny_data.tokens))
    resume(bare_run)


def test_data_that_is_gone_is_named_by_hash_and_size(bare_run):
    record = json.loads((bare_run / "data.json").read_text(encoding="utf-8"))
    with pytest.raises(InputMissingError) as caught:
        resume(bare_run)
    assert caught.value.exit_code == 66
    assert record["content_hash"][:16] in str(caught.value)
    assert str(record["train_tokens"]) in str(caught.value)
    assert "--data DIR" in str(caught.value)


@pytest.mark.parametrize("content", ['{"content_hash": 5}', '{"content_hash": "a", "path": 1}'])
def test_a_record_of_the_data_that_is_not_whole_is_named(stopped_run, content):
    folder = stopped_run("run")
    (folder / "data.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.json: expected text as '.*', found"):
        resume(folder)


@pytest.mark.parametrize("ids", [[[1, 2]], [1.0, 2.0], [1, 5000]])
def test_validation_tokens_that_are_none_are_named(stopped_run, ids):
    folder = stopped_run("run")
    dtype = np.float64 if isinstance(ids[0], float) else np.uint16
    np.save(folder / "validation.npy", np.array(ids, dtype))
    with pytest.raises(
        DataError, match=r"validation\.npy: expected (a row of token ids|.* integers)"
    ):
        resume(folder)


def test_metrics_that_cannot_be_read_are_told_and_do_not_end_the_run(
    stopped_run, unbroken, recorder
):
    folder, listener = stopped_run("run"), recorder()
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b'\xff\xfe{"a": [}\n')
    resume(folder, listeners=[listener])
    assert any("metrics.jsonl:" in note and "The run continues" in note for note in listener.notes)
    weights = [checkpoint.read(checkpoint.find(run)).weights for run in (folder, unbroken)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])


def test_other_data_is_not_taken(bare_run, tiny_data, tmp_path):
    from paribus.data.prepare import prepare
    from paribus.tokenizer.tokenizer import Tokenizer

    (tmp_path / "other.txt").write_text("another text " * 500, encoding="utf-8")
    other = tmp_path / "other"
    prepare([tmp_path / "other.txt"], Tokenizer.from_files(tiny_data.tokenizer), other)
    with pytest.raises(InputMissingError):
        resume(bare_run, data=other)


def test_a_resumed_run_keeps_the_config_it_resolved(stopped_run):
    folder = stopped_run("run", "training.compile=auto", "training.precision=auto")
    before = to_plain(checkpoint.read_experiment(folder))
    assert before["training"]["compile"] == "off"
    assert before["training"]["precision"] == "fp32"
    resume(folder)
    assert to_plain(checkpoint.read_experiment(folder)) == before


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_goes_on_bit_for_bit(tiny_experiment, stopped_run, outcome_of, precision):
    override = f"training.precision={precision}"
    whole = train(tiny_experiment("whole", override))
    scaler = checkpoint.read(checkpoint.find(whole)).progress.scaler
    assert (scaler is not None) == (precision == "fp16")
    outcome_of(resume(stopped_run("parts", override))).assert_equal(outcome_of(whole))


@pytest.mark.parametrize("kind", ["sgd", "muon"])
def test_every_optimizer_goes_on_bit_for_bit(tiny_experiment, stopped_run, outcome_of, kind):
    overrides = (f"optimizer.kind={kind}", "optimizer.lr=1e-2", "training.z_loss=1e-3")
    whole = train(tiny_experiment("whole", *overrides))
    parts = resume(stopped_run("parts", *overrides))
    outcome_of(parts).assert_equal(outcome_of(whole))


def test_another_optimizer_cannot_take_over(stopped_run):
    folder = stopped_run("run")
    change = ["optimizer.kind=muon", "optimizer.lr=1e-2"]
    with pytest.raises(ConfigError, match=r"optimizer\.kind: .*moments"):
        resume(folder, change, allow_change=["optimizer.kind"])


def test_a_device_that_is_gone_is_refused_before_anything_is_made(stopped_run, monkeypatch):
    folder = stopped_run("run")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnavailableError, match=r"^training\.device: .*found 'cuda'"):
        resume(folder, ["training.device=cuda"], allow_change=["training.device"])
