"""The headline interval: a mean of values in [0, 1] whose independent unit is the prompt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri, stdtrit

from eval.statistics.interval import Interval

FEW_CLUSTERS = 5
"""Below this many prompts Student's t takes the place of the normal quantile, which may cover only .90 there."""

METHOD = "Agresti-Coull, clustered by prompt"
METHOD_FEW = "Agresti-Coull, clustered by prompt, t quantile"


def clustered_mean(
    values: npt.ArrayLike,
    clusters: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    empty: str = "no outcomes",
) -> Interval:
    """The mean of `values` (each weighs the same, or its weight) with an interval over clusters; see `clustered_means`.

    `values`, `clusters` and `weights` have shape (n,); `empty` is the reason given where n is 0.
    """
    array = np.asarray(values, dtype=float)
    groups = np.zeros(len(array), dtype=np.int64)
    return clustered_means(array, clusters, groups, 1, weights=weights, confidence=confidence, empty=empty)[0]


def clustered_means(
    values: npt.ArrayLike,
    clusters: npt.ArrayLike,
    groups: npt.ArrayLike,
    n_groups: int,
    *,
    weights: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    empty: str = "no outcomes",
) -> tuple[Interval, ...]:
    """One interval a group, by the method of Agresti and Coull extended to clustered values between 0 and 1.

    `values` in [0, 1], `clusters` (codes >= 0 of prompts) and `groups` (codes 0..n_groups-1) have shape (n,);
    so have `weights`, the number of equal values that each entry stands for (default 1; 0 is as if it were absent).
    The estimate is the plain mean of a group's values, the ratio of cluster sums to cluster sizes. For the
    interval, z^2/2 clusters of ones and z^2/2 of zeros, all of the average size, join the n clusters; its middle
    is the mean of all n + z^2, its half width z times the linearised standard error of that ratio. With one
    binary value a cluster this is exactly Agresti and Coull's interval. It is clipped to [0, 1], never of zero
    width, and always holds the estimate. Under `FEW_CLUSTERS` clusters z is replaced by Student's t with
    n + z^2 - 1 degrees of freedom. `n` of each Interval is the number of its values.

    Agresti, A. and Coull, B. A. (1998), "Approximate is better than 'exact' for interval estimation of binomial
    proportions", The American Statistician 52, 119-126; the ratio's standard error: Cochran, W. G. (1977),
    Sampling Techniques, 3rd ed., chapter 6.

    Raises ValueError for a confidence outside (0, 1) or a value outside [0, 1].
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: {confidence} is not between 0 and 1")
    value = np.asarray(values, dtype=float)
    cluster = np.asarray(clusters, dtype=np.int64)
    group = np.asarray(groups, dtype=np.int64)
    if value.size and not (value.min() >= 0 and value.max() <= 1):
        raise ValueError("values: outside [0, 1]")
    weight = None
    if weights is not None:
        weight = np.asarray(weights, dtype=float)
        some = weight > 0
        value, cluster, group, weight = value[some], cluster[some], group[some], weight[some]
    z = float(ndtri(0.5 + confidence / 2))

    size, total, of_group = _cluster_sums(value, cluster, group, weight)
    n = np.rint(np.bincount(group, weight, n_groups)).astype(np.int64)
    n_clusters = np.bincount(of_group, minlength=n_groups)
    some = n > 0
    mean = np.divide(np.bincount(of_group, total, n_groups), n, out=np.zeros(n_groups), where=some)
    average_size = np.divide(n, n_clusters, out=np.ones(n_groups), where=some)

    augmented = n_clusters + z * z
    middle = (n_clusters * mean + z * z / 2) / augmented
    residual = (total - middle[of_group] * size) / average_size[of_group]
    squares = np.bincount(of_group, residual**2, n_groups) + z * z / 2 * (middle**2 + (1 - middle) ** 2)
    quantile = np.where(n_clusters < FEW_CLUSTERS, stdtrit(augmented - 1, 0.5 + confidence / 2), z)
    half = quantile * np.sqrt(squares) / augmented
    low = np.maximum(np.minimum(middle - half, mean), 0.0)  # the estimate is inside up to rounding
    high = np.minimum(np.maximum(middle + half, mean), 1.0)
    mean = np.clip(mean, low, high)
    few = n_clusters < FEW_CLUSTERS
    return tuple(
        Interval(*numbers, METHOD_FEW if few[place] else METHOD) if some[place] else Interval.missing(empty)
        for place, numbers in enumerate(zip(mean.tolist(), low.tolist(), high.tolist(), n.tolist(), strict=True))
    )


def _cluster_sums(
    value: npt.NDArray[np.float64],
    cluster: npt.NDArray[np.int64],
    group: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64] | None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Size, sum of values and group of each cluster within each group, shape (cells,)."""
    if not value.size:
        return np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64)
    n_codes = int(cluster.max()) + 1
    cell, cells = pd.factorize(group * n_codes + cluster)
    size = np.rint(np.bincount(cell, weight)).astype(np.int64)
    total = np.bincount(cell, value if weight is None else value * weight).astype(np.float64)
    return size, total, np.asarray(cells, dtype=np.int64) // n_codes
