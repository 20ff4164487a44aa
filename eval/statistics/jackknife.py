"""The interval of a chance-corrected coefficient of agreement, whose independent unit is the prompt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from eval.statistics.arrays import Floats, Ints
from eval.statistics.clustered import FEW_CLUSTERS
from eval.statistics.interval import Interval

METHOD = "jackknife over prompts with Agresti-Coull's pseudo-prompts"
METHOD_FEW = f"{METHOD}, t quantile"
ONE_CATEGORY = "every outcome is the same: chance alone would agree, so the coefficient is not defined"

Coefficient = Callable[[Floats], Floats]
"""From sums of terms, shape (..., terms), to the coefficient, shape (...), NaN where it is not defined."""


def chance_corrected(
    terms: Floats,
    clusters: Ints,
    kinds: int,
    coefficient: Coefficient,
    *,
    n: int,
    confidence: float = 0.95,
) -> Interval:
    """The interval of a coefficient `1 - observed / expected disagreement` that is a function of summed terms.

    `terms` has shape (units, k): first `kinds` columns of disagreement, by kind, the worst kind last; then the
    weight that they are divided by; then the margins, how the outcomes are spread over the categories. `clusters`
    (units,) are codes >= 0 of prompts: several pairs on one prompt share its text and often its raters, so that
    they are left out together. `n` is passed on.

    The standard error is that of the delete-one-prompt jackknife. Alone it would be 0 where all agree, and too
    small near there, so z^2/2 pseudo-prompts that agree fully and z^2/2 that disagree in the worst way join the n
    prompts, as Agresti and Coull do for a proportion and `clustered_means` for a mean. They are as heavy as the
    average prompt with any weight, and use all categories alike: with the observed margins, expected disagreement
    stays near 0 where one category is rare, and the interval missed a low kappa in one of seven small studies. The
    interval's middle is the coefficient of all n + z^2. It is clipped to [-1, 1], never of zero width, and always
    holds the estimate, which has no pseudo-prompts in it. Under `FEW_CLUSTERS` prompts z is replaced by Student's
    t with n + z^2 - 1 degrees of freedom. Nothing is drawn at random.

    Efron, B. and Stein, C. (1981), "The jackknife estimate of variance", Annals of Statistics 9, 586-596.
    """
    total = terms.sum(axis=0)
    estimate = float(coefficient(total))
    if not np.isfinite(estimate):
        return Interval.missing(ONE_CATEGORY, n)
    z = float(ndtri(0.5 + confidence / 2))
    of_cluster = _cluster_sums(terms, clusters)
    weighty = of_cluster[of_cluster[:, kinds] > 0]
    pseudo = _pseudo_clusters(weighty.mean(axis=0), kinds)
    half_z2 = z * z / 2
    everything = total + half_z2 * pseudo.sum(axis=0)
    # At confidences under .84 there is less than one pseudo-prompt of a kind to leave out.
    part = min(half_z2, 1.0)
    left_out = coefficient(everything - part * np.concatenate([of_cluster, pseudo])) / part
    weight = np.append(np.ones(len(of_cluster)), [half_z2] * 2)
    spread = weight @ (left_out - weight @ left_out / weight.sum()) ** 2
    augmented = len(weighty) + z * z
    few = len(weighty) < FEW_CLUSTERS
    quantile = stdtrit(augmented - 1, 0.5 + confidence / 2) if few else z
    half = float(quantile * np.sqrt((augmented - 1) / augmented * spread))
    middle = float(coefficient(everything))
    low, high = max(min(middle - half, estimate), -1.0), min(max(middle + half, estimate), 1.0)
    return Interval(min(max(estimate, low), high), low, high, n, METHOD_FEW if few else METHOD)


def one_minus_ratio(observed: Floats, expected: Floats) -> Floats:
    """`1 - observed / expected`, NaN where nothing is expected; 1 - 0 / 0 is not full agreement."""
    known = expected > 1e-12
    return 1.0 - np.divide(observed, expected, out=np.full(np.shape(expected), np.nan), where=known)


def _cluster_sums(terms: Floats, clusters: Ints) -> Floats:
    code, found = pd.factorize(clusters)
    sums = np.empty((len(found), terms.shape[1]))
    for column in range(terms.shape[1]):
        sums[:, column] = np.bincount(code, terms[:, column], len(found))
    return sums


def _pseudo_clusters(average: Floats, kinds: int) -> Floats:
    """Two clusters of average weight and even margins: one in full agreement, one in the worst disagreement."""
    pseudo = np.tile(average, (2, 1))
    pseudo[:, :kinds] = 0.0
    pseudo[1, kinds - 1] = average[kinds]
    pseudo[:, kinds + 1 :] = average[kinds + 1 :].mean()
    return pseudo
