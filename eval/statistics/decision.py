"""What the bounds of a confidence sequence allow to say, and how many more values that would take."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from eval.statistics.arrays import Floats
from eval.statistics.betting import looks_until_out

HORIZON = 100_000
"""Prompts up to which it is said when a decision is due."""


class Decision(StrEnum):
    """What a confidence sequence allows to say."""

    DECIDED = "decided"
    """One half is out: one system wins more often than the other."""
    EQUAL = "equal within the margin"
    """Whatever differs from one half by the margin or more is out, one half is not."""
    UNDECIDED = "undecided"


def decided(low: Floats, high: Floats, margin: float) -> tuple[Decision, int | None]:
    """The first decision that bounds (looks,) allow and its look; none from where they cross: they say nothing then."""
    sound = low <= high
    inside = sound & (low > 0.5 - margin) & (high < 0.5 + margin)
    apart = sound & ((low > 0.5) | (high < 0.5))
    first = np.flatnonzero(inside | apart)
    if not len(first) or not sound[-1]:
        return Decision.UNDECIDED, None
    return (Decision.DECIDED if apart[first[0]] else Decision.EQUAL), int(first[0]) + 1


def needed(values: Floats, alpha: float, margin: float) -> int | None:
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


def needed_for_equality(values: Floats, alpha: float, margin: float) -> int | None:
    """Values until both ends of the margin are out, if they are spread as these are and those mirrored about a half."""
    if not len(values):
        return None
    kinds, counts = np.unique(np.concatenate([values, 1 - values]), return_counts=True)
    rate = counts / counts.sum()
    return looks_until_out(kinds, np.zeros(len(kinds)), rate, 0.5 - margin, alpha=alpha, horizon=HORIZON)
