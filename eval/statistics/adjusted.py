"""Agresti and Coull's pseudo-observations around any estimate of a share whose variance is known another way."""

from __future__ import annotations

import math

from scipy.special import ndtri, stdtrit

Ends = tuple[float, float]


def adjusted_ends(
    estimate: float, variance: float, n: float, *, confidence: float = 0.95, freedom: float | None = None
) -> Ends:
    """Low and high end of a share in [0, 1]: z^2/2 pseudo-observations of 1 and z^2/2 of 0 join the n that there are.

    `variance` is that of the estimate, `n` the number of independent values (an effective number need not be
    whole). With the variance of n binary values about their mean this is the interval of `clustered_means`. The
    quantile is Student's t with `freedom` degrees where they are given, else the normal one. The ends lie in [0, 1],
    hold the estimate and never meet.
    """
    z = float(ndtri(0.5 + confidence / 2))
    quantile = z if freedom is None else float(stdtrit(freedom, 0.5 + confidence / 2))
    augmented = n + z * z
    middle = (n * estimate + z * z / 2) / augmented
    squares = n * n * variance + n * (estimate - middle) ** 2 + z * z / 2 * (middle**2 + (1 - middle) ** 2)
    half = quantile * math.sqrt(squares) / augmented
    return max(min(middle - half, estimate), 0.0), min(max(middle + half, estimate), 1.0)
