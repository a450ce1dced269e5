"""The figures of docs/ablation-axes.md, drawn from the project's own functions.

Every curve is computed by the code that trains; the drawings of boxes are the equations of their
axis. The place of everything is fixed, so that the fonts of another machine move nothing.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair
import torch
import vl_convert

from paribus.model.activations import gelu, relu, relu2, silu
from paribus.model.config import ModelConfig, Sinusoidal
from paribus.model.init import initialize
from paribus.model.mask import causal_mask
from paribus.model.norm import LayerNorm, RMSNorm
from paribus.model.position import alibi_slopes, sinusoids
from paribus.model.residual import RESIDUALS
from paribus.model.signal import position_to_token_ratio
from paribus.model.softcap import softcap
from paribus.model.transformer import Transformer
from paribus.model.variants import EMBEDDING_SCALES, INITS
from paribus.optim.config import ScheduleConfig
from paribus.optim.muon import orthogonal
from paribus.optim.schedule import SCHEDULES, learning_rate

FOLDER = Path(__file__).parents[1] / "asset" / "axes"
BASE = ModelConfig(vocab_size=50_257)
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""The first comes with vl-convert: labels are as wide on every machine."""
Rows = list[dict[str, Any]]
Figure = altair.Chart | altair.LayerChart | altair.FacetChart


def svg(name: str) -> str:
    """A figure as SVG."""
    chart = FIGURES[name]()
    chart = chart.configure(aria=False, background="white", font=FONT).configure_view(stroke="#ddd")
    chart = chart.properties(
        padding={"left": 130, "top": 12, "right": 130, "bottom": 44},
        autosize=altair.AutoSizeParams(type="none"),
    )
    return vl_convert.vegalite_to_svg(chart.to_json(validate=False)) + "\n"


def curves(
    rows: Rows, x: str, y: str, *, log: tuple[str, ...] = (), points: bool = False
) -> altair.Chart:
    """Rows with x, y and `curve`, a line each; `log` names the axes with a logarithmic scale."""
    order = list(dict.fromkeys(row["curve"] for row in rows))
    scales = {
        axis: altair.Scale(type="log" if axis in log else "linear", nice=False, zero=False)
        for axis in "xy"
    }
    color = altair.Color("curve:N", title=None, sort=order, legend=altair.Legend(orient="right"))
    return (
        altair.Chart(altair.InlineData(values=rows), width=440, height=230)
        .mark_line(strokeWidth=1.8, point=points)
        .encode(
            x=altair.X("x:Q", title=x, scale=scales["x"], axis=altair.Axis(tickCount=6)),
            y=altair.Y("y:Q", title=y, scale=scales["y"], axis=altair.Axis(tickCount=6)),
            color=color,
            detail="curve:N",
        )
    )


def rows_of(curve: str, xs: Any, ys: Any) -> Rows:
    return [
        {"x": float(f"{float(x):.4g}"), "y": float(f"{float(y):.4g}"), "curve": curve}
        for x, y in zip(xs, ys, strict=True)
    ]


def drawing(boxes: Rows, lines: Rows, width: int, height: int) -> Figure:
    """Labelled boxes (middle, width, fill) over lines; y grows upward."""

    def axis(name: str, limit: int) -> dict[str, Any]:
        return {
            "field": name,
            "type": "quantitative",
            "axis": None,
            "scale": {"domain": [0, limit], "nice": False},
        }

    def encoded(rows: Rows, mark: str, channels: dict[str, Any], **style: Any) -> altair.Chart:
        encoding = {"x": axis("x", width), "y": axis("y", height)} | channels
        spec = {
            "data": {"values": rows},
            "mark": {"type": mark} | style,
            "encoding": encoding,
            "width": width,
            "height": height,
        }
        return altair.Chart.from_dict(spec)

    ends = {"x2": {"field": "x2"}, "y2": {"field": "y2"}}
    label = {"text": {"field": "label"}}
    fill = {"color": {"field": "fill", "type": "nominal", "scale": None}}
    rects = [
        box | {"x": box["x"] - box["w"] / 2, "x2": box["x"] + box["w"] / 2}
        | {"y": box["y"] - 11, "y2": box["y"] + 11}
        for box in boxes
    ]  # fmt: skip
    return altair.layer(
        encoded(lines, "rule", ends, color="#555", strokeWidth=1.4),
        encoded(rects, "rect", ends | fill, stroke="#555", cornerRadius=3),
        encoded(boxes, "text", label, fontSize=12),
    )


def box(x: float, y: float, label: str, fill: str = "#eee", w: float = 44) -> dict[str, Any]:
    return {"x": x, "y": y, "label": label, "fill": fill, "w": w}


def line(x: float, y: float, x2: float, y2: float) -> dict[str, Any]:
    return {"x": x, "y": y, "x2": x2, "y2": y2}


NORM, SUBLAYER, PLAIN = "#f6d9a8", "#b9d4ec", "white"
BRANCHES = {
    "pre": ["norm", "f"],
    "post": ["f"],
    "sandwich": ["norm", "f", "norm"],
    "output": ["f", "norm"],
    "none": ["f"],
}


def norm_placement() -> Figure:
    """The stream goes up on the left of each, the sublayer beside it."""
    boxes, lines = [], []
    for column, placement in enumerate(RESIDUALS):
        stream = 25 + 104 * column
        beside, bottom, top = stream + 46, 45, 185
        lines += [line(stream, 25, stream, 230), line(stream, bottom, beside, bottom)]
        lines += [line(beside, bottom, beside, top), line(beside, top, stream, top)]
        steps = BRANCHES[placement]
        for i, step in enumerate(steps, 1):
            height = bottom + (top - bottom) * i / (len(steps) + 1)
            boxes.append(box(beside, height, step, NORM if step == "norm" else SUBLAYER))
        boxes.append(box(stream, top, "+", PLAIN, w=20))
        if placement == "post":
            boxes.append(box(stream, 212, "norm", NORM))
        boxes += [box(stream, 14, "x", PLAIN, w=20), box(stream + 23, 250, placement, PLAIN, w=80)]
    return drawing(boxes, lines, width=530, height=262)


def grouped_heads() -> Figure:
    """Which key and value head serves each of four query heads."""
    boxes, lines = [], []
    for column, n_kv_heads in enumerate((4, 2, 1)):
        left = 26 + 180 * column
        share = 4 // n_kv_heads
        for head in range(4):
            served_by = left + 40 * (share * (head // share) + (share - 1) / 2)
            lines.append(line(left + 40 * head, 105, served_by, 50))
            boxes.append(box(left + 40 * head, 105, "q", SUBLAYER, w=30))
            if head % share == 0:
                boxes.append(box(served_by, 50, "k v", NORM, w=30))
        boxes.append(box(left + 60, 14, f"n_kv_heads = {n_kv_heads}", PLAIN, w=110))
    return drawing(boxes, lines, width=530, height=130)


def attention_mask() -> altair.Chart:
    """Dark: the query of this row may attend to the key of this column."""
    mask = causal_mask(8, 8, torch.device("cpu"))
    rows = [{"key": k, "query": q, "may": bool(mask[q, k])} for q in range(8) for k in range(8)]
    color = altair.Color("may:N", legend=None, scale=altair.Scale(range=["#f2f2f2", "#3a76af"]))
    return (
        altair.Chart(altair.InlineData(values=rows), width=200, height=200)
        .mark_rect(stroke="white")
        .encode(
            x=altair.X("key:O", title="position of the key", axis=altair.Axis(labelAngle=0)),
            y=altair.Y("query:O", title="position of the query"),
            color=color,
        )
    )


@torch.no_grad()
def stream_growth() -> altair.Chart:
    """Root mean square of the stream after each block, before the first step."""
    rows = []
    tokens = torch.randint(0, 256, (4, 64), generator=torch.Generator().manual_seed(0))
    for placement in RESIDUALS:
        config = ModelConfig(vocab_size=256, d_model=64, n_layers=16, norm_placement=placement)
        model = Transformer(config)
        initialize(model, config, seed=0)
        sizes: list[float] = []

        def measure(_: Any, __: Any, output: torch.Tensor, sizes: list[float] = sizes) -> None:
            sizes.append(output.square().mean().sqrt().item())

        for layer in (model.token_embedding, *model.layers):
            layer.register_forward_hook(measure)
        model.hidden(tokens)
        rows += [row for row in rows_of(placement, range(17), sizes) if row["y"] < 30]
    return curves(rows, "block", "root mean square", log=("y",), points=True)


@torch.no_grad()
def norms() -> altair.Chart:
    """One vector of eight positive numbers, normalized by each kind."""
    x = torch.tensor([[1.0, 2.0, 6.0, 3.0, 2.5, 4.0, 1.5, 4.0]])
    kinds = {"rmsnorm": RMSNorm(8, 1e-5), "layernorm": LayerNorm(8, 1e-5, bias=False)}
    rows = rows_of("input", range(8), x[0])
    for name, norm in kinds.items():
        norm.weight.fill_(1.0)
        rows += rows_of(name, range(8), norm(x)[0])
    return curves(rows, "dimension", "value", points=True)


def rope_wavelengths() -> altair.Chart:
    """Positions until a pair has turned once."""
    pairs = torch.arange(32)
    rows = []
    for theta in (100.0, 10_000.0, 500_000.0):
        turns = theta ** (-2 * pairs / 64)
        rows += rows_of(f"theta {theta:,.0f}", pairs, 2 * math.pi / turns)
    rows += rows_of("context 256", (0, 31), (256, 256))
    return curves(rows, "pair of a head of 64", "wavelength in positions", log=("y",))


def sinusoidal() -> altair.Chart:
    """Four of the 64 columns of the table."""
    table = sinusoids(torch.arange(129), 64)
    rows = []
    for column in (0, 10, 20, 40):
        rows += rows_of(f"column {column}", range(129), table[:, column])
    return curves(rows, "position", "value added")


def alibi_biases() -> altair.Chart:
    """The number that each of eight heads adds to the score of a key."""
    distances = range(65)
    rows = []
    for i, slope in enumerate(alibi_slopes(8), 1):
        rows += rows_of(f"head {i}, 1/{1 / slope:.0f}", distances, [-slope * d for d in distances])
    return curves(rows, "distance from the query back to the key", "added to the score")


def activations() -> altair.Chart:
    x = torch.linspace(-4, 3, 141)
    rows = []
    for function in (relu, gelu, silu, relu2):
        keep = x <= 2 if function is relu2 else x <= 3
        rows += rows_of(function.__name__, x[keep], function(x[keep]))
    return curves(rows, "input", "output")


def initial_spread() -> altair.Chart:
    """Standard deviation of the matrices of base_modern, tied and of its tables untied."""
    d, d_ff, vocab = BASE.d_model, BASE.feed_forward_width, 50_257
    shapes = {
        "token_embedding.weight": (vocab, d),
        "layers.0.attention.q_proj.weight": (d, d),
        "layers.0.attention.o_proj.weight": (d, d),
        "layers.0.ffn.up_proj.weight": (d_ff, d),
        "layers.0.ffn.down_proj.weight": (d, d_ff),
    }
    rows = [
        {"x": replace(BASE, init=init, tie_embeddings=tied).initial_std(name, shape), "init": init}
        | {"tensor": name.split(".")[-2] + ("" if tied else ", untied")}
        for init in INITS
        for name, shape in shapes.items()
        for tied in ((True, False) if "embedding" in name else (True,))
    ]
    return (
        altair.Chart(altair.InlineData(values=rows), width=440, height=170)
        .mark_point(filled=True, size=50)
        .encode(
            x=altair.X(
                "x:Q",
                title="initial standard deviation",
                scale=altair.Scale(type="log"),
                axis=altair.Axis(values=[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1]),
            ),
            y=altair.Y("tensor:N", title=None, sort=None),
            yOffset=altair.YOffset("init:N", sort=list(INITS)),
            color=altair.Color("init:N", title=None, sort=list(INITS)),
        )
    )


def position_signal() -> Figure:
    """Size of the sinusoids over the size of a token's vector, before the first step."""
    rows = []
    for tied in (True, False):
        for scale in EMBEDDING_SCALES:
            config = replace(
                BASE, tie_embeddings=tied, position=Sinusoidal(), embedding_scale=scale
            )
            tables = "tied" if tied else "untied"
            ratio = position_to_token_ratio(config)
            rows.append({"x": float(f"{ratio:.4g}"), "arm": f"{tables}, {scale}"})
    chart = altair.Chart(altair.InlineData(values=rows), width=380, height=120)
    bars = chart.mark_bar().encode(
        x=altair.X(
            "x:Q",
            title="root mean square, position over token",
            scale=altair.Scale(type="symlog"),
            axis=altair.Axis(values=[0, 1, 3, 10, 30, 100]),
        ),
        y=altair.Y("arm:N", title=None, sort=None),
    )
    labels = bars.mark_text(align="left", dx=4).encode(text=altair.Text("x:Q", format=".3~g"))
    return altair.layer(bars, labels)


def soft_cap() -> altair.Chart:
    x = torch.linspace(-60, 60, 121)
    rows = rows_of("none", x, x)
    for cap in (30.0, 10.0):
        rows += rows_of(f"cap {cap:.0f}", x, softcap(x, cap))
    return curves(rows, "logit", "logit after the cap")


def newton_schulz() -> altair.Chart:
    """Each singular value after some iterations, from a diagonal matrix of norm 1."""
    values = torch.logspace(-3, 0, 200)
    rows = rows_of("before", values, values)
    for iterations in (1, 3, 5):
        # A second value brings the norm of the matrix to 1.
        found = [
            orthogonal(torch.diag(torch.stack([s, (1 - s * s).sqrt()])), iterations)[0, 0]
            for s in values
        ]
        rows += rows_of(f"after {iterations}", values, found)
    return curves(rows, "singular value over norm", "singular value after steps", log=("x",))


def schedules() -> altair.Chart:
    rows = []
    steps = range(0, 40_001, 400)
    for kind in SCHEDULES:
        config = ScheduleConfig(kind=kind)  # type: ignore[arg-type]
        rates = [learning_rate(step, config, 3e-4, 40_000) for step in steps]
        rows += rows_of(kind, steps, rates)
    return curves(rows, "step", "learning rate")


FIGURES = {
    figure.__name__: figure
    for figure in (
        norm_placement, stream_growth, norms, rope_wavelengths, sinusoidal, alibi_biases,
        position_signal, attention_mask, grouped_heads, activations, soft_cap, initial_spread,
        newton_schulz, schedules,
    )
}  # fmt: skip
