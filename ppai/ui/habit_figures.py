"""Plotly figures of how votes came in and of what raters are used to do, as plain dicts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from ppai.ui.chart_layout import LEGEND, Chart, base
from ppai.ui.chart_marks import half_line
from ppai.ui.chart_names import plain
from ppai.ui.labels import counted, percent, rater_label

Json = Mapping[str, Any]

ENOUGH_TIMES = 2
"""Votes with a time that a chart over time needs."""

FLAGS = {
    "side_bias": "names one side more often than chance lets expect (exact binomial test, p below 0.01, at least 20 "
    "decisive votes)",
    "too_fast": "a median below 10 seconds a vote, of at least 5 votes",
    "all_ties": "names no system on any criterion, in at least 5 votes",
    "repeat_inconsistent": "the same outcome in less than half of at least 3 hidden repeats",
    "disagrees": "agrees less with the others than they do among themselves (a 99% interval of the difference lies "
    "below 0, at least 10 pairs)",
}
"""What each flag of a rater means, in the order of `eval.statistics.balance`, whose thresholds these are."""


def time_chart(created: Sequence[float] | npt.NDArray[np.float64]) -> Chart:
    """Votes a day, or an hour where they span less than three days; `created` in seconds since 1970, UTC."""
    times = np.sort(np.asarray(created, dtype=float))
    times = times[np.isfinite(times)]
    if len(times) < ENOUGH_TIMES:
        have = "No vote has" if not len(times) else "Only one vote has"
        return Chart(None, f"{have} a time, so there is nothing to draw over time.")
    starts, counts, unit = votes_by_time(times)
    labels = [written_start(start, unit) for start in starts]
    step = 3600 if unit == "hour" else 86400
    figure = {
        "data": [
            {
                "type": "bar",
                "x": labels,
                "y": counts,
                "width": step * 1000 * 0.86,
                "offset": step * 1000 * 0.07,
                "marker": {"color": "--ppai-chart-0", "line": {"width": 0}},
                "hovertemplate": "%{x}<br>%{y} votes<extra></extra>",
            }
        ],
        "layout": base(300)
        | {
            "margin": {"l": 48, "r": 12, "t": 12, "b": 48},
            "xaxis": {"type": "date", "showgrid": False, "linecolor": "--ppai-line", "fixedrange": True},
            "yaxis": {
                "rangemode": "tozero",
                "gridcolor": "--ppai-line",
                "zerolinecolor": "--ppai-line",
                "tickformat": ",d",
                "fixedrange": True,
                "nticks": 6,
            },
            "showlegend": False,
        },
    }
    most = int(np.argmax(counts))
    words = (
        f"{counted(len(times), 'vote')} from {labels[0]} to {_last(starts[-1], unit)} UTC, by {unit}; "
        f"the most, {counts[most]:,}, {'on' if unit == 'day' else 'from'} {labels[most]}."
    )
    return Chart(figure, words)


def written_start(start: float, unit: str) -> str:
    """When an hour begins, or which day it is; UTC."""
    return datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d" if unit == "day" else "%Y-%m-%d %H:%M")


def _last(start: float, unit: str) -> str:
    """The last day, or when the last hour ends."""
    return written_start(start if unit == "day" else start + 3600, unit)


def votes_by_time(created: npt.NDArray[np.float64]) -> tuple[list[float], list[int], str]:
    """Starts of the days (or hours) from the first vote to the last, how many votes each has, and which it is."""
    unit, step = ("hour", 3600) if created[-1] - created[0] < 3 * 86400 else ("day", 86400)
    place = (created // step).astype(np.int64)
    counts = np.bincount(place - place[0])
    return [float((place[0] + number) * step) for number in range(len(counts))], counts.tolist(), unit


def rater_chart(raters: Mapping[str, Json]) -> Chart:
    """Each rater's share of side A over her number of votes; those with a flag stand out.

    `share_a` is that of votes on systems that stood on both sides; who has none is not drawn.
    """
    known = [(name, habits) for name, habits in raters.items() if habits["share_a"] is not None and habits["n"]]
    if not known:
        return Chart(
            None,
            "No rater has chosen between two systems that are known to have stood on both sides, so a liking for a "
            "side cannot be told from one for a system."
            if raters
            else "Nobody has voted yet.",
        )
    most = max(habits["n"] for _, habits in known)
    data: list[dict[str, Any]] = [half_line([0, 1.05 * most], [0.5, 0.5])]
    for name, flagged, colour, symbol in (
        ("no flag", False, "--ppai-chart-0", "circle"),
        ("flagged", True, "--ppai-chart-1", "diamond-open"),
    ):
        own = [(rater, habits) for rater, habits in known if bool(habits["flags"]) is flagged]
        if own:
            data.append(
                {
                    "type": "scattergl" if len(known) > 2000 else "scatter",
                    "mode": "markers",
                    "name": name,
                    "x": [habits["n"] for _, habits in own],
                    "y": [habits["share_a"] for _, habits in own],
                    "marker": {"color": colour, "size": 10, "symbol": symbol, "line": {"width": 2}},
                    "hovertext": [_rater_hover(rater, habits) for rater, habits in own],
                    "hovertemplate": "%{hovertext}<extra></extra>",
                }
            )
    layout = base(340) | {
        "margin": {"l": 52, "r": 12, "t": 36, "b": 48},
        "showlegend": True,
        "legend": LEGEND,
        "xaxis": {
            "title": {"text": "votes", "font": {"size": 12}},
            "range": [0, 1.05 * most],
            "gridcolor": "--ppai-line",
            "zerolinecolor": "--ppai-line",
            "tickformat": ",d",
            "fixedrange": True,
        },
        "yaxis": {
            "title": {"text": "share of side A", "font": {"size": 12}},
            "range": [-0.04, 1.04],
            "tickformat": ".0%",
            "gridcolor": "--ppai-line",
            "zerolinecolor": "--ppai-line",
            "fixedrange": True,
        },
    }
    flagged_count = sum(1 for _, habits in known if habits["flags"])
    words = (
        f"{counted(len(known), 'rater')}, {flagged_count:,} flagged: the share of decisive answers that named side A "
        "over the number of votes. Without a habit it lies near 50%. The table below has the same numbers."
    )
    return Chart({"data": data, "layout": layout}, words)


def _rater_hover(rater: str, habits: Json) -> str:
    seconds = habits["median_seconds"]
    lines = [
        f"<b>{plain(rater_label(rater))}</b>",
        f"{counted(habits['n'], 'vote')}, side A {percent(habits['share_a'])}",
    ]
    if seconds is not None:
        lines.append(f"median {seconds:.0f} s")
    return "<br>".join([*lines, *map(flag_name, habits["flags"])])


def flag_name(flag: str) -> str:
    return flag.replace("_", " ")
