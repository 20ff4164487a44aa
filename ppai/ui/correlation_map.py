"""A map of how alike every two criteria are, a square a source. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppai.ui.chart_layout import Chart, base
from ppai.ui.chart_names import plain, short
from ppai.ui.criteria_pairs import correlation_words, pair_of
from ppai.ui.labels import Labels, counted, interval, listed

Json = Mapping[str, Any]

MOST_DRAWN = 2
"""Sources that have a map; the table has all."""
CELL, TOP, LEFT, BOTTOM = 34, 32, 118, 96
"""Pixels: a cell's height, above a map for its heading, beside and below it for the criteria's names."""
SCALE = [[0, "--ppai-chart-tie"], [1, "--ppai-chart-x"]]
"""From light grey to the blue of Okabe and Ito: in light or dark, black numbers stand out from it."""


def correlation_map(found: Json, labels: Labels) -> Chart:
    """For each source, the first ones of many, a map of half the square: a row and a column a criterion."""
    keys = list(labels.criteria)
    drawn = dict(list(found.items())[:MOST_DRAWN])
    map_height = CELL * (len(keys) - 1)
    each = TOP + map_height + BOTTOM
    height = each * len(drawn)
    layout = base(height) | {"margin": {"l": LEFT, "r": 12, "t": 0, "b": 0}, "showlegend": False}
    data = []
    for number, (source, one) in enumerate(drawn.items()):
        axis = str(number + 1) if number else ""
        top = 1 - (number * each + TOP) / height
        shares = [
            [_share(one, x, y) if place >= column else None for column, x in enumerate(keys[:-1])]
            for place, y in enumerate(keys[1:])
        ]
        data.append(
            {
                "type": "heatmap",
                "x": list(range(len(keys) - 1)),
                "y": list(range(len(keys) - 1)),
                "z": shares,
                "zmin": 0,
                "zmax": 1,
                "colorscale": SCALE,
                "showscale": False,
                "xgap": 2,
                "ygap": 2,
                "text": [["" if share is None else f"{100 * share:.0f}" for share in row] for row in shares],
                "texttemplate": "%{text}",
                "textfont": {"color": "--ppai-chart-on", "size": 12},
                "hovertext": [
                    [_hover(one, x, y, labels) if place >= column else "" for column, x in enumerate(keys[:-1])]
                    for place, y in enumerate(keys[1:])
                ],
                "hovertemplate": "%{hovertext}<extra></extra>",
                "hoverongaps": False,
                "xaxis": f"x{axis}",
                "yaxis": f"y{axis}",
            }
        )
        names = [plain(short(labels.criterion(key))) for key in keys]
        shared = {"showgrid": False, "zeroline": False, "fixedrange": True, "tickvals": list(range(len(keys) - 1))}
        layout[f"xaxis{axis}"] = shared | {
            "ticktext": names[:-1],
            "tickangle": -45,
            "anchor": f"y{axis}",
            "range": [-0.5, len(keys) - 1.5],
        }
        layout[f"yaxis{axis}"] = shared | {
            "ticktext": names[1:],
            "anchor": f"x{axis}",
            "domain": [top - map_height / height, top],
            "range": [len(keys) - 1.5, -0.5],
        }
        layout["annotations"].append(
            {
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "xanchor": "left",
                "xshift": -LEFT,
                "y": top,
                "yanchor": "bottom",
                "yshift": 6,
                "text": f"<b>{plain(labels.source(source))}</b>, % equal",
                "showarrow": False,
                "align": "left",
            }
        )
    words = (
        f"How often two criteria have the same outcome, for {listed([labels.source(source) for source in drawn])}, "
        "every criterion against every other. The table below has the same numbers."
    )
    others = [labels.source(source) for source in found if source not in drawn]
    return Chart({"data": data, "layout": layout}, words, (f"In the table alone: {listed(others)}.",) if others else ())


def _share(one: Json, x: str, y: str) -> float | None:
    found = pair_of(one, x, y)
    return None if found is None else found["equal"]["estimate"]


def _hover(one: Json, x: str, y: str, labels: Labels) -> str:
    found = pair_of(one, x, y)
    if found is None:
        return ""
    told = correlation_words(found)
    lines = [
        f"<b>{plain(labels.title(y))}, {plain(labels.criterion(x))}</b>",
        f"equal {interval(found['equal'])}, {counted(found['equal']['n'], 'pair')}",
    ]
    return "<br>".join([*lines, f"correlation {told}"] if told else lines)
