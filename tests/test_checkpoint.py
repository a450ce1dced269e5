import dataclasses
import errno
import json
import os
import shutil

import pytest
import safetensors
import torch

from paribus import checkpoint
from paribus.checkpoint import Progress, Snapshot
from paribus.errors import (
    AccessDeniedError,
    CannotCreateError,
    DataError,
    InputMissingError,
    StorageError,
)
from paribus.files import sweep_temporaries
from paribus.run_folder import RunPaths


def snapshot(step, loss=None):
    generator = torch.Generator().manual_seed(step)
    return Snapshot(
        step=step,
        weights={"a": torch.randn(3, 4, generator=generator), "b": torch.randn(5)},
        optimizer={"a.mean": torch.randn(3, 4), "random.cpu": torch.get_rng_state()},
        progress=Progress(tokens=10 * step, seconds=0.1, chain="0" * 16, scaler=None),
        validation_loss=loss,
    )


@pytest.fixture
def save(tmp_path):
    def make(step, loss=None):
        made = snapshot(step, loss)
        checkpoint.save(tmp_path, made, tokenizer_hash="f" * 64)
        return made

    return make


def steps(run):
    return [saved.step for saved in checkpoint.saved_steps(run)]


def test_what_is_saved_is_read_back_bit_for_bit(save, tmp_path):
    made = save(7, 1.5)
    found = checkpoint.read(checkpoint.find(tmp_path))
    for kind in ("weights", "optimizer"):
        mine, theirs = getattr(made, kind), getattr(found, kind)
        assert mine.keys() == theirs.keys()
        assert all(
            torch.equal(mine[n], theirs[n]) and mine[n].dtype == theirs[n].dtype for n in mine
        )
    assert found.progress == made.progress
    assert (found.step, found.validation_loss) == (7, 1.5)


def test_last_best_and_one_by_its_step_are_found(save, tmp_path):
    for step, loss in [(1, None), (2, 1.0), (3, 0.5), (4, 0.5), (5, 2.0), (6, None)]:
        save(step, loss)
    assert checkpoint.find(tmp_path).step == 6
    assert checkpoint.find(tmp_path, "best").step == 4
    assert checkpoint.find(tmp_path, 2).step == 2
    with pytest.raises(InputMissingError, match="a checkpoint of step 9"):
        checkpoint.find(tmp_path, 9)


def test_without_a_loss_the_best_is_the_newest(save, tmp_path):
    save(1)
    save(2)
    assert checkpoint.find(tmp_path, "best").step == 2


def test_steps_of_any_length_are_in_order(save, tmp_path):
    for step in (9, 10, 99_999_999, 123_456_789):
        save(step)
    assert steps(tmp_path) == [123_456_789, 99_999_999, 10, 9]


def test_pruning_keeps_the_newest_and_the_best(save, tmp_path):
    for step, loss in enumerate([0.1, 0.9, 0.8, 0.7, 0.6]):
        save(step, loss)
    checkpoint.prune(tmp_path, keep_last=2)
    assert steps(tmp_path) == [4, 3, 0]
    checkpoint.prune(tmp_path, keep_last=2)
    assert steps(tmp_path) == [4, 3, 0]


def test_a_step_saved_before_its_evaluation_is_replaced_by_one_with_the_loss(save, tmp_path):
    save(1)
    save(2)
    assert not checkpoint.is_wanted(tmp_path, 2, None)
    assert checkpoint.is_wanted(tmp_path, 2, 0.5)
    save(2, 0.5)
    assert steps(tmp_path) == [2, 1]
    assert [path.name for path in RunPaths(tmp_path).checkpoint(2).parent.glob(".*")] == []
    assert not checkpoint.is_wanted(tmp_path, 2, 0.5)
    assert checkpoint.is_wanted(tmp_path, 3, None)


def test_a_kill_while_a_step_is_replaced_loses_nothing(save, tmp_path, monkeypatch):
    save(1)
    save(2)
    real = os.rename

    def die_before_the_new_one(source, target):
        if ".tmp-" in str(source):
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "rename", die_before_the_new_one)
    with pytest.raises(KeyboardInterrupt):
        save(2, 0.5)
    monkeypatch.undo()
    assert steps(tmp_path) == [2, 1]
    folder = RunPaths(tmp_path).checkpoint(2)
    folder.rename(folder.with_name(f".old-{folder.name}"))  # as after a loss of power
    sweep_temporaries(folder.parent)
    assert steps(tmp_path) == [2, 1]
    assert checkpoint.is_wanted(tmp_path, 2, 0.5)


def test_a_run_without_a_checkpoint_says_how_to_make_one(tmp_path):
    with pytest.raises(InputMissingError, match=r"a checkpoint, found none.*paribus train"):
        checkpoint.find(tmp_path)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


FILES = ["model.safetensors", "optimizer.safetensors", "state.json", "MANIFEST.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [truncate, flip, lambda path: path.unlink()])
def test_a_damaged_newest_is_passed_over_and_named(save, tmp_path, caplog, name, damage):
    save(1)
    save(2)
    damage(tmp_path / "checkpoints" / "step-00000002" / name)
    assert checkpoint.find(tmp_path).step == 1
    assert "step-00000002 is not whole and is passed over" in caplog.text
    assert len(caplog.records) == 1


def test_damaged_checkpoints_do_not_count_as_kept(save, tmp_path):
    for step in range(4):
        save(step)
    truncate(tmp_path / "checkpoints" / "step-00000003" / "model.safetensors")
    checkpoint.prune(tmp_path, keep_last=2)
    assert steps(tmp_path) == [2, 1]


@pytest.mark.parametrize(
    "change",
    [{"step": 3}, {"step": "2"}, {"step": True}, {"validation_loss": "low"}, {"format": "x"}],
)
def test_a_manifest_that_contradicts_itself_is_passed_over(save, tmp_path, caplog, change):
    save(1)
    save(2)
    path = tmp_path / "checkpoints" / "step-00000002" / "MANIFEST.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | change), encoding="utf-8")
    assert steps(tmp_path) == [1]
    assert "passed over" in caplog.text


def test_a_renamed_checkpoint_is_not_taken_for_another_step(save, tmp_path):
    save(2)
    folder = tmp_path / "checkpoints"
    (folder / "step-00000002").rename(folder / "step-00000009")
    assert steps(tmp_path) == []


def test_weights_of_another_model_are_refused_by_name(save, tmp_path):
    made = save(1)
    model = torch.nn.Module()
    model.register_parameter("a", torch.nn.Parameter(torch.zeros(3, 5)))
    model.register_parameter("b", torch.nn.Parameter(torch.zeros(5)))
    with pytest.raises(DataError, match=r"a: expected \(3, 5\), found \(3, 4\).*another model"):
        checkpoint.load_weights(model, made.weights, tmp_path)
    assert not model.a.any()
    with pytest.raises(DataError, match="found no such tensor"):
        checkpoint.load_weights(model, {}, tmp_path)


def test_no_pickle_is_read(tmp_path):
    torch.save({"a": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(DataError, match="expected a safetensors file"):
        checkpoint.read_tensors(tmp_path / "model.safetensors")


@pytest.fixture
def trained(tiny_experiment):
    from paribus.training.run import train

    return train(tiny_experiment("run", "training.steps=3"))


def test_a_run_opens_from_its_folder_alone(trained, tmp_path):
    moved = shutil.move(trained, tmp_path / "moved")
    opened = checkpoint.open_run(moved)
    weights = checkpoint.read(checkpoint.find(moved, "best")).weights
    assert all(torch.equal(weights[n], t) for n, t in opened.model.state_dict().items())
    assert not opened.model.training
    assert opened.step == 3
    assert checkpoint.open_run(moved, step=2).step == 2


def test_the_tokenizer_of_another_run_is_refused(trained):
    from paribus.tokenizer.formats import write_files
    from paribus.tokenizer.vocabulary import Vocabulary

    shutil.rmtree(trained / "tokenizer")
    (trained / "tokenizer").mkdir()
    other = Vocabulary.build("gpt2", ["<|endoftext|>"], [(b"a", b"b")], "cs336")
    write_files(other, trained / "tokenizer")
    with pytest.raises(DataError, match=r"tokenizer: expected the tokenizer .* of the checkpoint"):
        checkpoint.open_run(trained)


def test_the_weights_of_another_config_are_refused(trained):
    from paribus.config.load import to_yaml
    from paribus.files import publish_file

    experiment = checkpoint.read_experiment(trained)
    wider = dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, d_model=32))
    publish_file(trained / "config.yaml", to_yaml(wider).encode())
    with pytest.raises(DataError, match="another model"):
        checkpoint.open_run(trained)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputMissingError, match=r"expected a run folder with config\.yaml"):
        checkpoint.open_run(tmp_path)


def test_later_checkpoints_are_removed_whole_or_damaged(save, tmp_path):
    for step in (5, 99_999_999, 100_000_000):
        save(step)
    truncate(tmp_path / "checkpoints" / "step-100000000" / "model.safetensors")
    checkpoint.remove_later(tmp_path, 5)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000005"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, AccessDeniedError),
        (errno.EROFS, CannotCreateError),
        (errno.EMFILE, StorageError),
        (errno.EIO, StorageError),
        (errno.ENOSPC, StorageError),
        (errno.EFBIG, StorageError),
    ],
)
def test_the_cause_of_a_failed_write_decides_its_error(save, monkeypatch, number, kind):
    def fail(tensors, path):
        cause = f"Error while serializing: I/O error: {os.strerror(number)} (os error {number})"
        raise safetensors.SafetensorError(cause)

    save(1)
    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(kind) as caught:
        save(2)
    assert type(caught.value) is kind
    assert "step-00000002" in str(caught.value) and "serializing" not in str(caught.value)


def test_a_failed_write_without_a_system_error_is_named(save, monkeypatch):
    def fail(tensors, path):
        raise safetensors.SafetensorError("too many tensors")

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(StorageError, match="could not be written: too many tensors"):
        save(2)
