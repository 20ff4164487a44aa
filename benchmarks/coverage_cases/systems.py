"""Bradley-Terry strengths of three systems, and their differences."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy.special import expit, logit

from benchmarks.coverage_cases.simulation import Cell, Figure, case
from eval.statistics.bradley_terry import fit
from eval.statistics.cells import Cells, Comparisons
from eval.statistics.connected import Disconnected
from eval.statistics.strengths import strengths

PAIRS = ((0, 1), (0, 2), (1, 2))
REPLICATES = 200
"""Of the bootstrap; the summary's 1,000 take five times as long and cover no less."""


@case
def systems(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """The strongest of three systems, each of which beats the next at the cell's rate; all pairs on every prompt."""
    n = cell.prompts
    rate = cell.rates(rng, np.array(_rates(cell.win_rate)), (n, 3))
    won = cell.votes(rng, rate, cell.raters).sum(axis=2).ravel()
    first, second = (np.tile([pair[side] for pair in PAIRS], n) for side in (0, 1))
    comparisons = Comparisons(("0", "1", "2"), np.repeat(np.arange(n), 3), first, second, won, cell.raters - won)
    try:
        found = strengths(comparisons, replicates=REPLICATES)
    except Disconnected:
        return
    truth = _truth(cell.win_rate, cell.ties)
    yield Figure("bradley_terry", found.systems["0"].interval, float(truth[0]))
    yield Figure("bradley_terry_differences", found.differences["0>1"], float(truth[0] - truth[1]))


def _rates(rate: float) -> tuple[float, ...]:
    return rate, float(expit(2 * logit(rate))), rate


@cache
def _truth(rate: float, ties: float) -> np.ndarray:
    wins, losses = np.zeros((1, 3, 3)), np.zeros((1, 3, 3))
    for (first, second), of_pair in zip(PAIRS, _rates(rate), strict=True):
        wins[0, first, second] = ties / 2 + (1 - ties) * of_pair
        losses[0, first, second] = 1 - wins[0, first, second]
    return fit(Cells(wins, losses)).strengths[0]
