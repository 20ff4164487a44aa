"""What the results page says: a study's figures under one state of its filters, made from frames alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from ppai.schema import Arm, Scores, Study
from ppai.scored import scored_texts
from ppai.ui.agreement import agreement_section
from ppai.ui.cautions import Caution, cautions
from ppai.ui.correlation import correlation_section
from ppai.ui.emptiness import that_show_something
from ppai.ui.facts import facts, shown_words
from ppai.ui.filters import ALL, UNFLAGGED, Choices, Filters, flagged_raters
from ppai.ui.forest import forest_section
from ppai.ui.kept import Kept
from ppai.ui.labels import Labels, answering_judges, is_baseline, source_phrase, sources_of
from ppai.ui.leaderboard import leaderboard_section
from ppai.ui.metric_tables import metric_section
from ppai.ui.opening import opening
from ppai.ui.rater_view import rater_section
from ppai.ui.sections import Section, share_sections, time_section, topic_section
from ppai.ui.sentences import Answer, answers, human_votes
from ppai.ui.sequence_view import sequence_section
from ppai.ui.shown_rows import Rows
from ppai.ui.taken_together import holm_reading
from ppai.ui.text_tables import scanned, text_section
from ppai.ui.trust import trust_section

Json = Mapping[str, Any]

SHOWN = frozenset({"agreement", "lengths", "combined", "correlations"})
"""Parts of a Summary that are shown as the filters have it."""
OF_ALL = frozenset({"sequence", "without_flagged", "blinding"})
"""Parts that are shown over all topics and raters, whatever is chosen."""


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
    votes_elsewhere: bool
    """Whether people voted, but on nothing that the filters leave."""
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
    not_usable: tuple[str, ...] = ()
    """Why a judge is not usable, a sentence each judge and criterion."""


@dataclass(frozen=True)
class Keeping:
    """What was made before, so that another state of the filters makes only what is its own."""

    made: Kept = field(default_factory=Kept)
    """Of all data."""
    texts: Kept = field(default_factory=Kept)
    """Of the study's texts alone."""
    summary: Json | None = None
    """The Summary of all data with every part, where there is one already."""


def make_report(data: Data, request: object, statistics: Any, keeping: Keeping | None = None) -> Report:
    """The page for a state of the filters as a browser sends it, such as `{"criterion": "clarity"}`, or `Filters`.

    `statistics` is what `app.py` hands to the pages (`eval.report`): its `summarise`, `topics` and `leaderboard`.
    """
    keeping = keeping or Keeping()
    choices = keeping.made.get(data, "choices", lambda: Choices.of(data.study, data.votes, data.verdicts))
    filters = request if isinstance(request, Filters) else Filters.read(request, choices, data.study.config.primary_key)
    return keeping.made.get(data, filters, lambda: _Making(data, choices, filters, statistics, keeping).report())


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
        raters = arm.without(flagged) if filters.raters == UNFLAGGED else arm
        chosen = raters.of_topic(study, filters.topic)
        unfiltered = chosen.votes is arm.votes and chosen.verdicts is arm.verdicts
        summary = everyone if unfiltered else self._summary(chosen, SHOWN)
        labels = Labels.of(study.config).marked(everyone)
        counted_rows = (filters.arm, filters.topic, filters.raters if flagged else ALL)
        strengths = self._kept(
            ("strengths", filters.criterion, counted_rows), lambda: self._strengths(chosen, unfiltered)
        )
        made = (
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
            time_section(chosen.votes) if human_votes(summary) else None,
        )
        sections = tuple(section for section in made if section is not None)
        told, shown = tuple(cautions(summary)), shown_words(filters, len(flagged))
        found = answers(summary, labels)
        opened = opening(found, strengths, summary, labels, filters.criterion)
        return Report(
            study=study.name,
            facts=facts(study, summary, filters),
            filters=filters,
            choices=self.choices,
            labels=labels,
            flagged=len(flagged),
            cautions=told,
            human_votes=human_votes(summary),
            votes_elsewhere=not human_votes(summary) and len(data.votes) > 0,
            judges=tuple(source_phrase(source) for source in answering_judges(sources_of(summary))),
            baselines=any(is_baseline(source) for source in sources_of(summary)),
            answers=opened.answers,
            sections=sections if sources_of(summary) else that_show_something(sections),
            shown=shown,
            basis=". ".join([shown, *(caution.title for caution in told)]),
            reading=tuple(holm_reading(summary, labels)),
            ranks=opened.ranks,
            rest=opened.rest,
            not_usable=tuple(dict.fromkeys(f"{reason}." for answer in found for reason in answer.reasons)),
        )

    def _kept(self, key: object, make: Any) -> Any:
        return self.keeping.made.get(self.data, key, make)

    def _arm(self) -> tuple[Rows, Json]:
        """All rows of the arm, and their Summary."""
        data = self.data
        rows = Rows(data.votes, data.verdicts, data.showings, data.guesses).of_arm(self.filters.arm)
        return rows, self._summary(rows, SHOWN | OF_ALL)

    def _summary(self, rows: Rows, parts: frozenset[str]) -> Json:
        """The Summary of the arm, whose rows alone are given."""
        arm = self.filters.arm
        whole = self.statistics.summarise(
            self.data.study,
            rows.votes,
            rows.verdicts,
            arms=[arm],
            assignments=rows.showings,
            guesses=rows.guesses,
            parts=parts,
        ).as_json()
        found: Json = whole["arms"].get(arm, whole)
        return {**found, **{name: whole[name] for name in ("n_outside", "n_outdated")}}

    def _strengths(self, rows: Rows, unfiltered: bool) -> Json:
        """By source, figures with Bradley-Terry strengths on the chosen criterion; {} for two systems.

        Its bootstrap takes longer than all the rest, so no other criterion is asked for, and what is known is taken.
        """
        study, arm, criterion = self.data.study, self.filters.arm, self.filters.criterion
        if len(study.config.systems) < 3:
            return {}
        whole = self.keeping.summary
        if unfiltered and whole is not None and arm in (whole["arm"], *whole["arms"]):
            known: Json = whole["arms"].get(arm, whole)["criteria"][criterion]
            return known
        found = self.statistics.leaderboard(study, rows.votes, rows.verdicts, criterion, arm=arm)
        return {source: one.as_json() for source, one in found.items()}

    def _leaks(self) -> Any:
        study, key = self.data.study, (self.filters.arm, self.filters.topic)
        return self.keeping.texts.get((study,), key, lambda: scanned(study, *key))

    def _scored(self) -> str:
        study, arm = self.data.study, self.filters.arm
        found: str = self.keeping.texts.get((study,), ("scored", arm), lambda: scored_texts(study, Arm(arm)))
        return found

    def _topics(self, rows: Rows, labels: Labels, summary: Json) -> Section | None:
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
