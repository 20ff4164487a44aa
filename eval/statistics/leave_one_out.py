"""Each rater beside the others: how often she agrees with them, and how often they agree without her."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.statistics.arrays import Floats, Ints
from eval.statistics.clustered import clustered_means
from eval.statistics.interval import Interval
from eval.statistics.pair_counts import PairCounts, two_of
from eval.statistics.rows import VoteRows
from ppai.frames import MISSING

NO_OTHERS = "no pair with two votes of others"


@dataclass(frozen=True)
class LeaveOneOut:
    """One entry a rater of the votes' `names`; arrays of shape (raters,)."""

    n: Ints
    """Her pairs that somebody else voted on."""
    agreement: Floats
    """Over these, the mean share of others' votes equal to hers, NaN where there are none."""
    n_compared: Ints
    """Her pairs that two others or more voted on."""
    of_others: Floats
    """Over these, the mean share of equal votes among the others, NaN where there are none."""
    gap: tuple[Interval, ...]
    """Over these, her agreement with the others less theirs among themselves, with an interval over prompts."""


def leave_one_out(answers: VoteRows, key: str, *, confidence: float = 0.99) -> LeaveOneOut:
    """Agreement of each rater with the others on one criterion; `answers` are the votes that count.

    Outcomes are compared by system, whatever the sides, ties too; every pair weighs the same. The gap compares her
    with the others on the same pairs, so that hard pairs are held against nobody; its interval is that of
    `clustered_means` for (1 + gap) / 2.
    """
    n_raters = len(answers.names)
    rows = answers.take(answers.outcomes[key] != MISSING)
    counts = PairCounts.of(rows, key)
    pair = counts.places(rows.pair_codes())
    for_x = rows.for_x(key)
    column = 1 - np.where(counts.index.x_is_lower(rows.matchup), for_x, -for_x)
    table = counts.counts[pair]
    table[np.arange(len(rows)), column] -= 1  # without her own vote
    others = table.sum(axis=1)
    equal = np.divide(table[np.arange(len(rows)), column], others, out=np.zeros(len(rows)), where=others > 0)
    among = np.divide(two_of(table).sum(axis=1), two_of(others), out=np.zeros(len(rows)), where=others > 1)

    some, two = others > 0, others > 1
    gap = clustered_means(
        (1 + equal[two] - among[two]) / 2,
        rows.prompt[two],
        rows.who[two],
        n_raters,
        confidence=confidence,
        empty=NO_OTHERS,
    )
    return LeaveOneOut(
        n=np.bincount(rows.who[some], minlength=n_raters),
        agreement=_means(equal[some], rows.who[some], n_raters),
        n_compared=np.bincount(rows.who[two], minlength=n_raters),
        of_others=_means(among[two], rows.who[two], n_raters),
        gap=tuple(_doubled(interval) for interval in gap),
    )


def _means(values: Floats, groups: Ints, n_groups: int) -> Floats:
    n = np.bincount(groups, minlength=n_groups)
    return np.divide(np.bincount(groups, values, n_groups), n, out=np.full(n_groups, np.nan), where=n > 0)


def _doubled(share: Interval) -> Interval:
    """The interval of a difference d from that of (1 + d) / 2."""
    if share.estimate is None or share.low is None or share.high is None:
        return share
    return Interval(2 * share.estimate - 1, 2 * share.low - 1, 2 * share.high - 1, share.n, share.method)
