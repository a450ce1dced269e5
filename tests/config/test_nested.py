"""Lists and maps of settings, as studies have them: `arms.rope.model.norm`, `arms[2].model`."""

import dataclasses
from typing import Annotated, ClassVar, Literal

import pytest
from annotated_types import Gt, MinLen

from paribus.config.difference import Difference, differences
from paribus.config.load import load, to_yaml
from paribus.config.settings import settings
from paribus.errors import ConfigError


@settings
class Disc:
    kind: Literal["disc"] = "disc"
    radius: Annotated[float, Gt(0)] = 1.0


@settings
class Box:
    kind: Literal["box"] = "box"
    side: float = 2.0


Shape = Disc | Box


@settings
class Length:
    EXCLUSIVE: ClassVar[tuple[str, ...]] = ("steps", "hours")

    steps: Annotated[int, Gt(0)] | None = 10
    hours: Annotated[float, Gt(0)] | None = None

    def __post_init__(self):
        if (self.steps is None) == (self.hours is None):
            raise ConfigError("length.steps: expected one of length.steps, length.hours, found two")


@settings
class Arm:
    label: str
    shape: Shape = Disc()
    length: Length = Length()


Level = bool | int | float | str | None


@settings
class Plan:
    arms: tuple[Arm, ...] = ()
    named: dict[str, Arm] = dataclasses.field(default_factory=dict)
    shapes: tuple[Shape, ...] = (Box(),)
    by_name: dict[str, tuple[Shape, ...]] = dataclasses.field(default_factory=dict)
    axes: dict[str, Annotated[tuple[Level, ...], MinLen(2)]] = dataclasses.field(
        default_factory=dict
    )
    pair: tuple[int, str] = (1, "one")
    control: Arm | str = "first"
    extra: Arm | None = None
    base: str = "base_modern"


@pytest.fixture
def write(tmp_path):
    def make(text, name="p.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return make


@pytest.fixture
def refusal(write, tmp_path):
    def make(text, *overrides):
        with pytest.raises(ConfigError) as caught:
            load(Plan, write(text), overrides)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return make


def test_lists_and_maps_of_settings_are_read(write):
    plan = load(
        Plan,
        write(
            """
            base: elsewhere
            arms:
              - label: a
              - {label: b, shape: {kind: box}}
            named: {c.1: {label: c, length: {hours: 2}}}
            shapes: [{kind: disc, radius: 3}, {kind: box}]
            by_name: {x: [{kind: box, side: 1}], y: []}
            axes: {model.norm: [rmsnorm, null], lr: [1, 1.5, true, off]}
            pair: [2, two]
            control: {label: d}
            extra: {label: e, shape: {radius: 9}}
            """
        ),
    )
    assert plan == Plan(
        base="elsewhere",
        arms=(Arm(label="a"), Arm(label="b", shape=Box())),
        named={"c.1": Arm(label="c", length=Length(steps=None, hours=2.0))},
        shapes=(Disc(radius=3.0), Box()),
        by_name={"x": (Box(side=1.0),), "y": ()},
        axes={"model.norm": ("rmsnorm", None), "lr": (1, 1.5, True, "off")},
        pair=(2, "two"),
        control=Arm(label="d"),
        extra=Arm(label="e", shape=Disc(radius=9.0)),
    )
    assert [type(level) for level in plan.axes["lr"]] == [int, float, bool, str]


def test_lists_and_maps_of_settings_are_written_back_equal(write):
    plan = Plan(
        arms=(Arm(label="é\n"), Arm(label="b", shape=Box(side=1.0))),
        named={"a.b c": Arm(label="", length=Length(steps=None, hours=0.5))},
        axes={"x": (None, True, 1, 1.0, "1")},
    )
    assert load(Plan, write(to_yaml(plan))) == plan


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arms:\n- label: a\n- label: 3", "arms[1].label (p.yaml:3): expected text, found 3"),
        ("arms:\n- label: a\n- shape:\n    kind: bax\n  label: b", "arms[1].shape.kind (p.yaml:4): expected disc or box, found 'bax'. Did you mean 'box'?"),
        ("arms: [{label: a, shape: {kind: box, radius: 1}}]", "arms[0].shape.radius (p.yaml:1): expected a key of 'box', found 'radius' of another kind"),
        ("arms:\n- label: a\n- {}", "arms[1].label (p.yaml:3): expected text, found nothing"),
        ("arms:\n- label: a\n- null", "arms[1] (p.yaml:3): expected a section, as in arms[1].label, found null"),
        ("arms: {label: a}", "arms (p.yaml:1): expected a list, as in [a, b], found {'label': 'a'}"),
        ("arms: [{labl: a, label: b}]", "arms[0].labl (p.yaml:1): expected a known key, found 'labl'. Did you mean 'arms[0].label'?"),
        ("named:\n  x: {label: a}\n  y:\n    label: b\n    length: {steps: 0}", "named.y.length.steps (p.yaml:5): expected a number above 0, found 0. The nearest is 1"),
        ("named: {a.b: {label: [1]}}", 'named["a.b"].label (p.yaml:1): expected text, found [1]'),
        ("named: [1]", "named (p.yaml:1): expected a section of named entries, as in named.NAME, found [1]"),
        ("named: {x: a}", "named.x (p.yaml:1): expected a section, as in named.x.label, found 'a'"),
        ("named:\n  x:\n    label: a\n    length: {steps: 3, hours: 1}", "named.x.length.steps (p.yaml:4): expected one of length.steps, length.hours, found two"),
        ("arms:\n- label: a\n  length: {steps: 3, hours: 1}", "arms[0].length.steps (p.yaml:3): expected one of length.steps, length.hours, found two"),
        ("shapes:\n- kind: box\n- side: 3", "shapes[1].kind (p.yaml:3): expected disc or box, found nothing"),
        ("shapes: [{kind: disc, radius: 0}]", "shapes[0].radius (p.yaml:1): expected a number above 0, found 0"),
        ("by_name:\n  x:\n  - kind: box\n  - kind: disc\n    radius: .nan", "by_name.x[1].radius (p.yaml:5): expected a finite number, found nan"),
        ("axes:\n  lr: [1]", "axes.lr (p.yaml:2): expected a list of at least 2, found 1"),
        ("axes:\n  lr: [1, [2]]", "axes.lr[1] (p.yaml:2): expected true or false, a whole number, a number or text, found [2]"),
        ("pair: [1, 2]", "pair[1] (p.yaml:1): expected text, found 2"),
        ("pair: [1]", "pair (p.yaml:1): expected a list of 2, found 1"),
        ("control: 3", "control (p.yaml:1): expected a section, as in control.label or text, found 3"),
        ("extra: {label: a, shape: box}", "extra.shape (p.yaml:1): expected a section, as in extra.shape.kind, found 'box'"),
        ("base: [a]", "base (p.yaml:1): expected text, found ['a']"),
    ],
)  # fmt: skip
def test_a_mistake_inside_names_its_key_and_line(refusal, text, message):
    assert refusal(f"{text}\n") == [message]


def test_all_mistakes_are_told_in_the_order_of_the_file(refusal):
    lines = refusal(
        """\
named:
  x: {label: 1, length: {steps: -1}}
  y:
    labl: b
shapes:
- {kind: disc, radius: 0}
- {kind: bix}
arms:
- label: a
- label: b
  shape: {radius: wide}
""",
        "pair=[1]",
    )
    assert [line.partition(":")[0] + ":" + line.split(":")[1].split(")")[0] for line in lines] == [
        "named.x.label (p.yaml:2", "named.x.length.steps (p.yaml:2", "named.y.label (p.yaml:3",
        "named.y.labl (p.yaml:4", "shapes[0].radius (p.yaml:6", "shapes[1].kind (p.yaml:7",
        "arms[1].shape.radius (p.yaml:11", "pair (command line): expected a list of 2, found 1",
    ]  # fmt: skip


def test_overrides_reach_into_lists_and_maps(write):
    path = write("arms: [{label: a}, {label: b, length: {hours: 1}}]\nnamed: {x.y: {label: c}}\n")
    plan = load(
        Plan, path,
        ["arms[1].length.steps=3", "arms[0].shape.kind=box", 'named["x.y"].shape.radius=7', "named.z.label=d"],
    )  # fmt: skip
    assert plan.arms == (Arm(label="a", shape=Box()), Arm(label="b", length=Length(steps=3)))
    assert plan.named == {
        "x.y": Arm(label="c", shape=Disc(radius=7.0)),
        "z": Arm(label="d"),
    }
    assert load(Plan, path, ["arms=[{label: z}]"]).arms == (Arm(label="z"),)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("arms[7].label=x", "arms[7] (command line): expected the index of an item, found 7"),
        ("arms[0].label=3", "arms[0].label (command line): expected text, found 3"),
        ("arms.x=3", "arms (command line): expected a list, as in [a, b], found {'x': 3}"),
        ("named.x=3", "named.x (command line): expected a section, as in named.x.label, found 3"),
    ],
)
def test_an_override_that_reaches_nothing_is_refused(refusal, override, message):
    assert refusal("arms: [{label: a}]\n", override) == [message]


def test_a_map_is_inherited_entry_by_entry_and_a_list_as_a_whole(write):
    @settings
    class Heir:
        arms: tuple[Arm, ...] = ()
        named: dict[str, Arm] = dataclasses.field(default_factory=dict)

    write(
        "arms: [{label: a}]\nnamed: {x: {label: x, length: {hours: 3}}, y: {label: y}}\n", "b.yaml"
    )
    heir = load(
        Heir,
        write("base: b.yaml\narms: [{label: z}]\nnamed: {x: {shape: {kind: box}, length: {steps: 4}}}\n"),
    )  # fmt: skip
    assert heir.arms == (Arm(label="z"),)
    assert heir.named == {
        "x": Arm(label="x", shape=Box(), length=Length(steps=4)),
        "y": Arm(label="y"),
    }


def test_the_difference_of_two_settings_names_key_and_both_values():
    before = Plan(
        arms=(Arm(label="a"), Arm(label="b")), named={"x": Arm(label="x")}, pair=(1, "one")
    )
    after = Plan(arms=(Arm(label="a", shape=Box()),), named={"x": Arm(label="y")}, pair=(1, "two"))
    assert differences(before, after) == [
        Difference("arms[0].shape.kind", "disc", "box"),
        Difference("arms[0].shape.side", None, 2.0),
        Difference("arms[0].shape.radius", 1.0, None),
        Difference("arms[1]", {"label": "b", "shape": {"kind": "disc", "radius": 1.0}, "length": {"steps": 10, "hours": None}}, None),
        Difference("named.x.label", "x", "y"),
        Difference("pair", [1, "one"], [1, "two"]),
    ]  # fmt: skip
    assert differences(after, after) == []
    assert differences({"a": 1}, {"a": True}) == [Difference("a", 1, True)]
