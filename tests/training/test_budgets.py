import dataclasses
import itertools
import math
from types import SimpleNamespace

import pytest

from paribus import checkpoint
from paribus.errors import ConfigError
from paribus.tracking.rows import read_rows
from paribus.training import budget, loop, resolve, run
from paribus.training.calibration import Speed
from paribus.training.run import resume, train

POSITIONS = 4 * 16  # of one step of the tiny run


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("2h", 7200),
        ("20 minutes", 1200),
        ("1.5 hours", 5400),
        (" 3 S ", 3),
    ],
)
def test_durations_read_as_people_write_them(text, seconds):
    assert budget.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "-1s", "5 parsecs", "5m 3s", "nan s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ConfigError, match="expected a duration as 90s, 5m, 2h"):
        budget.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (7, 7),
        ("20M-tokens", 20_000_000),
        ("20M", 20_000_000),
        ("1.5k tokens", 1500),
        ("2b", 2 * 10**9),
    ],
)
def test_token_budgets_read_as_people_write_them(text, tokens):
    assert budget.parse_tokens(text) == tokens


@pytest.mark.parametrize("text", ["", "M", "-5", "0", "5 words"])
def test_what_is_no_number_of_tokens_is_refused(text):
    with pytest.raises(ConfigError, match="expected a number as 20M-tokens"):
        budget.parse_tokens(text)


def test_a_token_budget_rounds_up_to_whole_steps(tiny_experiment):
    folder = train(tiny_experiment("run", f"training.tokens={5 * POSITIONS + 1}"))
    assert checkpoint.find(folder).step == 6
    assert checkpoint.read_experiment(folder).training.steps == 6


def test_an_epoch_budget_counts_training_tokens(tiny_experiment, tiny_data):
    from paribus.data.shards import open_shards

    n_tokens = open_shards(tiny_data.tokens).n_train_tokens
    folder = train(tiny_experiment("run", "training.epochs=0.01"))
    assert checkpoint.find(folder).step == math.ceil(0.01 * n_tokens / POSITIONS)


def test_a_time_budget_becomes_a_number_of_steps_once(tiny_experiment, monkeypatch, recorder):
    measured = []

    def calibration(*_):
        measured.append(0.5)
        return Speed(0.5, 0.0)

    monkeypatch.setattr(resolve, "measure_speed", calibration)
    listener = recorder()
    folder = train(tiny_experiment("run", "training.time=3s"), [listener])
    # In 3 s: four steps, and one evaluation that costs as much as 256 / (3 * 64) of them.
    assert [m.step for m in listener.steps] == [1, 2, 3, 4]
    stored = checkpoint.read_experiment(folder).training
    assert (stored.steps, stored.time) == (4, None)
    run.resume(folder, ["training.steps=5"])
    assert measured == [0.5]


def test_the_calibration_measures_seconds_and_touches_no_later_number(
    tiny_experiment, unbroken, outcome_of
):
    folder = train(tiny_experiment("run", "training.compile=auto"))
    outcome_of(folder).assert_equal(outcome_of(unbroken))


@pytest.fixture
def clock(monkeypatch):
    """Sets the clock of a run to one on which only steps, and evaluations, take time."""

    def start(seconds_of_a_step, seconds_of_an_evaluation=0.0):
        now, evaluate, looks = [0.0], loop.evaluate_state, itertools.count()

        def look(_device):  # at the start and at the end of each step
            now[0] += seconds_of_a_step * (next(looks) % 2)
            return now[0]

        def slow(run, state):
            now[0] += seconds_of_an_evaluation
            return evaluate(run, state)

        monkeypatch.setattr(loop, "synchronize", look)
        for module in (loop, run):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
        monkeypatch.setattr(loop, "evaluate_state", slow)

    return start


def test_at_a_quarter_of_overtime_the_run_saves_ends_and_says_so(
    tiny_experiment, monkeypatch, recorder, clock
):
    monkeypatch.setattr(resolve, "measure_speed", lambda *_: Speed(0.25, 0.0))
    clock(seconds_of_a_step=1.0)
    listener = recorder()
    folder = train(tiny_experiment("run", "training.time=4s"), [listener])
    made = len(listener.steps)
    assert listener.steps[-2].seconds <= 1.25 * 4 < listener.steps[-1].seconds
    assert made < 8
    assert checkpoint.find(folder).step == made
    assert any("the schedule did not end" in note for note in listener.notes)
    events = [row["name"] for row in read_rows(folder / "metrics.jsonl") if row["kind"] == "event"]
    assert events == ["ended_early"]
    assert '"exit_code": 0' in (folder / "status.json").read_text(encoding="utf-8")


def test_evaluations_count_as_overtime(tiny_experiment, clock):
    clock(seconds_of_a_step=1.0, seconds_of_an_evaluation=10.0)
    folder = train(tiny_experiment("run", "evaluation.every=2"), budget_seconds=10.0)
    assert checkpoint.find(folder).step == 3  # the evaluation after step 2 took ten steps' time
    folder = train(tiny_experiment("longer", "evaluation.every=2"), budget_seconds=20.0)
    assert checkpoint.find(folder).step == 6


def test_a_number_of_steps_stands_in_place_of_a_spent_time_budget(tiny_experiment):
    folder = train(tiny_experiment("run"), budget_seconds=1e-9)
    assert checkpoint.find(folder).step < 8
    resume(folder)  # the budget holds for a resume that asks for nothing else
    assert checkpoint.find(folder).step < 8
    resume(folder, ["training.steps=8"])
    assert checkpoint.find(folder).step == 8
    resume(folder, ["training.steps=10"])
    assert checkpoint.find(folder).step == 10


@pytest.mark.parametrize(
    "overrides",
    [
        ["schedule.warmup_steps=8"],
        ["schedule.warmup_steps=9"],
        ["schedule.warmup_steps=20", "training.tokens=640"],
        ["schedule.horizon=2"],
    ],
)
def test_a_warm_up_that_does_not_end_is_refused_before_anything_is_made(tiny_experiment, overrides):
    experiment = tiny_experiment("run", *overrides)
    with pytest.raises(ConfigError, match="warmup_steps: expected fewer than"):
        train(experiment)
    assert not experiment.run.dir.exists()


def test_a_warm_up_of_null_is_a_tenth_of_the_run(tiny_experiment):
    folder = train(tiny_experiment("run", "schedule.warmup_steps=null", "training.steps=20"))
    assert checkpoint.read_experiment(folder).schedule.warmup_steps == 2


def test_steps_and_settings_of_a_plan_are_left_as_given(tiny_experiment, tiny_data):
    from paribus.data.shards import open_shards

    experiment = tiny_experiment()
    planned = budget.with_steps(experiment, open_shards(tiny_data.tokens).n_train_tokens, None)
    assert planned == experiment
    assert budget.tokens_per_step(experiment) == POSITIONS
    assert dataclasses.replace(planned.training, steps=9).steps == 9
