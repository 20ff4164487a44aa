"""Bradley-Terry strengths as they are reported: intervals over prompts, simultaneous ranks, differences, P(better)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from eval.statistics.arrays import Bools, Floats, Ints
from eval.statistics.bradley_terry import BOUNDLESS, CHUNK, LEAST_PRIOR, PRIOR, TOLERANCE, check_side, fit
from eval.statistics.cells import Cells, Comparisons, unordered, weighted_cells
from eval.statistics.connected import Disconnected, connected, groups_of
from eval.statistics.interval import Interval
from eval.statistics.robust_strengths import Robust, robust

METHOD = "Bradley-Terry, bootstrap over prompts (expanded percentile), no narrower than a robust interval"
SEED, REPLICATES = 0, 1000
"""Of the bootstrap."""
_FURTHEST = 30.0
"""Standard deviations beyond which a normal distribution's tail has no number."""


@dataclass(frozen=True)
class Strength:
    """One system's natural-log strength (mean 0 over the systems), and where it may stand among them."""

    interval: Interval
    rank_low: int
    """The best rank that the simultaneous intervals of all differences allow; 1 is the best of all."""
    rank_high: int

    def as_json(self) -> dict[str, Any]:
        """The contract's entry of `bradley_terry`."""
        return self.interval.as_json() | {"rank_low": self.rank_low, "rank_high": self.rank_high}


@dataclass(frozen=True)
class Strengths:
    """All systems, strongest first."""

    systems: Mapping[str, Strength]
    differences: Mapping[str, Interval]
    """By `x>y`, x before y in `Comparisons.systems`: the difference of the two strengths, each interval by itself."""
    better: Mapping[str, float]
    """By `x>y`: the share of bootstrap replicates in which x is stronger, a tie counting half, drawn towards one half
    for a small number of prompts as the intervals are widened for it."""
    n_degenerate: int
    """Replicates without an estimate of their own, kept under a prior of `PRIOR` wins."""
    n_replicates: int
    side: Interval | None = None
    """The log odds that side A wins between equals; None where it was not asked for."""


def strengths(
    comparisons: Comparisons,
    *,
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = SEED,
    side_term: bool = False,
    prior: float = 0.0,
) -> Strengths:
    """Strengths with bootstrap intervals over prompts; `prior` lends wins to the point estimate too.

    Intervals are the percentiles of the replicates, widened for a small number of prompts as by Hesterberg (2015),
    "What teachers should know about the bootstrap", The American Statistician 69, 371-386. Resampling cannot show
    outcomes that are too rare to be in the data, and says nothing where all prompts are alike: on each side the end
    is at least as far as that of `robust`. Ranks follow from simultaneous intervals of all differences (the
    bootstrap's largest studentised deviation, widened in the same way; Mogstad, Romano, Shaikh and Wilhelm 2024,
    "Inference for ranks", Review of Economic Studies 91, 476-518). `n` counts prompts.

    Raises Disconnected, naming the groups, where no path of wins and losses connects all systems and no prior is
    lent; UnknownSide where `side_term` has no estimate; ValueError for a confidence outside (0, 1) or fewer than two
    replicates.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: {confidence} is not between 0 and 1")
    if replicates < 2:
        raise ValueError(f"replicates: {replicates} are too few for an interval")
    folded = comparisons if side_term else unordered(comparisons)
    prompts, prompt = np.unique(folded.prompt, return_inverse=True)
    known = replace(folded, prompt=np.asarray(prompt, dtype=np.int64))
    cells = weighted_cells(known, np.ones((1, len(prompts))))
    compared = _compared(cells)
    if prior:
        cells = cells.with_prior(prior, compared)
    if not connected(cells).all():
        raise Disconnected([[known.systems[place] for place in group] for group in groups_of(cells.beats()[0])])
    if side_term:
        check_side(cells, compared)
    found = fit(cells, side_term=side_term)
    values = np.append(found.strengths[0], 0.0 if found.side is None else found.side[0])
    drawn, degenerate = _bootstrap(known, len(prompts), compared, values, replicates, seed, side_term, prior)
    rare = robust(known, cells, side_term=side_term, confidence=confidence)
    reported = _Reported(known.systems, values, drawn, rare, len(prompts), confidence)
    return reported.strengths(degenerate, side_term)


def _compared(cells: Cells) -> Bools:
    either = (cells.row_wins + cells.column_wins).sum(axis=0) > 0
    return np.asarray(either | either.T)


def _bootstrap(
    comparisons: Comparisons,
    n: int,
    compared: Bools,
    start: Floats,
    replicates: int,
    seed: int,
    side_term: bool,
    prior: float,
) -> tuple[Floats, int]:
    """Strengths and side of each replicate, shape (replicates, systems + 1), and how many needed the prior."""
    parts, degenerate = [], 0
    for weights in _weights(n, replicates, seed, len(comparisons.systems)):
        cells = weighted_cells(comparisons, weights)
        if prior:
            cells = cells.with_prior(prior, compared)
        lacking = ~connected(cells)
        if side_term:
            cells = cells.with_prior(LEAST_PRIOR, compared)
            if (usual := np.flatnonzero(~lacking)).size:
                side = fit(Cells(cells.row_wins[usual], cells.column_wins[usual]), side_term=True, start=start).side
                lacking[usual] = side is not None and np.abs(side) > BOUNDLESS
        degenerate += int(np.count_nonzero(lacking))
        if lacking.any():
            lent = np.where(lacking[:, None, None] & compared, PRIOR / 2, 0.0)
            cells = Cells(cells.row_wins + lent, cells.column_wins + lent)
        found = fit(cells, side_term=side_term, start=start)
        side = np.zeros(len(weights)) if found.side is None else found.side
        parts.append(np.concatenate([found.strengths, side[:, None]], axis=1))
    return np.concatenate(parts), degenerate


def _weights(n: int, replicates: int, seed: int, systems: int) -> Iterator[Floats]:
    """How often each replicate draws each prompt, in chunks of replicates that fit the memory."""
    generator = np.random.default_rng(seed)
    chunk = max(1, CHUNK // max(n, systems**2))
    for start in range(0, replicates, chunk):
        yield generator.multinomial(n, np.full(n, 1 / n), min(chunk, replicates - start)).astype(float)


@dataclass(frozen=True)
class _Reported:
    """What intervals are made from: point estimates (systems + 1,), replicates (replicates, systems + 1)."""

    systems: tuple[str, ...]
    values: Floats
    drawn: Floats
    rare: Robust
    n: int
    confidence: float

    def strengths(self, degenerate: int, side_term: bool) -> Strengths:
        k = len(self.systems)
        best, worst = self._ranks()
        differences: dict[str, Interval] = {}
        better: dict[str, float] = {}
        for i in range(k):
            spread = self.drawn[:, i, None] - self.drawn[:, i + 1 : k]
            ends = np.quantile(spread, self._levels, axis=0)
            share = (spread > TOLERANCE).mean(axis=0) / 2 + (spread >= -TOLERANCE).mean(axis=0) / 2
            every = np.eye(k + 1)
            labels = [f"{self.systems[i]}>{self.systems[j]}" for j in range(i + 1, k)]
            found = self._intervals(every[i] - every[i + 1 : k], ends)
            differences |= zip(labels, found, strict=True)
            better |= zip(labels, stdtr(self._freedom, ndtri(share) / self._spread).tolist(), strict=True)
        own = self._intervals(np.eye(k + 1), np.quantile(self.drawn, self._levels, axis=0))
        order = np.argsort(-self.values[:k], kind="stable").tolist()
        return Strengths(
            {self.systems[i]: Strength(own[i], int(best[i]), int(worst[i])) for i in order},
            differences,
            better,
            degenerate,
            len(self.drawn),
            own[k] if side_term else None,
        )

    @property
    def _levels(self) -> tuple[float, float]:
        """The percentiles that stand in for alpha/2 and 1 - alpha/2 with n prompts."""
        quantile = self._expanded(float(ndtri(0.5 + self.confidence / 2)))
        return float(ndtr(-quantile)), float(ndtr(quantile))

    @property
    def _freedom(self) -> int:
        return max(self.n - 1, 1)

    @property
    def _spread(self) -> float:
        """By how much the standard deviation of replicates falls short with n prompts."""
        return float(np.sqrt(self.n / self._freedom))

    def _expanded(self, deviate: float) -> float:
        """The number of the replicates' standard deviations that stands in for so many of a normal distribution."""
        return -float(stdtrit(self._freedom, ndtr(-min(deviate, _FURTHEST)))) * self._spread

    def _intervals(self, contrasts: Floats, ends: Floats) -> list[Interval]:
        """Of contrasts (contrasts, systems + 1) with their percentiles (2, contrasts): the further end on each side."""
        estimate = contrasts @ self.values
        low, high = self.rare.ends(contrasts)
        lowest, highest = np.minimum(low, ends[0]), np.maximum(high, ends[1])
        return [
            Interval(*numbers, self.n, METHOD)
            for numbers in zip(
                estimate.tolist(),
                np.minimum(lowest, estimate).tolist(),
                np.maximum(highest, estimate).tolist(),
                strict=True,
            )
        ]

    def _ranks(self) -> tuple[Ints, Ints]:
        """The best and the worst rank of each system that no simultaneous interval of a difference rules out."""
        k = len(self.systems)
        values, drawn = self.values[:k], self.drawn[:, :k]
        deviation, largest, every = np.zeros((k, k)), np.zeros(len(drawn)), np.eye(k + 1)
        for i in range(k):
            spread = drawn[:, i, None] - drawn
            low, high = self.rare.ends(every[i] - every[:k])
            deviation[i] = np.maximum(spread.std(axis=0, ddof=1), (high - low) / (2 * self.rare.quantile))
            scale = np.where(deviation[i] > 0, deviation[i], 1.0)
            largest = np.maximum(largest, (np.abs(spread - (values[i] - values)) / scale).max(axis=1))
        least = float(ndtri(0.5 + self.confidence / 2))
        margin = self._expanded(max(float(np.quantile(largest, self.confidence)), least)) * deviation
        difference = values[:, None] - values
        above = (difference - margin > 0).sum(axis=0)  # how many are surely stronger than the column's system
        below = (difference + margin < 0).sum(axis=0)
        return 1 + above, k - below
