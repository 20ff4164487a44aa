"""Intervals and paired tests by resampling prompts, on sums alone: no text is read and nothing is scored twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from eval.metrics.measure import Floats, Ints, Measure
from eval.statistics.interval import Interval

METHOD = "BCa bootstrap over prompts"
METHOD_PERCENTILE = "percentile bootstrap over prompts"
FEW_PROMPTS = 10
"""Below this many prompts a bootstrap interval is too narrow, which its method then says."""
TOLERANCE = 1e-12
"""Relative; figures that differ by less differ by rounding alone."""
PART, DRAWN = 256, 128
"""Rows of weights that are worked on, and drawn, at once."""
KEPT = 20_000_000
"""The most weights that are kept for the next figure: 160 MB."""

Statistic = Callable[[Floats], Floats]
"""From weights of the prompts, shape (r, n), to figures of shape (r, m)."""


@dataclass(frozen=True)
class Resampling:
    """How often to resample, from what seed, and how wide an interval is."""

    resamples: int = 10_000
    seed: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise ValueError(f"resamples: at least 100, not {self.resamples}")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence: between 0 and 1, not {self.confidence}")


@dataclass(frozen=True)
class Difference:
    """The difference x - y of one figure of two systems on the same prompts; `p` of no difference, two-sided."""

    interval: Interval
    p: float | None

    def as_json(self) -> dict[str, Any]:
        return self.interval.as_json() | {"p": self.p}


def intervals(measure: Measure, how: Resampling) -> dict[str, Interval]:
    """Each figure of a measure with its interval; `n` counts prompts."""
    found = bootstrap(lambda weights: measure.figures(weights @ measure.sums), len(measure.sums), how)
    return dict(zip(measure.names, found, strict=True))


def differences(x: Measure, y: Measure, how: Resampling) -> dict[str, Difference]:
    """Each figure of x less that of y, whose rows are the same prompts in the same order; `n` counts prompts."""
    if len(x.sums) != len(y.sums):
        raise ValueError(f"{len(x.sums)} and {len(y.sums)} prompts: a difference is between figures on the same ones")

    def gap(weights: Floats) -> Floats:
        return x.figures(weights @ x.sums) - y.figures(weights @ y.sums)

    found = bootstrap(gap, len(x.sums), how)
    p = randomised_p(x, y, how)
    return {
        name: Difference(interval, None if interval.estimate is None else chance)
        for name, interval, chance in zip(x.names, found, p.tolist(), strict=True)
    }


def bootstrap(statistic: Statistic, n: int, how: Resampling) -> tuple[Interval, ...]:
    """Bias-corrected and accelerated bootstrap intervals of m figures, the n prompts drawn with replacement.

    Efron, B. (1987), "Better bootstrap confidence intervals", Journal of the American Statistical Association 82,
    171-185; the acceleration is the jackknife's. It corrects the bias that BLEU has in resamples, where n-grams
    repeat. Where all resamples lie on one side of the estimate the percentile interval takes its place.
    """
    estimate = statistic(np.ones((1, n)))[0]
    if n < 2:
        return (Interval.missing("fewer than two prompts", n),) * len(estimate)
    draws = np.concatenate([statistic(weights) for weights in _weights(how, n)])
    without = _in_parts(n, lambda first, last: statistic(1.0 - np.eye(last - first, n, k=first)))
    return _intervals(estimate, draws, without, n, how.confidence)


def randomised_p(x: Measure, y: Measure, how: Resampling) -> Floats:
    """Two-sided p of each figure's difference by approximate randomisation, shape (m,).

    In each trial a fair coin swaps the two systems' texts of each prompt; p is the share of trials, the observed
    one among them, whose difference is at least as large as the observed. Noreen, E. W. (1989),
    Computer-Intensive Methods for Testing Hypotheses; Riezler, S. and Maxwell, J. T. (2005), "On some pitfalls in
    automatic evaluation and significance testing for MT".
    """
    rng = np.random.default_rng([how.seed, 1])
    observed = np.abs(x.of_all - y.of_all)
    tolerance = TOLERANCE * np.maximum(observed, 1.0)  # a swap that changes nothing must count in spite of rounding
    total_x, total_y, gaps = x.sums.sum(axis=0), y.sums.sum(axis=0), y.sums - x.sums

    def smaller(first: int, last: int) -> Floats:
        moved = rng.integers(0, 2, size=(last - first, len(gaps))).astype(np.float64) @ gaps
        found = np.abs(x.figures(total_x + moved) - y.figures(total_y - moved))
        return (found < observed - tolerance).astype(np.float64)

    trials = _in_parts(how.resamples, smaller)
    return (how.resamples - trials.sum(axis=0) + 1) / (how.resamples + 1)


def _weights(how: Resampling, n: int) -> Iterable[Floats]:
    """How often each of n prompts is drawn in each resample, in parts of some rows.

    Every figure and system is resampled by the same draws, which are kept for the next one where they are not many.
    """
    if how.resamples * n > KEPT:
        return (counts.astype(np.float64) for counts in _drawn(how.seed, how.resamples, n))
    kept = _kept_weights(how.seed, how.resamples, n)
    return (kept[first : first + PART] for first in range(0, how.resamples, PART))


@lru_cache(maxsize=1)
def _kept_weights(seed: int, resamples: int, n: int) -> Floats:
    kept, first = np.empty((resamples, n)), 0
    for part in _drawn(seed, resamples, n):
        kept[first : first + len(part)] = part
        first += len(part)
    return kept


def _drawn(seed: int, resamples: int, n: int) -> Iterator[Ints]:
    """Made in parts that are small enough for the memory of the last one to serve again."""
    rng = np.random.default_rng(seed)
    for first in range(0, resamples, DRAWN):
        rows = min(DRAWN, resamples - first)
        chosen: Ints = rng.integers(0, n, size=(rows, n))
        chosen += n * np.arange(rows)[:, None]
        yield np.bincount(chosen.ravel(), minlength=rows * n).reshape(rows, n)


def _in_parts(total: int, part: Callable[[int, int], Floats]) -> Floats:
    return np.concatenate([part(first, min(first + PART, total)) for first in range(0, total, PART)])


def _intervals(estimate: Floats, draws: Floats, without: Floats, n: int, confidence: float) -> tuple[Interval, ...]:
    """Of m figures: their estimates (m,), resamples (r, m), and values without each of the n prompts (n, m)."""
    ordered = np.sort(draws.T)  # a row a figure; NaN, where a resample has no such figure, comes last
    known = ordered.shape[1] - np.isnan(ordered).sum(axis=1)
    tolerance = TOLERANCE * np.maximum(np.abs(estimate), 1.0)
    plain = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    each = zip(estimate.tolist(), ordered, known.tolist(), _skews(without), tolerance.tolist(), strict=True)
    corrected = [_corrected(plain, value, row[:count], skew, near) for value, row, count, skew, near in each]
    tails = np.array([plain if found is None else found for found in corrected])
    ends = _quantiles(ordered, known, np.column_stack([tails, np.zeros(len(tails)), np.ones(len(tails))]))
    equal = ends[:, 3] - ends[:, 2] <= tolerance
    few = f", too narrow with fewer than {FEW_PROMPTS}" if n < FEW_PROMPTS else ""
    return tuple(
        Interval.missing("not defined for these texts", n)
        if math.isnan(value)
        else Interval(
            value,
            min(low, value),
            max(high, value),
            n,
            (METHOD_PERCENTILE if found is None else METHOD) + (", all resamples equal" if same else "") + few,
        )
        for value, (low, high, *_), found, same in zip(
            estimate.tolist(), ends.tolist(), corrected, equal.tolist(), strict=True
        )
    )


def _skews(without: Floats) -> list[float]:
    """The acceleration of each figure, from its values without each prompt, shape (n, m)."""
    gaps = np.nan_to_num(np.nansum(without, axis=0) / np.maximum((~np.isnan(without)).sum(axis=0), 1) - without)
    spread = (gaps * gaps).sum(axis=0)
    flat = spread <= TOLERANCE**2
    return np.where(flat, 0.0, (gaps * gaps * gaps).sum(axis=0) / (6 * np.where(flat, 1.0, spread) ** 1.5)).tolist()


def _corrected(plain: Floats, estimate: float, ordered: Floats, skew: float, near: float) -> Floats | None:
    """The two tail probabilities with bias and acceleration; None where all resamples lie on one side."""
    less, at_most = np.searchsorted(ordered, (estimate - near, estimate + near)).tolist()
    if not 0 < less + at_most < 2 * len(ordered):
        return None
    bias = ndtri((less + at_most) / (2 * len(ordered)))
    z = bias + ndtri(plain)
    if max(skew * z[0], skew * z[1]) >= 1:
        return None
    return np.asarray(ndtr(bias + z / (1 - skew * z)), dtype=np.float64)


def _quantiles(ordered: Floats, known: Ints, at: Floats) -> Floats:
    """Of the first `known` values of each row of (m, r), at probabilities (m, k): linear between neighbours."""
    last = np.maximum(known - 1, 0)[:, None]
    place = at * last
    lower = place.astype(np.int64)
    below, above = (np.take_along_axis(ordered, where, axis=1) for where in (lower, np.minimum(lower + 1, last)))
    return np.asarray(below + (place - lower) * (above - below), dtype=np.float64)
