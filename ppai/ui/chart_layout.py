"""What the charts have in common: colours by name, rows in groups, intervals as lines. Pure.

A colour is the name of a CSS custom property (`--ppai-chart-x`), which the browser fills in for its theme, and
`themed` for a file. Distances on the vertical axis are pixels, so that a chart is as tall as its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from ppai.ui.labels import HUMAN, listed

Json = Mapping[str, Any]
Figure = dict[str, Any]

ENOUGH_PAIRS = 5
"""Fewer pairs are named in words and not drawn."""
MOST_NAMED = 6
"""Rows left out that are named one by one."""

LIGHT = {
    "--ppai-text": "#171a1f",
    "--ppai-muted": "#59626f",
    "--ppai-line": "#e2e6eb",
    "--ppai-surface": "#ffffff",
    "--ppai-chart-x": "#56b4e9",
    "--ppai-chart-tie": "#e3e3e3",
    "--ppai-chart-y": "#e69f00",
    "--ppai-chart-on": "#000000",
    "--ppai-chart-hatch": "#757575",
    "--ppai-chart-edge": "#171a1f",
    "--ppai-chart-0": "#0072b2",
    "--ppai-chart-1": "#d55e00",
    "--ppai-chart-2": "#007a59",
    "--ppai-chart-3": "#b0508a",
    "--ppai-chart-4": "#8a6d00",
}
"""The light theme, after Okabe and Ito's colours, the dots' darkened to 3:1 on white."""

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")
ROW, DOT_ROW, HEADING, GAP, BAR = 34, 23, 26, 12, 24
LETTER = 7.2
"""Pixels a letter of an axis label takes, about."""
LONGEST_LABEL = 16
MARK_ROW, MARK_SIZE, MARK_LETTER, MARK_LINE = 13, 10, 5.3, 26
"""Of a line of a warning under a label: pixels of height and of its letters, about the width of one, most letters."""
AXIS_LINE, AXIS_ROW = 34, 15
"""Most letters of a line of an axis's name, and its height in pixels."""
NAME_LINE, NAME_ROW = 36, 17
"""Most letters of a line of a name that stands in full, over rows or in a legend, and its height in pixels."""
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


def themed(figure: Any, colours: Mapping[str, str] = LIGHT) -> Any:
    """A copy with the colours filled in."""
    if isinstance(figure, Mapping):
        return {key: themed(value, colours) for key, value in figure.items()}
    if isinstance(figure, list | tuple):
        return [themed(value, colours) for value in figure]
    return colours.get(figure, figure) if isinstance(figure, str) else figure


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
            height = row + MARK_ROW * len(mark_lines(one.mark))
            rows.append((at + height / 2, group.heading, one))
            at += height
        at += GAP
    left = 18 + max(label_width(one) for _, _, one in rows)
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
            "ticktext": [tick(one) for _, _, one in rows],
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


def drawn_groups(groups: Iterable[Group]) -> tuple[list[Group], tuple[str, ...]]:
    """The groups without rows of too few pairs, and a sentence that names those rows."""
    kept = []
    few: dict[str, list[str]] = {}
    for group in groups:
        enough = tuple(row for row in group.rows if row.figures["n"] >= ENOUGH_PAIRS)
        for row in group.rows:
            if 0 < row.figures["n"] < ENOUGH_PAIRS:
                few.setdefault(group.heading, []).append(row.label)
        if enough:
            kept.append(Group(group.heading, enough))
    if not few:
        return kept, ()
    names = [f"{heading} ({', '.join(rows)})" for heading, rows in few.items()]
    more = [f"{len(names) - MOST_NAMED:,} more, which the table has"] if len(names) > MOST_NAMED else []
    return kept, (f"Not drawn, with fewer than {ENOUGH_PAIRS} pairs: {listed(names[:MOST_NAMED] + more)}.",)


def nothing_drawn(what: str, left_out: Sequence[str]) -> str:
    if not left_out:
        return f"There are no {what} yet."
    return f"Too few {what} for a chart: none has {ENOUGH_PAIRS} pairs yet. The table below has what there is."


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


def plain(text: str) -> str:
    """Text that Plotly shows as it is: it reads a few tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def wrapped(name: str) -> str:
    """A name in full, in lines that a narrow chart has room for: two long ones may differ at the end alone."""
    return "<br>".join(map(plain, wrap(name, NAME_LINE))) or plain(name)


def short(label: str) -> str:
    """Without its middle where it is long: judges of one maker or of one version differ at either end."""
    half = LONGEST_LABEL // 2
    return label if len(label) <= LONGEST_LABEL else f"{label[: half - 1]}…{label[-half:]}"


def tick(row: Row) -> str:
    """A row's name on the axis, its warning beneath it."""
    lines = "<br>".join(map(plain, mark_lines(row.mark)))
    return plain(short(row.label)) + (f'<br><span style="font-size:{MARK_SIZE}px">{lines}</span>' if lines else "")


def mark_lines(mark: str) -> list[str]:
    """A warning in lines that leave a narrow chart room for its bars."""
    return wrap(f"⚠ {mark}", MARK_LINE) if mark else []


def label_width(row: Row) -> float:
    """Pixels, about."""
    return max([LETTER * len(short(row.label)), *(MARK_LETTER * len(line) for line in mark_lines(row.mark))])
