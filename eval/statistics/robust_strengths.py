"""A second interval of Bradley-Terry strengths, robust over prompts, for outcomes too rare for a bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit, stdtrit

from eval.statistics.arrays import Floats
from eval.statistics.bradley_terry import covariance, fit
from eval.statistics.cells import Cells, Comparisons


@dataclass(frozen=True)
class Robust:
    """Strengths and side (systems + 1,) with their covariance, pulled to evenness by half a prompt either way."""

    values: Floats
    covariance: Floats
    quantile: float

    def ends(self, contrasts: Floats) -> tuple[Floats, Floats]:
        """Low and high ends of linear contrasts (contrasts, systems + 1)."""
        middle = contrasts @ self.values
        variance = ((contrasts @ self.covariance) * contrasts).sum(axis=1)
        half = self.quantile * np.sqrt(np.maximum(variance, 0.0))
        return middle - half, middle + half


def robust(comparisons: Comparisons, cells: Cells, *, side_term: bool, confidence: float) -> Robust:
    """The interval of Haldane and Anscombe for log odds, extended to many systems and to votes clustered by prompt.

    Each pair of compared systems is lent wins in both directions, so that every system gets half an average prompt's
    votes on a pair in wins and as much in losses: with two systems, Anscombe's one half. The covariance is the
    sandwich over prompts, in which what was lent stands as pseudo-prompts; the quantile is Student's t. `cells` are
    those of all comparisons, shape (1, systems, systems).

    Anscombe, F. J. (1956), "On estimating binomial response relations", Biometrika 43, 461-464; the sandwich: Liang,
    K.-Y. and Zeger, S. L. (1986), "Longitudinal data analysis using generalized linear models", Biometrika 73, 13-22.
    """
    k, n = len(comparisons.systems), int(comparisons.prompt.max()) + 1
    votes = comparisons.first_wins + comparisons.second_wins
    unit = float(votes.sum()) / len(votes)
    lent = _lent(cells, unit)
    found = fit(Cells(cells.row_wins + lent, cells.column_wins + lent), side_term=side_term)
    values = np.append(found.strengths[0], 0.0 if found.side is None else found.side[0])
    p = expit(values[comparisons.first] - values[comparisons.second] + values[k])
    rest = comparisons.first_wins - votes * p
    prompt = comparisons.prompt
    score = csr_array((rest, (prompt, comparisons.first)), shape=(n, k + 1)).toarray()
    score -= csr_array((rest, (prompt, comparisons.second)), shape=(n, k + 1)).toarray()
    score[:, k] = np.bincount(prompt, rest, n)
    filling = score.T @ score + _pseudo(values, lent[0], unit)
    bread = covariance(found)[0]
    quantile = float(stdtrit(max(n - 1, 1), 0.5 + confidence / 2))
    return Robust(values, bread @ filling @ bread, quantile)


def _lent(cells: Cells, unit: float) -> Floats:
    """Wins lent to the row system, and as many to the column's, in each cell; shape (1, systems, systems)."""
    n = cells.row_wins + cells.column_wins
    either = n + np.swapaxes(n, 1, 2)
    appears = either.sum(axis=2)
    both = appears[:, :, None] + appears[:, None, :]
    return np.asarray(unit * np.divide(n, both, out=np.zeros_like(n), where=both > 0))


def _pseudo(values: Floats, lent: Floats, unit: float) -> Floats:
    """What pseudo-prompts of `unit` votes add to the sandwich's filling."""
    k = len(lent)
    p = expit(values[:k, None] - values[None, :k] + values[k])
    squares = lent * unit * (p**2 + (1 - p) ** 2)
    both = squares + squares.T
    filling = np.zeros((k + 1, k + 1))
    filling[:k, :k] = np.diag(both.sum(axis=1)) - both
    filling[k, k] = squares.sum()
    filling[:k, k] = filling[k, :k] = squares.sum(axis=1) - squares.sum(axis=0)
    return filling
