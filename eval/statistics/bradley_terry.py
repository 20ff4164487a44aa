"""Bradley-Terry strengths of three to hundreds of systems, by maximum likelihood, of many replicates at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.statistics.arrays import Bools, Floats, Ints
from eval.statistics.cells import Cells

TOLERANCE = 1e-7
"""Newton's last step, in log odds, at which a fit has converged; what is left after it is the square of this."""
MOST_STEPS = 500
"""Newton's steps after which a fit is an error; it takes about ten."""
PRIOR = 0.1
"""Wins that each of two compared systems is lent over the other in a replicate that has no estimate of its own."""
LEAST_PRIOR = 1e-4
"""Wins lent to each replicate with a side term, so that it always has an estimate."""
BOUNDLESS = 8.0
"""Log odds of a side, under `LEAST_PRIOR`, that stand for no finite estimate: 3,000 to 1."""
CHUNK = 2_000_000
"""Most numbers of one array of a batch of replicates."""


class UnknownSide(ValueError):
    """The side term has no estimate: the systems' sides never varied, or one side won whatever stood there."""


@dataclass(frozen=True)
class Fit:
    """Maximum-likelihood strengths of a batch of replicates."""

    strengths: Floats
    """Natural-log strengths, mean 0, shape (replicates, systems)."""
    side: Floats | None
    """The log odds that side A wins between equals, shape (replicates,); None where it was not asked for."""
    information: Floats
    """Observed information of strengths and side, shape (replicates, k + 1, k + 1); that of strengths is singular."""


@dataclass(frozen=True)
class _Compared:
    """The cells that hold a comparison in any replicate; wins of shape (replicates, cells)."""

    systems: int
    first: Ints
    second: Ints
    wins: Floats
    """Of the first system."""
    n: Floats

    @classmethod
    def of(cls, cells: Cells, side_term: bool) -> _Compared:
        """Without a side term both cells of two systems are one."""
        row, column = cells.row_wins, cells.column_wins
        held = row.any(axis=0) | column.any(axis=0)
        first, second = np.nonzero(held if side_term else np.triu(held | held.T, 1))
        wins, losses = row[:, first, second], column[:, first, second]
        if not side_term:
            wins, losses = wins + column[:, second, first], losses + row[:, second, first]
        return cls(row.shape[-1], first, second, wins, wins + losses)

    def look(self, values: Floats) -> tuple[Floats, Floats]:
        """The chance that the first system wins, shape (replicates, cells), and the log likelihood (replicates,)."""
        logit = values[:, self.first] - values[:, self.second] + values[:, -1, None]
        small = np.exp(-np.abs(logit))  # never overflows; many times quicker than scipy's expit and log_expit
        of_first = np.minimum(logit, 0.0) - np.log1p(small)
        likelihood = np.einsum("rc,rc->r", self.n, of_first) - np.einsum("rc,rc->r", self.n - self.wins, logit)
        return np.where(logit >= 0, 1.0, small) / (1.0 + small), likelihood

    def derivatives(self, p: Floats, side_term: bool) -> tuple[Floats, Floats]:
        """Gradient (replicates, k + 1) and observed information (replicates, k + 1, k + 1)."""
        k, every = self.systems, np.arange(self.systems)
        expected = self.n * p
        rest, weight = self.wins - expected, expected * (1 - p)
        gradient, information = np.zeros((len(p), k + 1)), np.zeros((len(p), k + 1, k + 1))
        gradient[:, :k] = self.differences(rest)
        information[:, self.first, self.second] = -weight
        information[:, self.second, self.first] -= weight
        information[:, every, every] = -information[:, :k, :k].sum(axis=2)
        if side_term:
            gradient[:, k], information[:, k, k] = rest.sum(axis=1), weight.sum(axis=1)
            information[:, :k, k] = information[:, k, :k] = self.differences(weight)
        return gradient, information

    def differences(self, of_cells: Floats) -> Floats:
        """By system, the sum over the cells where it is first less that over those where it is second."""
        placed = np.zeros((len(of_cells), self.systems, self.systems))
        placed[:, self.first, self.second] = of_cells
        return np.asarray(placed.sum(axis=2) - placed.sum(axis=1))


def fit(cells: Cells, *, side_term: bool = False, start: Floats | None = None) -> Fit:
    """Newton's method with step halving on the concave likelihood, all replicates at once, until every step vanishes.

    Every replicate must have an estimate, see `connected`. `start` (systems + 1,) holds strengths and side to begin
    from. Raises ArithmeticError where one does not converge: no estimate is returned before it does.
    Hunter, D. R. (2004), "MM algorithms for generalized Bradley-Terry models", Annals of Statistics 32, 384-406;
    the side term is the order effect of Agresti (2013), Categorical Data Analysis, 3rd ed., section 11.6.
    """
    k = cells.row_wins.shape[-1]
    compared = _Compared.of(cells, side_term)
    values = np.zeros((len(cells.row_wins), k + 1)) + (0.0 if start is None else start)
    p, likelihood = compared.look(values)
    for _ in range(MOST_STEPS):
        gradient, information = compared.derivatives(p, side_term)
        step: Floats = np.linalg.solve(_regular(information, k, side_term), gradient[..., None])[..., 0].astype(float)
        values, p, likelihood = _ascend(compared, values, step, likelihood)
        if np.all(np.abs(step) <= TOLERANCE):
            strengths = values[:, :k] - values[:, :k].mean(axis=1, keepdims=True)
            return Fit(strengths, values[:, k] if side_term else None, information)
    raise ArithmeticError(f"Bradley-Terry did not converge in {MOST_STEPS} steps")


def covariance(found: Fit) -> Floats:
    """Of strengths and side by the observed information, shape (replicates, parameters, parameters).

    Strengths are those of mean 0. A side that was not fitted has variance 0.
    """
    k = found.strengths.shape[1]
    centre = np.eye(k + 1)
    centre[:k, :k] -= 1 / k
    if found.side is None:
        centre[k, k] = 0.0
    return np.asarray(centre @ np.linalg.inv(_regular(found.information, k, found.side is not None)) @ centre)


def _regular(information: Floats, k: int, side_term: bool) -> Floats:
    """The information made invertible: the mean of the strengths is fixed, and so is a side that is not fitted."""
    fixed = information.copy()
    fixed[:, :k, :k] += np.maximum(np.trace(information[:, :k, :k], axis1=1, axis2=2), 1e-300)[:, None, None] / k**2
    if not side_term:
        fixed[:, k, k] = 1.0
    return fixed


def _ascend(compared: _Compared, values: Floats, step: Floats, likelihood: Floats) -> tuple[Floats, Floats, Floats]:
    """Each replicate moved by its step, halved until its likelihood does not fall; with what `look` says there."""
    scale = np.ones(len(values))
    while True:
        moved = values + scale[:, None] * step
        p, reached = compared.look(moved)
        worse = ~(reached >= likelihood - 1e-12 * np.abs(likelihood)) & (scale > 2.0**-60)
        if not worse.any():
            return moved, p, reached
        scale[worse] /= 2


def check_side(cells: Cells, compared: Bools) -> None:
    """Raises UnknownSide where the side's effect cannot be told from the strengths, or is not finite."""
    k = cells.row_wins.shape[-1]
    at_side = _Compared.of(cells, side_term=True)
    _, information = at_side.derivatives(at_side.look(np.zeros((len(cells.row_wins), k + 1)))[0], True)
    if np.linalg.matrix_rank(information).min() < k:
        raise UnknownSide("the sides of the systems never varied, so that the side's effect cannot be told from theirs")
    side = fit(cells.with_prior(LEAST_PRIOR, compared), side_term=True).side
    if side is not None and np.abs(side).max() > BOUNDLESS:
        raise UnknownSide("one side won whatever system stood there, so that its effect has no finite estimate")
