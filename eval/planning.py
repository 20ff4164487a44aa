"""How many prompts, votes and hours of raters a comparison needs, with a judge and without: pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from eval.statistics.clustered import clustered_means
from eval.statistics.coding import Floats
from eval.statistics.combined import FEWEST_LABELLED
from eval.statistics.interval import Interval
from eval.voting_model import VotingModel

MOST_SIMULATED = 1_000
"""Prompts from which on the normal formula takes the place of simulation: it is as near there."""
_VALUES = 1_000_000
"""Simulated prompts for one power in all, in 1,000 to 4,000 studies."""
POOLS = (2, 10)
"""Prompts that a judge is given, in times of those that people alone would need."""


@dataclass(frozen=True)
class Assumptions:
    """What is planned for; shares are in [0, 1]."""

    margin: float = 0.1
    power: float = 0.8
    overlap: int = 3
    judge_agreement: float | None = None
    """Share of verdicts that name what most people would say of the pair; None plans without a judge."""
    win_rate: float | None = None
    """The true win rate to be told from one half; `.5 + margin` where none is given."""
    tie_share: float = 0.1
    icc: float = 0.4
    """Intraclass correlation: of the outcomes of two votes on the same prompt."""
    seconds: float = 60.0
    """A vote's."""
    confidence: float = 0.95
    prompts: int | None = None
    """Prompts that the judge is given; `POOLS` where none are said."""

    @property
    def true_rate(self) -> float:
        return 0.5 + self.margin if self.win_rate is None else self.win_rate


@dataclass(frozen=True)
class Need:
    """What one way of reaching a goal takes."""

    judged: int | None
    """Prompts that the judge judges; None for people alone."""
    labelled: int | None
    """Prompts that people vote on, chosen at random where there is a judge; None where no number suffices."""
    overlap: int
    seconds: float

    @property
    def votes(self) -> int | None:
        return None if self.labelled is None else self.labelled * self.overlap

    @property
    def hours(self) -> float | None:
        return None if self.votes is None else self.votes * self.seconds / 3600


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

    The fewest prompts with which the project's own interval (`clustered_mean`) says so with the wanted power, found on
    simulated studies; see `VotingModel`. With a judge, the fewest labelled prompts whose prediction-powered estimate is
    as precise as people alone would be with that many. The same seed gives the same plan. Raises ValueError where
    assumptions contradict each other, naming the first.
    """
    model = _model(assumed)
    return (
        _goal(model, assumed, equal=False, seed=seed),
        _goal(replace(model, win_rate=0.5), assumed, equal=True, seed=seed),
    )


def _model(assumed: Assumptions) -> VotingModel:
    if not 0 < assumed.margin < 0.5:
        raise ValueError(f"margin: {assumed.margin:g} is not between 0 and .5")
    for name, share in (("power", assumed.power), ("confidence", assumed.confidence)):
        if not 0.5 <= share <= 0.999:
            raise ValueError(f"{name}: {share:g} is not between .5 and .999")
    if not 0 < assumed.seconds < float("inf"):
        raise ValueError(f"seconds: {assumed.seconds:g} is not a time above 0")
    if assumed.win_rate is not None and abs(assumed.win_rate - 0.5) < 0.005:
        raise ValueError(f"win-rate: {assumed.win_rate:g} is one half, or within half a point of it")
    if assumed.prompts is not None and assumed.judge_agreement is None:
        raise ValueError("prompts: says how many a judge is given, and there is no judge-agreement")
    if assumed.prompts is not None and assumed.prompts < 1:
        raise ValueError(f"prompts: {assumed.prompts} is below 1")
    return VotingModel(assumed.true_rate, assumed.tie_share, assumed.icc, assumed.overlap, assumed.judge_agreement)


def _goal(model: VotingModel, assumed: Assumptions, *, equal: bool, seed: int) -> Goal:
    alone = people_needed(model, assumed, equal=equal, seed=seed)
    needs = [Need(None, alone, assumed.overlap, assumed.seconds)]
    correlation = None
    if assumed.judge_agreement is not None:
        correlation = model.judge_correlation(np.random.default_rng(seed))
        for pool in (assumed.prompts,) if assumed.prompts else (times * alone for times in POOLS):
            labelled = labelled_needed(alone, pool, correlation, confidence=assumed.confidence)
            needs.append(Need(pool, labelled, assumed.overlap, assumed.seconds))
    return Goal(model.win_rate, equal, tuple(needs), correlation)


def people_needed(model: VotingModel, assumed: Assumptions, *, equal: bool, seed: int = 0) -> int:
    """The fewest prompts with which people's votes alone have the power."""
    guess = _by_formula(model, assumed, equal)
    if guess > MOST_SIMULATED:
        return guess
    reached = _reached(assumed.margin, equal, model.win_rate > 0.5)
    n_studies = int(np.clip(_VALUES // guess, 1000, 4000))

    def power(values: Floats, n: int) -> float:
        study, prompt = np.repeat(np.arange(n_studies), n), np.tile(np.arange(n), n_studies)
        used = values[:, :n].ravel()
        found = clustered_means(used, prompt, study, n_studies, confidence=assumed.confidence)
        return float(np.mean([reached(interval) for interval in found]))

    below, above = 1, max(guess, 10)
    while power(values := model.votes(np.random.default_rng(seed), (n_studies, above)), above) < assumed.power:
        below, above = above, above + above // 4
    # All numbers are tried on the first prompts of the same studies, so that power rises with them.
    while above - below > max(1, above // 100):
        middle = (below + above) // 2 if below > 1 else above - max(above // 5, 1)
        below, above = (below, middle) if power(values, middle) >= assumed.power else (middle, above)
    return above


def labelled_needed(alone: int, pool: int, correlation: float, *, confidence: float = 0.95) -> int | None:
    """The fewest of `pool` prompts that people must vote on to be as precise as with `alone` prompts and no judge.

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


def _by_formula(model: VotingModel, assumed: Assumptions, equal: bool) -> int:
    """Prompts by the normal formula: Chow, Shao and Wang (2008), Sample Size Calculations, chapter 3."""
    z, spread = NormalDist().inv_cdf, model.variance
    level = z(0.5 + assumed.confidence / 2)
    difference = assumed.margin if equal else abs(model.win_rate - 0.5)
    wanted = z((1 + assumed.power) / 2) if equal else z(assumed.power)
    return max(int(np.ceil((level + wanted) ** 2 * spread / difference**2)), 2)


def _reached(margin: float, equal: bool, larger: bool) -> Callable[[Interval], bool]:
    def inside(found: Interval) -> bool:
        return (
            found.low is not None and found.high is not None and 0.5 - margin < found.low <= found.high < 0.5 + margin
        )

    def apart(found: Interval) -> bool:
        return found.low is not None and found.high is not None and (found.low > 0.5 if larger else found.high < 0.5)

    return inside if equal else apart


def table(goals: tuple[Goal, ...], assumed: Assumptions) -> Iterator[str]:
    """The plan as lines for a terminal."""
    judged = assumed.judge_agreement is not None
    votes = "1 vote" if assumed.overlap == 1 else f"{assumed.overlap} votes"
    yield (
        f"{votes} a prompt of {assumed.seconds:g} seconds each, {_percent(assumed.tie_share)} ties, "
        f"correlation of votes on a prompt {assumed.icc:g}; power {_percent(assumed.power)}, "
        f"{_percent(assumed.confidence)} intervals"
    )
    for goal in goals:
        yield ""
        if goal.equal:
            yield f"To show two equal systems equal within {_points(assumed.margin)}:"
        else:
            yield f"To tell a win rate of {_percent(goal.rate)} from 50%:"
        yield f"  {'':20}{'judged':>14}{'voted on':>14}{'votes':>14}{'rater hours':>14}"
        for need in goal.needs:
            yield _line(need)
        if goal.judge_correlation is not None:
            yield f"  (the judge's verdicts correlate with people's means by {goal.judge_correlation:.2f})"
    if judged:
        yield ""
        yield "With a judge: fix it beforehand, and draw the prompts that people vote on at random from those judged."


def _line(need: Need) -> str:
    name = "people alone" if need.judged is None else "people and a judge"
    judged = "-" if need.judged is None else f"{need.judged:,}"
    if need.labelled is None or need.votes is None or need.hours is None:
        return f"  {name:20}{judged:>14}  out of reach: more prompts are needed than there are"
    return f"  {name:20}{judged:>14}{need.labelled:>14,}{need.votes:>14,}{need.hours:>14,.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"


def _points(difference: float) -> str:
    return f"{100 * difference:.3g} points"
