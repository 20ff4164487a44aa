"""Gwet's AC1: agreement corrected for chance in a way that a rare category does not overturn."""

from __future__ import annotations

import numpy as np

from eval.statistics.arrays import Floats, Ints
from eval.statistics.fleiss import split_terms, unit_terms
from eval.statistics.interval import Interval
from eval.statistics.jackknife import chance_corrected, one_minus_ratio
from eval.statistics.pair_counts import Table


def gwet_ac1(counts: Table) -> float | None:
    """Gwet's AC1 of `counts`, shape (units, categories): ratings of each unit in each category.

    The categories are the columns, used or not: those that a rater could choose from. Chance agreement is
    `sum p (1 - p) / (categories - 1)` of the mean shares over all rated units. None where no unit has two ratings.

    Gwet, K. L. (2008), "Computing inter-rater reliability and its variance in the presence of high agreement",
    British Journal of Mathematical and Statistical Psychology 61, 29-48.
    """
    ac1 = float(_ac1(unit_terms(counts).sum(axis=0)))
    return ac1 if np.isfinite(ac1) else None


def gwet_interval(
    counts: Table, clusters: Ints, *, confidence: float = 0.95, empty: str = "no two ratings"
) -> Interval:
    """Gwet's AC1 with an interval over clusters; see `gwet_ac1` and `chance_corrected`.

    `n` counts the units with two ratings or more; where there is none, `empty` is the reason.
    """
    ratings = counts.sum(axis=1)
    n = int(np.count_nonzero(ratings >= 2))
    if not n:
        return Interval.missing(empty)
    return chance_corrected(unit_terms(counts), clusters[ratings >= 1], 1, _ac1, n=n, confidence=confidence)


def _ac1(terms: Floats) -> Floats:
    disagreement, pairable, shares = split_terms(terms)
    chance = (shares * (1 - shares)).sum(axis=-1) / (shares.shape[-1] - 1)
    observed = np.divide(disagreement, pairable, out=np.full(np.shape(pairable), np.nan), where=pairable > 0)
    return one_minus_ratio(observed, 1 - chance)
