"""One criterion's win rate told several ways: as counted, at equal length, and of people and a judge combined. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ppai.ui.chart_layout import Chart, Group, Row
from ppai.ui.dot_chart import dot_chart
from ppai.ui.filters import Filters
from ppai.ui.labels import COMBINED_PREFIX, HUMAN, Labels, Matchup, combined_judge, listed, sources_of
from ppai.ui.rate_tables import EXTRAPOLATED, combined_table, rate_table
from ppai.ui.records import RATE_COLUMNS, csv_text, rate_records
from ppai.ui.sections import Section, level
from ppai.ui.sentences import against_reference

Json = Mapping[str, Any]

RAW, EQUAL, COMBINED = "as counted", "at equal length", "combined"
FORMS = {RAW: "circle", EQUAL: "diamond", COMBINED: "square"}
"""Of the points of each kind: colours tell the sources."""
EVEN = "At 50% both win as often."


@dataclass(frozen=True)
class Rate:
    """One win rate of a matchup."""

    kind: str
    source: str
    """Who is drawn with it: a combined one stands with the people."""
    figures: Json
    """An INTERVAL."""
    label: str
    mark: str = ""


def forest_section(summary: Json, labels: Labels, filters: Filters) -> Section | None:
    """The chart has the chosen criterion and matchup, the tables each system against the reference; None for one."""
    matchups = against_reference(summary, labels, filters.criterion)
    matchup = next((one for one in matchups if one.key == filters.matchup), None)
    if matchup is None:
        return None
    criterion = labels.criterion(filters.criterion)
    found = rates_of(summary, filters.criterion, matchup)
    chosen = [filters.criterion]
    combined = combined_table(summary, labels, chosen, matchups)
    every = len(labels.criteria) > 1
    return Section(
        "forest",
        forest_chart(found, labels, matchup, criterion),
        f"Criterion: {criterion}. n is the number of prompts, beside each row; of a combined rate, those with votes. "
        "At equal length means adjusted by a model of how length decides: no causal claim. "
        f"{methods_note(found, summary)}",
        (rate_table(summary, labels, chosen, matchups), *([combined] if combined.rows else [])),
        csv_text(rate_records(summary, filters), RATE_COLUMNS),
        caution=extrapolated(summary, labels, filters.criterion, matchup),
        more=(rate_table(summary, labels, list(labels.criteria), [matchup]),) if every else (),
    )


def rates_of(summary: Json, criterion: str, matchup: Matchup) -> list[Rate]:
    """As counted and at equal length of each source, and combined with each judge beside the people; nulls too."""
    by_source = summary["criteria"].get(criterion, {})
    found = []
    for source in sources_of(summary):
        figures = by_source.get(source, {})
        overlap = figures.get("length_overlap", {}).get(matchup.key) or {}
        for kind, name in ((RAW, "win_rate"), (EQUAL, "length_controlled")):
            if (rate := figures.get(name, {}).get(matchup.key)) is not None:
                mark = EXTRAPOLATED if kind == EQUAL and overlap.get("extrapolated") else ""
                found.append(Rate(kind, source, rate, kind, mark))
        if source == HUMAN:
            found += [
                Rate(COMBINED, HUMAN, rate, f"with {combined_judge(name)}")
                for name, one in by_source.items()
                if name.startswith(COMBINED_PREFIX) and (rate := one["win_rate"].get(matchup.key)) is not None
            ]
    return found


def forest_chart(found: Sequence[Rate], labels: Labels, matchup: Matchup, criterion: str) -> Chart:
    """Rows of one matchup under who says it, with a line at 50%."""
    groups = [
        Group(labels.source(source), tuple(_row(one) for one in found if one.source == source and _known(one)))
        for source in dict.fromkeys(one.source for one in found)
    ]
    axis = f"win rate of {labels.versus(matchup)}"
    chart = dot_chart(groups, labels, axis, f"comparisons on {criterion}", unit="prompt", meaning=EVEN)
    missing = _not_drawn(found, labels)
    if chart.figure is None:
        return replace(chart, words=" ".join([chart.words, *missing]))
    return replace(chart, left_out=(*chart.left_out, *missing))


def _known(rate: Rate) -> bool:
    return rate.figures["estimate"] is not None


def _row(rate: Rate) -> Row:
    figures = {"n": rate.figures["n"], "rate": rate.figures}
    return Row(rate.label, figures, rate.source, rate.mark, FORMS[rate.kind])


def _not_drawn(found: Sequence[Rate], labels: Labels) -> tuple[str, ...]:
    """Why a rate that may be looked for is not there, each reason once."""
    by_reason: dict[str, list[str]] = {}
    for one in found:
        if not _known(one) and one.kind != RAW:
            who = "people" if one.kind == COMBINED else labels.source(one.source)
            by_reason.setdefault(str(one.figures.get("reason")), []).append(f"{who} {one.label}")
    return tuple(f"Not in the chart: {', '.join(names)}: {reason}." for reason, names in by_reason.items())


def extrapolated(summary: Json, labels: Labels, criterion: str, matchup: Matchup) -> str:
    """Where a rate at equal length rests on a model alone, since one system is nearly always longer; else nothing."""
    told: dict[tuple[str, str], list[str]] = {}
    for source in sources_of(summary):
        figures = summary["criteria"].get(criterion, {}).get(source, {})
        overlap = figures.get("length_overlap", {}).get(matchup.key) or {}
        if overlap.get("extrapolated") and figures["length_controlled"][matchup.key]["estimate"] is not None:
            system, side = max((matchup.x, "x_longer"), (matchup.y, "y_longer"), key=lambda one: float(overlap[one[1]]))
            told.setdefault((system, f"{overlap[side]:.0%}"), []).append(labels.source(source))
    return " ".join(
        f"{labels.system(system)}'s response is the longer one in {share} of the pairs of {listed(sources)}: "
        "the rate at equal length is extrapolated by the model, since hardly any pair shows it."
        for (system, share), sources in told.items()
    )


def methods_note(found: Sequence[Rate], summary: Json) -> str:
    """How each kind of interval was made."""
    methods: dict[str, str] = {}
    for one in found:
        if _known(one):
            methods.setdefault(one.kind, one.figures["method"])
    how = "; ".join(f"{kind}, {method}" for kind, method in methods.items())
    of = f" Methods: {how}." if how else ""
    return f"Intervals are at {level(summary)}; the unit is the {summary['clusters']}.{of}"
