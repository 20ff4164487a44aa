"""What format and length alone tell of the systems, and how far length decides: the leak and length tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from ppai.leaks import TRAITS, WARN_AT, LeakTable, Separation, leak_table
from ppai.plain import flatten
from ppai.schema import Arm, Study
from ppai.ui.chart_layout import Chart, Group
from ppai.ui.dot_chart import dot_chart, rate_row
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels, counted, interval, source_phrase, sources_of
from ppai.ui.records import INTERVAL_COLUMNS, Record, csv_text
from ppai.ui.sections import Section, level
from ppai.ui.table import Cell, Column, Table
from ppai.ui.tables import source_column

Json = Mapping[str, Any]

SHARES = ("lists", "markdown", "names", "ai_phrases", "empty")
MEDIANS = ("median_characters", "median_words")
TRAIT_COLUMNS = {name: f"admin.column.{name if name in SHARES else f'median_{name}'}" for name in TRAITS}
"""Keys of the traits' headings."""
MOST_TOLD = 3
"""Traits that give a system away and are told above the chart; the table has all."""


def scanned(study: Study, arm: str, topic: str | None) -> LeakTable | None:
    """The leak scan of the texts as an arm shows them; None where a study does not hold what was shown."""
    if arm == Arm.LIVE.value:
        return None
    wanted = {prompt.id for prompt in study.prompts if topic is None or prompt.topic == topic}
    responses = [response for response in study.responses if response.prompt_id in wanted]
    if arm == Arm.PLAIN.value:
        responses = [response.model_copy(update={"text": flatten(response.text)}) for response in responses]
    pairs = tuple(pair for pair in study.pairs if pair.prompt_id in wanted)
    return leak_table(study.model_copy(update={"responses": tuple(responses), "pairs": pairs}))


def text_section(summary: Json, found: LeakTable | None, labels: Labels, filters: Filters) -> Section:
    leaks = () if found is None else (system_table(found, labels), separation_table(found, labels))
    told = [] if found is None else [_told(row, labels) for row in found.separations if row.accuracy >= WARN_AT]
    more = [f"{counted(len(told) - MOST_TOLD, 'trait')} more in the table"] if len(told) > MOST_TOLD else []
    return Section(
        "texts",
        longer_chart(summary, labels),
        f"{_outcomes_note(summary, labels)}Shares and medians of the texts are counts of what the study has: nothing "
        "is estimated or resampled.",
        (*leaks, longer_table(summary, labels)),
        csv_text(text_records(summary, found, filters), INTERVAL_COLUMNS),
        caution=f"Told apart without reading: {'; '.join([*told[:MOST_TOLD], *more])}." if told else "",
    )


def _told(row: Separation, labels: Labels) -> str:
    first, second, marked = (labels.system(name) for name in (row.first, row.second, row.marked))
    return replace(row, first=first, second=second, marked=marked).sentence


def _outcomes_note(summary: Json, labels: Labels) -> str:
    """Of the figures that rest on outcomes, where there are any."""
    if not any(rates for _, rates in _longer(summary, labels.criteria)):
        return "n is the number of a system's responses, or of the pairs of two systems. "
    return (
        "n is the number of decisive outcomes between responses of different length, beside each row; votes or "
        f"verdicts, not merged. Intervals are at {level(summary)}; the unit is the {summary['clusters']}. "
    )


def system_table(found: LeakTable, labels: Labels) -> Table:
    """A row a system: shares of its responses that show a trait, and how long they are."""
    return Table(
        "Share of each system's responses; median length",
        (
            Column("admin.column.system"),
            Column("admin.column.responses", number=True),
            *(Column(f"admin.column.{name}", number=True) for name in (*SHARES, *MEDIANS)),
        ),
        tuple(
            (
                labels.system(row.system),
                f"{row.n:,}",
                *(f"{getattr(row, share):.0%}" for share in SHARES),
                *(f"{getattr(row, middle):,.0f}" for middle in MEDIANS),
            )
            for row in found.systems
        ),
    )


def separation_table(found: LeakTable, labels: Labels) -> Table:
    """A row two systems, a column a trait: how often the trait alone tells which of them wrote which."""
    by_pair: dict[tuple[str, str], dict[str, Separation]] = {}
    for row in found.separations:
        by_pair.setdefault((row.first, row.second), {})[row.trait] = row
    return Table(
        "How often one trait alone tells which of two systems wrote which response: 50% is a guess, "
        f"and ⚠ stands with {WARN_AT:.0%} or more",
        (
            Column("results.column.matchup"),
            Column("results.column.pairs", number=True),
            *(Column(TRAIT_COLUMNS[trait], number=True) for trait in TRAITS),
        ),
        tuple(
            (
                f"{labels.system(first)}, {labels.system(second)}",
                f"{max(row.n for row in rows.values()):,}",
                *(_separation_cell(rows[trait], labels) for trait in TRAITS),
            )
            for (first, second), rows in by_pair.items()
        ),
    )


def _separation_cell(row: Separation, labels: Labels) -> Cell:
    if row.accuracy == 0.5:
        return Cell("50%")
    mark = "tells" if row.accuracy >= WARN_AT else ""
    return Cell(f"{row.accuracy:.0%}", mark=mark, under=(f"more in {labels.system(row.marked)}",))


def text_records(summary: Json, found: LeakTable | None, filters: Filters) -> list[Record]:
    common = {"arm": filters.arm, "topic": filters.topic or ""}
    records: list[Record] = []
    for system in () if found is None else found.systems:
        records += [
            common | {"source": "texts", "figure": name, "of": system.system, "estimate": value, "n": system.n}
            for name, value in asdict(system).items()
            if name not in ("system", "n")
        ]
    for row in () if found is None else found.separations:
        of = f"{row.first} or {row.second}"
        told = {"source": "texts", "figure": f"{row.trait}_alone_tells", "of": of, "more_in": row.marked}
        records.append(common | told | {"estimate": row.accuracy, "n": row.n})
    for criterion, rates in _longer(summary, summary["criteria"]):
        records += [
            common | {"criterion": criterion, "source": source_phrase(source), "figure": "longer_wins"} | dict(rate)
            for source, rate in rates
        ]
    return records


def longer_chart(summary: Json, labels: Labels) -> Chart:
    """How often the longer response wins, by criterion and source."""
    groups = [
        Group(labels.title(criterion), tuple(rate_row(source, rate, labels) for source, rate in rates))
        for criterion, rates in _longer(summary, labels.criteria)
        if rates
    ]
    return dot_chart(
        groups,
        labels,
        "share won by the longer response",
        "decisive outcomes between responses of different length",
        unit="decisive outcome",
        meaning="At 50% length does not matter.",
    )


def longer_table(summary: Json, labels: Labels) -> Table:
    """A row a criterion, a column a source."""
    sources = sources_of(summary)
    rows: list[tuple[str | Cell, ...]] = [
        (
            labels.title(criterion),
            *(
                Cell(interval(rate), under=(f"n {rate['n']:,}",)) if (rate := rates.get(source)) else Cell("–")
                for source in sources
            ),
        )
        for criterion, found in _longer(summary, labels.criteria)
        for rates in (dict(found),)
    ]
    return Table(
        f"How often the longer response wins, with {level(summary)} intervals",
        (Column("results.column.criterion"), *(source_column(source, labels) for source in sources)),
        tuple(rows),
    )


def _longer(summary: Json, criteria: Iterable[str]) -> list[tuple[str, list[tuple[str, Json]]]]:
    """By criterion, the sources that have a figure with it."""
    return [
        (
            criterion,
            [
                (source, rate)
                for source in sources_of(summary)
                if (rate := summary["criteria"].get(criterion, {}).get(source, {}).get("longer_wins"))
                and rate["estimate"] is not None
            ],
        )
        for criterion in criteria
    ]
