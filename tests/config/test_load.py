import dataclasses
import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import hypothesis
import pytest
from annotated_types import Gt
from hypothesis import example, given
from hypothesis import strategies as st

from paribus.config.load import dotted_keys, load, to_plain, to_yaml
from paribus.config.settings import settings
from paribus.errors import ConfigError


@settings
class Circle:
    kind: Literal["circle"] = "circle"
    radius: Annotated[float, Gt(0)] = 1.0


@settings
class Square:
    kind: Literal["square"] = "square"
    side: float = 2.0
    tilt: float = 0.0


@settings
class Budget:
    EXCLUSIVE: ClassVar[tuple[str, ...]] = ("steps", "tokens")

    steps: Annotated[int, Gt(0)] | None = 10
    tokens: str | Annotated[int, Gt(0)] | None = None

    def __post_init__(self):
        if (self.steps is None) == (self.tokens is None):
            raise ConfigError(
                "budget.steps: expected one of steps and tokens, found another number"
            )


@settings
class Drawing:
    shape: Circle | Square = Circle()
    budget: Budget = Budget()
    width: Annotated[int, Gt(0)] = 100
    height: int = 50
    scale: float = 1.0
    color: Literal["red", "green"] = "red"
    is_filled: bool = False
    layers: tuple[str, ...] = ("base",)
    title: str = "untitled"
    folder: Path | None = None


@pytest.fixture
def write(tmp_path):
    def make(text, name="c.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make


def problems(path, *overrides):
    with pytest.raises(ConfigError) as caught:
        load(Drawing, path, overrides)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_no_file_is_the_defaults():
    assert load(Drawing, None) == Drawing()


def test_an_empty_file_is_the_defaults(write):
    assert load(Drawing, write("")) == Drawing()
    assert load(Drawing, write("# nothing\n")) == Drawing()


def test_files_and_overrides_win_in_order(write):
    path = write("width: 7\nheight: 8\nshape: {radius: 3}\n")
    assert load(Drawing, path, ["height=9", "height=10"]) == Drawing(
        width=7, height=10, shape=Circle(radius=3.0)
    )


@pytest.mark.parametrize("text", ["3e-4", "3.0e-4", "3E-4", ".0003", "0.0003", "+3e-4"])
def test_numbers_are_numbers_however_written(write, text):
    assert load(Drawing, write(f"scale: {text}\n")).scale == 0.0003
    assert load(Drawing, None, [f"scale={text}"]).scale == 0.0003


@pytest.mark.parametrize("text", ["3", "3.0", "1e3"])
def test_a_whole_number_may_stand_for_a_float(write, text):
    assert load(Drawing, write(f"scale: {text}\n")).scale == float(text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("width: 3.0", "width (c.yaml:1): expected a whole number, found 3.0. The nearest is 3"),
        ("width: 1e3", "width (c.yaml:1): expected a whole number, found 1000.0. The nearest is 1000"),
        ("width: true", "width (c.yaml:1): expected a whole number, found true"),
        ("width: '3'", "width (c.yaml:1): expected a whole number, found '3'"),
        ("width: null", "width (c.yaml:1): expected a whole number, found null"),
        ("width: 0", "width (c.yaml:1): expected a number above 0, found 0. The nearest is 1"),
        ("width: [1]", "width (c.yaml:1): expected a whole number, found [1]"),
        ("scale: .nan", "scale (c.yaml:1): expected a finite number, found nan"),
        ("scale: .inf", "scale (c.yaml:1): expected a finite number, found inf"),
        ("scale: fast", "scale (c.yaml:1): expected a number, found 'fast'"),
        ("is_filled: 1", "is_filled (c.yaml:1): expected true or false, found 1"),
        ("is_filled: yes", "is_filled (c.yaml:1): expected true or false, found 'yes'"),
        ("title: 3", "title (c.yaml:1): expected text, found 3"),
        ("color: gren", "color (c.yaml:1): expected red or green, found 'gren'. Did you mean 'green'?"),
        ("color: 3", "color (c.yaml:1): expected red or green, found 3"),
        ("widht: 3", "widht (c.yaml:1): expected a known key, found 'widht'. Did you mean 'width'?"),
        ("radius: 3", "radius (c.yaml:1): expected a known key, found 'radius'. Did you mean 'shape.radius'?"),
        ("shape: {kind: sqare}", "shape.kind (c.yaml:1): expected circle or square, found 'sqare'. Did you mean 'square'?"),
        ("shape: circle", "shape (c.yaml:1): expected a section, as in shape.kind, found 'circle'"),
        ("shape: {kind: [circle]}", "shape.kind (c.yaml:1): expected circle or square, found ['circle']"),
        ("shape: {kind: {a: 1}}", "shape.kind (c.yaml:1): expected circle or square, found {'a': 1}"),
        ("width: 2026-01-01", "width (c.yaml:1): expected a whole number, found '2026-01-01'"),
        ("layers: a", "layers (c.yaml:1): expected a list, as in [a, b], found 'a'"),
        ("budget: {tokens: 1e3}", "budget.tokens (c.yaml:1): expected a whole number, found 1000.0. The nearest is 1000"),
        ("budget: {tokens: -5}", "budget.tokens (c.yaml:1): expected a number above 0, found -5. The nearest is 1"),
        ("shape: null", "shape (c.yaml:1): expected a section, as in shape.kind, found null"),
        ("shape: {radius: -1}", "shape.radius (c.yaml:1): expected a number above 0, found -1"),
        ("shape: {kind: square, radius: 1}", "shape.radius (c.yaml:1): expected a key of 'square', found 'radius' of another kind"),
        ("budget: {steps: 0}", "budget.steps (c.yaml:1): expected a number above 0, found 0. The nearest is 1"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_line_with_key_place_and_advice(write, tmp_path, line, message):
    [found] = problems(write(f"{line}\n"))
    found = found.replace(f"{tmp_path}/", "")
    assert found == message


def test_all_mistakes_are_listed_at_once_each_with_its_line(write):
    lines = problems(
        write("width: 0\nheigth: 3\nshape:\n  kind: square\n  side: big\ncolor: blue\n"),
        "is_filled=maybe",
    )
    assert len(lines) == 5
    places = {re.match(r"(\S+) \((.*)\): expected ", line).groups() for line in lines}
    assert {(key, Path(place).name) for key, place in places} == {
        ("width", "c.yaml:1"),
        ("heigth", "c.yaml:2"),
        ("shape.side", "c.yaml:5"),
        ("color", "c.yaml:6"),
        ("is_filled", "command line"),
    }


def test_another_kind_drops_the_keys_of_the_old_one(write):
    write("shape: {kind: square, side: 5, tilt: 1}\n", "base.yaml")
    path = write("base: base.yaml\nshape: {kind: circle}\n")
    assert load(Drawing, path).shape == Circle()
    assert load(Drawing, write("base: base.yaml\nshape: {side: 6}\n")).shape == Square(
        side=6.0, tilt=1.0
    )
    assert load(Drawing, None, ["shape.kind=square", "shape.tilt=3"]).shape == Square(tilt=3.0)


@settings
class Pen:
    kind: Literal["pen"] = "pen"
    width: float = 1.0
    ink: float = 0.5


@settings
class Brush:
    kind: Literal["brush"] = "brush"
    width: float = 9.0
    hairs: int = 100


@settings
class Sketch:
    tool: Pen | Brush = Pen()


def test_another_kind_keeps_what_was_set_and_is_a_key_of_it_too(write):
    write("tool: {width: 3, ink: 0.7}\n", "base.yaml")
    path = write("base: base.yaml\ntool: {kind: brush}\n")
    assert load(Sketch, path).tool == Brush(width=3.0)
    assert load(Sketch, path, ["tool.width=4", "tool.kind=pen"]).tool == Pen(width=4.0)
    assert load(Sketch, None, ["tool.kind=brush"]).tool == Brush()


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T10:00:00Z", "2026-01-01 10:00:00"])
def test_a_date_is_text(write, text):
    assert load(Drawing, write(f"title: {text}\n")).title == text
    assert load(Drawing, None, [f"title={text}"]).title == text


@settings
class Curve:
    kind: Literal["line", "arc"] = "line"
    width: Annotated[float, Gt(0)] = 1.0


@settings
class Picture:
    curve: Curve = Curve()


def test_kinds_of_one_class_keep_its_keys(write):
    write("curve: {width: 3}\n", "base.yaml")
    path = write("base: base.yaml\ncurve: {kind: arc}\n")
    assert load(Picture, path).curve == Curve(kind="arc", width=3.0)
    assert load(Picture, None, ["curve.width=2", "curve.kind=arc"]).curve == Curve(
        kind="arc", width=2.0
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("curve.kind=ark", "curve.kind (command line): expected line or arc, found 'ark'. Did you mean 'arc'?"),
        ("curve.kind=3", "curve.kind (command line): expected line or arc, found 3"),
        ("curve.width=0", "curve.width (command line): expected a number above 0, found 0"),
        ("curve.widht=1", "curve.widht (command line): expected a known key, found 'widht'. Did you mean 'curve.width'?"),
        ("curve=arc", "curve (command line): expected a section, as in curve.kind, found 'arc'"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_class_of_several_kinds_is_one_line(override, message):
    with pytest.raises(ConfigError) as caught:
        load(Picture, None, [override])
    assert str(caught.value) == message


def test_only_the_written_kind_is_spoken_of(write):
    lines = problems(write("shape: {kind: square, side: x, tilt: y}\n"))
    assert [line.partition(" ")[0] for line in lines] == ["shape.side", "shape.tilt"]


def test_one_budget_clears_the_other(write):
    path = write("budget: {tokens: 20M}\n")
    assert load(Drawing, path).budget == Budget(steps=None, tokens="20M")
    assert load(Drawing, path, ["budget.steps=5"]).budget == Budget(steps=5)


@pytest.mark.parametrize("text", ["{steps: 5, tokens: 7}", "{steps: null}"])
def test_two_budgets_or_none_are_refused(write, text):
    [line] = problems(write(f"budget: {text}\n"))
    assert line.startswith("budget.steps (")
    assert "c.yaml:1): expected one of steps and tokens" in line


def test_lists_replace_and_null_is_a_value(write):
    write("layers: [a, b]\nfolder: x/y\n", "base.yaml")
    loaded = load(Drawing, write("base: base.yaml\nlayers: [c]\nfolder: null\n"))
    assert (loaded.layers, loaded.folder) == (("c",), None)
    assert load(Drawing, None, ["layers=[d, e]"]).layers == ("d", "e")
    assert load(Drawing, None, ["folder=x/y"]).folder == Path("x/y")


def test_a_chain_of_bases_is_followed_from_each_files_own_folder(tmp_path, write):
    (tmp_path / "deep").mkdir()
    write("width: 1\nheight: 1\ntitle: root\n", "root.yaml")
    write("base: ../root.yaml\nwidth: 2\nheight: 2\n", "deep/middle.yaml")
    path = write("base: deep/middle.yaml\nwidth: 3\n")
    assert load(Drawing, path) == Drawing(width=3, height=2, title="root")


@pytest.mark.parametrize("text", ["base: c.yaml\n", "base: other.yaml\n"])
def test_a_loop_of_bases_is_refused(write, text):
    write("base: c.yaml\n", "other.yaml")
    [line] = problems(write(text))
    assert "found a loop of 'base'" in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: absent.yaml", "c.yaml:1: base: expected a file, found none at"),
        ("base: [a, b]", "c.yaml:1: base: expected one file name, found ['a', 'b']"),
    ],
)
def test_a_base_is_one_file_that_is_there(write, text, message):
    [line] = problems(write(text))
    assert message in line


def test_a_mistake_in_a_base_names_the_base(write):
    write("width: 1\ncolor: blue\n", "base.yaml")
    [line] = problems(write("base: base.yaml\nwidth: 2\n"))
    assert "base.yaml:2): expected red or green" in line


def test_keys_are_all_those_of_all_kinds():
    keys = list(dotted_keys(Drawing))
    assert {"shape.radius", "shape.tilt", "budget.tokens", "width", "folder"} <= set(keys)
    assert "shape" not in keys


shapes = st.builds(Circle, radius=st.floats(1e-300, 1e300)) | st.builds(
    Square, side=st.floats(allow_nan=False, allow_infinity=False)
)
# YAML has no control characters in plain text; ruamel escapes them in quotes.
words = st.text(st.characters(codec="utf-8"), max_size=12)
drawings = st.builds(
    Drawing,
    shape=shapes,
    width=st.integers(1, 10**18),
    height=st.integers(-(10**18), 10**18),
    scale=st.floats(allow_nan=False, allow_infinity=False),
    color=st.sampled_from(["red", "green"]),
    is_filled=st.booleans(),
    layers=st.lists(words, max_size=4).map(tuple),
    title=words,
)


@hypothesis.settings(max_examples=25, deadline=None)
@given(drawing=drawings)
@example(drawing=Drawing(title="\x85 \u2028\n\r\t\x00", layers=("\x85", "a\nb")))
def test_written_settings_read_back_equal(tmp_path_factory, drawing):
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(to_yaml(drawing), encoding="utf-8", newline="")
    assert load(Drawing, path) == drawing


@pytest.mark.parametrize("word", ["yes", "null", "3e-4", "1.5", "0x10", "~", "- a", "a: b", "#", "é", "", "12:30", "2026-01-01", "1_000"])  # fmt: skip
def test_text_that_looks_like_something_else_stays_text(write, word):
    drawing = Drawing(title=word, layers=(word,))
    assert load(Drawing, write(to_yaml(drawing))) == drawing


def test_plain_values_are_what_yaml_shows():
    plain = to_plain(Drawing(folder=Path("a") / "b", shape=Square()))
    assert plain["folder"] == "a/b"
    assert plain["shape"] == {"kind": "square", "side": 2.0, "tilt": 0.0}
    assert plain["layers"] == ["base"]


def test_settings_are_frozen_and_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Drawing().width = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        Circle("circle")  # type: ignore[misc]


def test_a_thousand_mistakes_are_all_told_and_the_first_ones_explained(write):
    lines = problems(write("".join(f"widt{i}: 1\n" for i in range(1000))))
    assert [line.partition(" ")[0] for line in lines] == [f"widt{i}" for i in range(1000)]
    assert [line.endswith("Did you mean 'width'?") for line in lines[:31]] == [True] * 30 + [False]
