"""Plotly figures of win shares and win rates, from a Summary's JSON, as plain dicts that the browser draws. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ppai.ui.chart_layout import BAR, LEGEND, Chart, Group, Row, laid_out, legend_height, name_axis
from ppai.ui.chart_marks import look, sources_drawn, whiskers, whiskers_above
from ppai.ui.chart_names import NAME_ROW, plain, wrapped
from ppai.ui.chart_top import put_on_top, told_once, told_with
from ppai.ui.dot_chart import dot_chart, rate_row, source_row
from ppai.ui.enough import drawn_groups, nothing_drawn
from ppai.ui.labels import (
    Labels,
    Matchup,
    counted,
    in_order,
    interval,
    listed,
    percent,
    source_label,
    sources_of,
    standing,
)

Json = Mapping[str, Any]

TOPIC_SOURCES = 2
"""Sources that the chart of topics has: people and the judge that counts first."""
TIE = "Tie"
NUMBER = 12
"""Pixels of a number in a bar; a bar that is too narrow for it has none."""


def share_chart(summary: Json, labels: Labels) -> Chart:
    """For two systems: a stacked bar of win shares a criterion and source, people above judges."""
    x, y = _two_systems(summary)
    groups, left_out = drawn_groups(_by_criterion(summary, labels))
    if not groups:
        return Chart(None, nothing_drawn("comparisons", left_out), ())
    groups, who = told_once(groups, labels)
    top = legend_height((labels.system(x), TIE, labels.system(y))) + (NAME_ROW if who else 0)
    rows, layout = laid_out(groups, top=top)
    at, shown = [place for place, _, _ in rows], [row.figures for _, _, row in rows]
    hover = [_share_hover(group, row, labels, x, y) for _, group, row in rows]
    data = []
    parts = (
        (labels.system(x), [one["shares"][x] for one in shown], "--ppai-chart-x", ""),
        (TIE, [one["tie_share"] for one in shown], "--ppai-chart-tie", "/"),
        (labels.system(y), [one["shares"][y] for one in shown], "--ppai-chart-y", ""),
    )
    for name, shares, colour, pattern in parts:
        values = [share["estimate"] or 0.0 for share in shares]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": wrapped(name),
                "x": values,
                "y": at,
                "width": BAR,
                "text": [percent(value) if value else "" for value in values],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "constraintext": "inside",
                "textfont": {"color": "--ppai-chart-on", "size": NUMBER},
                "marker": {
                    "color": colour,
                    "line": {"color": "--ppai-chart-edge", "width": 1},
                    "pattern": {
                        "shape": pattern,
                        "bgcolor": colour,
                        "fgcolor": "--ppai-chart-hatch",
                        "size": 6,
                        "solidity": 0.15,
                    },
                },
                "hovertext": hover,
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    data.append(whiskers_above(parts[0][1], at))
    data[0]["insidetextanchor"] = "start"
    data[2]["insidetextanchor"] = "end"
    layout |= {"barmode": "stack", "showlegend": True, "legend": told_with(LEGEND, who)}
    layout["uniformtext"] = {"mode": "hide", "minsize": NUMBER}
    layout["xaxis"] |= {"range": [0, 1.004]}
    name_axis(layout, "share of pairs won")
    words = (
        f"For each criterion, how often {labels.system(x)} won, how often it was a tie and how often "
        f"{labels.system(y)} won, for {listed([labels.source(source) for source in sources_drawn(groups)])}. "
        "The table below has the same numbers."
    )
    return Chart({"data": data, "layout": layout}, words, left_out)


def appearance_chart(summary: Json, labels: Labels, criterion: str) -> Chart:
    """For three systems and more: each system's win share over the pairs it stood in, one criterion."""
    by_source = summary["criteria"].get(criterion, {})
    groups, left_out = drawn_groups(
        [
            Group(
                labels.system(system),
                tuple(
                    rate_row(source, share, labels)
                    for source in sources_of(summary)
                    if (share := by_source.get(source, {}).get("shares", {}).get(system)) is not None
                ),
            )
            for system in summary["systems"]
        ]
    )
    if not groups:
        return Chart(None, nothing_drawn(f"comparisons on {labels.criterion(criterion)}", left_out))
    groups, who = told_once(groups, labels)
    rows, layout = laid_out(groups, top=8)
    data = []
    for source in sources_drawn(groups):
        number = look(sources_drawn(groups), source)
        own = [(place, group, row) for place, group, row in rows if row.source == source]
        rates = [row.figures["rate"] for _, _, row in own]
        colour = f"--ppai-chart-{number % 5}"
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": plain(source_label(source)),
                "x": [rate["estimate"] or 0.0 for rate in rates],
                "y": [place for place, _, _ in own],
                "width": BAR,
                "marker": {
                    "color": colour,
                    "line": {"color": "--ppai-chart-edge", "width": 1},
                    "pattern": {
                        "shape": ("", "/", ".", "x")[number % 4],
                        "bgcolor": colour,
                        "fgcolor": "--ppai-chart-hatch",
                        "size": 6,
                        "solidity": 0.15,
                    },
                },
                "error_x": whiskers(rates) | {"color": "--ppai-text"},
                "hovertext": [
                    f"<b>{plain(group)}</b><br>{plain(labels.source(row.source))}: won {interval(row.figures['rate'])}"
                    f"<br>{counted(row.figures['n'], 'pair')}"
                    for _, group, row in own
                ],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    layout |= {"showlegend": False, "barmode": "overlay"}
    layout["xaxis"] |= {"range": [0, 1]}
    name_axis(layout, "share won of a system's own pairs")
    put_on_top(data, layout, who)
    words = (
        f"How often each system won the pairs in which it stood, on {labels.criterion(criterion)}, for "
        f"{listed([labels.source(source) for source in sources_drawn(groups)])}. Ties are not won, so the shares "
        "need not add up to one. The table below has the same numbers."
    )
    return Chart({"data": data, "layout": layout}, words, left_out)


def reference_chart(summary: Json, labels: Labels, criterion: str) -> Chart:
    """For three systems and more: each one's win rate against the reference, one criterion."""
    by_source = summary["criteria"].get(criterion, {})
    keys = dict.fromkeys(key for figures in by_source.values() for key in figures["win_rate"])
    against = [matchup for matchup in labels.matchups(keys) if matchup.y == summary["reference"]]
    groups = [
        Group(
            labels.system(matchup.x),
            tuple(
                rate_row(source, rate, labels)
                for source in sources_of(summary)
                if (rate := by_source.get(source, {}).get("win_rate", {}).get(matchup.key)) is not None
            ),
        )
        for matchup in against
    ]
    reference = labels.system(summary["reference"])
    return dot_chart(groups, labels, f"win rate against {reference}", f"comparisons on {labels.criterion(criterion)}")


def topic_chart(found: Sequence[tuple[str, str, Json]], matchup: Matchup, labels: Labels) -> Chart:
    """Win rate of one system by topic, from `(topic, source, Rates as JSON)`; of many sources the first ones."""
    sources = in_order(dict.fromkeys(source for _, source, rates in found if rates["n"]), labels.marks)
    rows: dict[str, list[Row]] = {}
    for topic, source, rates in found:
        rate = rates["win_rate"].get(matchup.key)
        rows.setdefault(topic, [])
        if rate is not None and rate["n"] and source in sources[:TOPIC_SOURCES]:
            rows[topic].append(rate_row(source, rate, labels))
    groups = [
        Group(topic, tuple(sorted(of_topic, key=lambda row: standing(row.source, row.mark))))
        for topic, of_topic in rows.items()
    ]
    chart = dot_chart(groups, labels, f"win rate of {labels.versus(matchup)}", "comparisons by topic")
    others = [labels.source(source) for source in sources[TOPIC_SOURCES:]]
    alone = (f"In the table alone: {listed(others)}.",) if others else ()
    return replace(chart, left_out=(*chart.left_out, *alone))


def _by_criterion(summary: Json, labels: Labels) -> list[Group]:
    sources = sources_of(summary)
    return [
        Group(
            labels.title(key),
            tuple(
                source_row(source, by_source[source], labels)
                for source in sources
                if (by_source := summary["criteria"].get(key, {})).get(source) is not None
            ),
        )
        for key in labels.criteria
    ]


def _share_hover(group: str, row: Row, labels: Labels, x: str, y: str) -> str:
    figures = row.figures
    votes = figures.get("n_votes", figures.get("n_verdicts", 0))
    return "<br>".join(
        [
            f"<b>{plain(group)}</b>, {plain(labels.source(row.source))}",
            f"{plain(labels.system(x))}: {interval(figures['shares'][x])}",
            f"tie: {interval(figures['tie_share'])}",
            f"{plain(labels.system(y))}: {interval(figures['shares'][y])}",
            f"{counted(figures['n'], 'pair')}, {counted(votes, 'vote' if 'n_votes' in figures else 'verdict')}",
        ]
    )


def _two_systems(summary: Json) -> tuple[str, str]:
    """The other system and the reference."""
    reference = summary["reference"]
    other = next(system for system in summary["systems"] if system != reference)
    return other, reference
