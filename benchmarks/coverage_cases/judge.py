"""A judge's figures: merged win rates, agreement with people and between its orders, and both combined."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.coverage_cases.simulation import KEY, LABEL, Cell, Figure, case, index_of, verdict_rows, vote_rows
from eval.statistics.judge_agreement import judge_agreement
from eval.statistics.pair_counts import PairCounts
from eval.statistics.pairs import judged_pairs
from eval.statistics.prediction_powered import prediction_powered
from eval.statistics.usable import GAP_CONFIDENCE
from eval.statistics.win_rate import rates

RIGHT = 0.8
"""Share of prompts on which the judge says what a rater would."""
SWAYED = 0.25
"""Share of the verdicts that follow the order instead, four of five of them for the first shown."""
JUDGED = 400
"""Prompts beside the labelled ones that the judge of `combined` sees."""


@case
def judge(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """Every pair judged in both orders, beside the votes."""
    n = cell.prompts
    rate, index = cell.rates(rng, cell.win_rate, (n,)), index_of(n)
    votes, meant = cell.votes(rng, rate, cell.raters), cell.votes(rng, rate, 1)
    meant = np.where(rng.random((n, 1)) < RIGHT, meant, 1 - meant)
    shown_first = np.where(rng.random((n, 2)) < 0.8, [1.0, 0.0], [0.0, 1.0])
    verdicts = verdict_rows(index, np.where(rng.random((n, 2)) < SWAYED, shown_first, meant))
    merged = rates(judged_pairs(verdicts, KEY).merged, index)
    yield Figure("judge: win_rate", merged.win_rate[LABEL])
    yield Figure("judge: shares", merged.shares["x"])
    yield Figure("judge: tie_share", merged.tie_share)
    found = judge_agreement(verdicts, PairCounts.of(vote_rows(index, votes), KEY), KEY)
    names = "with_ties", "without_ties", "majority_accuracy", "cohen_kappa", "orders_consistent", "flips_to_first"
    for name in names:
        yield Figure(f"judge: {name}", getattr(found, name))
    if cell.raters > 1:
        yield Figure("judge: gap", found.gap, nominal=GAP_CONFIDENCE)


@case
def combined(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """People on the cell's prompts, a judge on these and `JUDGED` more."""
    rate = cell.rates(rng, cell.win_rate, (cell.prompts + JUDGED,))
    votes = cell.votes(rng, rate, cell.raters)
    judged = np.where(rng.random(len(votes)) < RIGHT, votes[:, 0], 1 - votes[:, 0])
    labels = votes[: cell.prompts].mean(axis=1)
    found = prediction_powered(labels, judged[: cell.prompts], judged[cell.prompts :])
    yield Figure("combined: win_rate", found.interval, cell.mean)
