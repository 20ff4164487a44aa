"""The power of a study of given size by simulation, in counts of prompts: as quick for a million prompts as for ten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from eval.statistics.arrays import Bools, Floats, Ints
from eval.statistics.prediction_powered import FOLDS

STUDIES = 20_000
"""Simulated for one power: its standard error is .003 at .8."""
_FEWEST_STUDIES = 4_000
_WORK = 10_000_000
"""Random numbers for one power; more votes a prompt leave fewer studies."""


@dataclass(frozen=True)
class Claim:
    """What an interval is to show: that the win rate is not one half, or that it is nearly one half."""

    equal: bool
    margin: float
    """The interval must lie within one half plus or minus this, if the claim is equality."""
    larger: bool
    """Else it must lie above one half, or below."""
    confidence: float = 0.95

    @property
    def z(self) -> float:
        return float(ndtri(0.5 + self.confidence / 2))

    def shown(self, low: Floats, high: Floats) -> Bools:
        if self.equal:
            return np.asarray((0.5 - self.margin < low) & (high < 0.5 + self.margin))
        return np.asarray(low > 0.5 if self.larger else high < 0.5)


@dataclass(frozen=True)
class Simulation:
    """Studies drawn from a distribution of prompts, for one claim.

    `joint` has the chance that a prompt's votes have a mean of 0, 1/m, ..., 1 and its verdict is 0, one half or 1;
    shape (m + 1, 3). The same seed and size give the same power.
    """

    claim: Claim
    joint: Floats
    seed: int

    def studies(self, folds: int = 1) -> int:
        """Simulated for a power, where each has so many parts."""
        return int(np.clip(_WORK // (folds * self.joint.size), _FEWEST_STUDIES, STUDIES))

    def people(self, n: int) -> float:
        """The power of people's votes on n prompts, with the interval of `clustered_means`."""
        values = np.linspace(0.0, 1.0, len(self.joint))
        rng = np.random.default_rng([self.seed, n])
        counts = rng.multinomial(n, _chances(self.joint.sum(axis=1)), self.studies())
        mean = counts @ values / n
        variance = np.maximum(counts @ values**2 / n - mean**2, 0.0) / n
        return float(self.claim.shown(*_ends(mean, variance, np.full(len(mean), n), self.claim.z, self.claim.z)).mean())

    def with_judge(self, n: int, pool: int) -> float:
        """The power of people's votes on n of `pool` judged prompts, with the interval of `prediction_powered`."""
        rng = np.random.default_rng([self.seed, n, pool])
        studies, cells = self.studies(FOLDS), _chances(self.joint.ravel())
        sizes = n // FOLDS + (np.arange(FOLDS) < n % FOLDS)
        labelled = np.stack([rng.multinomial(size, cells, studies) @ self._products for size in sizes], axis=1)
        others = rng.multinomial(pool - n, _chances(self.joint.sum(axis=0)), studies)
        return float(self.claim.shown(*combined_ends(labelled, sizes, others, self.claim)).mean())

    @property
    def _products(self) -> Floats:
        """Of each cell the mean y of the votes and the verdict f: y, f, y^2, y f, f^2; shape (cells, 5)."""
        y, f = (part.ravel() for part in np.meshgrid(np.linspace(0, 1, len(self.joint)), VERDICTS, indexing="ij"))
        return np.stack([y, f, y * y, y * f, f * f], axis=1)


VERDICTS = np.array([0.0, 0.5, 1.0])
"""A judge's outcomes for x, in the order of `Simulation.joint`."""


def combined_ends(labelled: Floats, sizes: Ints, others: Ints, claim: Claim) -> tuple[Floats, Floats]:
    """The ends of `prediction_powered` for many studies at once, shapes (studies,).

    `labelled` (studies, folds, 5) are the sums of y, f, y^2, y f, f^2 over the labelled prompts of each fold, `sizes`
    (folds,) their numbers; `others` (studies, 3) count the judge's outcomes on prompts without votes.
    """
    n, rest = int(sizes.sum()), others.sum(axis=1)[0]
    of_others, squares_of_others = others @ VERDICTS, others @ VERDICTS**2
    tuned = _tuned(labelled, sizes, of_others, squares_of_others, int(rest))
    y, f, yy, yf, ff = np.moveaxis(labelled, 2, 0)
    lent = tuned * (of_others / rest)[:, None]
    total = (y - tuned * f + lent * sizes).sum(axis=1)
    squares = yy + tuned**2 * ff + lent**2 * sizes + 2 * (lent * y - tuned * yf - lent * tuned * f)
    variance = np.maximum(squares.sum(axis=1) - total**2 / n, 0.0) / (n - 1) / n
    spread = np.maximum(squares_of_others - of_others**2 / rest, 0.0) / (rest - 1) / rest if rest > 1 else 0.25
    variance = variance + (tuned @ sizes / n) ** 2 * spread
    alone = np.maximum(yy.sum(axis=1) - y.sum(axis=1) ** 2 / n, 0.0) / (n - 1) / n
    z2 = claim.z**2
    varied = alone * n > 1e-14  # up to rounding
    ratio = np.divide(n * variance, alone, out=np.full(len(alone), float(n)), where=varied)
    ratio = (ratio + z2) / (n + z2)
    t = float(stdtrit(n - 1, 0.5 + claim.confidence / 2))
    return _ends(np.clip(total / n, 0.0, 1.0), ratio * np.where(varied, alone, 0.0), n / ratio, claim.z, t)


def _tuned(labelled: Floats, sizes: Ints, of_others: Floats, squares_of_others: Floats, rest: int) -> Floats:
    """Lambda of each fold, from the other folds; shape (studies, folds)."""
    y, f, _, yf, ff = np.moveaxis(labelled.sum(axis=1, keepdims=True) - labelled, 2, 0)
    n = sizes.sum() - sizes
    covariance = (yf - y * f / n) / (n - 1)
    every, count = f + of_others[:, None], n + rest
    spread = (ff + squares_of_others[:, None] - every**2 / count) / (count - 1) * (1 + n / rest)
    some = spread > 1e-14
    return np.clip(np.divide(covariance, spread, out=np.zeros_like(spread), where=some), 0.0, 1.0)


def _ends(estimate: Floats, variance: Floats, n: Floats | Ints, z: float, quantile: float) -> tuple[Floats, Floats]:
    """`adjusted_ends` for many studies at once."""
    augmented = n + z * z
    middle = (n * estimate + z * z / 2) / augmented
    squares = n * n * variance + n * (estimate - middle) ** 2 + z * z / 2 * (middle**2 + (1 - middle) ** 2)
    half = quantile * np.sqrt(squares) / augmented
    return np.maximum(np.minimum(middle - half, estimate), 0.0), np.minimum(np.maximum(middle + half, estimate), 1.0)


def _chances(shares: Floats) -> Floats:
    """They sum to 1 but for rounding, which a generator of random numbers does not forgive."""
    return np.asarray(shares / shares.sum())
