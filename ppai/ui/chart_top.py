"""What stands above a chart's rows: who says all of it, where one source does, and the scale, where a chart is long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ppai.ui.chart_layout import AXIS_ROW, Group
from ppai.ui.chart_names import NAME_ROW, wrapped
from ppai.ui.labels import Labels

TALL = 560
"""Pixels of a chart past which a screen with its first rows may not have its axis."""
TICKS, STANDOFF = 24, 6
"""Pixels of the numbers of an axis, and between them and its name."""
SPACE = 4
SMALL = {"size": 12, "color": "--ppai-muted"}


def told_once(groups: Sequence[Group], labels: Labels) -> tuple[list[Group], str]:
    """The rows without their source, and its name with its warning, where all of them are of one; else as they are.

    A narrow chart has no room to say the same beside each row. Rows that have a form of their own keep their names.
    """
    rows = [row for group in groups for row in group.rows]
    sources = {row.source for row in rows}
    if len(sources) != 1 or any(row.form for row in rows):
        return list(groups), ""
    bare = [replace(group, rows=tuple(replace(row, label="", mark="") for row in group.rows)) for group in groups]
    return bare, labels.source(*sources)


def told_with(legend: dict[str, Any], who: str) -> dict[str, Any]:
    """A legend that says who, where `told_once` found somebody: it is as high as a narrow chart makes it."""
    title = {"text": wrapped(f"by {who}"), "side": "top", "font": SMALL}
    return {**legend, "title": title} if who else legend


def put_on_top(data: list[dict[str, Any]], layout: dict[str, Any], who: str) -> None:
    """`who` in words above the rows, and a long chart's scale with its name a second time.

    Takes a chart that is laid out, its axis named and its traces made.
    """
    above = _scale(data, layout) if layout["height"] > TALL else 0.0
    if not who:
        return
    text = wrapped(f"by {who}")
    layout["annotations"].append(
        {
            "xref": "paper",
            "x": 0,
            "xanchor": "left",
            "xshift": -layout["margin"]["l"],
            "yref": "paper",
            "y": 1,
            "yanchor": "bottom",
            "yshift": above + SPACE,
            "text": text,
            "showarrow": False,
            "align": "left",
            "font": SMALL,
        }
    )
    _heighten(layout, NAME_ROW * (text.count("<br>") + 1) + 2 * SPACE)


def _scale(data: list[dict[str, Any]], layout: dict[str, Any]) -> float:
    """An axis above the rows like the one below them; its height in pixels. Plotly draws none without a trace."""
    axis = layout["xaxis"]
    title = {**axis["title"], "standoff": STANDOFF}
    layout["xaxis2"] = {**axis, "title": title, "overlaying": "x", "side": "top", "showgrid": False}
    data.append(
        {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "xaxis": "x2"}
        | {"showlegend": False, "hoverinfo": "skip"}
    )
    height = TICKS + STANDOFF + AXIS_ROW * (axis["title"]["text"].count("<br>") + 1)
    _heighten(layout, height)
    return height


def _heighten(layout: dict[str, Any], more: float) -> None:
    layout["height"] += more
    layout["margin"]["t"] += more
