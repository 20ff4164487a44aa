"""Simulated studies of two systems, y the reference and x, and the cases whose intervals are checked on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count

import numpy as np

from eval.statistics.interval import Interval
from eval.statistics.rows import SUBMITTED, VerdictRows, VoteRows
from eval.statistics.study_index import StudyIndex

CORRELATION = 0.4
"""Intraclass correlation of raters on a prompt."""
LARGE = 200_000
"""Prompts of a study whose estimate is taken for the truth, where no formula has it."""
KEY = "overall"
LABEL = "x>y"
MATCHUP = 1
"""Code of the only matchup, see `StudyIndex`."""


@dataclass(frozen=True)
class Axes:
    """Which cells a case has, and what their numbers are called."""

    unit: str = "prompts"
    units: tuple[int, ...] = (20, 50, 100, 400)
    kind: str = "win rate, ties, raters"
    win_rates: tuple[float, ...] = (0.5, 0.8, 0.95)
    ties: tuple[float, ...] = (0.0, 0.3)
    values: tuple[int, ...] = (1, 3)
    """Votes on each unit."""

    def cells(self, units: Sequence[int] | None = None) -> list[Cell]:
        """All of them, in the order of the tables; `units` in place of the case's own."""
        chosen = self.units if units is None else units
        return [Cell(*values) for values in itertools.product(chosen, self.win_rates, self.ties, self.values)]


@dataclass(frozen=True)
class Cell:
    """One kind of study: two systems, one criterion. `Axes` says what else its numbers may count."""

    prompts: int
    win_rate: float
    """Of decisive votes, x's share."""
    ties: float
    raters: int

    @property
    def mean(self) -> float:
        """The true win rate, ties half."""
        return self.ties / 2 + (1 - self.ties) * self.win_rate

    @property
    def minority(self) -> float:
        """Prompts expected in the minority."""
        return self.prompts * (1 - self.win_rate) * (1 - self.ties)

    def rates(self, rng: np.random.Generator, rate: np.ndarray | float, shape: tuple[int, ...]) -> np.ndarray:
        """Each prompt's own rate, with mean `rate`: where there are several raters it varies, which correlates them."""
        rate = np.broadcast_to(rate, shape)
        if self.raters == 1:
            return rate
        precision = 1 / CORRELATION - 1
        return rng.beta(rate * precision, (1 - rate) * precision)

    def votes(self, rng: np.random.Generator, rate: np.ndarray, raters: int) -> np.ndarray:
        """Outcomes for x, 1, .5 or 0, of raters at prompts of these rates; shape (*prompts, raters)."""
        won = (rng.random((*rate.shape, raters)) < rate[..., None]).astype(float)
        return np.where(rng.random(won.shape) < self.ties, 0.5, won)


@dataclass(frozen=True)
class Figure:
    """One interval of one study."""

    name: str
    interval: Interval | None = None
    """Without numbers where the study allows none; it is counted."""
    truth: float | None = None
    """None: the estimate of a study of `LARGE` prompts."""
    held: bool | None = None
    """Whether the truth was held, where there is no single interval."""
    nominal: float = 0.95


Case = Callable[[Cell, np.random.Generator], Iterator[Figure]]
CASES: dict[str, Case] = {}
AXES: dict[str, Axes] = {}
"""By case, where its cells are not those of the others."""


def case(function: Case) -> Case:
    """Adds a kind of study and its figures to the table under the function's name."""
    CASES[function.__name__] = function
    return function


@cache
def truths(name: str, cell: Cell) -> dict[str, float]:
    """By figure, the estimates of one very large study."""
    return {
        figure.name: figure.interval.estimate
        for figure in CASES[name](replace(cell, prompts=LARGE), np.random.default_rng(1))
        if figure.interval is not None and figure.interval.estimate is not None
    }


@cache
def _index(prompts: int) -> StudyIndex:
    names = tuple(map(str, range(prompts)))
    return StudyIndex(names, ("y", "x"), 0, np.full((prompts, 2), np.nan), np.array([MATCHUP]), np.array([prompts]))


def index_of(prompts: int, x_less_y: np.ndarray | None = None) -> StudyIndex:
    """Of one matchup; `x_less_y` (prompts,) are characters of x's responses less those of y's, unknown without."""
    if x_less_y is None:
        return _index(prompts)
    y = np.full(prompts, 5000.0)
    return replace(_index(prompts), lengths=np.stack([y, y + x_less_y], axis=1))


def vote_rows(index: StudyIndex, *outcomes: np.ndarray, x_is_a: np.ndarray | bool = True) -> VoteRows:
    """Votes that count: outcomes for x by criterion, shapes (prompts, raters); the same raters on all."""
    n, raters = outcomes[0].shape
    rows = n * raters
    none = np.zeros(rows, dtype=np.int64)
    at_a = np.broadcast_to(x_is_a, (n, raters)).ravel()
    return VoteRows(
        index=index,
        prompt=np.repeat(np.arange(n), raters),
        matchup=np.full(rows, MATCHUP),
        x_is_a=at_a,
        arm=none,
        arms=("as_is",),
        who=np.tile(np.arange(raters), n),
        names=tuple(map(str, range(raters))),
        outcomes=_by_key(outcomes, at_a),
        repeat=none,
        status=np.full(rows, SUBMITTED),
        seconds=np.full(rows, 60.0),
        created_at=np.arange(rows, dtype=float),
    )


def verdict_rows(index: StudyIndex, outcomes: np.ndarray) -> VerdictRows:
    """One judge's verdicts: outcomes for x, shape (prompts, 2), with x shown first and with y shown first."""
    n = len(outcomes)
    none = np.zeros(2 * n, dtype=np.int64)
    at_a = np.tile([True, False], n)
    return VerdictRows(
        index=index,
        prompt=np.repeat(np.arange(n), 2),
        matchup=np.full(2 * n, MATCHUP),
        x_is_a=at_a,
        arm=none,
        arms=("as_is",),
        who=none,
        names=("j",),
        outcomes=_by_key((outcomes,), at_a),
        named=np.zeros(2 * n, dtype=bool),
        maker=none,
        makers=((None, None),),
    )


def _by_key(outcomes: tuple[np.ndarray, ...], x_is_a: np.ndarray) -> dict[str, np.ndarray]:
    keys = (KEY if not place else f"{KEY}{place}" for place in count())
    codes = (np.where(x_is_a, 1, -1) * (2 * one.ravel() - 1) for one in outcomes)
    return {key: code.astype(np.int8) for key, code in zip(keys, codes, strict=False)}
