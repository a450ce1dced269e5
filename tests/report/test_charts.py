"""Curves in the terminal and as SVG."""

import dataclasses
import json
import math
import random
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paribus.errors import ConfigError, UnavailableError
from paribus.report import charts
from paribus.report.charts import loss_chart, terminal_chart, thinned
from paribus.report.runs import RunRecord

numbers = st.floats(-1e9, 1e9)


def run_of(*rows: dict, name: str = "base_modern-s0") -> RunRecord:
    return RunRecord(Path("runs") / name, {}, {}, {}, rows)


def training_rows(losses: list[float | None], **more: float) -> list[dict]:
    pairs = enumerate(losses, start=1)
    return [
        {"kind": "train", "step": s, "loss": v} | {k: s * f for k, f in more.items()}
        for s, v in pairs
    ]


def texts_of(svg: bytes) -> list[str]:
    return [
        element.text or ""
        for element in ElementTree.fromstring(svg).iter()
        if element.tag.endswith("text")
    ]


def paths_of(svg: bytes) -> list[str]:
    return [
        element.get("d", "")
        for element in ElementTree.fromstring(svg).iter()
        if element.tag.endswith("path")
    ]


def test_a_straight_line_in_ascii_by_hand():
    points = [(0, 0.0), (9, 1.0)]
    assert terminal_chart(points, width=14, height=7, encoding="ascii").splitlines() == [
        "  1|        **",
        "   |      **",
        "0.5|    **",
        "   |  **",
        "  0|**",
        "   +----------",
        "    0        9",
    ]


def test_a_dot_of_braille_by_hand():
    lines = terminal_chart([(0, 0.0), (1, 0.0)], width=1, height=5, encoding="utf-8").splitlines()
    assert lines == [" 0.5│", "   0│⠒⠒⠒⠒⠒⠒⠒⠒", "-0.5│", "    └────────", "     0      1"]


@example([(-2.87e-103, 0.0), (-2.92e-170, -4.19e-200)], 20, 5)  # long labels on both axes
@given(st.lists(st.tuples(numbers, numbers), min_size=1), st.integers(20, 90), st.integers(5, 30))
def test_a_terminal_chart_keeps_its_size(points, width, height):
    for encoding in ("utf-8", "ascii", "cp1252", "no-such-encoding"):
        lines = terminal_chart(points, width, height, encoding=encoding).splitlines()
        assert len(lines) == height
        assert max(map(len, lines)) <= max(width, 30)
        if encoding != "utf-8":
            assert "\n".join(lines).isascii()


def test_the_axes_name_the_ends_of_both_ranges():
    chart = terminal_chart([(1, 5.25), (1200, 1.5)], encoding="ascii").splitlines()
    assert chart[0].lstrip().startswith("5.25|") and chart[-3].lstrip().startswith("1.5|")
    assert chart[-1].split() == ["1", "1,200"]


def test_points_that_are_not_finite_are_left_out():
    points = [(1, 2.0), (2, math.nan), (3, math.inf), (4, 1.0)]
    assert terminal_chart(points, encoding="ascii") == terminal_chart(
        [points[0], points[3]], encoding="ascii"
    )
    assert terminal_chart([(1, math.nan)]) == "(no points yet)"


@given(st.lists(numbers, min_size=1, max_size=300), st.integers(4, 60))
def test_thinning_keeps_the_ends_the_order_and_both_extremes(heights, limit):
    points = list(enumerate(heights))
    kept = thinned(points, limit)
    assert len(kept) <= limit
    assert kept[0] == points[0] and kept[-1] == points[-1]
    assert kept == sorted(set(kept)) and set(kept) <= set(points)
    assert {min(heights), max(heights)} <= {height for _, height in kept}


def test_every_spike_survives_thinning():
    random.seed(1)
    spikes = set(range(50, 10_000, 500))
    points = [(s, 50.0 + s if s in spikes else random.random()) for s in range(10_000)]
    kept = thinned(points)
    assert len(kept) <= 500
    assert spikes <= {step for step, _ in kept}


def test_a_loss_chart_names_its_run_and_its_axes():
    rows = [*training_rows([5.0, 4.0, None, 3.0]), {"kind": "eval", "step": 4, "loss": 3.1}]
    texts = texts_of(loss_chart(run_of(*rows, name="a <b> & c")))
    assert {"a <b> & c", "step", "loss (nats per token)", "training", "validation"} <= set(texts)


def test_a_loss_chart_draws_at_most_500_points_a_curve():
    curve = max(
        paths_of(loss_chart(run_of(*training_rows([random.random() for _ in range(3000)])))),
        key=len,
    )
    assert 400 < curve.count("L") + curve.count("M") <= 500


def test_a_dot_in_a_field_name_changes_no_curve():
    rows = training_rows([5.0, 4.0, 3.5], **{"optimizer.lr": 0.5, "rate": 0.5})
    dotted, plain = loss_chart(run_of(*rows), "optimizer.lr"), loss_chart(run_of(*rows), "rate")
    assert paths_of(dotted) == paths_of(plain)
    assert max(map(len, paths_of(plain))) > 20


def test_evaluations_stand_where_their_step_stands_on_another_axis():
    rows = [*training_rows([5.0, 4.0], tokens=512.0), {"kind": "eval", "step": 2, "loss": 4.5}]
    svg = loss_chart(run_of(*rows), "tokens").decode()
    assert "tokens: 1024" in svg.replace(",", "")


def test_a_loss_chart_without_the_extra_says_what_installs_it(monkeypatch):
    monkeypatch.setattr(charts.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="uv sync --extra study"):
        loss_chart(run_of(*training_rows([1.0])))


def test_several_runs_share_a_chart_and_have_their_names_in_the_legend():
    runs = [
        run_of(*training_rows(losses), {"kind": "eval", "step": 2, "loss": losses[1]}, name=name)
        for name, losses in (("rope", [5.0, 4.0]), ("alibi", [5.1, 4.4]), ("nope", [5.2, 4.9]))
    ]
    texts = texts_of(loss_chart(runs))
    assert [text for text in texts if text in ("rope", "alibi", "nope")] == [
        "rope",
        "alibi",
        "nope",
    ]
    assert loss_chart(runs[:1]) == loss_chart(runs[0]) != loss_chart(runs[1])


def test_runs_of_one_name_are_told_apart_by_their_folders():
    first, second = run_of(*training_rows([5.0, 4.0])), run_of(*training_rows([5.0, 3.0]))
    second = dataclasses.replace(second, folder=Path("other/base_modern-s0"))
    folders = {str(first.folder), str(second.folder)}
    assert folders <= set(texts_of(loss_chart([first, second])))


@pytest.mark.parametrize("wrong", [3, None, "runs/a", [3], {"a": 1}])
def test_a_loss_chart_of_something_else_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"^runs: expected a RunRecord or a list of a RunRecord"):
        loss_chart(wrong)


def test_a_chart_of_a_run_without_rows_is_still_a_chart():
    assert json.dumps(texts_of(loss_chart(run_of()))).count("base_modern-s0") == 1
