"""Intervals and paired tests by resampling prompts, on sums alone: no text is read and nothing is scored twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from eval.metrics.measure import Floats, Ints, Measure
from eval.statistics.interval import Interval

METHOD = "BCa bootstrap over prompts"
METHOD_PERCENTILE = "percentile bootstrap over prompts"
FEW_PROMPTS = 20
"""Below this many prompts a bootstrap interval is too narrow, which its method then says."""
TOLERANCE = 1e-12
"""Relative; figures that differ by less differ by rounding alone."""
DRAWN = 20_000
"""Weights that are made at once: few enough for their memory to stay near the processor."""
PRODUCT = 250_000
"""Multiplications of one product: with more, BLAS wakes its threads, which costs more than they save."""
KEPT = 20_000_000
"""The most weights that are kept for the next figure: 160 MB."""

Statistic = Callable[[Floats], Floats]
"""From sums over prompts, shape (r, k), to figures of shape (r, m)."""


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
    found = bootstrap(measure.figures, measure.sums, how)
    return dict(zip(measure.names, found, strict=True))


def differences(x: Measure, y: Measure, how: Resampling) -> dict[str, Difference]:
    """Each figure of x less that of y, whose rows are the same prompts in the same order; `n` counts prompts."""
    if len(x.sums) != len(y.sums):
        raise ValueError(f"{len(x.sums)} and {len(y.sums)} prompts: a difference is between figures on the same ones")

    def gap(sums: Floats) -> Floats:
        of_x, of_y = np.split(sums, [x.sums.shape[1]], axis=1)
        return x.figures(of_x) - y.figures(of_y)

    found = bootstrap(gap, np.hstack([x.sums, y.sums]), how)
    p = randomised_p(x, y, how)
    return {
        name: Difference(interval, None if interval.estimate is None else chance)
        for name, interval, chance in zip(x.names, found, p.tolist(), strict=True)
    }


def bootstrap(statistic: Statistic, sums: Floats, how: Resampling) -> tuple[Interval, ...]:
    """Bias-corrected and accelerated bootstrap intervals of m figures, the n prompts drawn with replacement.

    `sums` are each prompt's, shape (n, k), and `statistic` makes figures of their totals.
    Efron, B. (1987), "Better bootstrap confidence intervals", Journal of the American Statistical Association 82,
    171-185; the acceleration is the jackknife's. It corrects the bias that BLEU has in resamples, where n-grams
    repeat. Where all resamples lie on one side of the estimate the percentile interval takes its place.
    """
    n = len(sums)
    if n < 2:
        return (Interval.missing("fewer than two prompts", n),) * statistic(sums.sum(axis=0, keepdims=True)).shape[1]
    found = statistic(np.concatenate([weights @ sums for weights in _weights(how, *sums.shape)]))
    return _intervals(found[0], found[n + 1 :], found[1 : n + 1], n, how.confidence)


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

    rows = _rows(PRODUCT, gaps.size)
    parts = [smaller(first, min(first + rows, how.resamples)) for first in range(0, how.resamples, rows)]
    return (how.resamples - np.concatenate(parts).sum(axis=0) + 1) / (how.resamples + 1)


def _weights(how: Resampling, n: int, k: int) -> Iterator[Floats]:
    """Of n prompts, in parts for k sums: each once, all but one, and how often each is drawn in each resample.

    Every figure and system is resampled by the same draws, which are kept for the next one where they are not many.
    """
    if (how.resamples + n + 1) * n > KEPT:
        yield from (weights.astype(np.float64, copy=False) for weights in _made(how.seed, how.resamples, n))
        return
    kept, rows = _kept_weights(how.seed, how.resamples, n), _rows(PRODUCT, n * k)
    yield from (kept[first : first + rows] for first in range(0, len(kept), rows))


@lru_cache(maxsize=1)
def _kept_weights(seed: int, resamples: int, n: int) -> Floats:
    kept, first = np.empty((1 + n + resamples, n)), 0
    for part in _made(seed, resamples, n):
        kept[first : first + len(part)] = part
        first += len(part)
    return kept


def _made(seed: int, resamples: int, n: int) -> Iterator[Floats | Ints]:
    """Made in parts that are small enough for the memory of the last one to serve again."""
    yield np.ones((1, n))
    most = _rows(DRAWN, n)
    for first in range(0, n, most):
        yield 1.0 - np.eye(min(most, n - first), n, k=first)
    rng = np.random.default_rng(seed)
    for first in range(0, resamples, most):
        rows = min(most, resamples - first)
        chosen: Ints = rng.integers(0, n, size=(rows, n))
        chosen += n * np.arange(rows)[:, None]
        yield np.bincount(chosen.ravel(), minlength=rows * n).reshape(rows, n)


def _rows(most: int, of_each: int) -> int:
    return max(1, most // max(of_each, 1))


def _intervals(estimate: Floats, draws: Floats, without: Floats, n: int, confidence: float) -> tuple[Interval, ...]:
    """Of m figures: their estimates (m,), resamples (r, m), and values without each of the n prompts (n, m)."""
    ordered = np.sort(draws.T)  # a row a figure; NaN, where a resample has no such figure, comes last
    known = ordered.shape[1] - np.isnan(ordered).sum(axis=1)
    near = TOLERANCE * np.maximum(np.abs(estimate), 1.0)
    plain = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    below = (ordered < (estimate - near)[:, None]).sum(axis=1) + (ordered <= (estimate + near)[:, None]).sum(axis=1)
    tails, corrected = _corrected(plain, below / np.maximum(2 * known, 1), _skews(without))
    ends = _quantiles(ordered, known, tails)
    place = np.maximum(known - 1, 0)[:, None]
    equal = np.take_along_axis(ordered, place, axis=1)[:, 0] - ordered[:, 0] <= near
    few = f", too narrow with fewer than {FEW_PROMPTS}" if n < FEW_PROMPTS else ""
    return tuple(
        Interval.missing("not defined for these texts", n)
        if math.isnan(value)
        else Interval(
            value,
            min(low, value),
            max(high, value),
            n,
            (METHOD if bca else METHOD_PERCENTILE) + (", all resamples equal" if same else "") + few,
        )
        for value, (low, high), bca, same in zip(
            estimate.tolist(), ends.tolist(), corrected.tolist(), equal.tolist(), strict=True
        )
    )


def _skews(without: Floats) -> Floats:
    """The acceleration of each figure, from its values without each prompt, shape (n, m)."""
    gaps = np.nan_to_num(np.nansum(without, axis=0) / np.maximum((~np.isnan(without)).sum(axis=0), 1) - without)
    squares = gaps * gaps
    spread = squares.sum(axis=0)
    flat = spread <= TOLERANCE**2
    return np.where(flat, 0.0, (squares * gaps).sum(axis=0) / (6 * np.where(flat, 1.0, spread) ** 1.5))


def _corrected(plain: Floats, below: Floats, skew: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The two tail probabilities of m figures, (m, 2), with bias and acceleration, and where they could be had.

    `below` is the share of resamples under the estimate, those equal to it by half; where it is 0 or 1 they cannot.
    """
    could = (below > 0) & (below < 1)
    bias = ndtri(np.where(could, below, 0.5))[:, None]
    z = bias + ndtri(plain)
    bent = 1 - skew[:, None] * z
    could &= (bent > 0).all(axis=1)
    tails = ndtr(bias + z / np.where(could[:, None], bent, 1.0))
    return np.where(could[:, None], tails, plain), could


def _quantiles(ordered: Floats, known: Ints, at: Floats) -> Floats:
    """Of the first `known` values of each row of (m, r), at probabilities (m, k): linear between neighbours."""
    last = np.maximum(known - 1, 0)[:, None]
    place = at * last
    lower = place.astype(np.int64)
    below, above = (np.take_along_axis(ordered, where, axis=1) for where in (lower, np.minimum(lower + 1, last)))
    return np.asarray(below + (place - lower) * (above - below), dtype=np.float64)
