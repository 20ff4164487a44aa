"""Pearson's correlation of two scores over pairs, with an interval whose independent unit is the prompt."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from eval.statistics.arrays import Floats, Ints
from eval.statistics.clustered import FEW_CLUSTERS
from eval.statistics.interval import Interval

METHOD = "Pearson's correlation, sandwich over prompts with Agresti-Coull's pseudo-prompts"
METHOD_FEW = f"{METHOD}, t quantile"
ONE_OUTCOME = "all pairs have the same outcome on a criterion"


def correlation(
    one: Floats, other: Floats, strata: Ints, clusters: Ints, *, confidence: float = 0.95, empty: str = "no pairs"
) -> Interval:
    """The correlation of two scores in [0, 1], all arrays of shape (pairs,), each stratum's own means taken off.

    `strata` and `clusters` are codes >= 0, here of matchups and of prompts; `n` counts pairs. Without a reason why not,
    `estimate` is the plain coefficient. For the interval, z^2 pseudo-prompts as heavy as the average prompt join the n
    prompts, a quarter of them at each extreme: 1 or 0 on either score. Their correlation is 0, and they stand for the
    outcomes that were too rare to be seen; without them an interval would be too narrow where most prompts are alike,
    and of zero width where the two scores are the same.
    The variance of the coefficient of all n + z^2 is that of its linearisation, summed by prompt (the sandwich). The
    interval is clipped to [-1, 1] and always holds the estimate. Under `FEW_CLUSTERS` prompts z is replaced by
    Student's t with n + z^2 - 1 degrees of freedom. Nothing is drawn at random.

    Agresti, A. and Coull, B. A. (1998), "Approximate is better than 'exact' for interval estimation of binomial
    proportions", The American Statistician 52, 119-126; the influence function of the coefficient: Devlin, S. J.,
    Gnanadesikan, R. and Kettenring, J. R. (1975), "Robust estimation and outlier detection with correlation
    coefficients", Biometrika 62, 531-545.
    """
    x, y = _centred(one, strata), _centred(other, strata)
    spread = float(np.sqrt((x @ x) * (y @ y)))
    if spread < 1e-12:
        return Interval.missing(ONE_OUTCOME if len(one) else empty, len(one))
    estimate = min(max(float(x @ y) / spread, -1.0), 1.0)
    cluster, found = pd.factorize(clusters)
    n, z = len(found), float(ndtri(0.5 + confidence / 2))
    terms, weight = _terms(2 * one - 1, 2 * other - 1, strata, cluster, n, z * z)
    both, of_x, of_y = weight @ terms
    middle = both / np.sqrt(of_x * of_y)
    influence = terms @ np.array([1 / np.sqrt(of_x * of_y), -middle / (2 * of_x), -middle / (2 * of_y)])
    augmented, few = n + z * z, n < FEW_CLUSTERS
    variance = weight @ influence**2 * augmented / (augmented - 1)
    half = float((stdtrit(augmented - 1, 0.5 + confidence / 2) if few else z) * np.sqrt(variance))
    low, high = max(min(middle - half, estimate), -1.0), min(max(middle + half, estimate), 1.0)
    return Interval(estimate, float(low), float(high), len(one), METHOD_FEW if few else METHOD)


def _terms(x: Floats, y: Floats, strata: Ints, cluster: Ints, n: int, pseudo: float) -> tuple[Floats, Floats]:
    """Sums of xy, x^2 and y^2 of each prompt, then of each stratum's pseudo-prompts, shape (n + 4 strata, 3).

    Beside them how many of a kind there are, shape (n + 4 strata,): all strata together have `pseudo` pseudo-prompts,
    each as its share of the pairs. Scores are in [-1, 1]; a stratum's means with its pseudo-prompts are taken off.
    """
    _, stratum, count = np.unique(strata, return_inverse=True, return_counts=True)
    mean_x, mean_y = (np.bincount(stratum, score, len(count)) / count / (1 + pseudo / n) for score in (x, y))
    u, v = x - mean_x[stratum], y - mean_y[stratum]
    own = [np.bincount(cluster, of_pairs, n) for of_pairs in (u * v, u * u, v * v)]
    p, q = (np.subtract.outer((-1.0, 1.0), mean) for mean in (mean_x, mean_y))
    both, of_x, of_y = np.broadcast_arrays(p[:, None] * q, (p * p)[:, None], q * q)
    lent = len(x) / n * np.stack([both.ravel(), of_x.ravel(), of_y.ravel()], axis=1)
    weight = np.append(np.ones(n), np.tile(pseudo / 4 * count / len(x), 4))
    return np.concatenate([np.stack(own, axis=1), lent]), weight


def _centred(score: Floats, strata: Ints) -> Floats:
    """Scores less the mean score of their stratum."""
    _, stratum, count = np.unique(strata, return_inverse=True, return_counts=True)
    return score - (np.bincount(stratum, score, len(count)) / count)[stratum]
