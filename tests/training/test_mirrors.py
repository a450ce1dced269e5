"""The mirrors with the real packages, offline: what was logged is read back from their files."""

import json
import struct
import time

import pytest
from click.testing import CliRunner

from paribus.cli.runs import runs
from paribus.tracking.rows import read_rows
from paribus.training.run import resume, train

pytestmark = pytest.mark.peers


@pytest.fixture
def offline(monkeypatch, tmp_path):
    for name, value in {"MODE": "offline", "DIR": str(tmp_path), "SILENT": "true"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)


def scalars_in(folder):
    """(tag, step) -> value of the event files in a folder, by TensorBoard's own reader."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {
        (tag, one.step): one.value
        for tag in events.Tags()["scalars"]
        for one in events.Scalars(tag)
    }


def assert_equal_to_the_log(found, folder):
    rows = read_rows(folder / "metrics.jsonl")
    trained = {row["step"]: row["loss"] for row in rows if row["kind"] == "train"}
    measured = {row["step"]: row["loss"] for row in rows if row["kind"] == "eval"}
    assert len(trained) == 8 and len(measured) == 2
    for step, loss in trained.items():
        assert found["train/loss", step] == pytest.approx(loss, rel=1e-6)
    for step, loss in measured.items():
        assert found["validation/loss", step] == pytest.approx(loss, rel=1e-6)


def test_tensorboard_holds_what_the_log_holds_after_a_resume_too(stopped_run):
    pytest.importorskip("tensorboardX")
    folder = stopped_run("run", "tracking.mirrors=[tensorboard]", after=5)
    resume(folder)
    assert_equal_to_the_log(scalars_in(folder / "tensorboard"), folder)


def test_a_finished_run_is_sent_later(tiny_experiment):
    pytest.importorskip("tensorboardX")
    folder = train(tiny_experiment("run"))
    result = CliRunner().invoke(runs, [str(folder), "--mirror", "tensorboard"])
    assert result.exit_code == 0, result.output
    assert "rows sent to tensorboard" in result.stderr
    assert_equal_to_the_log(scalars_in(folder / "tensorboard"), folder)


def test_wandb_takes_a_run_and_its_resume_offline(stopped_run, offline, tmp_path):
    pytest.importorskip("wandb")
    folder = stopped_run("run", "tracking.mirrors=[wandb]", after=5)
    time.sleep(1.1)  # wandb names its folders by the second
    resume(folder)
    made = sorted((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(made) == 2
    assert len({path.stem for path in made}) == 1, "both are the same run"
    assert not any(path.name == "wandb" for path in folder.iterdir())
    # The writer is a process of wandb's own, which may still be at it.
    deadline = time.monotonic() + 30
    wanted = {("train/loss", step) for step in range(1, 9)} | {("validation/loss", 8)}
    while not wanted <= wandb_rows(made).keys() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert_equal_to_the_log(wandb_rows(made), folder)


def wandb_rows(paths):
    """(name, step) -> value of the history in the files of offline runs."""
    from wandb.proto import wandb_internal_pb2

    found = {}
    for path in paths:
        for data in log_records(path.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(data)
            items = {
                item.key or "/".join(item.nested_key): json.loads(item.value_json)
                for item in record.history.item
            }
            if "step" in items:
                found |= {(name, items["step"]): value for name, value in items.items()}
    return found


def log_records(data):
    """The records of a LevelDB log: blocks of 32 KiB, pieces with checksum, length and type."""
    position, pieces = 7, b""  # behind the header of the file
    while position + 7 <= len(data):
        if 32768 - position % 32768 < 7:  # the rest of a block, too short for a piece
            position += 32768 - position % 32768
            continue
        length, kind = struct.unpack("<HB", data[position + 4 : position + 7])
        pieces += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield pieces
            pieces = b""
