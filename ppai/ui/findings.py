"""What the results page says: a study's figures under one state of its filters, as HTML, figures and files.

Everything is made from frames in memory; what was made is kept until a vote, a verdict, a scoring or the
study changes, and what rests on the texts alone until the study does.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from ppai.leaks import LeakTable
from ppai.schema import Arm, Scores, Study
from ppai.scored import scored_texts
from ppai.store.base import Store
from ppai.ui.cautions import Caution, cautions
from ppai.ui.events import Events
from ppai.ui.filters import (
    UNFLAGGED,
    Choices,
    Filters,
    flagged_raters,
    of_arm,
    of_topic,
    without_raters,
)
from ppai.ui.kept import Kept
from ppai.ui.labels import (
    ARMS,
    COMBINED_PREFIX,
    HUMAN,
    Labels,
    answering_judges,
    counted,
    is_baseline,
    source_phrase,
    sources_of,
)
from ppai.ui.metric_tables import metric_section
from ppai.ui.sections import Section, rater_section, share_sections, time_section, topic_section
from ppai.ui.sentences import Answer, answers, human_votes
from ppai.ui.text_tables import scanned, text_section
from ppai.ui.trust import trust_section

Json = Mapping[str, Any]


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
    """Those that answered, without baselines."""
    baselines: bool
    answers: tuple[Answer, ...]
    sections: tuple[Section, ...]
    basis: str
    """The filters in words, for a file made of the page."""


class Data(NamedTuple):
    """What a report is made of; the same objects until something in them changes."""

    study: Study
    votes: pd.DataFrame
    verdicts: pd.DataFrame
    scores: Sequence[Scores]


class Findings:
    """Reports of one study. Safe for many threads."""

    def __init__(self, store: Store, study: str, events: Events, statistics: Any) -> None:
        self._store = store
        self._name = study
        self._events = events
        self._statistics = statistics
        self._lock = threading.Lock()
        self._study: Study | None = None
        self._loaded_at: float | None = None
        self._made = Kept()
        self._texts = Kept()

    def warm(self) -> None:
        """Reads what there is, so that the first visitor need not wait for it."""
        self.report({})

    def report(self, request: object) -> Report:
        """The page for what a browser asked; raises StoreError where the store cannot be read."""
        votes, verdicts, scores = self._events.votes(), self._events.verdicts(), self._events.scores()
        now = Data(self._current_study(), votes, verdicts, scores)
        choices = self._made.get(now, "choices", lambda: Choices.of(now.study, votes, verdicts))
        filters = Filters.read(request, choices, now.study.config.primary_key)
        report: Report = self._made.get(now, filters, lambda: self._report(now, choices, filters))
        return report

    def _current_study(self) -> Study:
        """Its texts change with a load alone, not with every verdict of a judge that is at work."""
        loaded_at = self._store.loaded_at(self._name)
        with self._lock:
            if self._study is None or loaded_at != self._loaded_at:
                self._study, self._loaded_at = self._store.study(self._name), loaded_at
            return self._study

    def _summary(self, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, arm: str) -> Json:
        """The Summary of one arm, whose rows alone are given; people and a judge combined are not shown yet."""
        whole = self._statistics.summarise(study, votes, verdicts, bradley_terry=False).as_json()
        of_arm: Json = whole["arms"].get(arm, whole)
        criteria = {
            key: {source: figures for source, figures in by_source.items() if not source.startswith(COMBINED_PREFIX)}
            for key, by_source in of_arm["criteria"].items()
        }
        return {**of_arm, "criteria": criteria, **{name: whole[name] for name in ("n_outside", "n_outdated")}}

    def _report(self, now: Data, choices: Choices, filters: Filters) -> Report:
        study = now.study
        arm_votes, arm_verdicts, everyone = self._made.get(
            now, ("arm", filters.arm), lambda: self._arm(now, filters.arm)
        )
        flagged = flagged_raters(everyone)
        kept = without_raters(arm_votes, flagged) if filters.raters == UNFLAGGED else arm_votes
        chosen, judged = of_topic(kept, study, filters.topic), of_topic(arm_verdicts, study, filters.topic)
        unfiltered = chosen is arm_votes and judged is arm_verdicts
        summary = everyone if unfiltered else self._summary(study, chosen, judged, filters.arm)
        labels = Labels.of(study.config).marked(everyone)
        sections = (
            *share_sections(summary, labels, filters),
            trust_section(summary, judged, labels, filters),
            self._topic_section(study, kept, arm_verdicts, labels, choices, filters, everyone),
            text_section(summary, self._leaks(study, filters), labels, filters),
            metric_section(now.scores, labels, filters, self._scored(study, filters)),
            time_section(chosen),
            rater_section(everyone["balance"]["raters"], filters),
        )
        told = tuple(cautions(summary))
        return Report(
            study=study.name,
            facts=_facts(study, summary, filters),
            filters=filters,
            choices=choices,
            labels=labels,
            flagged=len(flagged),
            cautions=told,
            human_votes=human_votes(summary),
            judges=tuple(source_phrase(source) for source in answering_judges(sources_of(summary))),
            baselines=any(is_baseline(source) for source in sources_of(summary)),
            answers=tuple(answers(summary, labels)),
            sections=tuple(section for section in sections if section is not None),
            basis=". ".join([_basis(filters, len(flagged)), *(caution.title for caution in told)]),
        )

    def _arm(self, now: Data, arm: str) -> tuple[pd.DataFrame, pd.DataFrame, Json]:
        arm_votes, arm_verdicts = of_arm(now.votes, arm), of_arm(now.verdicts, arm)
        return arm_votes, arm_verdicts, self._summary(now.study, arm_votes, arm_verdicts, arm)

    def _leaks(self, study: Study, filters: Filters) -> LeakTable | None:
        key = (filters.arm, filters.topic)
        found: LeakTable | None = self._texts.get((study,), key, lambda: scanned(study, *key))
        return found

    def _scored(self, study: Study, filters: Filters) -> str:
        found: str = self._texts.get((study,), ("scored", filters.arm), lambda: scored_texts(study, Arm(filters.arm)))
        return found

    def _topic_section(
        self,
        study: Study,
        votes: pd.DataFrame,
        verdicts: pd.DataFrame,
        labels: Labels,
        choices: Choices,
        filters: Filters,
        summary: Json,
    ) -> Section | None:
        """By topic, whatever topic is chosen above; None for a study without topics or with one system."""
        matchup = next((one for one in choices.matchups if one.key == filters.matchup), None)
        if not choices.topics or matchup is None:
            return None
        rates = self._statistics.topics(study, votes, verdicts, filters.criterion, arm=filters.arm)
        found = [(one.topic, one.source, one.rates.as_json()) for one in rates]
        return topic_section(found, choices.topics, matchup, study, summary, labels, filters)


def _facts(study: Study, summary: Json, filters: Filters) -> tuple[tuple[str, int], ...]:
    prompts = sum(1 for prompt in study.prompts if filters.topic is None or prompt.topic == filters.topic)
    judges = len(answering_judges(sources_of(summary)))
    people = [by_source[HUMAN]["n_raters"] for by_source in summary["criteria"].values() if HUMAN in by_source]
    return (
        ("results.fact.systems", len(summary["systems"])),
        ("results.fact.prompts", prompts),
        ("results.fact.votes", human_votes(summary)),
        ("results.fact.raters", max((n or 0 for n in people), default=0)),
        ("results.fact.judges", judges),
    )


def _basis(filters: Filters, flagged: int) -> str:
    parts = [f"Responses {ARMS.get(filters.arm, filters.arm)}", filters.topic or "all topics"]
    if filters.raters == UNFLAGGED:
        parts.append(f"without {counted(flagged, 'flagged rater')}")
    else:
        parts.append("all raters")
    return ", ".join(parts)
