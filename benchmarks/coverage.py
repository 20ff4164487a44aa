"""Coverage of the summary's intervals over simulated studies: how often a nominal 95% interval holds the truth.

    python benchmarks/coverage.py [--studies 2000] [--only win_rate,combined] [--prompts 20,50] [--markdown FILE]

Prints one table an interval: a row a number of prompts, a column a cell. A cell is out of bounds, and marked `!`, where
it covers under 93%, or under 90% with fewer than five prompts expected to be in the minority, by more than two standard
errors of the simulation; over 99% is marked `+`.
To add an interval, write a function of a `Simulated` study and decorate it with `interval`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [str(ROOT), *(path for path in sys.path if Path(path or ".").resolve() != ROOT / "benchmarks")]
# `statistics.py` stands beside this file and would hide the standard library's module of that name.

import numpy as np  # noqa: E402
from scipy.special import expit, logit  # noqa: E402

from eval.statistics.bradley_terry import Cells, Comparisons, Disconnected, fit  # noqa: E402
from eval.statistics.clustered import clustered_mean  # noqa: E402
from eval.statistics.coding import StudyIndex  # noqa: E402
from eval.statistics.gwet import gwet_interval  # noqa: E402
from eval.statistics.interval import Interval  # noqa: E402
from eval.statistics.krippendorff import krippendorff_interval  # noqa: E402
from eval.statistics.length_control import length_control  # noqa: E402
from eval.statistics.pairs import PairOutcomes  # noqa: E402
from eval.statistics.prediction_powered import prediction_powered  # noqa: E402
from eval.statistics.strengths import strengths  # noqa: E402
from eval.statistics.two_way import two_way_mean  # noqa: E402

PROMPTS = (20, 50, 100, 400)
WIN_RATES = (0.5, 0.8, 0.95)
TIES = (0.0, 0.3)
RATERS = (1, 3)
CORRELATION = 0.4
"""Intraclass correlation of raters on a prompt."""
JUDGED = 400
"""Prompts beside the labelled ones that the judge of `combined` sees."""
JUDGE_RIGHT = 0.8
"""Share of prompts on which that judge names the system that a rater would."""
REPLICATES = 200
"""Of the bootstrap; the summary's 1,000 take five times as long and cover no less."""
LARGE = 200_000
"""Prompts of a study whose estimate is taken for the truth, where no formula has it."""


@dataclass(frozen=True)
class Cell:
    """One kind of study: two systems, one criterion."""

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
    def rare(self) -> bool:
        """Whether fewer than five prompts are expected in the minority."""
        return self.prompts * (1 - self.win_rate) * (1 - self.ties) < 5

    def votes(self, rng: np.random.Generator, shape: tuple[int, ...], rate: np.ndarray | float) -> np.ndarray:
        """Outcomes for x, 1, .5 or 0, shape (*shape, raters), on prompts whose mean rate is `rate`."""
        rate = np.broadcast_to(rate, shape)
        if self.raters > 1:
            precision = 1 / CORRELATION - 1
            rate = rng.beta(rate * precision, (1 - rate) * precision)
        won = (rng.random((*shape, self.raters)) < rate[..., None]).astype(float)
        return np.where(rng.random(won.shape) < self.ties, 0.5, won)


@dataclass(frozen=True)
class Simulated:
    """One study of a cell."""

    cell: Cell
    rng: np.random.Generator
    votes: np.ndarray
    """Outcomes for x, shape (prompts, raters)."""


Found = Iterator[tuple[Interval, float]]
"""Intervals of one study, each with the true value."""
INTERVALS: dict[str, Callable[[Simulated], Found]] = {}


def interval(function: Callable[[Simulated], Found]) -> Callable[[Simulated], Found]:
    """Adds an interval to the table under its function's name."""
    INTERVALS[function.__name__] = function
    return function


@interval
def win_rate(study: Simulated) -> Found:
    values = study.votes.mean(axis=1)
    yield clustered_mean(values, np.arange(len(values))), study.cell.mean


@interval
def share(study: Simulated) -> Found:
    cell = study.cell
    yield (
        clustered_mean((study.votes == 1).mean(axis=1), np.arange(cell.prompts)),
        (1 - cell.ties) * cell.win_rate,
    )


@interval
def tie_share(study: Simulated) -> Found:
    if study.cell.ties:
        yield clustered_mean((study.votes == 0.5).mean(axis=1), np.arange(study.cell.prompts)), study.cell.ties


@interval
def decisive_share(study: Simulated) -> Found:
    """As `longer_wins`, `first_position` and agreement without ties: single outcomes, prompts of unequal size."""
    prompt, rater = np.nonzero(study.votes != 0.5)
    yield clustered_mean(study.votes[prompt, rater], prompt), study.cell.win_rate


@interval
def equal_votes(study: Simulated) -> Found:
    """As `with_ties`: of all pairs of votes on one prompt, the share that are equal."""
    if study.cell.raters > 1:
        counts = _counts(study.votes)
        yield clustered_mean(_equal(counts), np.arange(len(counts))), _truths(_kind(study.cell))[0]


@interval
def krippendorff_alpha(study: Simulated) -> Found:
    if study.cell.raters > 1:
        counts = _counts(study.votes)
        yield krippendorff_interval(counts, np.arange(len(counts))), _truths(_kind(study.cell))[1]


@interval
def gwet_ac1(study: Simulated) -> Found:
    if study.cell.raters > 1:
        counts = _counts(study.votes)
        yield gwet_interval(counts, np.arange(len(counts))), _truths(_kind(study.cell))[2]


@interval
def win_rate_two_way(study: Simulated) -> Found:
    """Twelve raters on every prompt, each with a leaning of her own, which speaks in every tenth vote."""
    if study.cell.raters > 1:
        n, rng, precision = study.cell.prompts, study.rng, 1 / CORRELATION - 1
        rate = study.cell.win_rate
        own, prompts = (rng.beta(rate * precision, (1 - rate) * precision, size) for size in ((1, 12), (n, 1)))
        won = (rng.random((n, 12)) < np.where(rng.random((n, 12)) < 0.1, own, prompts)).astype(float)
        score = np.where(rng.random((n, 12)) < study.cell.ties, 0.5, won)
        prompt, rater = np.divmod(np.arange(12 * n), 12)
        yield two_way_mean(score.ravel(), prompt, rater), study.cell.mean


def _kind(cell: Cell) -> Cell:
    return Cell(LARGE, cell.win_rate, cell.ties, cell.raters)


@cache
def _truths(cell: Cell) -> tuple[float, ...]:
    """Equal votes, alpha and AC1 of a very large study."""
    counts = _counts(cell.votes(np.random.default_rng(1), (cell.prompts,), cell.win_rate))
    place = np.arange(len(counts))
    found = (krippendorff_interval(counts, place).estimate, gwet_interval(counts, place).estimate)
    return (float(_equal(counts).mean()), *(float(one or 0.0) for one in found))


def _counts(votes: np.ndarray) -> np.ndarray:
    return np.stack([(votes == value).sum(axis=1) for value in (1.0, 0.5, 0.0)], axis=1).astype(float)


def _equal(counts: np.ndarray) -> np.ndarray:
    raters = counts.sum(axis=1)
    return np.asarray((counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1)))


@interval
def length_controlled(study: Simulated) -> Found:
    """x is the longer in most pairs, and length wins votes: the truth is the rate at equal length."""
    cell, rng = study.cell, study.rng
    difference, term = _lengths(rng, cell.prompts)
    votes = cell.votes(rng, (cell.prompts,), expit(logit(cell.win_rate) + 0.5 * term))
    index = StudyIndex(
        tuple(map(str, range(cell.prompts))),
        ("y", "x"),
        0,
        np.stack([np.full(cell.prompts, 5000.0), 5000.0 + difference], axis=1),
        np.array([1]),
    )
    none = np.zeros(cell.prompts)
    pairs = PairOutcomes(np.arange(cell.prompts), np.full(cell.prompts, 1), votes.mean(axis=1), none, none)
    yield length_control(pairs, index).rates["x>y"], _at_equal_length(cell.win_rate, cell.ties)


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


@interval
def combined(study: Simulated) -> Found:
    cell, rng = study.cell, study.rng
    others = cell.votes(rng, (JUDGED,), cell.win_rate)
    judged, unlabelled = (
        np.where(rng.random(len(votes)) < JUDGE_RIGHT, votes[:, 0], 1 - votes[:, 0]) for votes in (study.votes, others)
    )
    yield prediction_powered(study.votes.mean(axis=1), judged, unlabelled).interval, cell.mean


PAIRS = ((0, 1), (0, 2), (1, 2))


@interval
def bradley_terry(study: Simulated) -> Found:
    """The strongest of three systems, each of which beats the next at the cell's rate; all pairs on every prompt."""
    found = _three(study)
    if found is not None:
        yield found[0].systems["0"].interval, float(found[1][0])


@interval
def bradley_terry_difference(study: Simulated) -> Found:
    found = _three(study)
    if found is not None:
        yield found[0].differences["0>1"], float(found[1][0] - found[1][1])


def _three(study: Simulated) -> tuple[object, np.ndarray] | None:
    """Strengths and the truth, or None where no estimate exists."""
    cell, n = study.cell, study.cell.prompts
    votes = cell.votes(study.rng, (n, 3), np.array(_rates(cell.win_rate))).sum(axis=2)
    first, second = (np.tile([pair[side] for pair in PAIRS], n) for side in (0, 1))
    won = votes.ravel()
    comparisons = Comparisons(("0", "1", "2"), np.repeat(np.arange(n), 3), first, second, won, cell.raters - won)
    try:
        return strengths(comparisons, replicates=REPLICATES), _true_strengths(cell.win_rate, cell.ties)
    except Disconnected:
        return None


def _rates(rate: float) -> tuple[float, ...]:
    return rate, float(expit(2 * logit(rate))), rate


@cache
def _true_strengths(rate: float, ties: float) -> np.ndarray:
    wins, losses = np.zeros((1, 3, 3)), np.zeros((1, 3, 3))
    for (first, second), of_pair in zip(PAIRS, _rates(rate), strict=True):
        wins[0, first, second] = ties / 2 + (1 - ties) * of_pair
        losses[0, first, second] = 1 - wins[0, first, second]
    return fit(Cells(wins, losses)).strengths[0]


@dataclass(frozen=True)
class Coverage:
    """One interval in one cell."""

    cell: Cell
    share: float
    studies: int
    """Studies in which the interval has numbers."""

    @property
    def mark(self) -> str:
        bound = 0.90 if self.cell.rare else 0.93
        error = float(np.sqrt(bound * (1 - bound) / self.studies))
        return "!" if self.share < bound - 2 * error else "+" if self.share > 0.99 else ""


def cells(prompts: Sequence[int] = PROMPTS) -> list[Cell]:
    return [Cell(*values) for values in itertools.product(prompts, WIN_RATES, TIES, RATERS)]


def coverage(name: str, cell: Cell, studies: int, seed: int = 0) -> Coverage | None:
    """Of one interval in one cell; None where it is not made there."""
    held = made = 0
    for number in range(studies):
        kind = [cell.prompts, round(100 * cell.win_rate), round(10 * cell.ties), cell.raters]
        rng = np.random.default_rng([seed, number, *kind])
        votes = cell.votes(rng, (cell.prompts,), cell.win_rate)
        for found, truth in INTERVALS[name](Simulated(cell, rng, votes)):
            if found.low is not None and found.high is not None:
                made += 1
                held += found.low <= truth <= found.high
    return Coverage(cell, held / made, made) if made else None


def table(name: str, found: Sequence[Coverage | None]) -> str:
    """Markdown, a row a number of prompts."""
    known = [one for one in found if one is not None]
    kinds = list(dict.fromkeys((one.cell.win_rate, one.cell.ties, one.cell.raters) for one in known))
    head = [f"{rate:g}, {ties:g}, {raters}" for rate, ties, raters in kinds]
    lines = [f"**{name}** (win rate, ties, raters)", "", f"| prompts | {' | '.join(head)} |"]
    lines.append("|---" * (len(head) + 1) + "|")
    for n in dict.fromkeys(one.cell.prompts for one in known):
        by_kind = {(o.cell.win_rate, o.cell.ties, o.cell.raters): o for o in known if o.cell.prompts == n}
        row = [f"{100 * by_kind[kind].share:.1f}{by_kind[kind].mark}" if kind in by_kind else "" for kind in kinds]
        lines.append(f"| {n} | {' | '.join(row)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--only", default="", help=f"some of {', '.join(INTERVALS)}")
    parser.add_argument("--prompts", default=",".join(map(str, PROMPTS)))
    parser.add_argument("--markdown", type=Path, help="where to write the tables too")
    given = parser.parse_args()
    names = given.only.split(",") if given.only else list(INTERVALS)
    if unknown := [name for name in names if name not in INTERVALS]:
        parser.error(f"--only: {', '.join(unknown)}: not one of {', '.join(INTERVALS)}")
    tables, marked = [], 0
    for name in names:
        started = time.perf_counter()
        found = [coverage(name, cell, given.studies) for cell in cells([int(n) for n in given.prompts.split(",")])]
        marked += sum(1 for one in found if one is not None and one.mark == "!")
        tables.append(table(name, found))
        print(f"{tables[-1]}\n\n{time.perf_counter() - started:.0f} s\n", flush=True)
    print(f"{given.studies} studies a cell; {marked} cells out of bounds")
    if given.markdown:
        given.markdown.write_text("\n\n".join(tables) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
