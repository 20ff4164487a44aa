"""Fleiss' kappa, and the sums by unit from which it and Gwet's AC1 are made."""

from __future__ import annotations

import numpy as np

from eval.statistics.arrays import Floats
from eval.statistics.jackknife import one_minus_ratio
from eval.statistics.pair_counts import Table, two_of


def fleiss_kappa(counts: Table) -> float | None:
    """Fleiss' kappa of `counts`, shape (units, categories): ratings of each unit in each category.

    Units may differ in their number of ratings: observed agreement is the mean over units with two ratings or
    more, chance the squared mean shares of the categories over all rated units; with the same number everywhere
    this is Fleiss' own. None where no unit has two ratings, or all ratings are the same.

    Fleiss, J. L. (1971), "Measuring nominal scale agreement among many raters", Psychological Bulletin 76, 378-382;
    with missing ratings: Gwet, K. L. (2014), Handbook of Inter-Rater Reliability, 4th ed., chapter 2.
    """
    disagreement, pairable, shares = split_terms(unit_terms(counts).sum(axis=0))
    if not pairable:
        return None
    kappa = float(one_minus_ratio(disagreement / pairable, 1 - (shares**2).sum(axis=-1)))
    return kappa if np.isfinite(kappa) else None


def unit_terms(counts: Table) -> Floats:
    """By rated unit: its share of disagreeing pairs of ratings, whether it has two ratings, its shares by category."""
    rated = counts[counts.sum(axis=1) >= 1]
    ratings = rated.sum(axis=1)
    pairable = ratings >= 2
    agreeing = two_of(rated).sum(axis=1) / np.where(pairable, two_of(ratings), 1)
    return np.column_stack([np.where(pairable, 1 - agreeing, 0), pairable, rated / ratings[:, None]])


def split_terms(terms: Floats) -> tuple[Floats, Floats, Floats]:
    """From summed terms: disagreement and the units with it, shape (...), and mean shares (..., categories)."""
    shares = terms[..., 2:]
    units = shares.sum(axis=-1, keepdims=True)
    return terms[..., 0], terms[..., 1], np.divide(shares, units, out=np.zeros(shares.shape), where=units > 0)
