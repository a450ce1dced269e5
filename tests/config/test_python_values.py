"""Settings built in Python are checked as those of a file are."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import paribus
from paribus.config.load import check
from paribus.data.config import DataConfig
from paribus.errors import ConfigError
from paribus.evaluation.config import EvaluationConfig
from paribus.experiment import Experiment, RunConfig
from paribus.model.config import ModelConfig, NoPosition, Rope
from paribus.optim.config import AdamWConfig, MuonConfig, ScheduleConfig
from paribus.training.config import CheckpointConfig, TrainingConfig


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ModelConfig(d_model="x"), "model.d_model: expected a whole number, found 'x'"),
        (lambda: ModelConfig(d_model=64.0), "model.d_model: expected a whole number, found 64.0"),
        (lambda: ModelConfig(d_model=True), "model.d_model: expected a whole number, found true"),
        (lambda: ModelConfig(n_heads=0), "model.n_heads: expected a number above 0, found 0"),
        (lambda: ModelConfig(n_layers=np.int64(3)), "model.n_layers: expected a whole number, found np.int64(3)"),
        (lambda: ModelConfig(norm=3), "model.norm: expected rmsnorm or layernorm, found 3"),
        (lambda: ModelConfig(position="rope"), "model.position: expected a section, as in model.position.kind, found 'rope'"),
        (lambda: ModelConfig(position=Rope), "model.position: expected a section, as in model.position.kind, found <class"),
        (lambda: Rope(theta="big"), "rope.theta: expected a number, found 'big'"),
        (lambda: AdamWConfig(lr=None), "adamw.lr: expected a number, found null"),
        (lambda: MuonConfig(lr=float("nan")), "expected a finite number, found nan"),
        (lambda: ScheduleConfig(kind=["cosine"]), "schedule.kind: expected cosine, wsd, linear or constant, found ['cosine']"),
        (lambda: TrainingConfig(steps=[3]), "training.steps: expected a whole number, found [3]"),
        (lambda: TrainingConfig(time=b"5m"), "training.time: expected text or a whole number, found b'5m'"),
        (lambda: CheckpointConfig(keep_last=1), "checkpoint.keep_last: expected at least 2, found 1"),
        (lambda: EvaluationConfig(prompts="Once"), "evaluation.prompts: expected a list, as in [a, b], found 'Once'"),
        (lambda: EvaluationConfig(prompts=(1,)), "evaluation.prompts[0]: expected text, found 1"),
        (lambda: EvaluationConfig(prompts=("\udcff",)), r"evaluation.prompts[0]: expected text of UTF-8, found '\udcff'"),
        (lambda: DataConfig(dir=3), "data.dir: expected a path, found 3"),
        (lambda: DataConfig(dir="a\0b"), r"data.dir: expected a path, found 'a\x00b'"),
        (lambda: RunConfig(dir=object()), "run.dir: expected a path, found <object object"),
        (lambda: Experiment(model=3), "model: expected a section, as in model.vocab_size, found 3"),
        (lambda: Experiment(model=DataConfig()), "model: expected a section, as in model.vocab_size, found DataConfig"),
        (lambda: dataclasses.replace(Experiment(), optimizer=None), "optimizer: expected a section"),
        (lambda: dataclasses.replace(ModelConfig(), d_model="x"), "model.d_model: expected a whole number"),
        (lambda: check(Experiment, 3), "config: expected Experiment, found 3. Read one with paribus.load_config(NAME)"),
        (lambda: check(Experiment, Experiment), "config: expected Experiment, found <class"),
        (lambda: paribus.load_config(3), "path: expected a path, found 3"),
        (lambda: paribus.load_config("base_modern", 3), "overrides: expected text"),
        (lambda: paribus.load_config("base_modern", ["a=b"]), "overrides: expected text"),
        (lambda: paribus.load_config("base_modern", overrides="a=b"), "overrides: give its values one after another, without a name"),
        (lambda: paribus.train(3), "config: expected an Experiment or a path, found 3"),
        (lambda: paribus.train(ModelConfig()), "config: expected an Experiment or a path, found ModelConfig"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_a_config_error_that_names_the_key(make, message):
    with pytest.raises(ConfigError) as caught:
        make()
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_what_is_equal_in_a_file_is_equal_in_python():
    made = Experiment(
        model=ModelConfig(norm_eps=1 / 2, position=NoPosition()),
        optimizer=AdamWConfig(lr=1),
        evaluation=EvaluationConfig(prompts=["a", "b"]),
        data=DataConfig(dir="x/y"),
    )
    assert made.evaluation.prompts == ("a", "b")
    assert made.data.dir == Path("x/y")
    assert type(made.optimizer.lr) is float
    assert check(Experiment, made) == made


def test_settings_that_were_forced_are_found_at_the_border():
    forced = Experiment()
    model = ModelConfig()
    object.__setattr__(model, "d_model", "x")
    object.__setattr__(forced, "model", model)
    with pytest.raises(ConfigError, match=r"model\.d_model \(given\): expected a whole number"):
        check(Experiment, forced)
