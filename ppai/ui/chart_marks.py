"""The marks of a chart: the form of each source's points, intervals as lines, the line where both are equal. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ppai.ui.chart_layout import BAR, Group
from ppai.ui.labels import HUMAN

Json = Mapping[str, Any]

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")


def sources_drawn(groups: Iterable[Group]) -> list[str]:
    found = list(dict.fromkeys(row.source for group in groups for row in group.rows))
    return sorted(found, key=lambda source: source != HUMAN)


def look(sources: Sequence[str], source: str) -> int:
    """Which colour and form a source has: the first for people, the same for a judge with and without them."""
    judges = [one for one in sources if one != HUMAN]
    return 0 if source == HUMAN else 1 + judges.index(source)


def whiskers(intervals: Sequence[Json]) -> dict[str, Any]:
    def reach(one: Json, end: str) -> float:
        return 0.0 if one["estimate"] is None else abs(one[end] - one["estimate"])

    return {
        "type": "data",
        "symmetric": False,
        "array": [reach(one, "high") for one in intervals],
        "arrayminus": [reach(one, "low") for one in intervals],
        "thickness": 2,
        "width": 5,
    }


def whiskers_above(intervals: Sequence[Json], at: Sequence[float]) -> dict[str, Any]:
    """Intervals as a trace of its own, just under the bars at `at`, clear of the numbers in them.

    A bar's own ones would lie beneath the bars stacked on it.
    """
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [one["estimate"] for one in intervals],
        "y": [place + BAR / 2 + 4 for place in at],
        "marker": {"size": 1, "opacity": 0},
        "error_x": whiskers(intervals) | {"color": "--ppai-text", "width": 4},
        "showlegend": False,
        "hoverinfo": "skip",
    }


def half_line(x: Sequence[float], y: Sequence[float | None]) -> dict[str, Any]:
    """Where both systems, or both sides, are equal: a trace beneath the others, since a grid would hide a shape."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "line": {"color": "--ppai-muted", "width": 1.5, "dash": "dot"},
        "showlegend": False,
        "hoverinfo": "skip",
    }
