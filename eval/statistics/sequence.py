"""When people may stop voting: a confidence sequence for the win rate, which holds however often one looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from eval.statistics.betting import checked, looks_until_out, sequence_bounds
from eval.statistics.coding import Floats, VoteRows
from eval.statistics.completion import BY_TIME, completed_pairs
from eval.statistics.interval import Interval

METHOD = "confidence sequence by betting, valid at every look"
DRIFT = "prompts completed later contradict those before them: no one win rate fits all"
HORIZON = 100_000
"""Prompts up to which it is said when a decision is due."""


class Decision(StrEnum):
    """What a confidence sequence allows to say."""

    DECIDED = "decided"
    """One half is out: one system wins more often than the other."""
    EQUAL = "equal within the margin"
    """Whatever differs from one half by the margin or more is out, one half is not."""
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class ConfidenceSequence:
    """A win rate after each completed prompt; arrays of shape (prompts,)."""

    mean: Floats
    low: Floats
    high: Floats
    """The tightest bounds so far; they cross where later prompts contradict those before them."""
    interval: Interval
    """As it stands now; `n` counts completed prompts."""
    decision: Decision
    margin: float
    decided_at: int | None
    """Completed prompts at which the decision fell; it stands from then on."""
    needed: int | None
    """More prompts until a decision, if wins and ties go on at the present rate; None past `HORIZON`, and without
    prompts. 0 where there is a decision."""
    equality_at: int | None
    """Prompts in all at which two equal systems, with the present spread of outcomes, would be called equal."""
    n_prompts: int
    """Prompts that the study has for this matchup."""
    order: str = BY_TIME
    """How the prompts are ordered: by `completion`, or by `prompt` where votes have no time."""
    prompts: tuple[str, ...] = ()

    @property
    def in_reach(self) -> bool:
        """Whether a decision is there, or due within the study's prompts at the present rate."""
        return self.needed is not None and self.interval.n + self.needed <= self.n_prompts

    def sentence(self, x: str, y: str) -> str:
        """The state in words, for readers."""
        return " ".join([_state(self, x, y), *_prospect(self)])

    def as_json(self) -> dict[str, Any]:
        return {
            "interval": self.interval.as_json(),
            "decision": self.decision.value,
            "margin": self.margin,
            "decided_at": self.decided_at,
            "needed": self.needed,
            "in_reach": self.in_reach,
            "equality_at": self.equality_at,
            "n_prompts": self.n_prompts,
            "order": self.order,
            "prompts": list(self.prompts),
            "mean": self.mean.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
        }


def follow(
    votes: VoteRows,
    key: str,
    *,
    overlap: int,
    margin: float,
    followed: int = 1,
    confidence: float = 0.95,
) -> Mapping[str, ConfidenceSequence]:
    """By `x>y`, the confidence sequence of each matchup of the study on one criterion.

    `votes` are those that count (see `eval.statistics.source.counted`), one arm's. A prompt enters when its pair has
    its `overlap` votes, see `completed_pairs`. `followed` is how many criteria are followed, fixed beforehand: they and
    the matchups share the error of 1 - `confidence` equally, so that all sequences hold at once.
    """
    index = votes.index
    share = max(len(index.matchups), 1) * followed
    rows = replace(votes, outcomes={key: votes.outcomes[key]}).take(np.argsort(votes.matchup, kind="stable"))
    ends = np.searchsorted(rows.matchup, np.append(index.matchups, np.inf)).tolist()
    found = {}
    for place, (label, matchup) in enumerate(zip(index.labels(index.matchups), index.matchups.tolist(), strict=True)):
        done = completed_pairs(rows.take(np.arange(ends[place], ends[place + 1])), key, matchup, overlap)
        found[label] = confidence_sequence(
            done.value,
            margin=margin,
            alpha=(1 - confidence) / share,
            n_prompts=int(index.n_pairs[place]),
            empty=f"no prompt has its {overlap} vote{'' if overlap == 1 else 's'} yet",
            order=done.order,
            prompts=tuple(index.prompts[prompt] for prompt in done.prompt.tolist()),
        )
    return found


def confidence_sequence(
    values: npt.ArrayLike,
    *,
    margin: float = 0.05,
    alpha: float = 0.05,
    n_prompts: int | None = None,
    empty: str = "no completed prompts",
    order: str = BY_TIME,
    prompts: tuple[str, ...] = (),
) -> ConfidenceSequence:
    """The sequence of win rates of `values` in [0, 1], one a prompt, in an order that their outcomes had no part in.

    See `sequence_bounds` for method and source. The prompts are taken as drawn from more of their kind, as for every
    other interval; `n_prompts` (default: those there are) is how many the study has. The interval of the last look
    is widened where it has to be to hold the mean. Raises ValueError for values outside [0, 1], an alpha outside
    (0, 1) or a margin outside (0, .5).
    """
    if not 0 < margin < 0.5:
        raise ValueError(f"margin: {margin} is not between 0 and .5")
    value = checked(values)
    low, high = sequence_bounds(value, alpha=alpha)
    mean = np.cumsum(value) / np.arange(1, len(value) + 1)
    decision, decided_at = _decision(low, high, margin)
    return ConfidenceSequence(
        mean=mean,
        low=low,
        high=high,
        interval=_interval(mean, low, high, alpha, empty),
        decision=decision,
        margin=margin,
        decided_at=decided_at,
        needed=_needed(value, alpha, margin) if decided_at is None else 0,
        equality_at=_equality_at(value, alpha, margin),
        n_prompts=len(value) if n_prompts is None else n_prompts,
        order=order,
        prompts=prompts,
    )


def _interval(mean: Floats, low: Floats, high: Floats, alpha: float, empty: str) -> Interval:
    if not len(mean):
        return Interval.missing(empty)
    if low[-1] > high[-1]:
        return Interval.missing(DRIFT, len(mean))
    now = float(mean[-1])
    method = f"{METHOD}, {100 * (1 - alpha):.4g}%"
    return Interval(now, min(float(low[-1]), now), max(float(high[-1]), now), len(mean), method)


def _decision(low: Floats, high: Floats, margin: float) -> tuple[Decision, int | None]:
    """The first decision that the bounds allow; none from where they cross, for then they say nothing."""
    sound = low <= high
    inside = sound & (low > 0.5 - margin) & (high < 0.5 + margin)
    apart = sound & ((low > 0.5) | (high < 0.5))
    first = np.flatnonzero(inside | apart)
    if not len(first) or not sound[-1]:
        return Decision.UNDECIDED, None
    return (Decision.DECIDED if apart[first[0]] else Decision.EQUAL), int(first[0]) + 1


def _needed(values: Floats, alpha: float, margin: float) -> int | None:
    """More values until a decision, if they go on as often as they came so far."""
    if not len(values):
        return None
    kinds, counts = np.unique(values, return_counts=True)
    before, rate = counts.astype(float), counts / len(values)
    half, low, high = (
        looks_until_out(kinds, before, rate, mean, alpha=alpha, horizon=HORIZON)
        for mean in (0.5, 0.5 - margin, 0.5 + margin)
    )
    equal = None if low is None or high is None else max(low, high)
    return min((looks for looks in (half, equal) if looks is not None), default=None)


def _equality_at(values: Floats, alpha: float, margin: float) -> int | None:
    """Values until both ends of the margin are out, if they are spread as these are and those mirrored about a half."""
    if not len(values):
        return None
    kinds, counts = np.unique(np.concatenate([values, 1 - values]), return_counts=True)
    rate = counts / counts.sum()
    return looks_until_out(kinds, np.zeros(len(kinds)), rate, 0.5 - margin, alpha=alpha, horizon=HORIZON)


def _state(found: ConfidenceSequence, x: str, y: str) -> str:
    now = found.interval
    if now.estimate is None or now.low is None or now.high is None:
        return f"Undecided: {now.reason}."
    turned = found.decision is Decision.DECIDED and found.high[-1] < 0.5
    name, rate = (
        (y, (1 - now.estimate, 1 - now.high, 1 - now.low)) if turned else (x, (now.estimate, now.low, now.high))
    )
    mean, low, high = (f"{100 * share:.0f}" for share in rate)
    seen = f"win rate of {name} {mean}% [{low}, {high}] over {now.n} completed prompts"
    if found.decision is Decision.DECIDED:
        return f"Decided after {found.decided_at} prompts: {name} wins more often ({seen})."
    if found.decision is Decision.EQUAL:
        return f"Equal within {_points(found.margin)} after {found.decided_at} prompts ({seen})."
    return f"Undecided: {seen}."


def _prospect(found: ConfidenceSequence) -> list[str]:
    """What is still to be done, and what this study cannot show."""
    if found.decision is not Decision.UNDECIDED or found.interval.estimate is None:
        return []
    sentences = []
    if found.needed is None:
        sentences.append(f"At the present rate {HORIZON:,} prompts would not decide.")
    elif found.in_reach:
        sentences.append(f"At the present rate about {found.needed:,} more prompts decide.")
    else:
        sentences.append(
            f"At the present rate about {found.needed:,} more prompts would decide, "
            f"and the study has {max(found.n_prompts - found.interval.n, 0):,} left: out of reach."
        )
    if found.equality_at is None or found.equality_at > found.n_prompts:
        wanted = f"more than {HORIZON:,}" if found.equality_at is None else f"about {found.equality_at:,}"
        sentences.append(
            f"That the two are equal within {_points(found.margin)} is out of reach with the study's "
            f"{found.n_prompts:,} prompts: it takes {wanted}."
        )
    return sentences


def _points(difference: float) -> str:
    return f"{100 * difference:.3g} points"
