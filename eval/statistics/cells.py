"""Outcomes folded for Bradley-Terry: by prompt and pair of systems, then by pair alone for each set of weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from eval.statistics.arrays import Bools, Floats, Ints

DENSE = 4_000_000
"""Most prompts times cells for which folding is one dense product of matrices."""


@dataclass(frozen=True)
class Comparisons:
    """Folded outcomes: one row a prompt and ordered pair of systems, all arrays of shape (rows,)."""

    systems: tuple[str, ...]
    """Differences are told as `x>y` in this order, x before y."""
    prompt: Ints
    """Codes of the prompts, the unit that is resampled."""
    first: Ints
    """The system at side A, as its place in `systems`; without a side term either may stand first."""
    second: Ints
    first_wins: Floats
    """Wins of `first`; a tie is half a win each."""
    second_wins: Floats


@dataclass(frozen=True)
class Cells:
    """Wins of each ordered pair of systems, shape (replicates, systems, systems): row at side A, column at B."""

    row_wins: Floats
    column_wins: Floats

    def beats(self) -> Bools:
        """Whether the row system ever beat the column system, on whichever side."""
        return (self.row_wins + np.swapaxes(self.column_wins, -1, -2)) > 0

    def with_prior(self, wins: float, compared: Bools) -> Cells:
        """Lends `wins` to each of two compared systems, half on either side."""
        lent = np.where(compared, wins / 2, 0.0)
        return Cells(self.row_wins + lent, self.column_wins + lent)


def unordered(comparisons: Comparisons) -> Comparisons:
    """The same outcomes with sides forgotten: one row a prompt and pair, the earlier system first."""
    k = len(comparisons.systems)
    turned = comparisons.first > comparisons.second
    low, high = np.minimum(comparisons.first, comparisons.second), np.maximum(comparisons.first, comparisons.second)
    codes, row = np.unique((comparisons.prompt * k + low) * k + high, return_inverse=True)
    won = np.where(turned, comparisons.second_wins, comparisons.first_wins)
    lost = np.where(turned, comparisons.first_wins, comparisons.second_wins)
    return Comparisons(
        comparisons.systems,
        codes // k**2,
        codes // k % k,
        codes % k,
        np.bincount(row, won, len(codes)).astype(np.float64),
        np.bincount(row, lost, len(codes)).astype(np.float64),
    )


def weighted_cells(comparisons: Comparisons, weights: Floats) -> Cells:
    """Cells with each prompt counted `weights[replicate, prompt]` times."""
    k = len(comparisons.systems)
    cells, place = np.unique(comparisons.first * k + comparisons.second, return_inverse=True)
    shape = (weights.shape[1], len(cells))
    dense = shape[0] * shape[1] <= min(DENSE, 20 * len(place))

    def folded(wins: Floats) -> Floats:
        table = csr_array((wins, (comparisons.prompt, place)), shape=shape)
        found = np.zeros((len(weights), k * k))
        found[:, cells] = weights @ table.toarray() if dense else (table.T @ weights.T).T
        return found.reshape(-1, k, k)

    return Cells(folded(comparisons.first_wins), folded(comparisons.second_wins))
