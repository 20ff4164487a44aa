"""The win rate at equal length, where length does win votes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from scipy.special import expit, logit

from benchmarks.coverage_cases.simulation import KEY, LABEL, LARGE, Cell, Figure, case, index_of, vote_rows
from eval.statistics.length_control import length_control
from eval.statistics.pairs import voted_pairs


@case
def lengths(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """x is the longer in most pairs, and length wins votes: the truth is the rate at equal length."""
    difference, term = _lengths(rng, cell.prompts)
    rate = cell.rates(rng, expit(logit(cell.win_rate) + 0.5 * term), (cell.prompts,))
    index = index_of(cell.prompts, difference)
    pairs = voted_pairs(vote_rows(index, cell.votes(rng, rate, cell.raters)), KEY)
    truth = _at_equal_length(cell.win_rate, cell.ties)
    yield Figure("length_controlled", length_control(pairs, index).rates[LABEL], truth)


def _lengths(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    difference = np.rint(rng.normal(150.0, 400.0, n))
    return difference, np.tanh(difference / np.hypot(150.0, 400.0))


@cache
def _at_equal_length(rate: float, ties: float) -> float:
    """What the model says of a very large study: ties pull its logit off the one that outcomes are drawn from."""
    _, term = _lengths(np.random.default_rng(2), LARGE)
    mean = ties / 2 + (1 - ties) * expit(logit(rate) + 0.5 * term)
    a, b = logit(rate), 0.5
    for _ in range(50):
        p = expit(a + b * term)
        weight, rest = p * (1 - p), mean - p
        matrix = np.array([[weight.sum(), (weight * term).sum()], [(weight * term).sum(), (weight * term**2).sum()]])
        a, b = np.array([a, b]) + np.linalg.solve(matrix, [rest.sum(), (rest * term).sum()])
    return float(expit(a))
