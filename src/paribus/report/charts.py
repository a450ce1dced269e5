"""Loss curves: in the terminal, and as an SVG file."""

import importlib.util
import itertools
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paribus.arguments import checked
from paribus.errors import UnavailableError
from paribus.report.runs import RunRecord

Points = Sequence[tuple[float, float]]

MAX_POINTS = 500
"""Points of one drawn curve."""
COLORS = {"training": "#9db8d9", "validation": "#c0392b"}

_BRAILLE_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row, then column


@dataclass(frozen=True)
class _Frame:
    """The rectangle of values that a chart shows."""

    left: float
    right: float
    bottom: float
    top: float


def terminal_chart(
    points: Points, width: int = 72, height: int = 12, *, encoding: str | None = None
) -> str:
    """A curve in `height` lines of at most `width` characters, its axes labelled with numbers.

    Braille dots where `encoding` (default: that of standard output) can write them, else ASCII.
    Points that are not finite are left out.
    """
    finite = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not finite:
        return "(no points yet)"
    frame = _frame(finite)
    lines = max(3, height - 2)
    beside = _height_labels(frame, lines)
    margin = max(map(len, beside.values()))
    columns = max(8, width - margin - 1)
    braille = _can_write("⣿│└─", encoding or sys.stdout.encoding or "ascii")
    draw = _braille_lines if braille else _ascii_lines
    vertical, corner, horizontal = "│└─" if braille else "|+-"
    body = [
        f"{beside.get(row, ''):>{margin}}{vertical}{line}".rstrip()
        for row, line in enumerate(draw(finite, frame, columns, lines))
    ]
    axis = " " * margin + corner + horizontal * columns
    left, right = _label(frame.left), _label(frame.right)
    if len(left) + 1 + len(right) > columns:
        left, right = _label(frame.left, digits=0), _label(frame.right, digits=0)
    right = f" {right}"
    return "\n".join([*body, axis, " " * (margin + 1) + left + right.rjust(columns - len(left))])


@checked
def loss_chart(runs: RunRecord | Sequence[RunRecord], x: str = "step") -> bytes:
    """Training and validation loss of one run or several over a field of their rows, as SVG.

    Several runs are told apart by color, with their names in the legend. Raises UnavailableError
    if the extra `study` is not installed.
    """
    altair, vl_convert = import_drawing()
    several = [runs] if isinstance(runs, RunRecord) else list(runs)
    names = _unique_names(several)
    values = [
        {x: at, "loss": loss, "curve": curve, "run": name}
        for run, name in zip(several, names, strict=True)
        for curve, points in _loss_curves(run, x).items()
        for at, loss in points
    ]
    color = _color_by_curve(altair) if len(several) == 1 else _color_by_run(altair, names)
    title = names[0] if len(several) == 1 else "thin: training loss, dots: validation loss"
    layers = _loss_layers(altair, values, x, color)
    spec = layers.properties(title=title, width=560, height=320)
    return vl_convert.vegalite_to_svg(spec.to_json()).encode()


def thinned(points: Points, limit: int = MAX_POINTS) -> list[tuple[float, float]]:
    """At most `limit` of `points`: the lowest and the highest of each bucket, so spikes stay.

    The first and the last point stay too; order is kept.
    """
    if len(points) <= limit:
        return list(points)
    borders = np.linspace(1, len(points) - 1, (limit - 2) // 2 + 1).astype(int)
    heights = [y for _, y in points]
    kept = {0, len(points) - 1}
    for start, stop in itertools.pairwise(borders.tolist()):
        bucket = range(start, stop)
        kept |= {min(bucket, key=heights.__getitem__), max(bucket, key=heights.__getitem__)}
    return [points[index] for index in sorted(kept)]


def import_drawing() -> tuple[Any, Any]:
    """The modules altair and vl_convert. Raises UnavailableError where one is not installed."""
    for module in ("altair", "vl_convert"):
        if importlib.util.find_spec(module) is None:
            raise UnavailableError(
                f"chart: expected {module}, found none. "
                'uv sync --extra study, or pip install "paribus[study]"'
            )
    import altair
    import vl_convert

    return altair, vl_convert


def _pairs(xs: Any, ys: Any) -> list[tuple[float, float]]:
    pairs = zip(map(float, xs), map(float, ys), strict=True)
    return [(x, y) for x, y in pairs if math.isfinite(x) and math.isfinite(y)]


def _unique_names(runs: Sequence[RunRecord]) -> list[str]:
    """The names of the runs, or their folders if two names are the same."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in runs]


def _loss_curves(run: RunRecord, x: str) -> dict[str, Points]:
    """The points of both curves; an evaluation lies where the training row of its step does."""
    at, evaluated = run.column("train", x), run.column("eval", "step")
    if x != "step":
        at_step = dict(zip(run.column("train", "step"), at, strict=True))
        evaluated = [at_step.get(step, math.nan) for step in evaluated]
    return {
        "training": thinned(_pairs(at, run.column("train", "loss"))),
        "validation": thinned(_pairs(evaluated, run.column("eval", "loss"))),
    }


def _color_by_curve(altair: Any) -> Any:
    return altair.Color(
        "curve:N",
        title=None,
        scale=altair.Scale(domain=list(COLORS), range=list(COLORS.values())),
        legend=altair.Legend(orient="top-right"),
    )


def _color_by_run(altair: Any, names: list[str]) -> Any:
    return altair.Color(
        "run:N",
        title=None,
        scale=altair.Scale(domain=names),
        legend=altair.Legend(orient="top-right", labelLimit=400),
    )


def _loss_layers(altair: Any, values: list[dict[str, Any]], x: str, color: Any) -> Any:
    chart = altair.Chart(altair.InlineData(values=values)).encode(
        x=altair.X(f"{_escaped(x)}:Q", title=x.replace("_", " ")),
        y=altair.Y("loss:Q", title="loss (nats per token)", scale=altair.Scale(zero=False)),
        color=color,
    )
    is_training = altair.datum.curve == "training"
    line = chart.transform_filter(is_training).mark_line(strokeWidth=1.2)
    points = chart.transform_filter(~is_training).mark_line(point=True, strokeWidth=1.5)
    return altair.layer(line, points)


def _escaped(field: str) -> str:
    """A field name in which Vega-Lite sees no path: its dots, brackets and colons are plain."""
    return re.sub(r"([\\.\[\]:])", r"\\\1", field)


def _frame(points: Points) -> _Frame:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    bottom, top = min(ys), max(ys)
    if bottom == top:  # a flat curve lies in the middle
        bottom, top = bottom - 0.5, top + 0.5
    return _Frame(min(xs), max(xs), bottom, top)


def _label(value: float, digits: int = 2) -> str:
    """A number for an axis; one in powers of ten has `digits` behind the point."""
    if value and not 1e-3 <= abs(value) < 1e6:
        return f"{value:.{digits}e}"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


def _height_labels(frame: _Frame, lines: int) -> dict[int, str]:
    """The values at the first, the middle and the last line."""
    step = (frame.top - frame.bottom) / (lines - 1)
    return {row: _label(frame.top - row * step) for row in (0, lines // 2, lines - 1)}


def _can_write(characters: str, encoding: str) -> bool:
    try:
        characters.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _braille_lines(points: Points, frame: _Frame, columns: int, lines: int) -> list[str]:
    """A character of braille holds two columns of four dots."""
    cells = [[0] * columns for _ in range(lines)]
    for column, (lowest, highest) in _spans(points, frame, columns * 2, lines * 4).items():
        for dot in range(lowest, highest + 1):
            row = lines * 4 - 1 - dot
            cells[row // 4][column // 2] |= _BRAILLE_BITS[row % 4][column % 2]
    return ["".join(chr(0x2800 + bits) if bits else " " for bits in row) for row in cells]


def _ascii_lines(points: Points, frame: _Frame, columns: int, lines: int) -> list[str]:
    cells = [[" "] * columns for _ in range(lines)]
    for column, (lowest, highest) in _spans(points, frame, columns, lines).items():
        for dot in range(lowest, highest + 1):
            cells[lines - 1 - dot][column] = "*"
    return ["".join(row) for row in cells]


def _spans(points: Points, frame: _Frame, width: int, height: int) -> dict[int, tuple[int, int]]:
    """The lowest and the highest dot of each column, the line between neighbours included."""
    dots = [
        (
            _position(x, frame.left, frame.right, width),
            _position(y, frame.bottom, frame.top, height),
        )
        for x, y in sorted(points)
    ]
    spans: dict[int, tuple[int, int]] = {}
    for (left, start), (right, end) in itertools.pairwise([dots[0], *dots]):
        for column in range(left, right + 1):
            share = (column - left) / (right - left) if right > left else 1.0
            dot = round(start + (end - start) * share)
            lowest, highest = spans.get(column, (dot, dot))
            spans[column] = (min(lowest, dot), max(highest, dot))
    return spans


def _position(value: float, low: float, high: float, n: int) -> int:
    return round((value - low) / (high - low) * (n - 1)) if high > low else 0
