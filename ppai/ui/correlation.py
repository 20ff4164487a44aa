"""How far the criteria say the same: shares of equal outcomes of every two, by source. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppai.ui.chart_layout import Chart
from ppai.ui.correlation_map import correlation_map
from ppai.ui.criteria_pairs import Pair, correlation_words, pair_of, pairs_of
from ppai.ui.enough import ENOUGH_PAIRS
from ppai.ui.filters import Filters
from ppai.ui.labels import HUMAN, Labels, counted, interval, is_baseline, source_phrase, sources_of
from ppai.ui.records import INTERVAL_COLUMNS, Record, csv_text
from ppai.ui.sections import Section, level
from ppai.ui.table import Cell, Column, Notes, Table
from ppai.ui.tables import source_column

Json = Mapping[str, Any]

MOST_TOLD = 3
"""Criteria that are told to be the same."""


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
    """Two criteria are told in words: a map would be a single number."""
    return Chart(None, _told(found, labels)) if len(pairs_of(labels)) == 1 else correlation_map(found, labels)


def _told(found: Json, labels: Labels) -> str:
    """How alike the two criteria are, by source; of many sources the first ones."""
    ((x, y),) = pairs_of(labels)
    sentences = []
    for source, one in found.items():
        pair = one[f"{x}|{y}"]
        whose = "that people voted on" if source == HUMAN else f"of {source_phrase(source)}"
        told = correlation_words(pair)
        how = f"; the correlation of the outcomes is {told}" if told else ""
        sentences.append(
            f"{labels.title(x)} and {labels.criterion(y)} have the same outcome in {interval(pair['equal'])} of "
            f"{counted(pair['equal']['n'], 'pair')} {whose}{how}."
        )
    more = len(sentences) - MOST_TOLD
    return " ".join(
        sentences if more <= 0 else [*sentences[:MOST_TOLD], f"The table has {counted(more, 'more source')}."]
    )


def _any(one: Json) -> bool:
    return any(pair["equal"]["estimate"] is not None for pair in one.values())


def correlation_table(found: Json, labels: Labels, at: str) -> Table:
    """A row two criteria, a column a source: the share of equal outcomes, the n and the correlation under it."""
    notes = Notes()
    rows: list[tuple[str | Cell, ...]] = [
        (labels.title(x), labels.criterion(y), *(_cell(pair_of(one, x, y), notes) for one in found.values()))
        for x, y in pairs_of(labels)
    ]
    return Table(
        f"Share of equal outcomes of every two criteria, and Pearson's correlation over the pairs, with {at} intervals",
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
    told, why = correlation_words(pair), pair.get("reason")
    under = (f"n {pair['equal']['n']:,}", *((f"correlation {told}",) if told else ()))
    return Cell(interval(pair["equal"]), under=under, notes=(notes.number(f"No correlation: {why}"),) if why else ())


def correlation_records(found: Json, labels: Labels, filters: Filters) -> list[Record]:
    common = {"arm": filters.arm, "topic": filters.topic or ""}
    return [
        common
        | {"criterion": x, "source": source_phrase(source), "figure": "equal_outcomes", "of": y}
        | dict(pair["equal"])
        | {"correlation": pair["correlation"]}
        | {f"correlation_{end}": pair["correlation_interval"][end] for end in ("low", "high")}
        for source, one in found.items()
        for x, y in pairs_of(labels)
        if (pair := pair_of(one, x, y)) is not None
    ]
