"""Whether a judge may stand in for raters on one criterion, and the reasons, in sentences with their numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.statistics.agreement import Compared, equal_votes
from eval.statistics.clustered import clustered_mean
from eval.statistics.interval import Interval
from eval.statistics.pair_counts import HIGHER, LOWER, PairCounts

GAP = 0.05
"""A judge may agree with a vote less often than another vote does, by less than this."""
GAP_CONFIDENCE = 0.90
"""Two-sided, so that the lower end is a one-sided 95% bound."""
ORDERS = 0.85
"""Least share of pairs on which a judge's two orders agree; the estimate is compared, not a bound of it, since the
gap's bound already asks for some fifty prompts at the least."""
LENGTH = 0.10
"""Largest distance of a judge's `longer_wins` from people's on the same pairs; estimates are compared."""

NO_SHARED = "no pair has both a verdict of this judge and two votes"


@dataclass(frozen=True)
class Usable:
    """The ruling. `reasons` lists what speaks against the judge; where nothing does, what speaks for it."""

    usable: bool
    reasons: tuple[str, ...]
    gap: Interval
    """Judge-against-vote less vote-against-vote agreement, in [-1, 1], two-sided with `GAP_CONFIDENCE`."""
    failed: tuple[str, ...]
    """What is not shown of it, by name: `names`, `makers`, `orders`, `agreement`, `length`."""


def usable(
    compared: Compared,
    verdicts: PairCounts,
    orders_consistent: Interval,
    *,
    both_orders: bool,
    named: int,
    makers: int = 1,
) -> Usable:
    """Whether a judge is usable on a criterion.

    It is where, on the pairs with its merged verdict and at least two votes, it agrees with a vote not worse than
    votes agree with each other by more than `GAP` (see `agreement_gap`); where its orders agree in at least
    `ORDERS` of its pairs; and where its length habit is within `LENGTH` of people's on the pairs that have both
    votes and verdicts. One that was asked in one order only, or saw the systems' names in any of its verdicts
    (`named` counts them), or whose verdicts are of more than one prompt or model (`makers`), is never usable.
    `verdicts` are its unmerged verdicts.
    """
    gap = agreement_gap(compared)
    checks = {
        "names": _named(named),
        "makers": (makers <= 1, f"its verdicts are of {makers} prompts or models together" if makers > 1 else ""),
        "orders": _orders(orders_consistent, both_orders),
        "agreement": _gap(gap),
        "length": _length(*shared_lengths(compared.votes, verdicts)),
    }
    failed = tuple(name for name, (passed, _) in checks.items() if not passed)
    told = failed or tuple(checks)
    return Usable(not failed, tuple(checks[name][1] for name in told if checks[name][1]), gap, failed)


def agreement_gap(compared: Compared) -> Interval:
    """Mean over pairs with two votes or more of the judge's agreement with a vote, less a vote's with another.

    Paired on each pair and clustered by prompt: the differences, scaled from [-1, 1] to [0, 1], get the interval
    of `clustered_mean`, whose pseudo-prompts stand at both ends as those of Agresti and Min (2005), "Simple improved
    confidence intervals for comparing matched proportions", Statistics in Medicine 24, 729-740. Judging by the
    lower end is a test of non-inferiority: few pairs never pass it. `n` counts pairs.
    """
    several = compared.take(compared.votes.votes >= 2)
    difference = several.equal / several.votes.votes - equal_votes(several.votes.counts)
    scaled = clustered_mean(
        np.clip((difference + 1) / 2, 0, 1), several.votes.prompt, confidence=GAP_CONFIDENCE, empty=NO_SHARED
    )
    if scaled.estimate is None or scaled.low is None or scaled.high is None:
        return scaled
    low, estimate, high = (2 * end - 1 for end in (scaled.low, scaled.estimate, scaled.high))
    return Interval(estimate, low, high, scaled.n, f"{scaled.method}, {GAP_CONFIDENCE:.0%} two-sided")


def shared_lengths(votes: PairCounts, verdicts: PairCounts) -> tuple[float | None, float | None]:
    """On the pairs with both: of the judge's decisive outcomes, and of people's, the share won by the longer."""
    place = verdicts.places(votes.code)
    return longer_share(verdicts.take(place[place >= 0])), longer_share(votes.take(place >= 0))


def longer_share(counts: PairCounts) -> float | None:
    """Of decisive outcomes on responses of different length, the share won by the longer; None without any."""
    longer = counts.longer
    lower, higher = counts.counts[:, LOWER], counts.counts[:, HIGHER]
    won = lower[longer > 0].sum() + higher[longer < 0].sum()
    lost = higher[longer > 0].sum() + lower[longer < 0].sum()
    return float(won / (won + lost)) if won + lost else None


def _named(named: int) -> tuple[bool, str]:
    return not named, f"it saw the systems' names in {_count(named, 'verdict')}" if named else ""


def _orders(consistent: Interval, both_orders: bool) -> tuple[bool, str]:
    if not both_orders:
        return False, "it was asked in one order only"
    if consistent.estimate is None:
        return False, f"whether its orders agree is not known: {consistent.reason}"
    sentence = f"its two orders agree on {_percent(consistent.estimate)} of {_count(consistent.n, 'pair')}"
    return consistent.estimate >= ORDERS, f"{sentence}; {_percent(ORDERS)} at least is asked for"


def _gap(gap: Interval) -> tuple[bool, str]:
    if gap.estimate is None or gap.low is None:
        return False, f"its agreement with people is not known: {gap.reason}"
    return gap.low > -GAP, (
        f"it agrees with votes {_points(gap.estimate)} than votes agree with each other, on {_count(gap.n, 'pair')}, "
        f"and by the one-sided 95% bound {_points(gap.low)}; the bound must be within {100 * GAP:.0f} points"
    )


def _length(judge: float | None, people: float | None) -> tuple[bool, str]:
    if judge is None or people is None:
        lacking = "verdicts of its own" if judge is None else "votes of people on the same pairs"
        return False, f"its length habit is not known: no decisive {lacking}, with responses of different length"
    # The last digit of a difference of shares is no reason.
    return abs(judge - people) <= LENGTH + 1e-9, (
        f"the longer response wins {_percent(judge)} of its decisive verdicts and {_percent(people)} of people's "
        f"decisive votes on the same pairs; they may be {100 * LENGTH:.0f} points apart"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _points(difference: float) -> str:
    return f"{100 * abs(difference):.1f} points {'less' if difference < 0 else 'more'} often"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
