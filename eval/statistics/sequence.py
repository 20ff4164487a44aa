"""When people may stop voting: a confidence sequence for the win rate, which holds however often one looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eval.statistics.arrays import Floats
from eval.statistics.betting import checked, many_bounds, sequence_bounds
from eval.statistics.completion import BY_TIME, completed_pairs
from eval.statistics.decision import HORIZON, Decision, decided, needed, needed_for_equality
from eval.statistics.interval import Interval
from eval.statistics.rows import VoteRows

METHOD = "confidence sequence by betting, valid at every look"
DRIFT = "prompts completed later contradict those before them: no one win rate fits all"


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
    completed = [
        completed_pairs(rows.take(np.arange(ends[place], ends[place + 1])), key, matchup, overlap)
        for place, matchup in enumerate(index.matchups.tolist())
    ]
    alpha = (1 - confidence) / share
    bounds = many_bounds([done.value for done in completed], alpha=alpha)
    return {
        label: _sequence(
            done.value,
            low,
            high,
            margin=margin,
            alpha=alpha,
            n_prompts=n_prompts,
            empty=f"no prompt has its {overlap} vote{'' if overlap == 1 else 's'} yet",
            order=done.order,
            prompts=tuple(index.prompts[prompt] for prompt in done.prompt.tolist()),
        )
        for label, done, (low, high), n_prompts in zip(
            index.labels(index.matchups), completed, bounds, index.n_pairs.tolist(), strict=True
        )
    }


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
    value = checked(values)
    n_prompts = len(value) if n_prompts is None else n_prompts
    bounds = sequence_bounds(value, alpha=alpha)
    return _sequence(
        value, *bounds, margin=margin, alpha=alpha, n_prompts=n_prompts, empty=empty, order=order, prompts=prompts
    )


def _sequence(
    value: Floats,
    low: Floats,
    high: Floats,
    *,
    margin: float,
    alpha: float,
    n_prompts: int,
    empty: str,
    order: str,
    prompts: tuple[str, ...],
) -> ConfidenceSequence:
    """The sequence of values whose bounds are known. Raises ValueError for a margin outside (0, .5)."""
    if not 0 < margin < 0.5:
        raise ValueError(f"margin: {margin} is not between 0 and .5")
    mean = np.cumsum(value) / np.arange(1, len(value) + 1)
    decision, decided_at = decided(low, high, margin)
    return ConfidenceSequence(
        mean=mean,
        low=low,
        high=high,
        interval=_interval(mean, low, high, alpha, empty),
        decision=decision,
        margin=margin,
        decided_at=decided_at,
        needed=needed(value, alpha, margin) if decided_at is None else 0,
        equality_at=needed_for_equality(value, alpha, margin),
        n_prompts=n_prompts,
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
