"""A figure of shares as dots with their intervals, a row a source, in groups. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ppai.ui.chart_layout import DOT_ROW, Chart, Group, Json, Row, laid_out, name_axis
from ppai.ui.chart_marks import SYMBOLS, half_line, look, sources_drawn, whiskers
from ppai.ui.chart_names import plain
from ppai.ui.chart_top import put_on_top, told_once
from ppai.ui.enough import drawn_groups, nothing_drawn
from ppai.ui.labels import Labels, counted, interval, listed, source_label

EVEN = "At 50% both are equal."


def source_row(source: str, figures: Json, labels: Labels) -> Row:
    return Row(source_label(source), figures, source, labels.mark(source))


def rate_row(source: str, rate: Json, labels: Labels) -> Row:
    """A row of one INTERVAL."""
    return source_row(source, {"n": rate["n"], "rate": rate}, labels)


def dot_chart(
    groups: Iterable[Group],
    labels: Labels,
    axis: str,
    what: str,
    *,
    unit: str = "pair",
    even: Collection[str] | None = None,
    meaning: str = EVEN,
) -> Chart:
    """Rows of `rate_row`; `unit` is what their n counts, `even` the headings with a line at 50% (None: all)."""
    drawn, left_out = drawn_groups(groups)
    if not drawn:
        return Chart(None, nothing_drawn(what, left_out))
    drawn, who = told_once(drawn, labels)
    rows, layout = laid_out(drawn, DOT_ROW, top=8)
    data: list[dict[str, Any]] = [_even_line(rows, layout, even)]
    sources = sources_drawn(drawn)
    for source, form in dict.fromkeys(
        (row.source, row.form) for source in sources for _, _, row in rows if row.source == source
    ):
        number = look(sources, source)
        own = [(place, group, row) for place, group, row in rows if (row.source, row.form) == (source, form)]
        rates = [row.figures["rate"] for _, _, row in own]
        colour = f"--ppai-chart-{number % 5}"
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": plain(source_label(source)),
                "x": [rate["estimate"] for rate in rates],
                "y": [place for place, _, _ in own],
                "marker": {"color": colour, "size": 11, "symbol": form or SYMBOLS[number % len(SYMBOLS)]},
                "error_x": whiskers(rates) | {"color": colour},
                "hovertext": [
                    f"<b>{plain(group)}</b><br>{plain(row.label if form else labels.source(source))}: "
                    f"{interval(row.figures['rate'])}<br>{counted(row.figures['n'], unit)}"
                    for _, group, row in own
                ],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    layout |= {"showlegend": False}
    layout["xaxis"] |= {"range": [-0.02, 1.02]}
    name_axis(layout, axis)
    put_on_top(data, layout, who)
    words = (
        f"{axis[0].upper()}{axis[1:]}, for {listed([labels.source(source) for source in sources])}. "
        f"{meaning} The table below has the same numbers."
    )
    return Chart({"data": data, "layout": layout}, words, left_out)


def _even_line(
    rows: Sequence[tuple[float, str, Row]], layout: dict[str, Any], even: Collection[str] | None
) -> dict[str, Any]:
    """At 50%, along the groups where that is no preference."""
    if even is None:
        return half_line([0.5, 0.5], layout["yaxis"]["range"])
    places: list[float | None] = []
    for heading in dict.fromkeys(group for _, group, _ in rows if group in even):
        own = [place for place, group, _ in rows if group == heading]
        places += [own[0] - DOT_ROW / 2, own[-1] + DOT_ROW / 2, None]
    return half_line([0.5] * len(places), places)
