"""The figures without raters flagged for their habits, to stand beside those with all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eval.statistics.balance import RaterBalance
from eval.statistics.pairs import voted_pairs
from eval.statistics.rows import VoteRows
from eval.statistics.win_rate import Rates, rates


def flagged(raters: Mapping[str, RaterBalance]) -> tuple[str, ...]:
    """The raters who carry any flag, by name."""
    return tuple(sorted(rater for rater, habits in raters.items() if habits.flags))


def left_out(raters: Mapping[str, RaterBalance]) -> tuple[str, ...]:
    """The raters whom figures without flagged raters leave out, by name; see `RaterBalance.left_out`."""
    return tuple(sorted(rater for rater, habits in raters.items() if habits.left_out))


def without_flagged(votes: VoteRows, raters: Mapping[str, RaterBalance]) -> VoteRows:
    """The votes of those who are not left out; `raters` is `Balance.raters` of the same arm."""
    names = set(left_out(raters))
    kept = np.array([name not in names for name in votes.names], dtype=bool)
    return votes.take(kept[votes.who])


def unflagged_rates(
    answers: VoteRows, raters: Mapping[str, RaterBalance], key: str, *, confidence: float = 0.95
) -> Rates | None:
    """Win rates and shares on one criterion without flagged raters, None where nobody is left out.

    `answers` are the votes that count. Who is flagged for sides, speed, ties or repeats is left out; who differs from
    the others (`disagrees`) stays in, since leaving out dissenters always strengthens the majority. Whether the
    figures move is for readers to see.
    """
    if not left_out(raters):
        return None
    return rates(voted_pairs(without_flagged(answers, raters), key), answers.index, confidence=confidence)


def moved(everyone: Rates, unflagged: Rates) -> dict[str, float | None]:
    """By `x>y`, the win rate without flagged raters less that with all; None where either is missing."""
    return {
        label: None if (rate := everyone.win_rate.get(label)) is None else _less(kept.estimate, rate.estimate)
        for label, kept in unflagged.win_rate.items()
    }


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
