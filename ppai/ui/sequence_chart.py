"""A win rate after each completed prompt, as a line in its confidence band. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppai.ui.chart_layout import LEGEND, Chart, base
from ppai.ui.chart_marks import half_line
from ppai.ui.chart_names import short
from ppai.ui.labels import Labels, Matchup, counted, interval

Json = Mapping[str, Any]

MOST_DRAWN = 500
"""Looks that a chart has room for."""
ENOUGH_LOOKS = 2
FEW_LOOKS = 30
"""Looks up to which each has a point of its own."""
ZONE = "--ppai-muted"
ZONE_OPACITY = 0.28
BAND = "--ppai-chart-0"


def sequence_chart(one: Json, matchup: Matchup, labels: Labels, criterion: str) -> Chart:
    """`one` is the Summary's sequence of a matchup; no figure before there is a second look."""
    n = len(one["mean"])
    if n < ENOUGH_LOOKS:
        return Chart(None, str(one["sentence"]))
    looks = looks_drawn(n, one["decided_at"])
    figure = {"data": _traces(one, looks, n), "layout": _layout(one, matchup, labels, n)}
    words = (
        f"Win rate of {labels.versus(matchup)} on {criterion} after each of {counted(n, 'completed prompt')}, in a "
        f"band that holds at every look, with the zone that counts as equal around 50%. {one['sentence']} "
        "The table below has some of the numbers."
    )
    fewer = (f"Drawn at {len(looks):,} of {n:,} looks; the CSV file has every one.",) if len(looks) < n else ()
    return Chart(figure, words, (*fewer, *_crossed(one)))


def looks_drawn(n: int, decided_at: int | None, most: int = MOST_DRAWN) -> list[int]:
    """Places of at most so many looks, evenly apart, the first and the last with them, and that of the decision."""
    places = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int)).tolist()
    return sorted({*places, *(() if decided_at is None else (decided_at - 1,))})


def sound(one: Json) -> int:
    """Looks until the bounds cross, for from then on they leave no win rate; all of them where they never do."""
    crossed = (place for place, (low, high) in enumerate(zip(one["low"], one["high"], strict=True)) if low > high)
    return next(crossed, len(one["mean"]))


def _crossed(one: Json) -> tuple[str, ...]:
    held = sound(one)
    if held == len(one["mean"]):
        return ()
    return (f"The band ends after {counted(held, 'prompt')}: later ones contradict those before, so none fits all.",)


def _traces(one: Json, looks: Sequence[int], n: int) -> list[dict[str, Any]]:
    x = [place + 1 for place in looks]
    mean, low, high = ([one[name][place] for place in looks] for name in ("mean", "low", "high"))
    held = sum(1 for place in looks if place < sound(one))
    return [
        half_line([1, n], [0.5, 0.5]),
        {
            "type": "scatter",
            "mode": "lines",
            "name": "confidence band",
            "x": x[:held] + x[:held][::-1],
            "y": high[:held] + low[:held][::-1],
            "fill": "toself",
            "fillcolor": BAND,
            "line": {"color": BAND, "width": 1},
            "opacity": 0.3,
            "hoverinfo": "skip",
        },
        {
            "type": "scatter",
            "mode": "lines+markers" if n <= FEW_LOOKS else "lines",
            "name": "win rate so far",
            "x": x,
            "y": mean,
            "line": {"color": BAND, "width": 2.5},
            "marker": {"color": BAND, "size": 6},
            "hovertext": [
                f"after {counted(look, 'prompt')}: {interval({'estimate': m, 'low': lo, 'high': hi})}"
                for look, m, lo, hi in zip(x, mean, low, high, strict=True)
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": "equal within the margin",
            "x": [None],
            "y": [None],
            "marker": {"symbol": "square", "size": 13, "color": ZONE, "opacity": ZONE_OPACITY},
        },
    ]


def _layout(one: Json, matchup: Matchup, labels: Labels, n: int) -> dict[str, Any]:
    margin, decided_at = one["margin"], one["decided_at"]
    axis = {"gridcolor": "--ppai-line", "zeroline": False, "fixedrange": True}
    layout = base(360) | {
        "margin": {"l": 66, "r": 14, "t": 58, "b": 48},
        "showlegend": True,
        "legend": LEGEND,
        "hovermode": "x",
        "xaxis": axis
        | {
            "title": {"text": "completed prompts", "font": {"size": 12}},
            "range": [1 - 0.01 * n, n + 0.01 * n],
            "tickformat": ",d",
            "nticks": 7,
        },
        "yaxis": axis
        | {
            "title": {"text": f"win rate of {short(labels.system(matchup.x))}", "font": {"size": 12}, "standoff": 4},
            "range": [-0.02, 1.02],
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": ["0%", "", "50%", "", "100%"],
        },
    }
    layout["shapes"] = [
        {
            "type": "rect",
            "layer": "below",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": 0.5 - margin,
            "y1": 0.5 + margin,
            "fillcolor": ZONE,
            "opacity": ZONE_OPACITY,
            "line": {"width": 0},
        }
    ]
    if decided_at is not None:
        layout["shapes"].append(_upright(decided_at))
        layout["annotations"] = [_told(decided_at, n, str(one["decision"]))]
    return layout


def _upright(at: int) -> dict[str, Any]:
    line = {"color": "--ppai-text", "width": 1.5, "dash": "dash"}
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}


def _told(at: int, n: int, decision: str) -> dict[str, Any]:
    """Beside the line of the decision, where there is more room."""
    early = at <= n / 2
    return {
        "x": at,
        "yref": "paper",
        "y": 1,
        "yanchor": "top",
        "xanchor": "left" if early else "right",
        "xshift": 6 if early else -6,
        "text": f"{decision} after {at:,}",
        "showarrow": False,
        "font": {"size": 12},
    }
