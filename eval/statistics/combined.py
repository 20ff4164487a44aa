"""People and one judge together on one criterion: the contract's COMBINED, or why it may not be computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.statistics.arrays import Bools, Ints
from eval.statistics.interval import Interval
from eval.statistics.pairs import PairOutcomes
from eval.statistics.prediction_powered import prediction_powered
from eval.statistics.rows import SKIPPED, SUBMITTED, VerdictRows, VoteRows
from ppai.frames import MISSING

FEWEST_LABELLED = 20
FEW_LABELLED = 50
"""Labelled pairs under which the interval comes with a warning."""
MOST_SKIPPED = 0.05
"""Share of the votes that may have been skipped, or left open on the criterion: beyond it those left are a choice."""
MOST_UNJUDGED = 0.05
"""Share of the pairs that the judge was asked about, or people voted on, that may lack a merged verdict."""

NOT_RANDOM = (
    "it is not known that the pairs that people voted on were drawn at random: no assignment log covers them, "
    "and study.yaml does not say `labelled: random`"
)
NO_VOTES = "no votes"
NO_OTHERS = "no judged pair is without votes, so that the judge adds nothing"


@dataclass(frozen=True)
class Matchup:
    """One `x>y`: the pairs are its prompts."""

    win_rate: Interval
    n: int
    """Pairs with a merged verdict."""
    n_labelled: int
    """Pairs of these with votes."""
    tuned: float | None = None
    """PPI++'s lambda."""
    votes_saved: int | None = None
    """Votes beyond those given that people alone would have needed, as many a pair, for an interval as narrow."""
    doubt: str | None = None
    """What speaks against the labelled pairs being a random set."""

    @property
    def warning(self) -> str | None:
        """What is to be kept in mind with the win rate; None without one."""
        if self.win_rate.estimate is None:
            return None
        few = f"only {self.n_labelled} pairs have votes: under {FEW_LABELLED} the interval is rough"
        told = ([few] if self.n_labelled < FEW_LABELLED else []) + ([self.doubt] if self.doubt else [])
        return "; ".join(told) or None

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "n_labelled": self.n_labelled,
            "lambda": self.tuned,
            "votes_saved": self.votes_saved,
            "warning": self.warning,
        }


@dataclass(frozen=True)
class CombinedRates:
    """The contract's COMBINED. With three systems or more, lambda is told by matchup alone, in `matchups`."""

    matchups: Mapping[str, Matchup]

    def as_json(self) -> dict[str, Any]:
        found = list(self.matchups.values())
        saved = [one.votes_saved for one in found if one.votes_saved is not None]
        return {
            "n": sum(one.n for one in found),
            "n_labelled": sum(one.n_labelled for one in found),
            "lambda": found[0].tuned if len(found) == 1 else None,
            "votes_saved": sum(saved) if saved else None,
            "win_rate": {label: one.win_rate.as_json() for label, one in self.matchups.items()},
            "matchups": {label: one.as_json() for label, one in self.matchups.items()},
        }


def combined_rates(
    votes: VoteRows,
    people: PairOutcomes,
    verdicts: VerdictRows,
    judge: PairOutcomes,
    key: str,
    *,
    refusal: str | None,
    doubt: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> CombinedRates:
    """People's and one judge's win rate of each matchup on a criterion; see `prediction_powered`.

    `votes` are the current ones of one arm, `people` the pairs that those which count make on the criterion (see
    `voted_pairs`), `judge` those of the merged `verdicts`. `refusal` says why nothing may be computed whatever the
    numbers: the labelled pairs were not drawn at random, or the judge was not fixed beforehand; `doubt` is told in the
    warning of what is computed. A matchup also needs
    `FEWEST_LABELLED` pairs with votes, some judged pairs without, and few skips and missing verdicts. Intervals count
    labelled pairs.
    """
    index = votes.index
    matchups = np.union1d(index.matchups, np.union1d(people.matchup, judge.matchup))
    pairs = [
        _Pairs.of(people.take(people.matchup == matchup), judge.take(judge.matchup == matchup))
        for matchup in matchups.tolist()
    ]
    labels = index.labels(matchups)
    if refusal is not None:
        return CombinedRates({label: one.missing(refusal) for label, one in zip(labels, pairs, strict=True)})
    n_votes, n_given = _votes(votes, key, matchups)
    found = {}
    for place, (label, one) in enumerate(zip(labels, pairs, strict=True)):
        unanswered = 1 - n_votes[place] / max(n_given[place], 1)
        why = one.refusal(unanswered, verdicts.prompt[verdicts.matchup == matchups[place]])
        found[label] = one.missing(why) if why else one.combined(int(n_votes[place]), doubt, confidence, seed)
    return CombinedRates(found)


def _votes(votes: VoteRows, key: str, matchups: Ints) -> tuple[Ints, Ints]:
    """By matchup, the votes with an outcome on the criterion, and those submitted or skipped; hidden repeats apart."""
    known = np.isin(votes.matchup, matchups)
    given = known & (votes.repeat == 0) & ((votes.status == SUBMITTED) | (votes.status == SKIPPED))
    answered = given & (votes.status == SUBMITTED) & (votes.outcomes[key] != MISSING)
    n_votes, n_given = (
        np.bincount(np.searchsorted(matchups, votes.matchup[chosen]), minlength=len(matchups))
        for chosen in (answered, given)
    )
    return n_votes, n_given


@dataclass(frozen=True)
class _Pairs:
    """The pairs of one matchup."""

    people: PairOutcomes
    judge: PairOutcomes
    labelled: Bools
    """Of `judge`, those with votes; shape (judge,)."""

    @classmethod
    def of(cls, people: PairOutcomes, judge: PairOutcomes) -> _Pairs:
        return cls(people, judge, np.isin(judge.prompt, people.prompt))

    @property
    def n_labelled(self) -> int:
        return int(np.count_nonzero(self.labelled))

    def refusal(self, unanswered: float, asked: Ints) -> str | None:
        """Why this matchup may not be computed, or None; `asked` are the prompts that the judge has verdicts on."""
        if not len(self.people):
            return NO_VOTES
        if unanswered >= MOST_SKIPPED:
            return f"{unanswered:.1%} of the votes were skipped or left open; it must be under {MOST_SKIPPED:.0%}"
        known = np.union1d(asked, self.people.prompt)
        unjudged = 1 - len(self.judge) / len(known)
        if unjudged >= MOST_UNJUDGED:
            return f"{unjudged:.1%} of the pairs have no merged verdict; it must be under {MOST_UNJUDGED:.0%}"
        if self.n_labelled < FEWEST_LABELLED:
            return f"{self.n_labelled} pairs have votes and a verdict; {FEWEST_LABELLED} at least are needed"
        return NO_OTHERS if self.labelled.all() else None

    def missing(self, reason: str) -> Matchup:
        return Matchup(Interval.missing(reason, self.n_labelled), len(self.judge), self.n_labelled)

    def combined(self, n_votes: int, doubt: str | None, confidence: float, seed: int) -> Matchup:
        order = np.argsort(self.people.prompt, kind="stable")
        judged = self.judge.prompt[self.labelled]
        place = order[np.searchsorted(self.people.prompt, judged, sorter=order)]
        found = prediction_powered(
            self.people.score[place],
            self.judge.score[self.labelled],
            self.judge.score[~self.labelled],
            confidence=confidence,
            seed=seed,
        )
        each = n_votes / len(self.people)
        saved = max(round((found.effective - self.n_labelled) * each), 0)
        return Matchup(found.interval, len(self.judge), self.n_labelled, found.tuned, saved, doubt)
