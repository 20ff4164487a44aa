"""What it takes to tell two systems apart, or to show them equal: the fewest prompts that have the power."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np

from eval.planning.assumptions import Assumptions
from eval.planning.power import VERDICTS, Claim, Simulation
from eval.statistics.arrays import Floats
from eval.statistics.clustered import FEW_CLUSTERS
from eval.statistics.combined import FEWEST_LABELLED
from eval.statistics.prediction_powered import FOLDS
from eval.voting_model import VotingModel

POOLS = (2, 10)
"""Prompts that a judge is given, in times of those that people alone would need."""
_STEPS = 4
"""Times that the formula is put right by a simulation before sizes are tried one after the other."""
_CLEARLY = 0.005
"""Above the wanted power, beyond what chance gives a simulation: a smaller size is tried."""


@dataclass(frozen=True)
class Need:
    """What one way of reaching a goal takes."""

    judged: int | None
    """Prompts that the judge judges; None for people alone."""
    labelled: int | None
    """Prompts that people vote on, chosen at random where there is a judge; None where no number suffices."""
    overlap: int
    seconds: float
    power: float | None
    """Share of simulated studies of this size that show what is to be shown; None where no number suffices."""
    studies: int
    """Simulated."""

    @property
    def votes(self) -> int | None:
        return None if self.labelled is None else self.labelled * self.overlap

    @property
    def hours(self) -> float | None:
        return None if self.votes is None else self.votes * self.seconds / 3600

    @property
    def error(self) -> float:
        """The standard error of `power` from the number of simulated studies."""
        return 0.0 if self.power is None else sqrt(self.power * (1 - self.power) / self.studies)


@dataclass(frozen=True)
class Goal:
    """A statement that the study is to allow, and what it takes."""

    rate: float
    """The win rate that is taken for true."""
    equal: bool
    """Whether the interval must lie within one half plus or minus the margin; else it must not hold one half."""
    needs: tuple[Need, ...]
    """People alone first."""
    judge_correlation: float | None = None
    """Of the mean of a prompt's votes with the verdict on it."""


def plan(assumed: Assumptions, *, seed: int = 0) -> tuple[Goal, Goal]:
    """What it takes to tell the true rate from one half, and to show equality within the margin where it is one half.

    Each number of prompts is the formula's, put right until simulated studies of that size have the wanted power with
    the intervals that the report gives: `clustered_means` for people, `prediction_powered` with a judge. The same seed
    gives the same plan. Raises ValueError where the judge agrees less often than chance would.
    """
    return _goal(assumed, equal=False, seed=seed), _goal(assumed, equal=True, seed=seed)


def _goal(assumed: Assumptions, *, equal: bool, seed: int) -> Goal:
    model = assumed.model(equal=equal)
    claim = Claim(equal, assumed.margin, model.win_rate > 0.5, assumed.confidence)
    simulated = Simulation(claim, model.joint(np.random.default_rng(seed)), seed)
    search = _Search(assumed.power, assumed.confidence, equal)
    found = search.fewest(simulated.people, start=by_formula(model, assumed, equal=equal), least=FEW_CLUSTERS)
    assert found is not None  # enough prompts reach any power
    alone, power = found
    needs = [Need(None, alone, assumed.overlap, assumed.seconds, power, simulated.studies())]
    if assumed.judge_agreement is None:
        return Goal(model.win_rate, equal, tuple(needs))
    correlation = _correlation(simulated.joint)
    for pool in (assumed.prompts,) if assumed.prompts else (times * alone for times in POOLS):
        start = labelled_needed(alone, pool, correlation, confidence=assumed.confidence)
        labelled, reached = _with_judge(simulated, search, start, pool)
        studies = simulated.studies(FOLDS)
        needs.append(Need(pool, labelled, assumed.overlap, assumed.seconds, reached, studies))
    return Goal(model.win_rate, equal, tuple(needs), correlation)


def _with_judge(
    simulated: Simulation, search: _Search, start: int | None, pool: int
) -> tuple[int, float] | tuple[None, None]:
    """Labelled prompts of `pool` and their power: the judge must have some to itself."""
    if start is None or pool <= FEWEST_LABELLED:
        return None, None
    found = search.fewest(lambda n: simulated.with_judge(n, pool), start=start, least=FEWEST_LABELLED, most=pool - 1)
    return found or (None, None)


def _correlation(joint: Floats) -> float:
    """Of the two margins' values, 0 where either never varies; never below 0."""
    chances = joint / joint.sum()
    votes, verdicts = np.linspace(0.0, 1.0, len(chances)), VERDICTS
    of_votes, of_verdicts = chances.sum(axis=1), chances.sum(axis=0)
    votes, verdicts = votes - of_votes @ votes, verdicts - of_verdicts @ verdicts
    spread = float((of_votes @ votes**2) * (of_verdicts @ verdicts**2))
    return max(float(votes @ chances @ verdicts) / sqrt(spread), 0.0) if spread > 1e-14 else 0.0


@dataclass(frozen=True)
class _Search:
    """From a size that a formula gives to one that has the power."""

    asked: float
    confidence: float
    equal: bool

    def fewest(
        self, power: Callable[[int], float], *, start: int, least: int, most: int | None = None
    ) -> tuple[int, float] | None:
        """The fewest prompts, to half a percent, whose simulated power is at least what was asked, and that power.

        None where `most` are too few.
        """
        tried = cache(power)
        n = self._between(start, least, most)
        for _ in range(_STEPS):
            nearer = self._between(self._nearer(n, tried(n)), least, most)
            close, n = abs(nearer - n) <= n // 200, nearer
            if close:
                break
        while tried(n) < self.asked:
            if n == most:
                return None
            n = self._between(n + max(n // 200, 1), least, most)
        while (fewer := self._between(n - max(n // 200, 1), least, most)) < n:
            if tried(fewer) < self.asked + _CLEARLY:
                break
            n = fewer
        return n, tried(n)

    @staticmethod
    def _between(n: int, least: int, most: int | None) -> int:
        return max(n, least) if most is None else min(max(n, least), most)

    def _nearer(self, n: int, found: float) -> int:
        """The size that would have the power if the formula were off by the same factor everywhere."""
        wanted, got = self.deviates(self.asked), self.deviates(min(max(found, 1e-4), 1 - 1e-4))
        return ceil(n * (wanted / max(got, wanted / 2)) ** 2)

    def deviates(self, power: float) -> float:
        """Standard errors by which the truth has to lie apart from what is to be ruled out."""
        z = NormalDist().inv_cdf
        return z(0.5 + self.confidence / 2) + z((1 + power) / 2 if self.equal else power)


def labelled_needed(alone: int, pool: int, correlation: float, *, confidence: float = 0.95) -> int | None:
    """By formula, the fewest of `pool` prompts that people must vote on to be as precise as with `alone` and no judge.

    The variance of the prediction-powered estimate with the best lambda is that of n labels times 1 - r^2 (1 - n / N),
    N being the pool and r the correlation of label and verdict (Angelopoulos, Duchi and Zrnic 2023); its interval
    shrinks that ratio a little towards 1, see `prediction_powered`. None where labelling all of them is not enough.
    """
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2

    def effective(n: int) -> int:
        ratio = 1 - correlation**2 * (1 - n / pool)
        return int(n * (n + z2) / (n * ratio + z2))

    if pool < alone:
        return None
    fewest = min(FEWEST_LABELLED, alone)
    return fewest + bisect_left(range(fewest, alone), alone, key=effective)


def by_formula(model: VotingModel, assumed: Assumptions, *, equal: bool) -> int:
    """Prompts by the normal formula: Chow, Shao and Wang (2008), Sample Size Calculations, chapter 3."""
    difference = assumed.margin if equal else abs(model.win_rate - 0.5)
    apart = _Search(assumed.power, assumed.confidence, equal).deviates(assumed.power)
    return max(ceil(apart**2 * model.variance / difference**2), FEW_CLUSTERS)
