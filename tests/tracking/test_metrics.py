"""The log of a run: its chain, its resume rows, its torn lines."""

import hashlib
import json
import math
from dataclasses import fields, replace
from pathlib import Path

import pytest

from paribus.errors import DataError, InputMissingError
from paribus.tracking.metrics import (
    CLOCK_FIELDS,
    FIRST_CHAIN,
    EvaluationMetrics,
    MetricsLog,
    StepMetrics,
)
from paribus.tracking.rows import read_rows


def metrics_of(step: int) -> StepMetrics:
    return StepMetrics(
        step=step,
        tokens=step * 512,
        loss=5.0 / step,
        lr=1e-3,
        grad_norm=2.5,
        grad_norm_clipped=1.0,
        batch=f"{step:016x}",
        seconds=0.25 * step,
        tokens_per_second=2048.0,
        mfu=0.5,
        memory_bytes=1 << 20,
    )


def evaluation_of(step: int) -> EvaluationMetrics:
    return EvaluationMetrics(step=step, loss=2.0, perplexity=math.exp(2.0), bits_per_byte=1.1)


def write(log: MetricsLog, *steps: StepMetrics, chain: str = FIRST_CHAIN) -> str:
    """Writes the rows of steps after `chain`; returns the chain of the last."""
    for metrics in steps:
        chain = log.train(metrics, chain)
    return chain


def chain_of(folder: Path, *steps: StepMetrics) -> str:
    return write(MetricsLog(folder / f"{len(list(folder.iterdir()))}.jsonl"), *steps)


def test_a_training_row_has_the_fields_of_the_file_format_in_order(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    write(log, metrics_of(1))
    row = json.loads(log.path.read_text(encoding="utf-8"))
    assert list(row) == [
        *("kind", "step", "tokens", "loss", "lr", "grad_norm", "grad_norm_clipped", "batch"),
        *("chain", "seconds", "tokens_per_second", "mfu", "memory_bytes"),
    ]
    before = '{"kind": "train", "step": 1, "tokens": 512, "loss": 5.0, "lr": 0.001, '
    before += '"grad_norm": 2.5, "grad_norm_clipped": 1.0, "batch": "0000000000000001"}'
    assert row["chain"] == hashlib.sha256(("0" * 16 + before).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", [field.name for field in fields(StepMetrics)])
def test_the_chain_depends_on_every_field_but_the_clock_s(tmp_path, name):
    original = metrics_of(3)
    value = getattr(original, name)
    changed = replace(original, **{name: "f" * 16 if name == "batch" else value * 2})
    same = chain_of(tmp_path, original) == chain_of(tmp_path, changed)
    assert same == (name in CLOCK_FIELDS)


def test_the_chain_depends_on_every_earlier_step(tmp_path):
    one, two = metrics_of(1), metrics_of(2)
    assert chain_of(tmp_path, one, two) != chain_of(tmp_path, replace(one, loss=4.9), two)
    assert chain_of(tmp_path, one, two) == chain_of(tmp_path, replace(one, seconds=9.0), two)


def test_evaluations_and_events_leave_the_chain_alone(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    first = write(log, metrics_of(1))
    log.eval(evaluation_of(1))
    log.event(1, "saved", folder="step-00000001")
    write(log, metrics_of(2), chain=first)
    assert read_rows(log.path)[-1]["chain"] == chain_of(tmp_path, metrics_of(1), metrics_of(2))


def test_a_resumed_log_reads_like_one_that_never_stopped(tmp_path):
    whole, resumed = MetricsLog(tmp_path / "a"), MetricsLog(tmp_path / "b")
    last = write(whole, *map(metrics_of, range(1, 7)))
    third = write(resumed, *map(metrics_of, range(1, 4)))
    lost = [replace(metrics_of(step), loss=9.0) for step in (4, 5)]
    write(resumed, *lost, chain=third)
    resumed.eval(evaluation_of(5))

    again = MetricsLog(tmp_path / "b")
    again.resume(3)
    assert write(again, *map(metrics_of, range(4, 7)), chain=third) == last

    rows = read_rows(again.path)
    assert [row for row in rows if row["kind"] != "resume"] == read_rows(whole.path)
    assert [row["step"] for row in rows if row["kind"] == "resume"] == [3]


def test_a_resume_goes_back_behind_an_earlier_resume(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    write(log, *map(metrics_of, range(1, 5)))
    for step in (3, 1, 4, 0):
        MetricsLog(log.path).resume(step)
    assert [row["step"] for row in read_rows(log.path)] == [0]


def test_every_row_is_also_handed_to_who_asked(tmp_path):
    rows = []
    log = MetricsLog(tmp_path / "metrics.jsonl", rows.append)
    write(log, metrics_of(1), replace(metrics_of(2), loss=math.nan))
    log.eval(evaluation_of(2))
    log.event(2, "changed", key="evaluation.every", value=3)
    log.resume(2)
    assert rows == [json.loads(line) for line in log.path.read_text(encoding="utf-8").splitlines()]
    assert [row["kind"] for row in rows] == ["train", "train", "event", "eval", "event", "resume"]


def test_resuming_cuts_nothing_from_the_file(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    write(log, *map(metrics_of, range(1, 5)))
    before = log.path.read_bytes()
    MetricsLog(log.path).resume(2)
    assert log.path.read_bytes().startswith(before)


@pytest.mark.parametrize("torn_tail", [1, 2, 40, -2])
def test_a_torn_line_is_dropped_and_closed_by_the_next_writer(tmp_path, torn_tail):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    write(log, metrics_of(1))
    whole = log.path.read_bytes()
    log.event(1, "a {brace} in a text")
    line = log.path.read_bytes()[len(whole) :]
    log.path.write_bytes(whole + line[:torn_tail])

    assert [row["kind"] for row in read_rows(log.path)] == ["train"]
    MetricsLog(log.path).resume(1)
    assert [row["kind"] for row in read_rows(log.path)] == ["train", "resume"]


def test_no_beginning_of_a_row_is_taken_for_a_row(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.event(1, 'braces } and "quotes"} in a text', path="runs/{a}")
    line = log.path.read_bytes().rstrip(b"\n")
    assert read_rows(log.path)[0]["name"] == 'braces } and "quotes"} in a text'
    for length in range(len(line)):
        log.path.write_bytes(line[:length])
        assert read_rows(log.path) == []


def test_a_number_that_is_not_finite_becomes_null_and_an_event(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    write(log, replace(metrics_of(7), loss=math.nan, grad_norm=math.inf))
    log.eval(replace(evaluation_of(7), perplexity=math.inf))
    train, loss, norm, evaluation, perplexity = read_rows(log.path)
    assert (train["loss"], train["grad_norm"], train["lr"]) == (None, None, 1e-3)
    assert loss == {
        "kind": "event", "step": 7, "name": "non_finite", "field": "loss", "value": "nan"
    }  # fmt: skip
    assert (norm["field"], norm["value"]) == ("grad_norm", "inf")
    assert (evaluation["perplexity"], perplexity["field"]) == (None, "perplexity")


@pytest.mark.parametrize(
    "line",
    ['{"kind": "train"}', '{"step": 1}', '{"kind": "eval", "step": -1}', '{"a": 1, "a": 2}', "{]}"],
)
def test_a_damaged_row_is_named_with_its_line(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind": "event", "step": 1}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"metrics\.jsonl:2: expected"):
        read_rows(path)


def test_a_missing_log_is_named(tmp_path):
    with pytest.raises(InputMissingError, match=r"metrics\.jsonl"):
        read_rows(tmp_path / "metrics.jsonl")


def test_a_log_without_rows_can_be_made_durable(tmp_path):
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.sync()
    write(log, metrics_of(1))
    log.sync()
    assert len(read_rows(log.path)) == 1
