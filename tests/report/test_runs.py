"""Run folders read back."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from paribus.errors import ConfigError, DataError, InputMissingError
from paribus.report.runs import read_run, read_runs
from paribus.run_folder import RunStatus
from paribus.tracking.rows import read_rows


def write_run(folder: Path, *rows: dict, config: str = "optimizer:\n  lr: 3e-4\n") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "status.json").write_text('{"state": "finished"}', encoding="utf-8")
    (folder / "environment.json").write_text('{"threads": 2}', encoding="utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "metrics.jsonl").write_text(lines, encoding="utf-8")
    return folder


def train_row(step: int, loss: float | None) -> dict:
    return {"kind": "train", "step": step, "loss": loss}


def eval_row(step: int, loss: float | None) -> dict:
    return {"kind": "eval", "step": step, "loss": loss, "bits_per_byte": 1.25}


def test_a_record_holds_what_the_folder_says(tmp_path):
    run = read_run(write_run(tmp_path / "a", train_row(1, 3.5), train_row(2, None), eval_row(2, 3)))
    assert (run.name, run.status.state, run.environment["threads"]) == ("a", "finished", 2)
    assert run.config.optimizer.lr == 3e-4
    np.testing.assert_array_equal(run.column("train", "loss"), [3.5, math.nan])
    np.testing.assert_array_equal(run.column("eval", "bits_per_byte"), [1.25])
    assert run.column("train", "loss").dtype == np.float64
    assert len(run.column("event", "step")) == 0


def test_the_best_evaluation_is_the_first_with_the_lowest_loss(tmp_path):
    rows = [eval_row(1, None), eval_row(2, 2.0), eval_row(3, 1.5), eval_row(4, 1.5)]
    assert read_run(write_run(tmp_path / "a", *rows)).best() == rows[2]
    assert read_run(write_run(tmp_path / "b", eval_row(1, None))).best() is None


def test_rows_above_a_resume_are_gone(tmp_path):
    resume = {"kind": "resume", "step": 1}
    rows = [train_row(1, 4.0), train_row(2, 9.0), resume, train_row(2, 3.0)]
    folder = write_run(tmp_path / "a", *rows)
    assert read_rows(folder / "metrics.jsonl") == [rows[0], resume, rows[3]]
    np.testing.assert_array_equal(read_run(folder).column("train", "loss"), [4.0, 3.0])


def test_reprs_show_the_numbers_and_escape_what_a_name_holds(tmp_path):
    run = read_run(write_run(tmp_path / "<b>&", train_row(1, 3.25), eval_row(1, 3.0)))
    page = run._repr_html_()
    assert "&lt;b&gt;&amp;" in page and "<b>" not in page
    assert "3.2500" in page and "3.0000 at step 1" in page and "1.2500" in page
    assert "3.2500" in repr(run) and "finished" in repr(run)


def test_a_run_that_was_killed_at_its_start_is_readable(tmp_path):
    (tmp_path / "config.yaml").write_text("model:\n  d_model: 64\n", encoding="utf-8")
    run = read_run(tmp_path)
    assert (run.status, run.environment, run.rows) == (RunStatus(), {}, ())
    assert "unknown" in repr(run)


def test_runs_are_found_by_a_glob_in_order_of_their_names(tmp_path):
    for name in ("b-s1", "a-s0", "c"):
        write_run(tmp_path / name)
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "a-file").write_text("", encoding="utf-8")
    assert [run.name for run in read_runs(tmp_path / "*")] == ["a-s0", "b-s1", "c"]
    assert [run.name for run in read_runs(str(tmp_path / "?-s*"))] == ["a-s0", "b-s1"]


def test_a_glob_without_a_run_is_named(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(InputMissingError, match="expected run folders, found 1 matches"):
        read_runs(tmp_path / "*")


def test_damaged_parts_are_named(tmp_path):
    broken = write_run(tmp_path / "a", {"kind": "train", "step": 4, "loss": "low"})
    with pytest.raises(DataError, match=r"metrics\.jsonl: .*'loss' of step 4, found 'low'"):
        read_run(broken).column("train", "loss")
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        read_run(write_run(tmp_path / "b", config="a: !!python/object:os.system x\n"))


def test_reading_runs_imports_no_torch():
    modules = "paribus.report.runs, paribus.report.charts, paribus.tracking.metrics"
    code = f"import {modules}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
