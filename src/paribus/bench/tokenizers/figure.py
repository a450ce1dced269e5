"""The rates of a benchmark as a picture: one bar per library, for its fastest route."""

from collections.abc import Iterable, Sequence
from typing import Any

from paribus.bench.rows import OURS, Row
from paribus.errors import CheckFailedError
from paribus.report.charts import import_drawing

TASKS = {"encode first": "first pass", "encode warm": "warm", "decode": "decoding"}
OURS_COLOR, OTHERS_COLOR = "#c0392b", "#9db8d9"
WIDTH = 420
"""Pixels of the longest bar."""


def rates_figure(rows: Sequence[Row], title: str) -> bytes:
    """MB of text per second of CPU time for each task that has rates, as SVG.

    Raises UnavailableError without the extra `study`, CheckFailedError if no row has a rate.
    """
    altair, vl_convert = import_drawing()
    bars = list(fastest(rows))
    if not bars:
        raise CheckFailedError(
            "--figure: expected rates of encoding or decoding, found none. "
            "Choose --only encode or --only decode"
        )
    chart = altair.Chart(altair.InlineData(values=bars)).encode(
        x=altair.X("rate:Q", title="MB of text per second of CPU time, one thread"),
        y=altair.Y("library:N", title=None, sort="-x"),
        color=altair.condition(
            altair.datum.library == OURS, altair.value(OURS_COLOR), altair.value(OTHERS_COLOR)
        ),
    )
    labels = chart.mark_text(align="left", dx=3).encode(text=altair.Text("rate:Q", format=".3~r"))
    layers = altair.layer(chart.mark_bar(), labels).properties(width=WIDTH)
    spec = layers.facet(row=altair.Row("task:N", title=None, sort=list(TASKS.values())))
    return vl_convert.vegalite_to_svg(spec.properties(title=title).to_json()).encode()


def fastest(rows: Iterable[Row]) -> Iterable[dict[str, Any]]:
    """The highest rate of each library in each task, on one thread."""
    found: dict[tuple[str, str], float] = {}
    for row in rows:
        rate = row.bytes_per_cpu_second
        if rate and row.task in TASKS and "threads" not in row.label:
            key = TASKS[row.task], row.library
            found[key] = max(rate / 1e6, found.get(key, 0.0))
    for (task, library), rate in found.items():
        yield {"task": task, "library": library, "rate": round(rate, 3)}
