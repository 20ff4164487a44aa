"""How far the criteria say the same: shares of equal outcomes of every two, by source. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppai.ui.chart_layout import ENOUGH_PAIRS, Chart, base, plain, short
from ppai.ui.filters import Filters
from ppai.ui.labels import HUMAN, Labels, counted, interval, is_baseline, listed, source_phrase, sources_of
from ppai.ui.records import INTERVAL_COLUMNS, Record, csv_text
from ppai.ui.sections import Section, level
from ppai.ui.table import Cell, Column, Notes, Table
from ppai.ui.tables import source_column

Json = Mapping[str, Any]
Pair = tuple[str, str]

MOST_DRAWN = 2
"""Sources that have a map; the table has all."""
MOST_TOLD = 3
"""Criteria that are told to be the same."""
CELL, TOP, LEFT, BOTTOM = 34, 32, 118, 96
"""Pixels: a cell's height, above a map for its heading, beside and below it for the criteria's names."""
SCALE = [[0, "--ppai-chart-tie"], [1, "--ppai-chart-x"]]
"""From light grey to the blue of Okabe and Ito: in light or dark, black numbers stand out from it."""


def correlation_section(summary: Json, labels: Labels, filters: Filters) -> Section | None:
    """None with one criterion, and where nobody answered two."""
    pairs = pairs_of(labels)
    found = {
        source: one for source in sources_of(summary) if (one := summary["correlations"].get(source)) and _any(one)
    }
    if not pairs or not found:
        return None
    return Section(
        "correlation",
        correlation_chart(found, labels),
        "Of each two criteria, the share of pairs with the same outcome: of one vote's two answers, averaged by pair, "
        f"or of a judge's verdicts{_where(pairs)}. n is the number of pairs. "
        f"Intervals are at {level(summary)}; the unit is the {summary['clusters']}. "
        "Criteria that say the same are no independent evidence.",
        (correlation_table(found, labels, level(summary)),),
        csv_text(correlation_records(found, labels, filters), INTERVAL_COLUMNS),
        caution=" ".join(same_sentences(summary, labels)),
    )


def _where(pairs: Sequence[Pair]) -> str:
    """What the figures are, where a map has the shares alone."""
    return "" if len(pairs) == 1 else "; the table has Pearson's correlation of the pairs' outcomes beside it"


def pairs_of(labels: Labels) -> list[Pair]:
    """Every two criteria in the study's order."""
    keys = list(labels.criteria)
    return [(one, other) for place, one in enumerate(keys) for other in keys[place + 1 :]]


def same_sentences(summary: Json, labels: Labels) -> list[str]:
    """Which criteria are one question asked twice; nothing of baselines, which ask none, and of few pairs."""
    sentences = []
    for source in sources_of(summary):
        whose = "that people voted on" if source == HUMAN else f"of {source_phrase(source)}"
        same = () if is_baseline(source) else summary["same_criteria"].get(source, ())
        for one, other in pairs_of(labels):
            n = summary["correlations"][source][f"{one}|{other}"]["equal"]["n"] if f"{one}|{other}" in same else 0
            if n >= ENOUGH_PAIRS:
                sentences.append(
                    f"{labels.title(one)} and {labels.criterion(other)} are the same in all {counted(n, 'pair')} "
                    f"{whose}: one question asked twice."
                )
    more = len(sentences) - MOST_TOLD
    return sentences if more <= 0 else [*sentences[:MOST_TOLD], f"So are {more:,} more, which the table has."]


def correlation_chart(found: Json, labels: Labels) -> Chart:
    """For each source, the first ones of many, a map of half the square: a row and a column a criterion.

    Two criteria are told in words: a map would be a single number.
    """
    if len(pairs_of(labels)) == 1:
        return Chart(None, _told(found, labels))
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


def _told(found: Json, labels: Labels) -> str:
    """How alike the two criteria are, by source; of many sources the first ones."""
    ((x, y),) = pairs_of(labels)
    sentences = []
    for source, one in found.items():
        pair = one[f"{x}|{y}"]
        whose = "that people voted on" if source == HUMAN else f"of {source_phrase(source)}"
        value = pair["correlation"]
        how = "" if value is None else f"; the correlation of the outcomes is {_signed(value)}"
        sentences.append(
            f"{labels.title(x)} and {labels.criterion(y)} have the same outcome in {interval(pair['equal'])} of "
            f"{counted(pair['equal']['n'], 'pair')} {whose}{how}."
        )
    more = len(sentences) - MOST_TOLD
    return " ".join(
        sentences if more <= 0 else [*sentences[:MOST_TOLD], f"The table has {counted(more, 'more source')}."]
    )


def _share(one: Json, x: str, y: str) -> float | None:
    found = _pair(one, x, y)
    return None if found is None else found["equal"]["estimate"]


def _pair(one: Json, x: str, y: str) -> Json | None:
    found: Json | None = one.get(f"{x}|{y}")
    return found


def _hover(one: Json, x: str, y: str, labels: Labels) -> str:
    found = _pair(one, x, y)
    if found is None:
        return ""
    value = found["correlation"]
    lines = [
        f"<b>{plain(labels.title(y))}, {plain(labels.criterion(x))}</b>",
        f"equal {interval(found['equal'])}, {counted(found['equal']['n'], 'pair')}",
    ]
    return "<br>".join(lines if value is None else [*lines, f"correlation {_signed(value)}"])


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _any(one: Json) -> bool:
    return any(pair["equal"]["estimate"] is not None for pair in one.values())


def correlation_table(found: Json, labels: Labels, at: str) -> Table:
    """A row two criteria, a column a source: the share of equal outcomes, the n and the correlation under it."""
    notes = Notes()
    rows: list[tuple[str | Cell, ...]] = [
        (labels.title(x), labels.criterion(y), *(_cell(_pair(one, x, y), notes) for one in found.values()))
        for x, y in pairs_of(labels)
    ]
    return Table(
        f"Share of equal outcomes of every two criteria, with {at} intervals, and Pearson's correlation over the pairs",
        (
            Column("results.column.criterion"),
            Column("results.column.other_criterion"),
            *(source_column(source, labels) for source in found),
        ),
        tuple(rows),
        headers=2,
        notes=notes.texts,
    )


def _cell(pair: Json | None, notes: Notes) -> Cell:
    if pair is None or pair["equal"]["estimate"] is None:
        reason = None if pair is None else pair["equal"].get("reason")
        return Cell("–", notes=(notes.number(str(reason)),) if reason else ())
    value, why = pair["correlation"], pair.get("reason")
    under = (f"n {pair['equal']['n']:,}", *(() if value is None else (f"correlation {_signed(value)}",)))
    return Cell(interval(pair["equal"]), under=under, notes=(notes.number(f"No correlation: {why}"),) if why else ())


def correlation_records(found: Json, labels: Labels, filters: Filters) -> list[Record]:
    common = {"arm": filters.arm, "topic": filters.topic or ""}
    return [
        common
        | {"criterion": x, "source": source_phrase(source), "figure": "equal_outcomes", "of": y}
        | dict(pair["equal"])
        | {"correlation": pair["correlation"]}
        for source, one in found.items()
        for x, y in pairs_of(labels)
        if (pair := _pair(one, x, y)) is not None
    ]
