"""Training steps beside other libraries: what is compared, and what is refused."""

import json
import math

import pytest
import torch
from torch import nn

from paribus.bench import models, steps
from paribus.bench.models import Model
from paribus.bench.sizes import SHAPES, Shape
from paribus.bench.step_table import step_table
from paribus.bench.steps import Setting, StepRow, prepare, step_rows
from paribus.loss import cross_entropy
from paribus.model.accounting import count_flops
from paribus.model.init import initialize
from paribus.model.transformer import Transformer

SETTING = Setting(shape="tiny", precision="fp32", device="cpu", threads=1, compile=False)
TINY = (50, 8, 16, 1, 2, 4)
PEAK = 1e12


def twin(config, clone):
    """Our own model in the place of a library's."""
    model = Transformer(config)
    initialize(model, config, 0)
    return model, lambda tokens, targets: cross_entropy(model(tokens), targets)


def larger(config, clone):
    model, loss_of = twin(config, clone)
    model.extra = nn.Parameter(torch.zeros(3))
    return model, loss_of


class InThisProcess:
    """A Worker without a process."""

    def __init__(self, prepare, *arguments):
        self.answer = prepare(*arguments)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, *question, seconds=0):
        return self.answer(*question)


@pytest.fixture
def tiny(monkeypatch):
    """A small shape, some libraries that stand in for others, short rounds, no processes."""
    monkeypatch.setitem(steps.SHAPES, "tiny", Shape(*TINY))
    for name, build in (("twin", twin), ("larger", larger)):
        monkeypatch.setitem(models.MODELS, name, Model("numpy", build))
    monkeypatch.setitem(models.MODELS, "absent", Model("no-such-library", twin))
    monkeypatch.setattr(steps, "LEAST_SECONDS", 0.01)
    monkeypatch.setattr(steps, "Worker", InThisProcess)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_pair_has_equal_models_and_ratios(tiny, precision):
    setting = Setting(**{**vars(SETTING), "precision": precision})
    ours, theirs = step_rows(setting, ["twin"], 3, PEAK, lambda text: None)
    assert (ours.note, theirs.note) == ("", "")
    assert ours.n_parameters == theirs.n_parameters > 0
    assert ours.ours_over_it == ours.memory_over_ours == 1
    flops_per_token = count_flops(Shape(*TINY).config({})).training / 8
    for row in (ours, theirs):
        assert row.share_of_peak == pytest.approx(row.tokens_per_second * flops_per_token / PEAK)
        assert row.peak_bytes
    shown = step_table([ours, theirs])
    assert f"{ours.n_parameters:,}" in shown
    assert "twin" in shown


def test_both_sides_learn(tiny):
    """Random tokens, the same eight batches again and again: they are learned by heart."""
    for is_ours in (True, False):
        answer = prepare(SETTING, "twin", is_ours)
        first = answer("steps", 1).loss
        last = answer("steps", 400).loss
        assert first == pytest.approx(math.log(50), rel=0.2)
        assert last < first - 0.5


def test_models_of_other_sizes_are_not_compared(tiny):
    (row,) = step_rows(SETTING, ["larger"], 1, PEAK, lambda text: None)
    assert "parameters: expected equally many" in row.note
    assert row.tokens_per_second is None


def test_what_is_not_installed_has_a_row_that_says_so(tiny):
    absent, clone = step_rows(SETTING, ["absent", "nanoGPT"], 1, PEAK, lambda text: None)
    assert absent.note == "not installed: no-such-library"
    assert clone.note.startswith("not installed: a clone of nanoGPT")
    assert "not installed" in step_table([absent, clone])


def test_a_row_without_figures_is_shown():
    *_, line = step_table([StepRow(label="1.0", parts="x", note="because")]).splitlines()
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["x", "1.0", *7 * ["-"], "because"]


@pytest.mark.peers
def test_the_model_of_transformers_has_as_many_parameters_as_ours():
    pytest.importorskip("transformers")
    shape = SHAPES["small"]
    row = models.MODELS["transformers Llama"]
    model, loss_of = row.build(shape.config(row.parts), None)
    assert models.count(model) == models.count(Transformer(shape.config(row.parts)))
    ids = torch.zeros(2, 8, dtype=torch.long)
    assert torch.isfinite(loss_of(ids, ids))


def test_the_command_prints_one_json_object(cli_json):
    said = cli_json("bench", "train", "--only", "nanoGPT", "--rounds", "1", "--json")
    assert said["rows"][0]["note"].startswith("not installed")
    assert said["about"]["matmul peak"].endswith("GFLOP/s")


@pytest.fixture
def cli_json(capsys):
    from paribus.cli import main

    def call(*arguments):
        assert main.run(list(arguments)) == 0
        return json.loads(capsys.readouterr().out)

    return call
