"""What a run takes, said before it starts; and a run that fits a time."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections import namedtuple

import pytest

import paribus.training.fit as fitting
from paribus.data.prepare import prepare
from paribus.errors import ConfigError, OutOfMemoryError
from paribus.model.accounting import count_flops, count_parameters
from paribus.model.config import ModelConfig
from paribus.sample_text.pydocs import gather
from paribus.tokenizer.formats import publish
from paribus.tokenizer.tokenizer import Tokenizer
from paribus.tokenizer.train import train as train_tokenizer
from paribus.training import plan, resolve
from paribus.training.budget import evaluated_tokens, tokens_per_step
from paribus.training.calibration import Speed, steps_in
from paribus.training.fit import MAX_EPOCHS, TOKENS_PER_PARAMETER, fit, smaller_models
from paribus.training.loader import random_batches
from paribus.training.plan import Forecast, forecast
from paribus.training.run import train

Tokens = namedtuple("Tokens", "n_train_tokens n_validation_tokens")

RATE = 1e9
"""FLOPs a second of the machine that stands in for this one."""


@pytest.fixture
def at_a_rate(monkeypatch):
    """Steps take what their FLOPs take at RATE, and the compiler is free; tells what was asked."""
    asked = []

    def measure(experiment, batch_at):
        asked.append(experiment)
        flops = experiment.training.batch_size * count_flops(experiment.model).training
        return Speed(flops / RATE, 0.0)

    for module in (plan, resolve, fitting):
        monkeypatch.setattr(module, "measure_speed", measure)
    return asked


@pytest.fixture
def experiment(tiny_experiment):
    """A model that has room to shrink."""
    found = tiny_experiment("run")
    model = ModelConfig(
        vocab_size=300, context_length=32, d_model=64, n_heads=4, n_kv_heads=2, n_layers=4
    )
    return dataclasses.replace(found, model=model)


def forecast_of(experiment, **changes):
    given = {"process_bytes": 10**8, "available_bytes": 10**9}
    return Forecast(
        **{"experiment": experiment, "speed": Speed(0.5, 2.0), "data": None} | given | changes
    )


def test_a_forecast_adds_up(experiment):
    found = forecast_of(experiment, data=Tokens(1000, 200))
    per_step = tokens_per_step(experiment)
    assert found.tokens == 8 * per_step
    assert found.epochs == 8 * per_step / 1000
    assert found.n_evaluations == 2
    assert found.seconds == pytest.approx(2 + 0.5 * (8 + 2 * 200 / (3 * per_step)))
    assert found.flops_per_step == 4 * count_flops(experiment.model).training


def test_an_evaluation_reads_what_is_held_out_at_most(experiment):
    limited = experiment.evaluation.tokens
    everything = dataclasses.replace(
        experiment, evaluation=dataclasses.replace(experiment.evaluation, tokens=None)
    )
    assert evaluated_tokens(experiment, Tokens(1000, limited + 1)) == limited
    assert evaluated_tokens(experiment, Tokens(1000, limited - 1)) == limited - 1
    assert evaluated_tokens(everything, Tokens(1000, 900)) == 900
    assert evaluated_tokens(everything, Tokens(1000, 0)) == 1000
    assert evaluated_tokens(experiment, None) == limited


@pytest.mark.parametrize("seconds", [3.0, 5.0, 17.3, 18.1, 18.7, 100.0])
@pytest.mark.parametrize("every", [4, 1, None])
def test_as_many_steps_as_a_time_holds_and_no_more(experiment, seconds, every):
    evaluation = dataclasses.replace(experiment.evaluation, every=every)
    experiment = dataclasses.replace(experiment, evaluation=evaluation)
    found = forecast_of(experiment)
    steps = steps_in(seconds, experiment, found.data, found.speed)

    def seconds_of(n):
        training = dataclasses.replace(experiment.training, steps=n)
        changed = dataclasses.replace(experiment, training=training)
        return dataclasses.replace(found, experiment=changed).seconds

    assert seconds_of(steps) <= seconds or steps == 1
    assert seconds_of(steps + 1) > seconds


def test_a_real_forecast_has_a_speed_and_the_steps_of_the_budget(experiment):
    notes = []
    found = forecast(experiment, None, random_batches(experiment), notes.append)
    assert found.speed is not None
    assert found.speed.step > 0
    assert found.n_steps == 8
    assert found.fits
    assert found.peak_bytes > found.process_bytes + found.memory.peak


def test_nothing_is_measured_of_a_run_that_does_not_fit(experiment, monkeypatch):
    monkeypatch.setattr(plan, "_process_bytes", lambda experiment: 10**8)
    monkeypatch.setattr(plan, "available_bytes", lambda device: 1000)
    found = forecast(experiment, None, random_batches(experiment), print)
    assert (found.fits, found.speed, found.seconds) == (False, None, 0.0)
    with pytest.raises(OutOfMemoryError, match=r"training\.batch_size: expected one that fits"):
        fit(experiment, found, 60.0, random_batches, print)


def test_training_says_where_memory_will_hardly_suffice(tiny_experiment, monkeypatch, recorder):
    needed = plan.bytes_of_run(tiny_experiment("run", "model.vocab_size=300"))
    monkeypatch.setattr(plan, "available_bytes", lambda device: needed // 2)
    listener = recorder()
    train(tiny_experiment("run"), [listener])
    said = [re.match(r"memory: expected about .* GB for a step, found", n) for n in listener.notes]
    assert any(said)


@pytest.mark.parametrize(
    ("beyond", "advice"),
    [
        ("training.batch_size=1000000000", "training.batch_size smaller"),
        ("training.batch_size=10" + "0" * 25, "training.batch_size smaller"),
        ("model.d_model=2000000000", "the model smaller"),
    ],
)
def test_a_step_beyond_all_memory_is_refused_before_anything_is_made(
    tiny_experiment, beyond, advice
):
    experiment = tiny_experiment("run", beyond)
    with pytest.raises(OutOfMemoryError, match=f"GB available. Make {advice}"):
        train(experiment)
    assert not experiment.run.dir.exists()


def test_smaller_models_are_legal_and_shrink(experiment):
    models = smaller_models(experiment.model)
    sizes = [count_parameters(model).non_embedding for model in models]
    assert models[0] == experiment.model
    assert sizes == sorted(sizes, reverse=True)
    assert {model.head_width for model in models} == {16}
    assert models[-1].n_layers == models[-1].n_heads == models[-1].n_kv_heads == 1


def test_a_given_width_of_the_feed_forward_network_shrinks_with_the_rest():
    model = ModelConfig(vocab_size=300, d_ff=1000, n_heads=4, d_model=256)
    assert {m.d_ff for m in smaller_models(model)} == {1000, 750, 500, 250}


@pytest.mark.parametrize("seconds", [20.0, 100.0, 1000.0])
def test_the_fit_is_the_largest_that_learns_enough(experiment, at_a_rate, seconds):
    found = fit(experiment, forecast_of(experiment, speed=None), seconds, random_batches, print)
    assert found.seconds <= seconds

    def enough(model):
        tokens = RATE * seconds / count_flops(model).training * model.context_length
        return tokens >= TOKENS_PER_PARAMETER * count_parameters(model).non_embedding

    models = smaller_models(experiment.model)
    best = next((m for m in models if enough(m)), models[-1])
    sizes = [count_parameters(m).non_embedding for m in (found.experiment.model, best, models[-1])]
    assert sizes[0] <= sizes[1]
    # A model at the edge may lose its place to the time of the evaluations.
    following = models[min(models.index(best) + 1, len(models) - 1)]
    assert sizes[0] >= count_parameters(following).non_embedding


def test_a_fit_does_not_repeat_little_data_for_long(experiment, at_a_rate):
    before = forecast_of(experiment, speed=None, data=Tokens(640, 0))
    found = fit(experiment, before, 1000.0, random_batches, print)
    assert found.epochs is not None
    assert found.epochs <= MAX_EPOCHS


def test_a_fit_compiles_where_that_pays(experiment, at_a_rate):
    training = dataclasses.replace(experiment.training, compile="auto")
    experiment = dataclasses.replace(experiment, training=training)
    for seconds, choice in ((60.0, "off"), (7200.0, "on")):
        found = fit(experiment, forecast_of(experiment, speed=None), seconds, random_batches, print)
        assert found.experiment.training.compile == choice


def test_a_budget_in_time_is_measured_as_it_will_run(experiment, monkeypatch):
    speeds = {"off": Speed(0.5, 0.0), "on": Speed(0.25, 0.0)}
    monkeypatch.setattr(resolve, "measure_speed", lambda e, batch_at: speeds[e.training.compile])
    training = dataclasses.replace(experiment.training, steps=None, time="1h", compile="auto")
    experiment = dataclasses.replace(experiment, training=training)
    found = forecast(experiment, None, random_batches(experiment), print)
    assert found.experiment.training.compile == "on"
    as_compiled = steps_in(3600, experiment, None, speeds["on"])
    assert (found.n_steps, found.speed) == (as_compiled, speeds["on"])
    assert as_compiled > 1.9 * steps_in(3600, experiment, None, speeds["off"])


def test_epochs_without_data_are_refused(experiment):
    training = dataclasses.replace(experiment.training, steps=None, epochs=1.0)
    experiment = dataclasses.replace(experiment, training=training)
    with pytest.raises(ConfigError, match=r"training\.epochs: expected token data"):
        forecast(experiment, None, random_batches(experiment), print)


RUNS = {
    "small": "model.d_model=128 model.context_length=128 training.batch_size=16",
    "deep": "model.d_model=64 model.n_layers=12 training.batch_size=4",
    "wide": "model.d_model=512 model.n_heads=8 model.n_layers=2 training.batch_size=4",
    "long": "model.d_model=128 model.context_length=512 training.batch_size=4",
    "bf16": "training.precision=bf16 training.batch_size=8",
    "parts": "training.batch_size=16 training.accumulation=4",
    "large parts": "model.d_model=512 model.n_heads=8 model.n_layers=8 model.context_length=128 "
    "training.batch_size=18 training.accumulation=3",
    "readable": "training.loss_rows=null model.attention_backend=manual training.batch_size=4",
    "vanilla": "model.norm=layernorm model.norm_placement=post model.ffn=relu model.bias=true "
    "model.position.kind=sinusoidal training.batch_size=8",
    "muon": "optimizer.kind=muon training.batch_size=8",
    "groups": "model.n_kv_heads=1 model.ffn=geglu model.qk_norm=true training.batch_size=8",
    "compiled": "training.compile=on training.batch_size=8",
    "compiled large": "training.compile=on training.batch_size=48",
    "compiled manual": "training.compile=on model.attention_backend=manual training.batch_size=16",
}


def in_a_process(*words):
    """What `paribus` prints, with as many threads as the machine has."""
    environment = {key: value for key, value in os.environ.items() if "NUM_THREADS" not in key}
    command = [sys.executable, "-m", "paribus", *words]
    return subprocess.run(
        command, check=True, capture_output=True, encoding="utf-8", env=environment
    ).stdout


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """Token data with a vocabulary of some size."""
    folder = tmp_path_factory.mktemp("tokens")
    text = folder / "text.txt"
    text.write_bytes(gather())
    report = train_tokenizer([text.read_bytes()], vocab_size=8192)
    publish(report.vocabulary, folder / "tokenizer")
    return prepare([text], Tokenizer.from_files(folder / "tokenizer"), folder / "data").folder


@pytest.mark.slow
@pytest.mark.parametrize("overrides", RUNS.values(), ids=RUNS)
def test_predictions_come_true(overrides, tokens, tmp_path):
    """Peak memory within 15 %, time within 25 %: on a machine that does nothing else."""
    steps = ["training.steps=12", "schedule.warmup_steps=2", "evaluation.every=null"]
    words = ["base_modern", *overrides.split(), *steps, f"data.dir={tokens}"]
    if "compile" not in overrides:
        words.append("training.compile=off")
    said = json.loads(in_a_process("plan", *words, "--json"))
    in_a_process("train", *words, f"run.dir={tmp_path / 'run'}")
    rows = [
        json.loads(line)
        for line in (tmp_path / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    made = [row for row in rows if row["kind"] == "train"]
    seconds = made[-1]["seconds"] - made[0]["seconds"]  # the first step is none like the others
    print(overrides, said["memory"]["peak"] / made[-1]["memory_bytes"], "of the memory,",
          said["seconds_per_step"] * (len(made) - 1) / seconds, "of the time")  # fmt: skip
    assert said["memory"]["peak"] == pytest.approx(made[-1]["memory_bytes"], rel=0.15)
    assert said["seconds_per_step"] * (len(made) - 1) == pytest.approx(seconds, rel=0.25)
