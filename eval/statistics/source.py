"""One source's figures on one criterion, the people or one judge: the contract's SOURCE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eval.parts import EVERYTHING, NOT_ASKED, Part
from eval.statistics.cells import Comparisons
from eval.statistics.comparisons import judged_comparisons, voted_comparisons
from eval.statistics.interval import Interval
from eval.statistics.length_control import LengthControl, length_control
from eval.statistics.pairs import JudgedPairs, PairOutcomes
from eval.statistics.position import first_position, longer_wins
from eval.statistics.ranking import TWO_SYSTEMS, Ranking, ranking
from eval.statistics.rows import SKIPPED, SUBMITTED, VOID, VerdictRows, VoteRows
from eval.statistics.study_index import StudyIndex
from eval.statistics.two_way import two_way_rates
from eval.statistics.win_rate import OneOrderBounds, Rates, one_order_bounds, rates
from ppai.frames import MISSING

NO_VOTES = "no votes"
NO_VERDICTS = "no merged verdicts"


@dataclass(frozen=True)
class Counts:
    """What was counted, and what was left out of every figure. `n` of its Rates is the number of pairs."""

    answered: int
    """Votes or verdicts with an outcome on the criterion."""
    unscored: int
    """Votes without an answer to the criterion, or verdicts that are unscored on it."""
    raters: int | None = None
    """Raters who answered; None for a judge."""
    skipped: int = 0
    void: int = 0
    one_order: int = 0
    """A judge's pairs with an outcome in one of both orders."""
    named: int | None = None
    """Answered verdicts of a judge that saw the systems' names; None for people."""
    both_orders: bool | None = None
    """Whether a judge was asked about pairs in both orders; None for people."""
    models: tuple[str, ...] = ()
    """Models that gave a judge's verdicts, as their servers name them."""
    prompt_versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """Everything that one source says on one criterion in one arm."""

    counts: Counts
    rates: Rates
    longer_wins: Interval
    first_position: Interval
    lengths: LengthControl
    ranking: Ranking
    one_order_bounds: OneOrderBounds | None = None
    two_way: Mapping[str, Interval] = field(default_factory=dict)
    """By `x>y`, people's win rate with an interval over prompts and raters; see `eval.statistics.two_way`."""

    def as_json(self) -> dict[str, Any]:
        counts, judge = self.counts, self.counts.raters is None
        values: dict[str, Any] = {
            "n_verdicts" if judge else "n_votes": counts.answered,
            "n_raters": counts.raters,
            "n_unscored": counts.unscored,
            "n_skipped": counts.skipped,
            "n_void": counts.void,
            "n_one_order": counts.one_order,
            **self.lengths.as_json(),
            **self.ranking.as_json(),
            "longer_wins": self.longer_wins.as_json(),
            "first_position": self.first_position.as_json(),
        }
        if judge:
            bounds = self.one_order_bounds
            values |= {
                "n_named": counts.named,
                "both_orders": counts.both_orders,
                "models": list(counts.models),
                "prompt_versions": list(counts.prompt_versions),
                "one_order_bounds": None if bounds is None else bounds.as_json(),
            }
        else:
            values["win_rate_two_way"] = {label: rate.as_json() for label, rate in self.two_way.items()}
        return self.rates.as_json() | values


def counted(votes: VoteRows) -> VoteRows:
    """The current votes that figures are made of: submitted, hidden repeats apart."""
    return votes.take((votes.status == SUBMITTED) & (votes.repeat == 0))


def human_source(
    votes: VoteRows,
    answers: VoteRows,
    pairs: PairOutcomes,
    key: str,
    *,
    sides_known: bool,
    confidence: float,
    parts: frozenset[Part] = EVERYTHING,
) -> Source:
    """The people's figures on one criterion from one arm's current votes.

    `answers` is `counted(votes)`, `pairs` is `voted_pairs(answers, key)`. Of `parts`, strengths and length control
    are made here.
    """
    answered = answers.outcomes[key] != MISSING
    first = votes.status[votes.repeat == 0]
    counts = Counts(
        answered=int(np.count_nonzero(answered)),
        unscored=int(np.count_nonzero(~answered)),
        raters=int(np.count_nonzero(np.bincount(answers.who[answered], minlength=1))),
        skipped=int(np.count_nonzero(first == SKIPPED)),
        void=int(np.count_nonzero(first == VOID)),
    )
    index = votes.index
    return Source(
        counts=counts,
        rates=rates(pairs, index, confidence=confidence),
        longer_wins=longer_wins(answers, key, confidence=confidence),
        first_position=first_position(answers, key, sides_known=sides_known, confidence=confidence),
        lengths=_lengths(pairs, index, parts, confidence),
        two_way=two_way_rates(answers, key, confidence=confidence),
        ranking=_ranking(lambda: voted_comparisons(answers, key), index, parts, NO_VOTES, confidence),
    )


def judge_source(
    verdicts: VerdictRows,
    judged: JudgedPairs,
    key: str,
    *,
    sides_known: bool,
    confidence: float,
    parts: frozenset[Part] = EVERYTHING,
) -> Source:
    """One judge's figures on one criterion from its verdicts in one arm; `judged` is `judged_pairs(verdicts, key)`."""
    scored = verdicts.outcomes[key] != MISSING
    counts = Counts(
        answered=int(np.count_nonzero(scored)),
        unscored=int(np.count_nonzero(~scored)),
        one_order=len(judged.one_order),
        named=int(np.count_nonzero(verdicts.named & scored)),
        both_orders=judged.both_orders,
        models=_named(model for model, _ in verdicts.makers_present()),
        prompt_versions=_named(version for _, version in verdicts.makers_present()),
    )
    index = verdicts.index
    return Source(
        counts=counts,
        rates=rates(judged.merged, index, confidence=confidence),
        longer_wins=longer_wins(verdicts, key, confidence=confidence),
        first_position=first_position(verdicts, key, sides_known=sides_known, confidence=confidence),
        lengths=_lengths(judged.merged, index, parts, confidence),
        one_order_bounds=one_order_bounds(judged, index),
        ranking=_ranking(lambda: judged_comparisons(judged.merged, index), index, parts, NO_VERDICTS, confidence),
    )


def _named(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name is not None}))


def _lengths(pairs: PairOutcomes, index: StudyIndex, parts: frozenset[Part], confidence: float) -> LengthControl:
    if Part.LENGTHS in parts:
        return length_control(pairs, index, confidence=confidence)
    labels = index.labels(np.union1d(index.matchups, pairs.matchup))
    return LengthControl(dict.fromkeys(labels, Interval.missing(NOT_ASKED)), dict.fromkeys(labels))


def _ranking(
    comparisons: Callable[[], Comparisons], index: StudyIndex, parts: frozenset[Part], empty: str, confidence: float
) -> Ranking:
    """`comparisons` are folded where strengths are asked for; two systems have none."""
    if len(index.systems) <= 2:
        return Ranking(None, TWO_SYSTEMS)
    if Part.BRADLEY_TERRY not in parts:
        return Ranking(None, NOT_ASKED)
    return ranking(comparisons(), empty=empty, confidence=confidence)
