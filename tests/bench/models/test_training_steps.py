"""Training steps compared with other libraries: what is compared, and what is refused."""

import json
import math

import click
import pytest
import torch
from torch import nn

from paribus.bench.models import peers, training
from paribus.bench.models.peers import Model, how_to_install
from paribus.bench.models.sizes import SHAPES, Shape
from paribus.bench.models.training import Setting, prepare, step_rows
from paribus.bench.rows import OURS, Row
from paribus.bench.tables import tables
from paribus.cli import bench, main
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

    def __init__(self, prepare, *arguments, name):
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
    monkeypatch.setitem(training.SHAPES, "tiny", Shape(*TINY))
    for name, build in (("twin", twin), ("larger", larger)):
        monkeypatch.setitem(peers.MODELS, name, Model("numpy", build))
    monkeypatch.setitem(peers.MODELS, "absent", Model("no-such-library", twin))
    monkeypatch.setattr(training, "LEAST_SECONDS", 0.01)
    monkeypatch.setattr(training, "Worker", InThisProcess)


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
    shown = tables([ours, theirs])
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
    row, _ = step_rows(SETTING, ["larger"], 1, PEAK, lambda text: None)
    assert "parameters: expected equally many" in row.note
    assert row.tokens_per_second is None


def test_without_other_libraries_ours_is_measured_alone(tiny):
    absent, clone, ours = step_rows(SETTING, ["absent", "nanoGPT"], 1, PEAK, lambda text: None)
    assert absent.note == clone.note == "not installed"
    assert (ours.library, ours.parts, ours.note) == (OURS, OURS, "")
    assert ours.tokens_per_second and ours.share_of_peak and ours.n_parameters
    assert ours.ours_over_it is None and ours.memory_over_ours is None
    shown = tables([absent, clone, ours])
    assert "not installed" in shown and f"{ours.n_parameters:,}" in shown


def test_a_comparison_that_fails_leaves_ours_alone(tiny):
    refused, ours = step_rows(SETTING, ["larger"], 1, PEAK, lambda text: None)
    assert refused.wall is None and ours.wall
    assert (ours.library, ours.parts) == (OURS, "larger")


def test_ours_alone_has_the_parts_of_the_one_library_that_was_named(tiny):
    *_, gpt = step_rows(SETTING, ["nanoGPT"], 1, PEAK, lambda text: None)
    *_, default = step_rows(SETTING, ["absent"], 1, PEAK, lambda text: None)
    assert gpt.parts == "nanoGPT"
    assert gpt.n_parameters != default.n_parameters


def test_one_library_that_is_there_is_enough(tiny):
    rows = list(step_rows(SETTING, ["absent", "twin"], 1, PEAK, lambda text: None))
    assert [row.library for row in rows] == ["absent", OURS, "twin"]


def test_how_to_install_says_what_is_missing(tiny, tmp_path):
    assert how_to_install(["twin"], None) == []
    assert how_to_install(["twin", "absent", "nanoGPT"], None) == [
        "uv pip install no-such-library",
        "git clone https://github.com/karpathy/nanoGPT   (then add --nanogpt nanoGPT)",
    ]
    assert how_to_install(["nanoGPT"], tmp_path) == []


def test_a_row_without_figures_is_shown_and_an_empty_column_is_not():
    bare = Row(task="step", library="x", label="1.0", parts="x", note="because")
    timed = Row(task="step", library="y", label="2.0", parts="y", n_tokens=100, wall=0.5)
    lines = tables([bare, timed]).splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["parts of", "version", "tokens/s", "note"]
    assert cells[2:] == [["x", "1.0", "-", "because"], ["y", "2.0", "200", ""]]


@pytest.mark.peers
def test_the_model_of_transformers_has_as_many_parameters_as_ours():
    pytest.importorskip("transformers")
    shape = SHAPES["small"]
    row = peers.MODELS["transformers Llama"]
    model, loss_of = row.build(shape.config(row.parts), None)
    assert peers.count(model) == peers.count(Transformer(shape.config(row.parts)))
    ids = torch.zeros(2, 8, dtype=torch.long)
    assert torch.isfinite(loss_of(ids, ids))


COMMAND = ("bench", "train", "--only", "nanoGPT", "--rounds", "1", "--shape", "tiny", "--eager")


@pytest.fixture
def tiny_command(tiny, monkeypatch):
    """`--shape tiny`, which the command line does not offer."""
    monkeypatch.setattr(bench.train.params[0], "type", click.Choice(["tiny"]))


def test_the_command_prints_one_json_object(tiny_command, capsys):
    assert main.run([*COMMAND, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    absent, ours = said["rows"]
    assert (absent["note"], absent["tokens_per_second"]) == ("not installed", None)
    assert ours["label"] == "paribus" and ours["tokens_per_second"] > 0
    assert said["about"]["matmul peak"].endswith("GFLOP/s")
    assert said["to_install"][0].startswith("git clone")


def test_the_command_shows_ours_alone_and_what_to_install(tiny_command, capsys):
    assert main.run([*COMMAND]) == 0
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if "| paribus " in line]
    assert "tokens/s" in shown and any(character.isdigit() for character in line)
    assert "To measure them too:\n  git clone https://github.com/karpathy/nanoGPT" in shown
