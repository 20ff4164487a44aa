"""Length control: the win rate adjusted to responses of equal length, beside the raw one; not a causal claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, log_expit, ndtri

from eval.statistics.arrays import Bools, Floats, Ints
from eval.statistics.interval import Interval
from eval.statistics.pairs import PairOutcomes
from eval.statistics.study_index import StudyIndex

RIDGE = 0.01
"""Precision of the prior of both coefficients: enough for a finite answer where lengths or outcomes separate."""
NEARLY_ALWAYS = 0.9
"""Share of the pairs of unequal length from which on one system counts as nearly always longer."""
LEAST_SPREAD = 1e-3
"""Standard deviation of the length term below which its effect cannot be told from the systems'."""
MOST_STEPS = 200

METHOD = "adjusted to equal length: logit on tanh of the length difference, robust over prompts, Agresti-Coull"
EQUAL = f"{METHOD} (all lengths are equal)"
NO_PAIRS = "no pairs"
NO_LENGTHS = "no pair has both responses, so no lengths"
ONE_DIFFERENCE = "the two lengths always differ by about as much, so that their effect cannot be told"

ENOUGH_PROMPTS = 20
"""Fewer cannot tell a liking for length from one for a system: the model has two parameters, and most pairs agree."""
TOO_FEW = f"fewer than {ENOUGH_PROMPTS} prompts: too few to adjust for length"


@dataclass(frozen=True)
class Overlap:
    """How far the lengths of a matchup's responses overlap."""

    x_longer: float
    """Share of the pairs with known lengths in which x's response is longer."""
    y_longer: float

    @property
    def extrapolated(self) -> bool:
        """Whether one system is nearly always longer, so that the model answers for lengths that are not seen."""
        unequal = self.x_longer + self.y_longer
        return max(self.x_longer, self.y_longer) >= NEARLY_ALWAYS * unequal > 0

    def warning(self, label: str) -> str | None:
        """One sentence where the answer is extrapolated."""
        if not self.extrapolated:
            return None
        longer, share = ("x", self.x_longer) if self.x_longer > self.y_longer else ("y", self.y_longer)
        return (
            f"{label}: {longer}'s response is longer in {share:.0%} of the pairs: "
            "the rate at equal length is extrapolated by the model"
        )

    def as_json(self, label: str) -> dict[str, Any]:
        return {
            "x_longer": self.x_longer,
            "y_longer": self.y_longer,
            "extrapolated": self.extrapolated,
            "warning": self.warning(label),
        }


@dataclass(frozen=True)
class LengthControl:
    """By `x>y`, for every matchup of the study."""

    rates: Mapping[str, Interval]
    overlap: Mapping[str, Overlap | None]
    """None without pairs of known lengths."""

    def as_json(self) -> dict[str, Any]:
        """The contract's `length_controlled`, and `length_overlap` beside it."""
        return {
            "length_controlled": {label: rate.as_json() for label, rate in self.rates.items()},
            "length_overlap": {
                label: None if overlap is None else overlap.as_json(label) for label, overlap in self.overlap.items()
            },
        }


@dataclass(frozen=True)
class _Rows:
    """Pairs of known lengths; arrays of shape (rows,), `group` the place of each row's matchup."""

    group: Ints
    n_groups: int
    score: Floats
    term: Floats
    weight: Floats

    def sums(self, values: Floats) -> Floats:
        return np.bincount(self.group, self.weight * values, self.n_groups).astype(np.float64)

    def with_pseudo(self, weight: float) -> _Rows:
        """Each group with so many wins, and as many losses, at equal length."""
        groups = np.repeat(np.arange(self.n_groups), 2)
        return _Rows(
            np.concatenate([self.group, groups]),
            self.n_groups,
            np.concatenate([self.score, np.tile([1.0, 0.0], self.n_groups)]),
            np.concatenate([self.term, np.zeros(2 * self.n_groups)]),
            np.concatenate([self.weight, np.full(2 * self.n_groups, weight)]),
        )


def length_control(pairs: PairOutcomes, index: StudyIndex, *, confidence: float = 0.95) -> LengthControl:
    """The win rate of each matchup at equal length, in characters; `n` counts pairs whose responses are both known.

    A pair's mean outcome for x is modelled by logit(P) = a + b tanh(d / s), d the length of x less that of y, s its
    root mean square. d is never centred: a length difference of 0 is what the answer is for, logit(P) = a. The
    interval is robust over prompts, after z^2/2 pseudo-prompts of a win and z^2/2 of a loss at equal length joined,
    as Agresti and Coull do for a raw rate; it holds the estimate, which has no pseudo-prompts (see `_ends`). Under
    `ENOUGH_PROMPTS` prompts there is no rate.

    Dubois, Y., Galambosi, B., Liang, P. and Hashimoto, T. B. (2024), "Length-controlled AlpacaEval: a simple way to
    debias automatic evaluators", arXiv:2404.04475, without its terms of the prompt. The interval: Huber, P. J.
    (1967), "The behavior of maximum likelihood estimates under nonstandard conditions".
    """
    matchups = np.union1d(index.matchups, pairs.matchup)
    x, y = index.x_y(pairs.matchup)
    difference = index.lengths[pairs.prompt, x] - index.lengths[pairs.prompt, y]
    known = np.isfinite(difference)
    group, difference = np.searchsorted(matchups, pairs.matchup)[known], difference[known]
    n_groups = len(matchups)
    n = np.bincount(group, minlength=n_groups)
    square = np.bincount(group, difference**2, n_groups) / np.maximum(n, 1)
    scale = np.sqrt(np.where(square > 0, square, 1.0))
    rows = _Rows(group, n_groups, pairs.score[known], np.tanh(difference / scale[group]), np.ones(len(group)))
    longer, shorter = (np.bincount(group, chosen, n_groups) for chosen in (difference > 0, difference < 0))
    found = _intervals(rows, n, square > 0, confidence)
    labels = index.labels(matchups)
    some = np.bincount(np.searchsorted(matchups, pairs.matchup), minlength=n_groups) > 0
    return LengthControl(
        {
            label: found[place] if n[place] else Interval.missing(NO_LENGTHS if some[place] else NO_PAIRS)
            for place, label in enumerate(labels)
        },
        {
            label: Overlap(float(longer[place] / n[place]), float(shorter[place] / n[place])) if n[place] else None
            for place, label in enumerate(labels)
        },
    )


def _intervals(rows: _Rows, n: Ints, unequal: Bools, confidence: float) -> list[Interval]:
    z = float(ndtri(0.5 + confidence / 2))
    estimate = expit(_fit(rows)[0])
    augmented = rows.with_pseudo(z * z / 2)
    middle, variance = _robust(augmented)
    count = np.maximum(n, 1)
    half = z * np.sqrt(variance)
    low, high = _ends(estimate, middle, half)
    mean = rows.sums(rows.term) / count
    spread = np.sqrt(np.maximum(rows.sums(rows.term**2) / count - mean**2, 0.0))
    alike = unequal & (spread < LEAST_SPREAD)
    reasons = np.where(n < ENOUGH_PROMPTS, TOO_FEW, np.where(alike, ONE_DIFFERENCE, ""))
    return [
        Interval.missing(why, size) if why else Interval(rate, least, most, size, METHOD if some else EQUAL)
        for rate, least, most, size, why, some in zip(
            estimate.tolist(), low.tolist(), high.tolist(), n.tolist(), reasons.tolist(), unequal.tolist(), strict=True
        )
    ]


def _ends(estimate: Floats, middle: Floats, half: Floats) -> tuple[Floats, Floats]:
    """The further ends of the logit's interval and of the share's: each fails where the other is good.

    The logit's keeps off 0 and 1 where outcomes are rare, the share's is narrow where the logit is hardly known.
    """
    share = expit(middle)
    step = half * share * (1 - share)
    low = np.minimum(np.minimum(expit(middle - half), share - step), estimate)
    high = np.maximum(np.maximum(expit(middle + half), share + step), estimate)
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def _fit(rows: _Rows) -> tuple[Floats, Floats]:
    """Intercepts and slopes under the ridge, shape (groups,): Newton with step halving, all groups at once."""
    a, b = np.zeros(rows.n_groups), np.zeros(rows.n_groups)
    reached = _objective(rows, a, b)
    for _ in range(MOST_STEPS):
        p = expit(a[rows.group] + b[rows.group] * rows.term)
        rest = rows.score - p
        aa, ab, bb = _curvature(rows, p)
        gradient = rows.sums(rest) - RIDGE * a, rows.sums(rest * rows.term) - RIDGE * b
        determinant = aa * bb - ab**2
        step = (bb * gradient[0] - ab * gradient[1]) / determinant, (aa * gradient[1] - ab * gradient[0]) / determinant
        scale = np.ones(rows.n_groups)
        while True:
            moved = a + scale * step[0], b + scale * step[1]
            now = _objective(rows, *moved)
            worse = ~(now >= reached - 1e-12 * np.abs(reached)) & (scale > 2.0**-40)
            if not worse.any():
                break
            scale[worse] /= 2
        (a, b), reached = moved, now
        if max(np.abs(step[0]).max(initial=0.0), np.abs(step[1]).max(initial=0.0)) < 1e-9:
            return a, b
    raise ArithmeticError(f"length control did not converge in {MOST_STEPS} steps")


def _objective(rows: _Rows, a: Floats, b: Floats) -> Floats:
    logit = a[rows.group] + b[rows.group] * rows.term
    likelihood = rows.score * log_expit(logit) + (1 - rows.score) * log_expit(-logit)
    return rows.sums(likelihood) - RIDGE / 2 * (a**2 + b**2)


def _curvature(rows: _Rows, p: Floats) -> tuple[Floats, Floats, Floats]:
    weight = p * (1 - p)
    return (
        rows.sums(weight) + RIDGE,
        rows.sums(weight * rows.term),
        rows.sums(weight * rows.term**2) + RIDGE,
    )


def _robust(rows: _Rows) -> tuple[Floats, Floats]:
    """Intercepts with their variance, shape (groups,): the sandwich, whose filling has the ridge as one observation."""
    a, b = _fit(rows)
    p = expit(a[rows.group] + b[rows.group] * rows.term)
    aa, ab, bb = _curvature(rows, p)
    squares = (rows.score - p) ** 2
    filling = (
        rows.sums(squares) + RIDGE,
        rows.sums(squares * rows.term),
        rows.sums(squares * rows.term**2) + RIDGE,
    )
    determinant = aa * bb - ab**2
    first, second = bb / determinant, -ab / determinant
    return a, first**2 * filling[0] + 2 * first * second * filling[1] + second**2 * filling[2]
