"""The correlation of two criteria over pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.coverage_cases.simulation import Cell, Figure, case, index_of, vote_rows
from eval.statistics.criteria_correlation import criteria_of_votes

SAME = 0.5
"""Share of the votes whose answers to the second criterion are those to the first."""


@case
def correlation(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """Votes on two criteria on which x wins as often, some answered once for both, some each by itself."""
    rate = cell.rates(rng, cell.win_rate, (cell.prompts,))
    first, other = cell.votes(rng, rate, cell.raters), cell.votes(rng, rate, cell.raters)
    second = np.where(rng.random(first.shape) < SAME, first, other)
    rows = vote_rows(index_of(cell.prompts), first, second)
    ((_, found),) = criteria_of_votes(rows, tuple(rows.outcomes)).items()
    yield Figure("correlation", found.pearson)
