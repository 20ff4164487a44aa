"""The confidence sequence: whether the truth is inside after every prompt of a study, not only after the last."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.coverage_cases.simulation import Cell, Figure, case
from eval.statistics.betting import ever_out


@case
def sequence(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """A look after each prompt. `ever_out` has the bounds before they are rounded outwards."""
    votes = cell.votes(rng, cell.rates(rng, cell.win_rate, (cell.prompts,)), cell.raters)
    yield Figure("sequence", held=not ever_out(votes.mean(axis=1), cell.mean))
