import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from paribus import checkpoint
from paribus.errors import (
    CannotCreateError,
    ConfigError,
    DataError,
    StoppedError,
    UnavailableError,
)
from paribus.files import locked
from paribus.machine import processor_name, total_memory_bytes
from paribus.tokenizer import formats
from paribus.tokenizer.vocabulary import Vocabulary
from paribus.training.run import resume, train


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_run_folder_holds_its_files_and_no_other(unbroken, tiny_data):
    expected = {
        "config.yaml", "environment.json", "status.json", "metrics.jsonl", "samples.jsonl",
        "tokenizer", "data.json", "validation.npy", "data", "run.lock", "run.lock.json",
        "checkpoints", "run.log",
    }  # fmt: skip
    assert names(unbroken) == expected
    files = {"model.safetensors", "optimizer.safetensors", "state.json", "MANIFEST.json"}
    assert all(names(folder) == files for folder in (unbroken / "checkpoints").iterdir())
    status = json.loads((unbroken / "status.json").read_text(encoding="utf-8"))
    assert status == {"state": "finished", "step": 8, "reason": "all steps made", "exit_code": 0}
    own = names(unbroken / "data")
    assert own == names(tiny_data.tokens)


def test_the_environment_says_what_each_auto_became(tiny_experiment):
    folder = train(
        tiny_experiment(
            "run", "training.precision=auto", "training.threads=null", "training.steps=3"
        )
    )
    record = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    assert record["resolved"]["training.precision"] == "fp32"
    assert record["resolved"]["training.threads"] == record["threads"]
    assert record["resolved"]["model.vocab_size"] == 300
    assert record["versions"]["torch"]
    assert record["processor"] == processor_name()
    assert record["memory_bytes"] == total_memory_bytes()
    assert record["cpu_count"] >= record["usable_cores"] > 0


def test_samples_are_text_that_begins_with_the_prompt(unbroken):
    rows = [json.loads(line) for line in (unbroken / "samples.jsonl").open(encoding="utf-8")]
    assert [row["step"] for row in rows] == [4, 8]
    assert all(row["text"].startswith("Once") for row in rows)


def test_the_newest_two_checkpoints_and_the_best_are_kept(unbroken):
    kept = {saved.step for saved in checkpoint.saved_steps(unbroken)}
    best = checkpoint.find(unbroken, "best").step
    assert kept == {6, 8, best}


def test_validation_tokens_are_those_of_the_data(unbroken, tiny_data):
    from paribus.data.shards import open_shards

    kept = np.load(unbroken / "validation.npy")
    assert np.array_equal(kept, open_shards(tiny_data.tokens).validation[0][: len(kept)])
    assert len(kept) == 257  # evaluation.tokens targets, and the token in front of the first


def test_a_run_folder_in_use_is_refused(unbroken, tiny_experiment, tmp_path):
    shutil.copytree(unbroken, tmp_path / "run")
    before = sorted(str(p) for p in (tmp_path / "run").rglob("*"))
    with pytest.raises(CannotCreateError, match=r"expected no run, found one.*paribus resume"):
        train(tiny_experiment("run"))
    assert sorted(str(p) for p in (tmp_path / "run").rglob("*")) == before


def test_a_folder_with_something_else_is_refused(tiny_experiment, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious", encoding="utf-8")
    with pytest.raises(CannotCreateError, match=r"found 'thesis\.txt'"):
        train(tiny_experiment("run"))
    assert (tmp_path / "run" / "thesis.txt").read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("verb", ["train", "resume"])
def test_a_folder_at_work_is_refused_with_its_holder(unbroken, tiny_experiment, tmp_path, verb):
    folder = shutil.copytree(unbroken, tmp_path / "run")
    with locked(folder), pytest.raises(UnavailableError) as caught:
        train(tiny_experiment("run")) if verb == "train" else resume(folder)
    assert caught.value.exit_code == 69
    assert f"pid {os.getpid()}" in str(caught.value)


def test_temporaries_of_a_killed_writer_are_swept(stopped_run):
    folder = stopped_run("run")
    for place in (folder, folder / "checkpoints"):
        (place / ".tmp-0123").mkdir()
        (place / ".tmp-0123" / "half").write_text("x", encoding="utf-8")
        (place / ".trash-4567").mkdir()
    resume(folder)
    assert not [path for path in folder.rglob("*") if path.name.startswith((".tmp-", ".trash-"))]


def test_a_vocabulary_size_other_than_the_data_is_refused(tiny_experiment):
    with pytest.raises(ConfigError, match=r"model\.vocab_size.*300.*found 500"):
        train(tiny_experiment("run", "model.vocab_size=500"))


def test_data_beside_another_tokenizer_is_refused_before_step_0(
    tiny_experiment, tiny_data, tmp_path
):
    mixed = shutil.copytree(tiny_data.tokens, tmp_path / "mixed")
    sizes = {path.name: path.stat().st_size for path in mixed.iterdir()}
    own = formats.read(mixed)
    swapped = [*own.merges[:-2], own.merges[-1], own.merges[-2]]
    specials = [text for _, text in own.special_tokens]
    formats.write_files(Vocabulary.build(own.pattern, specials, swapped, "cs336"), mixed)
    assert {path.name: path.stat().st_size for path in mixed.iterdir()} == sizes
    experiment = tiny_experiment("run", f"data.dir={mixed}")
    with pytest.raises(DataError, match=r"tokenizer of .*which encoded it"):
        train(experiment)
    assert not experiment.run.dir.exists()


def test_data_and_tokenizer_of_the_user_in_the_run_folder_stay(
    tiny_experiment, tiny_data, tmp_path
):
    own = shutil.copytree(tiny_data.tokens, tmp_path / "run" / "data")
    before = names(own)
    for data in (own, tiny_data.tokens):
        with pytest.raises((CannotCreateError, ConfigError)):
            train(tiny_experiment("run", f"data.dir={data}"))
    (tmp_path / "run" / "validation.npy").touch()  # as of a run that never began
    with pytest.raises(ConfigError, match=r"data\.dir: expected a folder outside"):
        train(tiny_experiment("run", f"data.dir={own}"))
    assert names(own) == before


def test_the_run_of_a_killed_start_is_taken_anew(tiny_experiment, unbroken, tmp_path):
    shutil.copytree(unbroken, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    for name in ("metrics.jsonl", "samples.jsonl"):
        (tmp_path / "run" / name).unlink()
    train(tiny_experiment("run"))
    assert checkpoint.find(tmp_path / "run").step == 8


def test_fine_tuning_starts_from_the_best_weights_of_a_run(unbroken, tiny_experiment, recorder):
    listener = recorder()
    folder = train(tiny_experiment("run", "training.steps=4"), [listener], init_from=unbroken)
    fresh = recorder()
    train(tiny_experiment("fresh", "training.steps=4"), [fresh])
    assert listener.steps[0].loss < fresh.steps[0].loss
    source = checkpoint.find(unbroken, "best")
    record = json.loads((folder / "environment.json").read_text(encoding="utf-8"))["init_from"]
    manifest = json.loads((source.folder / "MANIFEST.json").read_text(encoding="utf-8"))
    sha256 = manifest["files"]["model.safetensors"]["sha256"]
    assert record == {"run": str(unbroken), "step": source.step, "sha256": sha256}


def test_fine_tuning_another_architecture_names_what_is_other(unbroken, tiny_experiment, recorder):
    listener = recorder()
    overrides = ("training.steps=4", "model.ffn=geglu", "model.norm_eps=1e-6")
    train(tiny_experiment("run", *overrides), [listener], init_from=unbroken)
    note = "the weights were trained with another model.norm_eps, model.ffn"
    assert note in listener.notes


def test_fine_tuning_on_another_tokenizer_is_refused(
    unbroken, tiny_experiment, tiny_data, tmp_path
):
    from paribus.data.prepare import prepare
    from paribus.tokenizer.tokenizer import Tokenizer
    from paribus.tokenizer.vocabulary import Vocabulary

    other = Tokenizer(Vocabulary.build("gpt2", ["<|endoftext|>"], [(b"a", b"b")], "cs336"))
    prepare([tiny_data.text], other, tmp_path / "tokens")
    with pytest.raises(ConfigError, match="expected the data's tokenizer"):
        train(tiny_experiment("run", f"data.dir={tmp_path / 'tokens'}"), init_from=unbroken)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "exit_code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 75)]
)
def test_a_signal_saves_and_leaves_with_its_exit_code(tiny_experiment, recorder, name, exit_code):
    if not hasattr(signal, name):
        pytest.skip(f"no {name} here")
    experiment, before = tiny_experiment(), signal.getsignal(getattr(signal, name))
    with pytest.raises(StoppedError, match=rf"stopped and saved at step 3.*{name}") as caught:
        train(experiment, [recorder(3, getattr(signal, name))])
    assert caught.value.exit_code == exit_code
    assert checkpoint.find(experiment.run.dir).step == 3
    status = json.loads((experiment.run.dir / "status.json").read_text(encoding="utf-8"))
    assert (status["state"], status["exit_code"]) == ("stopped", exit_code)
    assert signal.getsignal(getattr(signal, name)) == before


def test_a_second_signal_ends_the_process_at_once():
    script = (
        "import signal\nfrom paribus.interrupts import stop_flag\n"
        "with stop_flag() as flag:\n    signal.raise_signal(signal.SIGTERM)\n"
        "    assert flag\n    signal.raise_signal(signal.SIGINT)\n    print('too late')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (130, b"")
