"""How far each judge is to be trusted: its orders, its habits, its agreement with people, beside people's own. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from string import ascii_lowercase
from typing import Any

import pandas as pd

from ppai.ui.chart_layout import Chart, Group
from ppai.ui.dot_chart import dot_chart, rate_row
from ppai.ui.filters import Filters
from ppai.ui.judge_counts import count_records, count_table
from ppai.ui.labels import HUMAN, Labels, decimal, interval, is_baseline, judges_of, source_phrase
from ppai.ui.records import INTERVAL_COLUMNS, Record, csv_text
from ppai.ui.sections import Section, level
from ppai.ui.table import Cell, Column, Notes, Table
from ppai.ui.tables import source_cell, source_column

Json = Mapping[str, Any]

KAPPA = "cohen_kappa"
FIGURES = (
    "orders_consistent",
    "flips_to_first",
    "first_position",
    "with_ties",
    "without_ties",
    "majority_accuracy",
    KAPPA,
    "longer_wins",
)
"""What a judge is trusted by, in the order of the table; keys of AGREEMENT and of SOURCE."""

DRAWN = {
    "orders_consistent": "Same outcome in both orders",
    "first_position": "First shown wins",
    "without_ties": "Agrees with people, ties left out",
}
"""Figures that the chart has, and what it calls them."""
EVEN = ("First shown wins",)
"""Of them, those without a preference at 50%."""


ONE_ORDER = "the judge was asked in one order only"
NO_VOTES = "no votes on the pairs that the judge judged"
AFTER_NO_VOTES = (
    "no pair has both a decisive vote",
    "its agreement with people is not known",
    "its length habit is not known",
)
"""How reasons begin that say no more than `NO_VOTES`, where that holds."""


@dataclass(frozen=True)
class Trust:
    """One source's figures on one criterion."""

    source: str
    figures: Mapping[str, Json]
    """INTERVALs by the names of `FIGURES`; of people, agreement is between themselves."""
    usable: bool | None
    """None for people."""
    reasons: tuple[str, ...] = ()


def trust_of(summary: Json, criterion: str) -> list[Trust]:
    """People, where they answered, and every judge of a Summary."""
    by_source = summary["criteria"].get(criterion, {})
    agreement = summary["agreement"].get(criterion, {})
    people = [HUMAN] if by_source.get(HUMAN, {}).get("n") else []
    found = []
    for source in [*people, *judges_of(summary)]:
        between = agreement.get("human_human" if source == HUMAN else source, {})
        both = {**by_source.get(source, {}), **between}
        figures = {name: both[name] for name in FIGURES if isinstance(both.get(name), Mapping)}
        usable = None if source == HUMAN else bool(between.get("usable"))
        found.append(Trust(source, figures, usable, tuple(between.get("reasons") or ())))
    return found


def trust_section(summary: Json, verdicts: pd.DataFrame, labels: Labels, filters: Filters) -> Section | None:
    """None where no judge was asked; `verdicts` are those that the Summary was made of."""
    judges = judges_of(summary)
    if not judges:
        return None
    criterion = filters.criterion
    name = labels.criterion(criterion)
    more = (criteria_table(summary, labels),) if len(labels.criteria) > 1 else ()
    return Section(
        "trust",
        trust_chart(summary, labels, criterion),
        f"Criterion: {name}. n is each figure's own: pairs, verdicts, or comparisons of a verdict with a vote. "
        f"Intervals are at {level(summary)}. Agreement of people is between themselves, as a measure for the judges'.",
        (trust_table(summary, labels, criterion), count_table(summary, verdicts, labels, criterion)),
        csv_text([*trust_records(summary, filters), *count_records(verdicts, filters)], INTERVAL_COLUMNS),
        open=True,
        more=more,
        lead=tuple(in_words(summary, labels, criterion)),
    )


def in_words(summary: Json, labels: Labels, criterion: str) -> Iterator[str]:
    """Of every judge that reads what it judges, whether it may stand in for people on a criterion, and why."""
    for one in trust_of(summary, criterion):
        if one.usable is not None and not is_baseline(one.source):
            reasons = list(dict.fromkeys(_merged(one, reason) for reason in one.reasons))
            if len(reasons) > 1:  # with letters, since reasons hold semicolons
                reasons = [f"({letter}) {reason}" for letter, reason in zip(ascii_lowercase, reasons, strict=False)]
            why = f": {', '.join(reasons)}" if reasons else ""
            may = "may" if one.usable else "may not"
            yield f"Judge {labels.source(one.source)} {may} stand in for people on {labels.criterion(criterion)}{why}."


def trust_chart(summary: Json, labels: Labels, criterion: str) -> Chart:
    found = trust_of(summary, criterion)
    groups = [
        Group(
            heading,
            tuple(
                rate_row(one.source, one.figures[figure], labels)
                for one in found
                if one.figures.get(figure, {}).get("estimate") is not None
            ),
        )
        for figure, heading in DRAWN.items()
    ]
    missing = _not_drawn(found, labels)
    if not any(group.rows for group in groups):
        words = "Neither the orders of a judge nor its agreement with people can be measured here."
        return Chart(None, " ".join([words, *missing]))
    chart = dot_chart(
        [group for group in groups if group.rows],
        labels,
        "share",
        f"figures of trust on {labels.criterion(criterion)}",
        unit="case",
        even=EVEN,
        meaning="How often a judge says the same when the order is turned, how often the first shown wins "
        "(50% is no preference), and how often it agrees with people.",
    )
    return replace(chart, left_out=(*chart.left_out, *missing))


def _not_drawn(found: list[Trust], labels: Labels) -> tuple[str, ...]:
    """One line on each judge that has no figure for the chart, with why."""
    lines = []
    for one in found:
        drawn = [one.figures.get(figure, {}) for figure in DRAWN]
        if one.source == HUMAN or any(values.get("estimate") is not None for values in drawn):
            continue
        reasons = dict.fromkeys(_merged(one, str(values["reason"])) for values in drawn if values.get("reason"))
        why = f": {'; '.join(reasons)}" if reasons else ""
        lines.append(f"Not in the chart: {labels.source(one.source)}{why}.")
    return tuple(lines)


def _merged(one: Trust, reason: str) -> str:
    """The one wording of reasons that mean the same of a judge, so that a table tells it once."""
    if reason == "it was asked in one order only":
        return ONE_ORDER
    unvoted = one.figures.get("with_ties", {}).get("reason") == NO_VOTES
    return NO_VOTES if unvoted and reason.startswith(AFTER_NO_VOTES) else reason


def trust_table(summary: Json, labels: Labels, criterion: str) -> Table:
    """One criterion: a row a figure, a column a source."""
    found, notes = trust_of(summary, criterion), Notes()
    rows: list[tuple[str | Cell, ...]] = [
        (Cell(key=f"results.trust.{figure}"), *(_cell(one, figure, notes) for one in found)) for figure in FIGURES
    ]
    rows.append((Cell(key="results.trust.usable"), *(_usable(one, notes) for one in found)))
    return Table(
        f"Trust in each judge on {labels.criterion(criterion)}, with {level(summary)} intervals",
        (Column("results.column.figure"), *(source_column(one.source, labels) for one in found)),
        tuple(rows),
        notes=notes.texts,
    )


def criteria_table(summary: Json, labels: Labels) -> Table:
    """Every criterion: a row a judge, a column a figure."""
    notes = Notes()
    rows: tuple[tuple[str | Cell, ...], ...] = tuple(
        (
            labels.title(criterion),
            source_cell(one.source, labels),
            *(_cell(one, figure, notes, dense=True) for figure in FIGURES),
            _usable(one, None),
        )
        for criterion in labels.criteria
        for one in trust_of(summary, criterion)
    )
    return Table(
        f"Trust in each judge on every criterion, with {level(summary)} intervals; why a judge may not stand in for "
        "people is told above for the criterion chosen",
        (
            Column("results.column.criterion"),
            Column("results.column.source"),
            *(Column(f"results.trust.{figure}", number=True) for figure in FIGURES),
            Column("results.trust.usable"),
        ),
        rows,
        headers=2,
        notes=notes.texts,
    )


def _cell(one: Trust, figure: str, notes: Notes, *, dense: bool = False) -> Cell:
    """A figure with its n, dense with its interval below; a dash with the note that says why there is none."""
    found = one.figures.get(figure)
    if found is None:
        return Cell("–")
    if found["estimate"] is None:
        reason = found.get("reason")
        return Cell("–", notes=(notes.number(_merged(one, str(reason))),) if reason else ())
    text = decimal(found) if figure == KAPPA else interval(found)
    size = f"n {found['n']:,}"
    if not dense:
        return Cell(text, under=(size,))
    estimate, _, bounds = text.partition(" ")
    return Cell(estimate, under=tuple(line.replace(" ", "\u00a0") for line in (bounds, size)))


def _usable(one: Trust, notes: Notes | None) -> Cell:
    """Whether a judge may stand in for people, with the reasons among the notes, where there are any."""
    if one.usable is None:
        return Cell("–")
    key = "results.trust.yes" if one.usable else "results.trust.no"
    return Cell(key=key, notes=_numbers(one, notes) if notes else ())


def _numbers(one: Trust, notes: Notes) -> tuple[int, ...]:
    return tuple(sorted({notes.number(_merged(one, reason)) for reason in one.reasons}))


def trust_records(summary: Json, filters: Filters) -> list[Record]:
    """Every figure of every criterion, a row each."""
    records: list[Record] = []
    for criterion in summary["criteria"]:
        for one in trust_of(summary, criterion):
            common = {
                "arm": filters.arm,
                "topic": filters.topic or "",
                "criterion": criterion,
                "source": source_phrase(one.source),
            }
            records += [common | {"figure": figure, "of": ""} | dict(values) for figure, values in one.figures.items()]
            if one.usable is not None:
                reason = "; ".join(one.reasons)
                records.append(common | {"figure": "usable", "estimate": int(one.usable), "reason": reason})
    return records
