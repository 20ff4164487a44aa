"""What the results page says: a study's figures under one state of its filters, as HTML, figures and files.

Everything is made from frames in memory; what was made is kept until a vote, a verdict or the study changes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ppai.schema import Study, VoteStatus
from ppai.store.base import Store
from ppai.ui.chart_layout import Chart
from ppai.ui.events import Events
from ppai.ui.figures import appearance_chart, reference_chart, share_chart, topic_chart
from ppai.ui.filters import (
    UNFLAGGED,
    Choices,
    Filters,
    flagged_raters,
    of_arm,
    of_topic,
    without_raters,
)
from ppai.ui.habit_figures import rater_chart, time_chart, votes_by_time
from ppai.ui.labels import ARMS, HUMAN, Labels, counted, source_phrase, sources_of
from ppai.ui.records import INTERVAL_COLUMNS, csv_text, interval_records, rater_records, topic_records
from ppai.ui.sentences import Answer, Caution, answers, cautions, human_votes
from ppai.ui.tables import Table, appearance_table, matchup_table, rater_table, share_table, time_table, topic_table

Json = Mapping[str, Any]

KEPT = 64
"""How many states of the filters are kept ready."""
FEW_PROMPTS = 10
"""Prompts of a topic under which its interval is warned about."""


@dataclass(frozen=True)
class Section:
    """One part of the page: a chart, what it rests on, its table and its file."""

    name: str
    """Also of its heading's text, `results.section.NAME`."""
    chart: Chart
    note: str
    """Its n, its level and what was resampled."""
    tables: tuple[Table, ...]
    csv: str
    caution: str = ""
    open: bool = False
    """Whether the table is unfolded from the start."""


@dataclass(frozen=True)
class Report:
    """The whole page under one state of the filters."""

    study: str
    facts: tuple[tuple[str, int], ...]
    """Counts by the key of their text, such as `("results.fact.prompts", 100)`."""
    filters: Filters
    choices: Choices
    labels: Labels
    flagged: int
    cautions: tuple[Caution, ...]
    human_votes: int
    judges: tuple[str, ...]
    answers: tuple[Answer, ...]
    sections: tuple[Section, ...]
    basis: str
    """The filters in words, for a file made of the page."""


class Findings:
    """Reports of one study. Safe for many threads."""

    def __init__(self, store: Store, study: str, events: Events, statistics: Any) -> None:
        self._store = store
        self._name = study
        self._events = events
        self._statistics = statistics
        self._lock = threading.Lock()
        self._study: Study | None = None
        self._marker: object = None
        self._made: OrderedDict[object, Any] = OrderedDict()
        self._of: tuple[object, ...] = ()

    def warm(self) -> None:
        """Reads what there is, so that the first visitor need not wait for it."""
        self.report({})

    def report(self, request: object) -> Report:
        """The page for what a browser asked; raises StoreError where the store cannot be read."""
        votes, verdicts = self._events.votes(), self._events.verdicts()
        with self._lock:
            study = self._current_study()
            now = (study, votes, verdicts)
            if not self._is_of(now):
                self._made.clear()
                self._of = now
        choices = self._kept(now, "choices", lambda: Choices.of(study, votes, verdicts))
        filters = Filters.read(request, choices, study.config.primary_key)
        report: Report = self._kept(now, filters, lambda: self._report(study, votes, verdicts, choices, filters))
        return report

    def _is_of(self, data: tuple[object, ...]) -> bool:
        return len(self._of) == len(data) and all(a is b for a, b in zip(self._of, data, strict=True))

    def _current_study(self) -> Study:
        marker = self._store.verdict_marker(self._name)
        if self._study is None or marker != self._marker:
            self._study, self._marker = self._store.study(self._name), marker
        return self._study

    def _kept(self, of: tuple[object, ...], key: object, make: Any) -> Any:
        """What was made before of the same data, or else made now; what others make meanwhile is not waited for."""
        with self._lock:
            if self._is_of(of) and key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        value = make()
        with self._lock:
            if self._is_of(of):
                self._made[key] = value
                while len(self._made) > KEPT:
                    self._made.popitem(last=False)
        return value

    def _summary(self, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, arm: str) -> Json:
        """The Summary of one arm, whose rows alone are given."""
        whole = self._statistics.summarise(study, votes, verdicts).as_json()
        found: Json = whole["arms"].get(arm, whole)
        return found

    def _report(
        self, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, choices: Choices, filters: Filters
    ) -> Report:
        now = (study, votes, verdicts)
        arm_votes, arm_verdicts, everyone = self._kept(
            now, ("arm", filters.arm), lambda: self._arm(study, votes, verdicts, filters.arm)
        )
        flagged = flagged_raters(everyone)
        kept = without_raters(arm_votes, flagged) if filters.raters == UNFLAGGED else arm_votes
        chosen, judged = of_topic(kept, study, filters.topic), of_topic(arm_verdicts, study, filters.topic)
        unfiltered = chosen is arm_votes and judged is arm_verdicts
        summary = everyone if unfiltered else self._summary(study, chosen, judged, filters.arm)
        labels = Labels.of(study.config)
        sections = [
            *_share_sections(summary, labels, filters),
            *self._topic_section(study, kept, arm_verdicts, labels, choices, filters, everyone),
            _time_section(chosen),
            _rater_section(everyone["balance"]["raters"], filters),
        ]
        return Report(
            study=study.name,
            facts=_facts(study, summary, filters),
            filters=filters,
            choices=choices,
            labels=labels,
            flagged=len(flagged),
            cautions=tuple(cautions(summary)),
            human_votes=human_votes(summary),
            judges=tuple(source_phrase(source) for source in sources_of(summary) if source != HUMAN),
            answers=tuple(answers(summary, labels)),
            sections=tuple(sections),
            basis=". ".join([_basis(filters, len(flagged)), *(caution.title for caution in cautions(summary))]),
        )

    def _arm(
        self, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, arm: str
    ) -> tuple[pd.DataFrame, pd.DataFrame, Json]:
        arm_votes, arm_verdicts = of_arm(votes, arm), of_arm(verdicts, arm)
        return arm_votes, arm_verdicts, self._summary(study, arm_votes, arm_verdicts, arm)

    def _topic_section(
        self,
        study: Study,
        votes: pd.DataFrame,
        verdicts: pd.DataFrame,
        labels: Labels,
        choices: Choices,
        filters: Filters,
        summary: Json,
    ) -> list[Section]:
        """By topic, whatever topic is chosen above; nothing for a study without topics or with one system."""
        matchup = next((one for one in choices.matchups if one.key == filters.matchup), None)
        if not choices.topics or matchup is None:
            return []
        rates = self._statistics.topics(study, votes, verdicts, filters.criterion, arm=filters.arm)
        found = [(one.topic, one.source, one.rates.as_json()) for one in rates]
        caption = (
            f"Win rate of {labels.versus(matchup)} on {labels.criterion(filters.criterion)} by topic, "
            f"with {_level(summary)} intervals"
        )
        return [
            Section(
                "topics",
                topic_chart(found, matchup, labels),
                f"Criterion: {labels.criterion(filters.criterion)}. All topics, whichever is chosen above. "
                f"n is the number of pairs, beside each row. {_intervals(summary)}",
                (topic_table(found, matchup, labels, caption),),
                csv_text(topic_records(found, filters.criterion, filters.arm), INTERVAL_COLUMNS),
                caution=_topic_caution(study, choices, summary),
            )
        ]


def _share_sections(summary: Json, labels: Labels, filters: Filters) -> list[Section]:
    records = interval_records(summary, filters.arm, filters.topic)
    file = csv_text(records, INTERVAL_COLUMNS)
    each = f"n is the number of pairs, beside each row. {_intervals(summary)}"
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


def _time_section(votes: pd.DataFrame) -> Section:
    answered = votes[(votes["status"] == VoteStatus.SUBMITTED.value).to_numpy()]
    created = np.sort(answered["created_at"].dropna().to_numpy(dtype=float))
    chart = time_chart(created)
    tables: tuple[Table, ...] = ()
    file = ""
    if chart.figure is not None:
        starts, counts, unit = votes_by_time(created)
        written = [str(pd.Timestamp(start, unit="s").strftime("%Y-%m-%d %H:%M")) for start in starts]
        tables = (time_table(written, counts, unit),)
        file = csv_text([{"start_utc": start, "votes": n} for start, n in zip(written, counts, strict=True)])
    note = f"n = {counted(len(created), 'vote')}, hidden repeats included. A count: nothing is estimated or resampled."
    return Section("time", chart, note, tables, file)


def _rater_section(raters: Mapping[str, Json], filters: Filters) -> Section:
    flagged = sum(1 for habits in raters.values() if habits["flags"])
    note = (
        f"n = {counted(len(raters), 'rater')}, over all topics; {flagged:,} with a flag"
        + (", left out of the figures above" if filters.raters == UNFLAGGED and flagged else "")
        + ". Shares are of each rater's own answers to the overall question: described, not estimated, "
        "so they carry no interval and nothing was resampled."
    )
    return Section(
        "raters",
        rater_chart(raters),
        note,
        (rater_table(raters),) if raters else (),
        csv_text(rater_records(raters)) if raters else "",
    )


def _facts(study: Study, summary: Json, filters: Filters) -> tuple[tuple[str, int], ...]:
    prompts = sum(1 for prompt in study.prompts if filters.topic is None or prompt.topic == filters.topic)
    judges = sum(1 for source in sources_of(summary) if source != HUMAN)
    people = [by_source[HUMAN]["n_raters"] for by_source in summary["criteria"].values() if HUMAN in by_source]
    return (
        ("results.fact.systems", len(summary["systems"])),
        ("results.fact.prompts", prompts),
        ("results.fact.votes", human_votes(summary)),
        ("results.fact.raters", max((n or 0 for n in people), default=0)),
        ("results.fact.judges", judges),
    )


def _topic_caution(study: Study, choices: Choices, summary: Json) -> str:
    sizes = [sum(1 for prompt in study.prompts if prompt.topic == topic) for topic in choices.topics]
    few = sum(1 for size in sizes if size < FEW_PROMPTS)
    if not few:
        return ""
    missed = len(sizes) * (1 - summary["confidence"])
    by_chance = f" Of {len(sizes)} intervals about {missed:.0f} may miss by chance alone." if missed >= 0.5 else ""
    return (
        f"{few} of {counted(len(sizes), 'topic')} have fewer than {FEW_PROMPTS} prompts: "
        f"read no single topic as a finding.{by_chance}"
    )


def _basis(filters: Filters, flagged: int) -> str:
    parts = [f"Responses {ARMS.get(filters.arm, filters.arm)}", filters.topic or "all topics"]
    if filters.raters == UNFLAGGED:
        parts.append(f"without {counted(flagged, 'flagged rater')}")
    else:
        parts.append("all raters")
    return ", ".join(parts)


def _intervals(summary: Json) -> str:
    methods = dict.fromkeys(
        share["method"]
        for by_source in summary["criteria"].values()
        for figures in by_source.values()
        for share in figures["shares"].values()
        if share["estimate"] is not None
    )
    how = f" ({'; '.join(methods)})" if methods else ""
    unit = summary["clusters"]
    computed = f"Intervals are at {_level(summary)}{how}, computed and not resampled"
    return f"{computed}; the unit is the {unit}, however many votes it has."


def _level(summary: Json) -> str:
    return f"{100 * summary['confidence']:.0f}%"


def _other(summary: Json) -> str:
    return next(system for system in summary["systems"] if system != summary["reference"])
