"""Agreement of one judge with the raters' votes, and between its own two orders: the contract's `judge:<judge>`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.statistics.agreement import NO_COMMON_PAIRS, Compared
from eval.statistics.clustered import clustered_mean
from eval.statistics.cohen import cohen_interval
from eval.statistics.interval import Interval
from eval.statistics.pair_counts import PairCounts
from eval.statistics.pairs import OrderOutcomes, judged_orders, merged_orders
from eval.statistics.position import SIDES_UNKNOWN
from eval.statistics.rows import VerdictRows
from eval.statistics.usable import usable
from ppai.frames import MISSING

ONE_ORDER = "the judge was asked in one order only"
NO_BOTH = "no pair has outcomes in both orders"
NO_FLIPS = "no pair whose two orders name different systems"
NO_MAJORITY = "no pair that the judge judged has a strict plurality of votes"


@dataclass(frozen=True)
class JudgeAgreement:
    """Agreement of one judge with the raters' votes, and between its own orders, on one criterion.

    Merged verdicts are compared with each vote; `majority_accuracy` compares the unmerged with the plurality.
    """

    with_ties: Interval
    without_ties: Interval
    majority_accuracy: Interval
    """`n` counts pairs with a strict plurality."""
    n_no_majority: int
    """Pairs with votes and verdicts left out of `majority_accuracy`, for want of a strict plurality."""
    cohen_kappa: Interval
    """Of each vote and the merged verdict on its pair: the same comparisons as `with_ties`."""
    orders_consistent: Interval
    """`n` counts pairs with outcomes in both orders."""
    flips_to_first: Interval
    """`n` counts pairs whose two orders name different systems."""
    usable: bool
    """Whether the judge may stand in for raters; see `eval.statistics.usable`."""
    reasons: tuple[str, ...]
    failed: tuple[str, ...]
    """What the judge fails, by name; see `Usable`."""
    gap: Interval
    """Its agreement with a vote less that between votes, with a 90% interval; see `agreement_gap`."""

    def as_json(self) -> dict[str, Any]:
        return {
            "with_ties": self.with_ties.as_json(),
            "without_ties": self.without_ties.as_json(),
            "majority_accuracy": self.majority_accuracy.as_json(),
            "n_no_majority": self.n_no_majority,
            "cohen_kappa": self.cohen_kappa.as_json(),
            "orders_consistent": self.orders_consistent.as_json(),
            "flips_to_first": self.flips_to_first.as_json(),
            "gap": self.gap.as_json(),
            "usable": self.usable,
            "reasons": list(self.reasons),
            "failed": list(self.failed),
        }


def judge_agreement(
    verdicts: VerdictRows, votes: PairCounts, key: str, *, sides_known: bool = True, confidence: float = 0.95
) -> JudgeAgreement:
    """Agreement of one judge's verdicts in one arm with the votes of that arm that count.

    A merged verdict is a win where every order names the same system, else a tie; pairs with one order missing are
    in no merged figure. `sides_known` is False where the study says `sides: file`. All intervals are over prompts.
    """
    orders = judged_orders(verdicts, key)
    unmerged = PairCounts.of(verdicts, key)
    compared = Compared.of(votes, merged_orders(orders).merged)
    consistent = orders_consistent(orders, confidence=confidence)
    accuracy, n_no_majority = majority_accuracy(unmerged, votes, confidence=confidence)
    ruling = usable(
        compared,
        unmerged,
        consistent,
        both_orders=orders.both_orders,
        named=int(np.count_nonzero(verdicts.named & (verdicts.outcomes[key] != MISSING))),
        makers=len([maker for maker in verdicts.makers_present() if maker != (None, None)]),
    )
    return JudgeAgreement(
        with_ties=compared.agree(confidence=confidence),
        without_ties=compared.agree(ties=False, confidence=confidence),
        majority_accuracy=accuracy,
        n_no_majority=n_no_majority,
        cohen_kappa=cohen_interval(
            compared.tables, compared.votes.prompt, confidence=confidence, empty=NO_COMMON_PAIRS
        ),
        orders_consistent=consistent,
        flips_to_first=flips_to_first(orders, sides_known=sides_known, confidence=confidence),
        usable=ruling.usable,
        reasons=ruling.reasons,
        failed=ruling.failed,
        gap=ruling.gap,
    )


def majority_accuracy(unmerged: PairCounts, votes: PairCounts, *, confidence: float = 0.95) -> tuple[Interval, int]:
    """Unmerged verdicts equal to the strict plurality of votes, averaged per pair; and the pairs without one.

    A single vote is a plurality. `n` counts pairs; the interval is that of `clustered_mean`, over prompts.
    """
    place = votes.places(unmerged.code)
    judged, majority = unmerged.take(place >= 0), votes.take(place[place >= 0]).majority
    decided = majority >= 0
    right = judged.counts[np.arange(len(judged)), majority] / judged.votes
    found = clustered_mean(
        right[decided],
        judged.prompt[decided],
        confidence=confidence,
        empty=NO_MAJORITY if len(judged) else NO_COMMON_PAIRS,
    )
    return found, int(np.count_nonzero(~decided))


def orders_consistent(orders: OrderOutcomes, *, confidence: float = 0.95) -> Interval:
    """Share of the pairs with outcomes in both orders whose orders say the same: the same system, or both a tie.

    Several samples of an order say what they favour on average. `n` counts pairs; interval of `clustered_mean`.
    """
    both = orders.in_both
    same = orders.named[both, 0] == orders.named[both, 1]
    return clustered_mean(
        same, orders.prompt[both], confidence=confidence, empty=NO_BOTH if orders.both_orders else ONE_ORDER
    )


def flips_to_first(orders: OrderOutcomes, *, sides_known: bool = True, confidence: float = 0.95) -> Interval:
    """Of the pairs whose two orders name different systems, the share that named the first shown twice.

    `n` counts these pairs; the interval is that of `clustered_mean`, over prompts.
    """
    if not sides_known:
        return Interval.missing(SIDES_UNKNOWN)
    flipped = orders.in_both & (orders.named[:, 0] * orders.named[:, 1] < 0)
    first_twice = orders.named[flipped, 0] > 0
    if not orders.both_orders:
        return Interval.missing(ONE_ORDER)
    empty = NO_FLIPS if orders.in_both.any() else NO_BOTH
    return clustered_mean(first_twice, orders.prompt[flipped], confidence=confidence, empty=empty)
