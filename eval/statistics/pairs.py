"""From votes or verdicts to one outcome a pair: the mean over raters, the merge of a judge's two orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from eval.statistics.arrays import Bools, Floats, Ints
from eval.statistics.rows import Rows, VerdictRows
from ppai.frames import MISSING


@dataclass(frozen=True)
class PairOutcomes:
    """One row a pair, all arrays of shape (pairs,); a matchup's x and y are those of `win_rate["x>y"]`."""

    prompt: Ints
    matchup: Ints
    score: Floats
    """The pair's mean outcome for x: 1 a win, 0 a loss, one half a tie."""
    x_share: Floats
    y_share: Floats

    def __len__(self) -> int:
        return len(self.prompt)

    @property
    def tie_share(self) -> Floats:
        """What x and y leave, free of the rounding of sums such as 1/3 + 2/3."""
        return np.clip(1.0 - self.x_share - self.y_share, 0.0, 1.0)

    def take(self, chosen: Bools) -> Self:
        return type(self)(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class JudgedPairs:
    """A judge's pairs on one criterion.

    `merged` holds those that count. Where the judge is asked in both orders, `one_order` holds those with an
    outcome in one order only, as that order had it; they are no part of `merged`.
    """

    merged: PairOutcomes
    one_order: PairOutcomes
    both_orders: bool


def voted_pairs(votes: Rows, key: str) -> PairOutcomes:
    """Pairs by the mean over votes on a criterion; a pair that nobody answered is left out.

    `votes` holds what counts: one vote a rater and pair, submitted, no hidden repeat, one arm. So
    `score = x_share + tie_share / 2` in each pair.
    """
    _, codes = votes.pairs
    tally = votes.tally(key)
    known = tally.any(axis=1)
    prompt, matchup = np.divmod(codes[known], max(len(votes.index.systems) ** 2, 1))
    x_wins, _, y_wins = tally[known].T
    count = tally[known].sum(axis=1)
    score = (count + x_wins - y_wins) / (2 * count)
    return PairOutcomes(prompt, matchup, score, x_wins / count, y_wins / count)


@dataclass(frozen=True)
class OrderOutcomes:
    """A judge's pairs on one criterion, its two orders apart; arrays of shape (pairs,) and (pairs, 2)."""

    prompt: Ints
    matchup: Ints
    asked: Bools
    """Whether there is a verdict, scored or not, with x shown first (column 0) and with y shown first (column 1)."""
    mean: Floats
    """The mean outcome for x over that order's samples, in [-1, 1]; 0 where none is scored."""
    scored: Bools

    @property
    def named(self) -> Floats:
        """What each order names: the sign of its mean, 1 for x, -1 for y, 0 for neither or unscored."""
        return np.sign(self.mean)

    @property
    def in_both(self) -> Bools:
        """Whether a pair has outcomes in both orders, shape (pairs,)."""
        return self.scored[:, 0] & self.scored[:, 1]

    @property
    def both_orders(self) -> bool:
        """Whether the judge was asked about any pair in both orders."""
        return bool(self.asked.all(axis=1).any())


def judged_orders(verdicts: VerdictRows, key: str) -> OrderOutcomes:
    """Pairs of one judge and arm with the outcome of each order, samples averaged."""
    pair, codes = verdicts.pairs
    n_pairs = len(codes)
    outcome = verdicts.for_x(key)
    scored = outcome != MISSING
    cell = pair * 2 + ~verdicts.x_is_a
    asked = np.bincount(cell, minlength=2 * n_pairs).reshape(-1, 2) > 0
    count = np.bincount(cell[scored], minlength=2 * n_pairs).reshape(-1, 2)
    total = np.bincount(cell[scored], outcome[scored], 2 * n_pairs).reshape(-1, 2)
    mean = np.divide(total, count, out=np.zeros((n_pairs, 2)), where=count > 0)
    prompt, matchup = np.divmod(codes, max(len(verdicts.index.systems) ** 2, 1))
    return OrderOutcomes(prompt, matchup, asked, mean, count > 0)


def merged_orders(found: OrderOutcomes) -> JudgedPairs:
    """Both orders merged.

    The score is the mean over orders of the mean over an order's samples. An order names the system that its
    samples favour on average; a share counts a win only where every order names the same system. A judge that
    was never asked about any pair in both orders counts as it is. One that was leaves out the pairs that have
    an outcome in one order only, whether the other is unscored or was never asked.
    """
    orders = np.count_nonzero(found.scored, axis=1)
    named = found.named.sum(axis=1)
    pairs = PairOutcomes(
        found.prompt,
        found.matchup,
        (1 + found.mean.sum(axis=1) / np.maximum(orders, 1)) / 2,
        (named == np.maximum(orders, 1)).astype(float),
        (named == -np.maximum(orders, 1)).astype(float),
    )
    return JudgedPairs(
        merged=pairs.take(orders == (2 if found.both_orders else 1)),
        one_order=pairs.take((orders == 1) & found.both_orders),
        both_orders=found.both_orders,
    )


def judged_pairs(verdicts: VerdictRows, key: str) -> JudgedPairs:
    """Pairs of one judge and arm, both orders merged; see `merged_orders`."""
    return merged_orders(judged_orders(verdicts, key))
