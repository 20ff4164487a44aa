"""The blinding probe: a few raters, each asked several times which side came from the system under test."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.coverage_cases.simulation import AXES, Axes, Cell, Figure, case
from eval.statistics.blinding_index import blinding_index

AXES["blinding"] = Axes("raters", (3, 5, 10, 20), "share right, unsure, guesses each", values=(3, 12))


@case
def blinding(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """What a rater knows is her own and speaks in all her guesses; a tie is an "unsure"."""
    said = cell.votes(rng, cell.rates(rng, cell.win_rate, (cell.prompts,)), cell.raters)
    counts = ((said == outcome).sum(axis=1) for outcome in (1.0, 0.0, 0.5))
    yield Figure("blinding", blinding_index(*counts), 2 * cell.mean - 1)
