"""Intervals where resampling shows no spread: of shares by Agresti and Coull's method, of other differences none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from eval.metrics.measure import Floats, Measure
from eval.metrics.resampling import TOLERANCE, Difference
from eval.statistics.clustered import clustered_mean
from eval.statistics.interval import Interval

SHARES_OF_TEXTS = ("list_share",)
"""Shares of texts that have something: their interval is never a bootstrap's, which vanishes near none and all."""
SHARES = (*SHARES_OF_TEXTS, "first_person_share", "second_person_share", "distinct_2", "self_repetition")
"""Means of values in [0, 1]."""


def with_spread(measure: Measure, found: Mapping[str, Interval], confidence: float) -> dict[str, Interval]:
    """The intervals `found` of a measure's figures; that of a share that shows no spread is `clustered_mean`'s."""
    chosen = dict(found)
    for place, name in enumerate(measure.names):
        if name in SHARES_OF_TEXTS or (name in SHARES and _flat(found[name])):
            chosen[name] = _mean(measure.of_each[:, place], confidence)
    return chosen


def differences_with_spread(
    x: Measure, y: Measure, found: Mapping[str, Difference], confidence: float
) -> dict[str, Difference]:
    """The differences `found` of the figures of x and y, whose rows are the same prompts.

    That of a share of texts has `clustered_mean`'s interval, its values scaled from [-1, 1] to [0, 1]: Agresti and
    Min (2005), "Simple improved confidence intervals for comparing matched proportions", Statistics in Medicine 24,
    729-740. Any other that is the same in each resample has a reason instead of numbers.
    """
    chosen = dict(found)
    for place, name in enumerate(x.names):
        if name in SHARES_OF_TEXTS:
            gaps = x.of_each[:, place] - y.of_each[:, place]
            chosen[name] = replace(found[name], interval=_gap(gaps, confidence))
        elif _flat(found[name].interval):
            chosen[name] = Difference(_without_spread(found[name].interval), None)
    return chosen


def _flat(interval: Interval) -> bool:
    if interval.estimate is None or interval.low is None or interval.high is None:
        return False
    return interval.high - interval.low <= TOLERANCE * max(abs(interval.estimate), 1.0)


def _mean(values: Floats, confidence: float) -> Interval:
    known = values[~np.isnan(values)]
    return clustered_mean(known, np.arange(len(known)), confidence=confidence, empty="no responses")


def _gap(gaps: Floats, confidence: float) -> Interval:
    scaled = _mean((gaps + 1) / 2, confidence)
    if scaled.estimate is None or scaled.low is None or scaled.high is None:
        return scaled
    low, estimate, high = (2 * end - 1 for end in (scaled.low, scaled.estimate, scaled.high))
    return replace(scaled, estimate=estimate, low=low, high=high)


def _without_spread(interval: Interval) -> Interval:
    estimate = interval.estimate or 0.0
    if abs(estimate) <= TOLERANCE:
        return Interval.missing("no response differs", interval.n)
    return Interval.missing(f"{estimate:+.4g} in each resample: no spread to estimate", interval.n)
