"""The parts of the results page on shares, topics and votes over time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ppai.schema import Study, VoteStatus
from ppai.ui.chart_layout import Chart
from ppai.ui.figures import appearance_chart, reference_chart, share_chart, topic_chart
from ppai.ui.filters import Filters
from ppai.ui.habit_figures import time_chart, votes_by_time, written_start
from ppai.ui.labels import Labels, Matchup, counted, uncombined
from ppai.ui.records import INTERVAL_COLUMNS, csv_text, interval_records, topic_records
from ppai.ui.table import Table
from ppai.ui.tables import appearance_table, matchup_table, share_table, time_table, topic_table

Json = Mapping[str, Any]

FEW_PROMPTS = 10
"""Prompts of a topic under which its interval is warned about."""


@dataclass(frozen=True)
class Section:
    """One part of the page: a chart, what it rests on, its tables and its file."""

    name: str
    """Also of its heading's text, `results.section.NAME`."""
    chart: Chart | None
    """None where there is nothing that a chart would show better than the tables."""
    note: str
    """Its n, its level and what was resampled."""
    tables: tuple[Table, ...]
    csv: str
    caution: str = ""
    open: bool = False
    """Whether the tables are unfolded from the start."""
    more: tuple[Table, ...] = ()
    """More tables, folded, such as those of every criterion beside those of the one that is chosen."""
    more_key: str = "results.every_criterion"
    """Of the text that unfolds them."""
    lead: tuple[str, ...] = ()
    """What it says in sentences, above the chart."""
    fixed: str = ""
    """What it shows whatever a page's controls have, such as `all topics`: for pages that have controls."""

    def note_of(self, *, controls: bool) -> str:
        """Its note on a page with controls or on one where nothing can be chosen."""
        return (
            f"{self.note} This part has {self.fixed}, whatever is chosen above."
            if controls and self.fixed
            else self.note
        )


def share_sections(summary: Json, labels: Labels, filters: Filters) -> list[Section]:
    records = interval_records(summary, filters.arm, filters.topic)
    file = csv_text(records, INTERVAL_COLUMNS)
    each = f"n is the number of pairs, beside each row. {intervals_note(summary)}"
    if len(summary["systems"]) == 2:
        line = f"The line under a bar is the interval of {labels.system(_other(summary))}'s share."
        return [
            Section(
                "shares",
                share_chart(summary, labels),
                f"{each} {line}",
                (share_table(summary, labels),),
                file,
                open=True,
            )
        ]
    if len(summary["systems"]) < 2:
        return []
    criterion = filters.criterion
    note = f"Criterion: {labels.criterion(criterion)}. {each}"
    return [
        Section(
            "reference",
            reference_chart(summary, labels, criterion),
            note,
            (appearance_table(summary, labels, criterion),),
            file,
            open=True,
        ),
        Section(
            "appearances",
            appearance_chart(summary, labels, criterion),
            note,
            (matchup_table(summary, labels, criterion),),
            file,
        ),
    ]


def topic_section(
    found: Sequence[tuple[str, str, Json]],
    topics: Sequence[str],
    matchup: Matchup,
    study: Study,
    summary: Json,
    labels: Labels,
    filters: Filters,
) -> Section:
    """By topic, whatever topic is chosen above; `found` holds `(topic, source, Rates as JSON)`."""
    criterion = labels.criterion(filters.criterion)
    caption = f"Win rate of {labels.versus(matchup)} on {criterion} by topic, with {level(summary)} intervals"
    return Section(
        "topics",
        topic_chart(found, matchup, labels),
        f"Criterion: {criterion}. n is the number of pairs, beside each row. {intervals_note(summary)}",
        (topic_table(found, matchup, labels, caption),),
        csv_text(topic_records(found, filters.criterion, filters.arm), INTERVAL_COLUMNS),
        caution=_topic_caution(study, topics, summary),
        fixed="all topics",
    )


def time_section(votes: pd.DataFrame) -> Section:
    answered = votes[(votes["status"] == VoteStatus.SUBMITTED.value).to_numpy()]
    created = np.sort(answered["created_at"].dropna().to_numpy(dtype=float))
    chart = time_chart(created)
    tables: tuple[Table, ...] = ()
    file = ""
    if chart.figure is not None:
        starts, counts, unit = votes_by_time(created)
        written = [written_start(start, unit) for start in starts]
        tables = (time_table(written, counts, unit),)
        file = csv_text([{"start_utc": start, "votes": n} for start, n in zip(written, counts, strict=True)])
    note = f"n = {counted(len(created), 'vote')}, hidden repeats included. A count: nothing is estimated or resampled."
    return Section("time", chart, note, tables, file)


def _topic_caution(study: Study, topics: Sequence[str], summary: Json) -> str:
    sizes = [sum(1 for prompt in study.prompts if prompt.topic == topic) for topic in topics]
    few = sum(1 for size in sizes if size < FEW_PROMPTS)
    if not few:
        return ""
    missed = len(sizes) * (1 - summary["confidence"])
    by_chance = f" Of {len(sizes)} intervals about {missed:.0f} may miss by chance alone." if missed >= 0.5 else ""
    return (
        f"{few} of {counted(len(sizes), 'topic')} have fewer than {FEW_PROMPTS} prompts: "
        f"read no single topic as a finding.{by_chance}"
    )


def intervals_note(summary: Json) -> str:
    methods = dict.fromkeys(
        share["method"]
        for by_source in summary["criteria"].values()
        for figures in uncombined(by_source).values()
        for share in figures["shares"].values()
        if share["estimate"] is not None
    )
    how = f" ({'; '.join(methods)})" if methods else ""
    unit = summary["clusters"]
    computed = f"Intervals are at {level(summary)}{how}, computed and not resampled"
    return f"{computed}; the unit is the {unit}, however many votes it has."


def level(summary: Json) -> str:
    return f"{100 * summary['confidence']:.0f}%"


def _other(summary: Json) -> str:
    return next(system for system in summary["systems"] if system != summary["reference"])
