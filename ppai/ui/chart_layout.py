"""What the charts have in common: rows in groups, their names, the axis and the legend. Pure.

A colour is the name of a CSS custom property (`--ppai-chart-x`), which the browser fills in for its theme, and
`chart_theme` for a file. Distances on the vertical axis are pixels, so that a chart is as tall as its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from ppai.ui.chart_names import LETTER, NAME_ROW, label_width, lines_below, plain, tick, wrapped

Json = Mapping[str, Any]
Figure = dict[str, Any]

ROW, DOT_ROW, HEADING, GAP, BAR = 34, 23, 26, 12, 24
AXIS_LINE, AXIS_ROW = 34, 15
"""Most letters of a line of an axis's name, and its height in pixels."""
LEGEND_TOP, LEGEND_LINE = 34, 24
"""Pixels of a legend of one line, and most letters of the names in it."""
LEAST_BESIDE = 66
"""Pixels to the right of a chart, for the words beside its rows."""


@dataclass(frozen=True)
class Chart:
    """A figure with its text alternative, or the words that stand instead."""

    figure: Figure | None
    words: str
    """In short what the chart shows; or why there is none."""
    left_out: tuple[str, ...] = ()
    """What has too little data to be drawn, in sentences."""


@dataclass(frozen=True)
class Row:
    label: str
    figures: Json
    """A SOURCE, the Rates of a topic, or an INTERVAL: whatever has an `n`."""
    source: str
    mark: str = ""
    """A warning that stands under the label."""
    form: str = ""
    """The symbol of its point, where that does not follow from the source."""


@dataclass(frozen=True)
class Group:
    heading: str
    rows: tuple[Row, ...]


LEGEND: dict[str, Any] = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "xref": "container",
    "y": 1,
    "yanchor": "top",
    "yref": "container",
    "traceorder": "normal",
    "itemclick": False,
    "itemdoubleclick": False,
}


def legend_height(names: Sequence[str]) -> int:
    """Pixels of a legend above a chart: a line, or where a narrow chart has no room for one, a line a name."""
    lines = sum(wrapped(name).count("<br>") + 1 for name in names) if sum(map(len, names)) > LEGEND_LINE else 1
    return LEGEND_TOP + NAME_ROW * (lines - 1)


def base(height: float) -> dict[str, Any]:
    return {
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "--ppai-text", "size": 13},
        "hoverlabel": {
            "bgcolor": "--ppai-surface",
            "bordercolor": "--ppai-text",
            "font": {"color": "--ppai-text", "size": 13},
            "align": "left",
        },
        "dragmode": False,
        "hovermode": "closest",
        "shapes": [],
        "annotations": [],
    }


def size(row: Row) -> str:
    return f"n {row.figures['n']:,}"


def laid_out(
    groups: Sequence[Group], row: int = ROW, top: int = LEGEND_TOP, beside: Callable[[Row], str] = size
) -> tuple[list[tuple[float, str, Row]], dict[str, Any]]:
    """Where each row stands, in pixels from the top, and a layout with headings, labels and words beside rows."""
    rows: list[tuple[float, str, Row]] = []
    headings = []
    at = 0.0
    for group in groups:
        heading = wrapped(group.heading)
        height = HEADING + NAME_ROW * heading.count("<br>")
        headings.append((at + height / 2, heading))
        at += height
        for one in group.rows:
            height = row + lines_below(one.label, one.mark)
            rows.append((at + height / 2, group.heading, one))
            at += height
        at += GAP
    left = 18 + max(label_width(one.label, one.mark) for _, _, one in rows)
    right, bottom = max(LEAST_BESIDE, *(14 + LETTER * len(beside(one)) for _, _, one in rows)), 48
    layout = base(at + top + bottom) | {
        "margin": {"l": left, "r": right, "t": top, "b": bottom},
        "xaxis": {
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": ["0%", "", "50%", "", "100%"],
            "tickangle": 0,
            "gridcolor": "--ppai-line",
            "zeroline": False,
            "fixedrange": True,
            "side": "bottom",
        },
        "yaxis": {
            "range": [at, 0],
            "tickvals": [place for place, _, _ in rows],
            "ticktext": [tick(one.label, one.mark) for _, _, one in rows],
            "ticks": "outside",
            "ticklen": 6,
            "tickcolor": "rgba(0,0,0,0)",
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        "annotations": [
            {
                "xref": "paper",
                "x": 0,
                "xanchor": "left",
                "xshift": -left,
                "y": place,
                "text": f"<b>{heading}</b>",
                "showarrow": False,
                "align": "left",
            }
            for place, heading in headings
        ]
        + [
            {
                "xref": "paper",
                "x": 1,
                "xanchor": "left",
                "xshift": 6,
                "y": place,
                "text": plain(beside(one)),
                "showarrow": False,
                "font": {"size": 12, "color": "--ppai-muted"},
            }
            for place, _, one in rows
        ],
    }
    return rows, layout


def name_axis(layout: dict[str, Any], name: str) -> None:
    """Below a chart that is laid out, in lines that a narrow one has room for."""
    lines = wrap(name, AXIS_LINE) or [""]
    layout["xaxis"]["title"] = {"text": "<br>".join(map(plain, lines)), "font": {"size": 12}}
    more = AXIS_ROW * (len(lines) - 1)
    layout["height"] += more
    layout["margin"]["b"] += more
