"""A run folder from a stranger: it changes nothing, and reads nothing, outside itself."""

import json
import os
import shutil

import pytest
import torch

from paribus import checkpoint
from paribus.errors import DataError, InputMissingError, ParibusError
from paribus.report.runs import read_run
from paribus.run_folder import RunPaths, check_no_links, read_status
from paribus.training.run import resume, train


@pytest.fixture
def stranger(unbroken_run, tmp_path):
    """A copy of a run that may be made hostile, and a folder elsewhere that must not change."""
    elsewhere = tmp_path / "elsewhere"
    for name in ("step-00000001", ".old-step-00000002", ".tmp-0123456789abcdef", ".trash-x"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "precious").write_text("mine", encoding="utf-8")
    (elsewhere / "profile").write_text("export A=1\n", encoding="utf-8")
    return shutil.copytree(unbroken_run, tmp_path / "run"), elsewhere


@pytest.fixture(scope="module")
def unbroken_run(tiny_data, tmp_path_factory):
    from paribus.experiment import load_experiment

    folder = tmp_path_factory.mktemp("stranger") / "run"
    given = [f"data.dir={tiny_data.tokens}", f"run.dir={folder}"]
    return train(load_experiment(tiny_data.config, given))


def content(folder):
    """Every name below `folder`, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


APPENDED = ["metrics.jsonl", "samples.jsonl", "run.log"]
REPLACED = ["config.yaml", "status.json", "environment.json", "data.json", "run.lock.json"]
OTHER = ["run.lock", "validation.npy", "new-name", "checkpoints/step-00000008/model.safetensors"]


@pytest.mark.parametrize("name", [*APPENDED, *REPLACED, *OTHER])
@pytest.mark.parametrize("verb", [resume, checkpoint.open_run, read_run])
def test_a_link_in_place_of_a_file_is_refused_and_not_followed(stranger, name, verb):
    folder, elsewhere = stranger
    target, path = elsewhere / "profile", folder / name
    if path.exists():
        target.write_bytes(path.read_bytes())
        path.unlink()
    path.symlink_to(target)
    before = content(elsewhere), content(folder)
    with pytest.raises(DataError, match=f"{name} is a link"):
        verb(folder)
    assert (content(elsewhere), content(folder)) == before


@pytest.mark.parametrize("name", ["checkpoints", "tokenizer", "data", "checkpoints/step-00000008"])
@pytest.mark.parametrize("verb", [resume, checkpoint.open_run, read_run])
def test_a_link_in_place_of_a_folder_is_refused_and_nothing_behind_it_removed(stranger, name, verb):
    folder, elsewhere = stranger
    path = folder / name
    shutil.copytree(path, elsewhere, dirs_exist_ok=True)
    shutil.rmtree(path)
    path.symlink_to(elsewhere, target_is_directory=True)
    before = content(elsewhere)
    with pytest.raises(DataError, match=f"{name} is a link"):
        verb(folder)
    assert content(elsewhere) == before


@pytest.mark.parametrize("name", ["config.yaml", "run.lock", "metrics.jsonl", "validation.npy"])
def test_a_pipe_is_refused_instead_of_waited_for(stranger, name):
    folder, _ = stranger
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    for verb in (resume, checkpoint.open_run, read_run):
        with pytest.raises(DataError, match=f"{name} is a pipe"):
            verb(folder)


@pytest.mark.parametrize("name", ["config.yaml", "run.lock", "run.log", "checkpoints"])
def test_train_does_not_start_in_a_folder_of_links(tiny_experiment, stranger, name):
    _, elsewhere = stranger
    experiment = tiny_experiment("new")
    experiment.run.dir.mkdir()
    (experiment.run.dir / name).symlink_to(elsewhere / "profile")
    before = content(elsewhere)
    with pytest.raises(DataError, match="is a link"):
        train(experiment)
    assert content(elsewhere) == before


def test_the_folder_itself_may_be_a_link(stranger, tmp_path):
    folder, _ = stranger
    (tmp_path / "latest").symlink_to(folder, target_is_directory=True)
    assert resume(tmp_path / "latest", ["training.steps=10"]) == tmp_path / "latest"
    assert checkpoint.find(folder).step == 10


def test_a_copy_by_hard_links_does_not_write_into_its_original(stranger, tmp_path):
    folder, _ = stranger
    shutil.copytree(folder, tmp_path / "copy", copy_function=os.link)
    before = content(folder)
    resume(tmp_path / "copy", ["training.steps=10"])
    after = content(folder)
    assert {name for name in before if before[name] != after.get(name)} <= {"run.lock"}


def test_a_folder_without_links_passes(stranger):
    check_no_links(stranger[0])
    check_no_links(stranger[0] / "nothing-here")


def rewrite(path, /, **changes):
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | changes), encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    ["n_layers: 200000", "d_model: 4194304", "vocab_size: 2000000000", "d_ff: 100000000"],
)
def test_settings_of_a_model_that_the_weights_cannot_be_are_refused_at_once(stranger, line):
    folder, _ = stranger
    config = folder / "config.yaml"
    key = line.partition(":")[0]
    lines = config.read_text(encoding="utf-8").splitlines()
    changed = [f"  {line}" if text.strip().startswith(f"{key}:") else text for text in lines]
    config.write_text("\n".join(changed), encoding="utf-8")
    for verb in (resume, checkpoint.open_run):
        with pytest.raises((DataError, ParibusError)) as caught:
            verb(folder)
        assert "\n" not in str(caught.value)


STATES = {
    "tokens": [None, -1, "5", 1.5, True],
    "seconds": [None, -1.0, "5", []],
    "chain": [None, 5, "xyz", "0" * 15],
    "scaler": ["a", 5, []],
}


@pytest.mark.parametrize("name", STATES)
def test_every_field_of_the_progress_is_checked(stranger, name, monkeypatch):
    folder, _ = stranger
    saved = checkpoint.find(folder)
    path = saved.folder / checkpoint.STATE
    good = path.read_text(encoding="utf-8")
    for value in STATES[name]:
        rewrite(path, **{name: value})
        with pytest.raises(DataError, match=rf"state\.json: expected .* as '{name}'"):
            checkpoint.read(saved)
        path.write_text(good, encoding="utf-8")
    record = json.loads(good)
    del record[name]
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(DataError, match=f"as '{name}', found none"):
        checkpoint.read(saved)


@pytest.mark.parametrize(
    ("field", "value"),
    [("step", -1), ("step", "8"), ("step", 7), ("validation_loss", "low"), ("tokenizer", 5)],
)
def test_a_manifest_of_other_types_is_passed_over(stranger, field, value):
    folder, _ = stranger
    newest = checkpoint.find(folder).folder
    rewrite(newest / "MANIFEST.json", **{field: value})
    assert checkpoint.find(folder).folder != newest


@pytest.mark.parametrize("name", ["validation_loss", "tokenizer", "step"])
def test_a_manifest_without_a_field_is_passed_over(stranger, name):
    folder, _ = stranger
    newest = checkpoint.find(folder).folder
    record = json.loads((newest / "MANIFEST.json").read_text(encoding="utf-8"))
    del record[name]
    (newest / "MANIFEST.json").write_text(json.dumps(record), encoding="utf-8")
    assert checkpoint.find(folder).folder != newest


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("status.json", {"state": "sleeping"}),
        ("status.json", {"step": -4}),
        ("environment.json", {"budget_seconds": "5m"}),
        ("data.json", {"train_tokens": "many"}),
        ("data.json", {"path": None}),
    ],
)
def test_records_of_other_types_are_one_line(stranger, name, change):
    folder, _ = stranger
    rewrite(folder / name, **change)
    with pytest.raises(DataError, match=f"{name}: expected .* as '{next(iter(change))}'"):
        read_status(RunPaths(folder)) if name == "status.json" else resume(folder)


def test_unresolved_settings_in_a_run_folder_are_named(stranger):
    folder, _ = stranger
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    for before, after in (("precision: fp32", "precision: auto"), ("threads: 1", "threads: null")):
        assert before in text
        config.write_text(text.replace(before, after), encoding="utf-8")
        with pytest.raises(ParibusError, match=before.partition(":")[0]):
            checkpoint.open_run(folder)


def test_a_moment_of_another_shape_is_named(stranger):
    from safetensors.torch import load_file, save_file

    folder, _ = stranger
    saved = checkpoint.find(folder)
    path = saved.folder / checkpoint.OPTIMIZER
    tensors = load_file(path)
    name = next(name for name in tensors if name.endswith("mean"))
    tensors[name] = torch.zeros(3, 5)
    save_file(tensors, path)
    snapshot = checkpoint.read(saved)
    from paribus.training.state import TrainState

    state = TrainState.create(checkpoint.read_experiment(folder))
    with pytest.raises(DataError, match=f"{name}: expected the shape"):
        state.restore(snapshot, saved.folder)


def test_a_reader_that_races_with_pruning_does_not_warn(stranger, caplog, monkeypatch):
    folder, _ = stranger
    real = checkpoint.read_manifest

    def prune_first(path, **options):
        if path.name == "step-00000006":
            shutil.rmtree(path)
        return real(path, **options)

    monkeypatch.setattr(checkpoint, "read_manifest", prune_first)
    assert next(saved.step for saved in checkpoint.saved_steps(folder)) == 8
    assert caplog.records == []


@pytest.mark.parametrize(("prompt", "why"), [("", "end-of-text"), ("a" * 200, "at most 16 tokens")])
def test_prompts_that_cannot_be_sampled_are_refused_before_anything_changes(
    tiny_experiment, stranger, prompt, why, monkeypatch
):
    from paribus.tokenizer.tokenizer import Tokenizer

    folder, _ = stranger
    if not prompt:
        monkeypatch.setattr(Tokenizer, "end_of_text", None)
    before = content(folder)
    with pytest.raises(ParibusError, match=rf"evaluation\.prompts: .*{why}"):
        resume(folder, [f"evaluation.prompts=['{prompt}']", "training.steps=12"])
    assert {k: v for k, v in content(folder).items() if k != "run.log"} == {
        k: v for k, v in before.items() if k != "run.log"
    }
    experiment = tiny_experiment("new", f"evaluation.prompts=['{prompt}']")
    with pytest.raises(ParibusError, match=r"evaluation\.prompts"):
        train(experiment)
    assert not experiment.run.dir.exists()


REFUSED = [
    ["training.steps=2"], ["optimizer.lr=1"], ["training.device=cuda"], ["data.dir=nowhere"],
    ["tracking.mirrors=[nobody]"], ["schedule.kind=linear"], ["nonsense=1"],
]  # fmt: skip


@pytest.mark.parametrize("overrides", REFUSED, ids=lambda o: o[0])
def test_a_refused_resume_changes_nothing(stranger, overrides):
    folder, _ = stranger
    before = content(folder)
    with pytest.raises(ParibusError):
        resume(folder, overrides, allow_change=["training.device"])
    changed = {name for name, data in content(folder).items() if before.get(name) != data}
    assert changed <= {"run.log", "run.lock", "run.lock.json"}


def test_a_folder_that_is_no_run_says_so(tmp_path):
    for verb in (resume, checkpoint.open_run, read_run):
        with pytest.raises(InputMissingError, match=r"expected a run folder with config\.yaml"):
            verb(tmp_path)


def test_sparse_validation_tokens_are_bounded_by_their_header(stranger):
    folder, _ = stranger
    with (folder / "validation.npy").open("r+b") as file:
        file.truncate(6 << 30)
    with pytest.raises(ParibusError):
        resume(folder)
