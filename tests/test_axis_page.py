"""docs/ablation-axes.md names every choice, and its numbers and figures are current.

`python tools/axis_page.py` writes them again.
"""

import dataclasses
import math
import re
import types
import typing
from itertools import zip_longest

import pytest

from axis_figures import BRANCHES, FIGURES, FOLDER, svg
from axis_page import BLOCK, PAGE, filled
from paribus.model.config import ModelConfig
from paribus.model.variants import PLACEMENTS
from paribus.optim.config import OptimizerConfig, ScheduleConfig

TEXT = PAGE.read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def names(key: str, hint: typing.Any) -> typing.Iterator[str]:
    """What the page must say of a key: its name, or each of its choices as an override."""
    arguments = typing.get_args(hint)
    match typing.get_origin(hint) or hint:
        case typing.Annotated:
            yield from names(key, arguments[0])
        case typing.Literal:
            yield from (f"{key}={choice}" for choice in arguments)
        case types.UnionType | typing.Union:
            yield from (name for part in arguments for name in names(key, part))
        case kind if kind is bool:
            yield from (f"{key}=true", f"{key}=false")
        case kind if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind, include_extras=True)
            for field in dataclasses.fields(kind):
                yield from names(f"{key}.{field.name}", hints[field.name])
        case _:
            yield key


REQUIRED = sorted(
    {
        *names("model", ModelConfig),
        *names("optimizer", OptimizerConfig),
        *names("schedule", ScheduleConfig),
        *("training.z_loss", "training.clip_norm"),
    }
    - {"optimizer.kind"}  # the annotation of the class that all kinds share
)


def test_the_choices_are_found():
    assert {"model.norm_placement=output", "model.position.kind=none", "model.position.theta"} <= {
        *REQUIRED
    }
    assert {"optimizer.kind=muon", "optimizer.matrix_lr", "schedule.kind=wsd"} <= {*REQUIRED}


@pytest.mark.parametrize("name", REQUIRED)
def test_the_page_names(name):
    assert re.search(
        rf"`{re.escape(name)}[`=]" if "=" not in name else rf"`{re.escape(name)}`", TEXT
    )


def test_the_numbers_are_current():
    assert filled(TEXT) == TEXT
    assert len(BLOCK.findall(TEXT)) == TEXT.count("<!-- end -->") > 15


def test_a_stale_number_is_seen():
    page = "<!-- costs model.bias=true -->\n\n| `model.bias=true` | +1 |\n\n<!-- end -->\n"
    assert "| `model.bias=true` | +10,752 | same |" in filled(page)


def test_every_figure_is_on_the_page_and_no_other():
    shown = re.findall(r"\]\(\.\./asset/axes/(\w+)\.svg\)", TEXT)
    assert sorted(shown) == sorted(FIGURES) == sorted(path.stem for path in FOLDER.iterdir())


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_current(name):
    drawn, found = svg(name), (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert NUMBER.sub("#", drawn) == NUMBER.sub("#", found)
    for one, other in zip_longest(NUMBER.findall(drawn), NUMBER.findall(found)):
        # Half a pixel: the rounding of another processor.
        assert math.isclose(float(one), float(other), abs_tol=0.5)
    assert len(found) < 40_000


def test_the_drawn_branches_have_the_norms_of_their_placement():
    drawn = {name: steps.count("norm") + (name == "post") for name, steps in BRANCHES.items()}
    assert drawn == {name: row.n_norms for name, row in PLACEMENTS.items()}


def test_every_paper_has_the_form_of_an_arxiv_id():
    papers = re.findall(r"arXiv:([^\s,;)]+)", TEXT)
    assert len(papers) > 30
    assert [paper for paper in papers if not re.fullmatch(r"\d{4}\.\d{4,5}", paper)] == []
