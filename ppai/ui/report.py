"""What the results page says: a study's figures under one state of its filters, made from frames alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from ppai.schema import Arm, Scores, Study
from ppai.scored import scored_texts
from ppai.ui.agreement import agreement_section
from ppai.ui.cautions import Caution, cautions
from ppai.ui.correlation import correlation_section
from ppai.ui.filters import (
    ALL,
    UNFLAGGED,
    Choices,
    Filters,
    flagged_raters,
    of_arm,
    of_topic,
    without_raters,
)
from ppai.ui.forest import forest_section
from ppai.ui.kept import Kept
from ppai.ui.labels import ARMS, HUMAN, Labels, answering_judges, counted, is_baseline, source_phrase, sources_of
from ppai.ui.leaderboard import leaderboard_section
from ppai.ui.metric_tables import metric_section
from ppai.ui.opening import opening
from ppai.ui.rater_view import rater_section
from ppai.ui.sections import Section, share_sections, time_section, topic_section
from ppai.ui.sentences import Answer, answers, human_votes
from ppai.ui.sequence_view import sequence_section
from ppai.ui.taken_together import holm_reading
from ppai.ui.text_tables import scanned, text_section
from ppai.ui.trust import trust_section

Json = Mapping[str, Any]

SHOWN = frozenset({"agreement", "lengths", "combined", "correlations"})
"""Parts of a Summary that are shown as the filters have it."""
OF_ALL = frozenset({"sequence", "without_flagged", "blinding"})
"""Parts that are shown over all topics and raters, whatever is chosen."""
STRENGTHS = frozenset({"bradley_terry"})


class Data(NamedTuple):
    """What a report is made of; the same objects until something in them changes. See `ppai.frames`."""

    study: Study
    votes: pd.DataFrame
    verdicts: pd.DataFrame
    scores: Sequence[Scores] = ()
    showings: pd.DataFrame | None = None
    guesses: pd.DataFrame | None = None


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
    """Those that it opens with; see `Opening`."""
    sections: tuple[Section, ...]
    shown: str
    """The filters in words."""
    basis: str
    """Those, and the titles of the cautions, for a file made of the page."""
    reading: tuple[str, ...] = ()
    """Sentences after the answers: what is left of them with several criteria taken together."""
    ranks: tuple[str, ...] = ()
    """Sentences before the answers."""
    rest: tuple[str, ...] = ()
    """Sentences on what the answers leave to the tables."""


@dataclass(frozen=True)
class Keeping:
    """What was made before, so that another state of the filters makes only what is its own."""

    made: Kept = field(default_factory=Kept)
    """Of all data."""
    texts: Kept = field(default_factory=Kept)
    """Of the study's texts alone."""


def make_report(data: Data, request: object, statistics: Any, keeping: Keeping | None = None) -> Report:
    """The page for a state of the filters as a browser sends it, such as `{"criterion": "clarity"}`, or `Filters`.

    `statistics` is what `app.py` hands to the pages (`eval.report`): its `summarise`, `topics` and `Part`.
    """
    keeping = keeping or Keeping()
    choices = keeping.made.get(data, "choices", lambda: Choices.of(data.study, data.votes, data.verdicts))
    filters = request if isinstance(request, Filters) else Filters.read(request, choices, data.study.config.primary_key)
    return keeping.made.get(data, filters, lambda: _Making(data, choices, filters, statistics, keeping).report())


@dataclass(frozen=True)
class _Rows:
    """The rows of one arm, all of them or those that the filters leave."""

    votes: pd.DataFrame
    verdicts: pd.DataFrame
    showings: pd.DataFrame | None
    guesses: pd.DataFrame | None

    def kept(self, choose: Callable[[pd.DataFrame], pd.DataFrame], verdicts: pd.DataFrame) -> _Rows:
        """Some of the votes, with their showings where a judge may be combined with them: nothing else needs them."""
        showings = choose(self.showings) if self.showings is not None and len(verdicts) else None
        return _Rows(choose(self.votes), verdicts, showings, self.guesses)


@dataclass(frozen=True)
class _Making:
    data: Data
    choices: Choices
    filters: Filters
    statistics: Any
    keeping: Keeping

    def report(self) -> Report:
        data, filters = self.data, self.filters
        study = data.study
        arm, everyone = self._kept(("arm", filters.arm), self._arm)
        flagged = flagged_raters(everyone)
        raters = _without(arm, flagged) if filters.raters == UNFLAGGED else arm
        chosen = _of_topic(raters, study, filters.topic)
        unfiltered = chosen.votes is arm.votes and chosen.verdicts is arm.verdicts
        summary = everyone if unfiltered else self._summary(chosen, SHOWN)
        labels = Labels.of(study.config).marked(everyone)
        counted_rows = (filters.arm, filters.topic, filters.raters if flagged else ALL)
        strengths = self._kept(("strengths", filters.criterion, counted_rows), lambda: self._strengths(chosen))
        sections = (
            leaderboard_section(strengths, summary, labels, filters),
            *share_sections(summary, labels, filters),
            forest_section(summary, labels, filters),
            agreement_section(summary, labels, filters),
            trust_section(summary, chosen.verdicts, labels, filters),
            self._topics(raters, labels, everyone),
            sequence_section(everyone, labels, filters),
            rater_section(everyone, labels, filters),
            correlation_section(summary, labels, filters),
            text_section(summary, self._leaks(), labels, filters),
            metric_section(data.scores, labels, filters, self._scored()),
            time_section(chosen.votes),
        )
        told, shown = tuple(cautions(summary)), _shown(filters, len(flagged))
        opened = opening(answers(summary, labels), strengths, summary, labels, filters.criterion)
        return Report(
            study=study.name,
            facts=_facts(study, summary, filters),
            filters=filters,
            choices=self.choices,
            labels=labels,
            flagged=len(flagged),
            cautions=told,
            human_votes=human_votes(summary),
            judges=tuple(source_phrase(source) for source in answering_judges(sources_of(summary))),
            baselines=any(is_baseline(source) for source in sources_of(summary)),
            answers=opened.answers,
            sections=tuple(section for section in sections if section is not None),
            shown=shown,
            basis=". ".join([shown, *(caution.title for caution in told)]),
            reading=tuple(holm_reading(summary, labels)),
            ranks=opened.ranks,
            rest=opened.rest,
        )

    def _kept(self, key: object, make: Any) -> Any:
        return self.keeping.made.get(self.data, key, make)

    def _arm(self) -> tuple[_Rows, Json]:
        """All rows of the arm, and their Summary."""
        data, arm = self.data, self.filters.arm
        rows = _Rows(
            of_arm(data.votes, arm),
            of_arm(data.verdicts, arm),
            None if data.showings is None else of_arm(data.showings, arm),
            None if data.guesses is None else of_arm(data.guesses, arm),
        )
        return rows, self._summary(rows, SHOWN | OF_ALL)

    def _summary(self, rows: _Rows, parts: frozenset[str], study: Study | None = None) -> Json:
        """The Summary of the arm, whose rows alone are given."""
        arm = self.filters.arm
        whole = self.statistics.summarise(
            study or self.data.study,
            rows.votes,
            rows.verdicts,
            arms=[arm],
            assignments=rows.showings,
            guesses=rows.guesses,
            parts=parts,
        ).as_json()
        found: Json = whole["arms"].get(arm, whole)
        return {**found, **{name: whole[name] for name in ("n_outside", "n_outdated")}}

    def _strengths(self, rows: _Rows) -> Json:
        """By source, figures with Bradley-Terry strengths on the chosen criterion; {} for two systems.

        Its bootstrap takes longer than all the rest, so no other criterion is asked for.
        """
        study = self.data.study
        if len(study.config.systems) < 3:
            return {}
        asked = tuple(one for one in study.config.criteria if one.key == self.filters.criterion)
        config = study.config.model_copy(update={"criteria": asked, "overall": None, "primary": None, "required": None})
        found = self._summary(rows, STRENGTHS, study.model_copy(update={"config": config}))
        by_source: Json = found["criteria"][self.filters.criterion]
        return by_source

    def _leaks(self) -> Any:
        study, key = self.data.study, (self.filters.arm, self.filters.topic)
        return self.keeping.texts.get((study,), key, lambda: scanned(study, *key))

    def _scored(self) -> str:
        study, arm = self.data.study, self.filters.arm
        found: str = self.keeping.texts.get((study,), ("scored", arm), lambda: scored_texts(study, Arm(arm)))
        return found

    def _topics(self, rows: _Rows, labels: Labels, summary: Json) -> Section | None:
        """By topic, whatever topic is chosen above; None for a study without topics or with one system."""
        filters, choices, study = self.filters, self.choices, self.data.study
        matchup = next((one for one in choices.matchups if one.key == filters.matchup), None)
        if not choices.topics or matchup is None:
            return None
        key = ("topics", filters.arm, filters.raters, filters.criterion)
        found = self._kept(
            key,
            lambda: [
                (one.topic, one.source, one.rates.as_json())
                for one in self.statistics.topics(study, rows.votes, rows.verdicts, filters.criterion, arm=filters.arm)
            ],
        )
        return topic_section(found, choices.topics, matchup, study, summary, labels, filters)


def _without(rows: _Rows, raters: frozenset[str]) -> _Rows:
    return rows.kept(lambda frame: without_raters(frame, raters), rows.verdicts) if raters else rows


def _of_topic(rows: _Rows, study: Study, topic: str | None) -> _Rows:
    if topic is None:
        return rows
    return rows.kept(lambda frame: of_topic(frame, study, topic), of_topic(rows.verdicts, study, topic))


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


def _shown(filters: Filters, flagged: int) -> str:
    parts = [f"Responses {ARMS.get(filters.arm, filters.arm)}", filters.topic or "all topics"]
    if filters.raters == UNFLAGGED:
        parts.append(f"without {counted(flagged, 'flagged rater')}")
    else:
        parts.append("all raters")
    return ", ".join(parts)
