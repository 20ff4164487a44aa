"""One source's figures on one criterion, the people or one judge: the contract's SOURCE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eval.statistics.coding import SKIPPED, SUBMITTED, VOID, StudyIndex, VerdictRows, VoteRows
from eval.statistics.interval import Interval
from eval.statistics.pairs import judged_pairs, voted_pairs
from eval.statistics.position import first_position, longer_wins
from eval.statistics.win_rate import OneOrderBounds, Rates, one_order_bounds, rates
from ppai.frames import MISSING

LENGTH_CONTROL = "length control is not computed by this version"
TWO_SYSTEMS = "two systems: see win_rate"
BRADLEY_TERRY = "Bradley-Terry strengths are not computed by this version"


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
    length_controlled: Mapping[str, Interval]
    one_order_bounds: OneOrderBounds | None = None
    bradley_terry: Mapping[str, Interval] | None = None
    n_degenerate: int = 0
    """Bootstrap replicates of Bradley-Terry that needed a prior."""
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
            "n_degenerate": self.n_degenerate,
            "length_controlled": {label: rate.as_json() for label, rate in self.length_controlled.items()},
            "bradley_terry": None
            if self.bradley_terry is None
            else {system: strength.as_json() for system, strength in self.bradley_terry.items()},
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
        return self.rates.as_json() | values


def counted(votes: VoteRows) -> VoteRows:
    """The current votes that figures are made of: submitted, hidden repeats apart."""
    return votes.take((votes.status == SUBMITTED) & (votes.repeat == 0))


def human_source(votes: VoteRows, answers: VoteRows, key: str, *, sides_known: bool, confidence: float) -> Source:
    """The people's figures from one arm's current votes; `answers` is `counted(votes)`, made once for all keys."""
    answered = answers.outcomes[key] != MISSING
    first = votes.status[votes.repeat == 0]
    counts = Counts(
        answered=int(np.count_nonzero(answered)),
        unscored=int(np.count_nonzero(~answered)),
        raters=int(np.count_nonzero(np.bincount(answers.who[answered], minlength=1))),
        skipped=int(np.count_nonzero(first == SKIPPED)),
        void=int(np.count_nonzero(first == VOID)),
    )
    found = rates(voted_pairs(answers, key), votes.index, confidence=confidence)
    return Source(
        counts=counts,
        rates=found,
        longer_wins=longer_wins(answers, key, confidence=confidence),
        first_position=first_position(answers, key, sides_known=sides_known, confidence=confidence),
        **_not_yet(found, votes.index),
    )


def judge_source(verdicts: VerdictRows, key: str, *, sides_known: bool, confidence: float) -> Source:
    """One judge's figures from its verdicts in one arm."""
    scored = verdicts.outcomes[key] != MISSING
    judged = judged_pairs(verdicts, key)
    counts = Counts(
        answered=int(np.count_nonzero(scored)),
        unscored=int(np.count_nonzero(~scored)),
        one_order=len(judged.one_order),
        named=int(np.count_nonzero(verdicts.named & scored)),
        both_orders=judged.both_orders,
        models=_named(model for model, _ in verdicts.makers_present()),
        prompt_versions=_named(version for _, version in verdicts.makers_present()),
    )
    found = rates(judged.merged, verdicts.index, confidence=confidence)
    return Source(
        counts=counts,
        rates=found,
        longer_wins=longer_wins(verdicts, key, confidence=confidence),
        first_position=first_position(verdicts, key, sides_known=sides_known, confidence=confidence),
        one_order_bounds=one_order_bounds(judged, verdicts.index),
        **_not_yet(found, verdicts.index),
    )


def _named(names: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name is not None}))


def _not_yet(found: Rates, index: StudyIndex) -> dict[str, Any]:
    """The figures that are null, with their reasons."""
    return {
        "length_controlled": {
            label: Interval.missing(LENGTH_CONTROL, rate.n) for label, rate in found.win_rate.items()
        },
        "reasons": {"bradley_terry": TWO_SYSTEMS if len(index.systems) <= 2 else BRADLEY_TERRY},
    }
