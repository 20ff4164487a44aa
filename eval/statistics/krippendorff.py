"""Krippendorff's alpha, nominal and ordinal, with any number of raters a unit and missing ratings."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from eval.statistics.arrays import Floats, Ints
from eval.statistics.interval import Interval
from eval.statistics.jackknife import chance_corrected, one_minus_ratio
from eval.statistics.pair_counts import Table


def krippendorff_alpha(counts: Table, *, ordinal: bool = False) -> float | None:
    """Krippendorff's alpha of `counts`, shape (units, categories): ratings of each unit in each category.

    Units with fewer than two ratings are left out. None where no unit has two, or all ratings are the same.
    `ordinal` takes the categories as ranked in the order of the columns.

    Krippendorff, K. (2011), "Computing Krippendorff's alpha-reliability", University of Pennsylvania.
    """
    terms = _terms(counts[counts.sum(axis=1) >= 2])
    alpha = float(_alpha(terms.sum(axis=0), categories=counts.shape[1], ordinal=ordinal))
    return alpha if np.isfinite(alpha) else None


def krippendorff_interval(
    counts: Table, clusters: Ints, *, ordinal: bool = False, confidence: float = 0.95, empty: str = "no two ratings"
) -> Interval:
    """Krippendorff's alpha with an interval over clusters; see `krippendorff_alpha` and `chance_corrected`.

    `n` counts the units with two ratings or more; where there is none, `empty` is the reason.
    """
    pairable = counts.sum(axis=1) >= 2
    n = int(np.count_nonzero(pairable))
    if not n:
        return Interval.missing(empty)
    categories = counts.shape[1]
    return chance_corrected(
        _terms(counts[pairable]),
        clusters[pairable],
        len(_kinds(categories)),
        partial(_alpha, categories=categories, ordinal=ordinal),
        n=n,
        confidence=confidence,
    )


def _kinds(categories: int) -> list[tuple[int, int]]:
    """The kinds of disagreement, as two categories; the one between the first and the last is the worst, and last."""
    found = [(c, k) for c in range(categories) for k in range(c + 1, categories)]
    return sorted(found, key=lambda kind: kind == (0, categories - 1))


def _terms(counts: Table) -> Floats:
    """By unit: its coincidences of each kind of disagreement, its ratings, and these by category."""
    ratings = counts.sum(axis=1, keepdims=True)
    coincidences = [2 * counts[:, c] * counts[:, k] for c, k in _kinds(counts.shape[1])]
    return np.concatenate([np.stack(coincidences, axis=1) / (ratings - 1), ratings, counts], axis=1)


def _alpha(terms: Floats, *, categories: int, ordinal: bool) -> Floats:
    kinds = _kinds(categories)
    coincidences, n, margins = terms[..., : len(kinds)], terms[..., len(kinds)], terms[..., len(kinds) + 1 :]
    first, second = (margins[..., list(side)] for side in zip(*kinds, strict=True))
    distance = _ordinal_distances(margins, kinds) if ordinal else np.ones(coincidences.shape)
    observed = _ratio((coincidences * distance).sum(axis=-1), n)
    expected = _ratio((2 * first * second * distance).sum(axis=-1), n * (n - 1))
    return one_minus_ratio(observed, expected)


def _ordinal_distances(margins: Floats, kinds: list[tuple[int, int]]) -> Floats:
    """Squared number of ratings between two categories, half of each of the two included; as a share of all."""
    through = np.cumsum(margins, axis=-1)
    n = through[..., -1]
    return np.stack(
        [
            _ratio(through[..., k] - through[..., c] + margins[..., c] - (margins[..., c] + margins[..., k]) / 2, n)
            ** 2
            for c, k in kinds
        ],
        axis=-1,
    )


def _ratio(numerator: Floats, denominator: Floats) -> npt.NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)
