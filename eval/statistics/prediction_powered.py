"""Prediction-powered win rate: people's votes on a random set of prompts, a judge's verdicts on all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from eval.statistics.adjusted import adjusted_ends
from eval.statistics.arrays import Floats
from eval.statistics.interval import Interval

FOLDS = 5
"""Parts of the labelled prompts; lambda of each is tuned on the others."""
SEED = 0
"""Of the prompts' parts."""
METHOD = "prediction-powered (PPI++), lambda cross-fitted, Agresti-Coull with the effective n, t quantile"


@dataclass(frozen=True)
class Combined:
    """One matchup's win rate from both."""

    interval: Interval
    """`n` counts labelled prompts."""
    tuned: float
    """The mean of lambda over the labelled prompts: 0 leaves the judge out, 1 trusts its differences fully."""
    effective: float
    """Labelled prompts that people alone would have needed for the same width."""


def prediction_powered(
    labels: Floats, judged: Floats, unlabelled: Floats, *, confidence: float = 0.95, seed: int = SEED
) -> Combined:
    """The mean outcome for x, in [0, 1], of the population that both sets of prompts are drawn from.

    `labels` and `judged` (labelled,) are people's mean and the judge's outcome on the same prompts, `unlabelled`
    (others,) the judge's on prompts without votes. The estimate is the mean of Y - lambda (f - mean f of the others),
    lambda being Cov(Y, f) / ((1 + n/N) Var f) clipped to [0, 1]. Tuned on the prompts that it is used on, lambda
    would make the interval too narrow: each of `FOLDS` random parts uses that of the others. Variances have ddof 1.

    The interval is `adjusted_ends` with Student's t, n - 1 degrees of freedom, and as effective n what people alone
    would have needed for the same variance: n times the ratio of Var(Y) / n to the estimate's variance. That ratio
    is first shrunk as if the judge had been of no help on z^2 more labelled prompts: on twenty labels it is sometimes
    right by luck on all. With lambda 0 the interval is that of the labels alone, with t. Raises ValueError with
    fewer than 2 x `FOLDS` labelled prompts or no others.

    Angelopoulos, A. N., Duchi, J. C. and Zrnic, T. (2023), "PPI++: efficient prediction-powered inference",
    arXiv:2311.01453; cross-fitting: Zrnic, T. and Candès, E. J. (2024), "Cross-prediction-powered inference", PNAS 121.
    """
    n, rest = len(labels), len(unlabelled)
    if n < 2 * FOLDS or not rest:
        raise ValueError(f"{n} labelled prompts and {rest} others: at least {2 * FOLDS} and 1 are needed")
    part = np.random.default_rng(seed).permutation(n) % FOLDS
    tuned = np.empty(n)
    for fold in range(FOLDS):
        others = part != fold
        tuned[part == fold] = _tuned(labels[others], judged[others], unlabelled)
    corrected = labels - tuned * (judged - unlabelled.mean())
    estimate = float(np.clip(corrected.mean(), 0.0, 1.0))
    of_judge = float(tuned.mean()) ** 2 * (float(unlabelled.var(ddof=1)) / rest if rest > 1 else 0.25)
    variance = float(corrected.var(ddof=1)) / n + of_judge
    alone = float(labels.var(ddof=1)) / n
    z2 = float(ndtri(0.5 + confidence / 2)) ** 2
    ratio = (n * variance / alone + z2) / (n + z2) if alone > 0 else 1.0
    low, high = adjusted_ends(estimate, ratio * alone, n / ratio, confidence=confidence, freedom=n - 1)
    effective = n / ratio
    return Combined(Interval(estimate, low, high, n, METHOD), float(tuned.mean()), effective)


def _tuned(labels: Floats, judged: Floats, unlabelled: Floats) -> float:
    """The lambda of least variance, in [0, 1]; 0 where the judge never varies."""
    everything = np.concatenate([judged, unlabelled])
    spread = float(everything.var(ddof=1)) * (1 + len(labels) / len(unlabelled))
    if spread <= 0:
        return 0.0
    return float(np.clip(np.cov(labels, judged, ddof=1)[0, 1] / spread, 0.0, 1.0))
