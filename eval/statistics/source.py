"""One source's figures on one criterion, the people or one judge: the contract's SOURCE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eval.parts import EVERYTHING, NOT_ASKED, Part
from eval.statistics.bradley_terry import Comparisons, Disconnected
from eval.statistics.coding import SKIPPED, SUBMITTED, VOID, StudyIndex, VerdictRows, VoteRows
from eval.statistics.comparisons import judged_comparisons, voted_comparisons
from eval.statistics.interval import Interval
from eval.statistics.length_control import LengthControl, length_control
from eval.statistics.pairs import JudgedPairs, PairOutcomes
from eval.statistics.position import first_position, longer_wins
from eval.statistics.strengths import Strengths, strengths
from eval.statistics.two_way import two_way_rates
from eval.statistics.win_rate import OneOrderBounds, Rates, one_order_bounds, rates
from ppai.frames import MISSING

TWO_SYSTEMS = "two systems: see win_rate"
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
    one_order_bounds: OneOrderBounds | None = None
    two_way: Mapping[str, Interval] = field(default_factory=dict)
    """By `x>y`, people's win rate with an interval over prompts and raters; see `eval.statistics.two_way`."""
    bradley_terry: Strengths | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a figure that has no interval of its own is null, by its key."""

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
            **_strengths_json(self.bradley_terry),
            "longer_wins": self.longer_wins.as_json(),
            "first_position": self.first_position.as_json(),
            "reasons": dict(self.reasons),
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


def _strengths_json(found: Strengths | None) -> dict[str, Any]:
    """`n_degenerate` counts bootstrap replicates that needed a prior."""
    if found is None:
        return {"n_degenerate": 0, "bradley_terry": None, "bradley_terry_differences": None, "p_better": None}
    return {
        "n_degenerate": found.n_degenerate,
        "bradley_terry": {system: strength.as_json() for system, strength in found.systems.items()},
        "bradley_terry_differences": {label: one.as_json() for label, one in found.differences.items()},
        "p_better": dict(found.better),
    }


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
    found, why = _strengths(lambda: voted_comparisons(answers, key), votes.index, parts, NO_VOTES, confidence)
    return Source(
        counts=counts,
        rates=rates(pairs, votes.index, confidence=confidence),
        longer_wins=longer_wins(answers, key, confidence=confidence),
        first_position=first_position(answers, key, sides_known=sides_known, confidence=confidence),
        lengths=_lengths(pairs, votes.index, parts, confidence),
        two_way=two_way_rates(answers, key, confidence=confidence),
        bradley_terry=found,
        reasons=why,
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
    found, why = _strengths(lambda: judged_comparisons(judged.merged, index), index, parts, NO_VERDICTS, confidence)
    return Source(
        counts=counts,
        rates=rates(judged.merged, index, confidence=confidence),
        longer_wins=longer_wins(verdicts, key, confidence=confidence),
        first_position=first_position(verdicts, key, sides_known=sides_known, confidence=confidence),
        lengths=_lengths(judged.merged, index, parts, confidence),
        one_order_bounds=one_order_bounds(judged, index),
        bradley_terry=found,
        reasons=why,
    )


def _named(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name is not None}))


def _lengths(pairs: PairOutcomes, index: StudyIndex, parts: frozenset[Part], confidence: float) -> LengthControl:
    if Part.LENGTHS in parts:
        return length_control(pairs, index, confidence=confidence)
    labels = index.labels(np.union1d(index.matchups, pairs.matchup))
    return LengthControl(dict.fromkeys(labels, Interval.missing(NOT_ASKED)), dict.fromkeys(labels))


def _strengths(
    comparisons: Callable[[], Comparisons], index: StudyIndex, parts: frozenset[Part], empty: str, confidence: float
) -> tuple[Strengths | None, dict[str, str]]:
    """Bradley-Terry strengths, or the reason for the key `bradley_terry` why there are none."""
    if len(index.systems) <= 2:
        return None, {"bradley_terry": TWO_SYSTEMS}
    if Part.BRADLEY_TERRY not in parts:
        return None, {"bradley_terry": NOT_ASKED}
    folded = comparisons()
    if not len(folded.prompt):
        return None, {"bradley_terry": empty}
    try:
        return strengths(folded, confidence=confidence), {}
    except Disconnected as error:
        return None, {"bradley_terry": str(error)}
