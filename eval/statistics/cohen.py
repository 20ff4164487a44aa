"""Cohen's kappa between two raters, or between a judge and the raters' votes."""

from __future__ import annotations

import numpy as np

from eval.statistics.arrays import Floats, Ints
from eval.statistics.interval import Interval
from eval.statistics.jackknife import chance_corrected, one_minus_ratio


def cohen_kappa(tables: Floats) -> Floats:
    """Cohen's kappa of each table, shape (..., categories, categories): how often one said the row and one the column.

    Shape (...); NaN where a table is empty, or both only ever said the same one category.

    Cohen, J. (1960), "A coefficient of agreement for nominal scales", Educational and Psychological Measurement
    20, 37-46.
    """
    return _kappa(_terms(tables))


def cohen_interval(
    tables: Floats, clusters: Ints, *, confidence: float = 0.95, empty: str = "nothing rated by both"
) -> Interval:
    """Cohen's kappa of the sum of `tables`, shape (units, categories, categories), with an interval over clusters.

    See `chance_corrected`. `n` counts the ratings compared; where there is none, `empty` is the reason.
    """
    n = int(np.rint(tables.sum()))
    if not n:
        return Interval.missing(empty)
    return chance_corrected(_terms(tables), clusters, 1, _kappa, n=n, confidence=confidence)


def _terms(tables: Floats) -> Floats:
    """By table: disagreements, ratings compared, and the margins of rows and of columns; shape (..., terms)."""
    rows, columns = tables.sum(axis=-1), tables.sum(axis=-2)
    size = rows.sum(axis=-1, keepdims=True)
    agreeing = np.trace(tables, axis1=-2, axis2=-1)[..., None]
    return np.concatenate([size - agreeing, size, rows, columns], axis=-1)


def _kappa(terms: Floats) -> Floats:
    size = terms[..., 1]
    shares = np.divide(terms, size[..., None], out=np.zeros(terms.shape), where=size[..., None] > 0)
    rows, columns = np.split(shares[..., 2:], 2, axis=-1)
    return one_minus_ratio(shares[..., 0], np.where(size > 0, 1 - (rows * columns).sum(axis=-1), 0))
