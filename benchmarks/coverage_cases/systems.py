"""Bradley-Terry strengths and their differences of three systems, and the ranks and P(better) of six."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy.special import expit, logit

from benchmarks.coverage_cases.simulation import Cell, Figure, case
from eval.statistics.bradley_terry import fit
from eval.statistics.cells import Cells, Comparisons
from eval.statistics.connected import Disconnected
from eval.statistics.interval import Interval
from eval.statistics.strengths import Strengths, strengths

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
    except Disconnected as error:
        for name in ("bradley_terry", "bradley_terry_differences"):
            yield Figure(name, Interval.missing(str(error)))
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


TIERS = np.array([0, 0, 1, 1, 2, 2])
"""Of the six systems of `ranks`: two equals in each, who beat those of the next at the cell's rate."""


@case
def ranks(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """Whether the ranks of all six systems hold at once, and P(better) of two equals.

    A system's true ranks are from 1 + those stronger to 6 - those weaker: equals share theirs. P(better) is no
    interval: of two equals it lies in the middle 95% of its range in 95% of studies, if it is what it says.
    """
    k, n = len(TIERS), cell.prompts
    first, second = np.triu_indices(k, 1)
    rate = expit((TIERS[second] - TIERS[first]) * logit(cell.win_rate))
    won = cell.votes(rng, cell.rates(rng, rate, (n, len(rate))), cell.raters).sum(axis=2).ravel()
    places = np.tile(first, n), np.tile(second, n)
    comparisons = Comparisons(
        tuple(map(str, range(k))), np.repeat(np.arange(n), len(rate)), *places, won, cell.raters - won
    )
    try:
        found = strengths(comparisons, replicates=REPLICATES)
    except Disconnected as error:
        yield Figure("ranks", Interval.missing(str(error)))
        yield Figure("p_better", Interval.missing(str(error)))
        return
    yield Figure("ranks", held=_ranks_hold(found, TIERS if cell.win_rate != 0.5 else np.zeros(k)))
    yield Figure("p_better", held=0.025 <= found.better["2>3"] <= 0.975)


def _ranks_hold(found: Strengths, tiers: np.ndarray) -> bool:
    best = 1 + (tiers[:, None] > tiers).sum(axis=1)
    worst = (tiers[:, None] >= tiers).sum(axis=1)
    told = [found.systems[str(system)] for system in range(len(tiers))]
    return all(one.rank_low <= low and high <= one.rank_high for one, low, high in zip(told, best, worst, strict=True))
