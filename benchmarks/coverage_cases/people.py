"""People's figures: win rates and shares, agreement, hidden repeats, habits, and criteria."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.coverage_cases.simulation import CORRELATION, KEY, LABEL, Cell, Figure, case, index_of, vote_rows
from eval.statistics.criteria_correlation import criteria_of_votes
from eval.statistics.human_agreement import human_agreement
from eval.statistics.pair_counts import PairCounts
from eval.statistics.pairs import voted_pairs
from eval.statistics.position import first_position, longer_wins
from eval.statistics.repeats import retest
from eval.statistics.two_way import two_way_mean
from eval.statistics.win_rate import rates

SWAYED = 0.15
"""Share of the decisive votes that the side decides, and of those that length does, in `habits`."""


@case
def people(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """What the summary says of people's votes; each rater has a second look at one pair of a prompt."""
    rate = cell.rates(rng, cell.win_rate, (cell.prompts,))
    index, votes = index_of(cell.prompts), cell.votes(rng, rate, cell.raters)
    rows = vote_rows(index, votes)
    found = rates(voted_pairs(rows, KEY), index)
    yield Figure("win_rate", found.win_rate[LABEL], cell.mean)
    yield Figure("shares", found.shares["x"], (1 - cell.ties) * cell.win_rate)
    if cell.ties:
        yield Figure("tie_share", found.tie_share, cell.ties)
    first, again = (vote_rows(index, one) for one in (votes[:, :1], cell.votes(rng, rate, 1)))
    if cell.raters == 1:
        yield Figure("test_retest", retest(again, first, KEY))
        return
    agreement = human_agreement(rows, PairCounts.of(rows, KEY), (again, first), KEY)
    names = ["with_ties", "krippendorff_alpha", "gwet_ac1", "test_retest"]
    for name in names + ["without_ties", "krippendorff_alpha_ordinal"] * bool(cell.ties):
        yield Figure(name, getattr(agreement, name))


@case
def habits(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """x is the longer in most pairs and stands on either side; some votes are for the side, or for the longer."""
    shape = cell.prompts, cell.raters
    votes = cell.votes(rng, cell.rates(rng, cell.win_rate, shape[:1]), cell.raters)
    difference, x_is_a = np.rint(rng.normal(150.0, 400.0, cell.prompts)), rng.random(shape) < 0.5
    swayed, decisive = rng.random(shape), votes != 0.5
    votes = np.where(decisive & (swayed < SWAYED), x_is_a, votes)
    by_length = decisive & (swayed > 1 - SWAYED) & (difference != 0)[:, None]
    votes = np.where(by_length, (difference > 0)[:, None], votes)
    rows = vote_rows(index_of(cell.prompts, difference), votes, x_is_a=x_is_a)
    yield Figure("first_position", first_position(rows, KEY))
    yield Figure("longer_wins", longer_wins(rows, KEY))


@case
def two_way(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """Twelve raters on every prompt, each with a leaning of her own, which speaks in every tenth vote."""
    if cell.raters == 1:
        return
    raters, n, precision, rate = 12, cell.prompts, 1 / CORRELATION - 1, cell.win_rate
    own, prompts = (rng.beta(rate * precision, (1 - rate) * precision, size) for size in ((1, raters), (n, 1)))
    won = (rng.random((n, raters)) < np.where(rng.random((n, raters)) < 0.1, own, prompts)).astype(float)
    score = np.where(rng.random((n, raters)) < cell.ties, 0.5, won)
    prompt, rater = np.divmod(np.arange(raters * n), raters)
    yield Figure("win_rate_two_way", two_way_mean(score.ravel(), prompt, rater), cell.mean)


@case
def criteria(cell: Cell, rng: np.random.Generator) -> Iterator[Figure]:
    """Votes on two criteria whose answers are the same as often as the cell's win rate says."""
    first = cell.votes(rng, np.full(cell.prompts, 0.5), cell.raters)
    chance = cell.rates(rng, cell.win_rate, (cell.prompts,))
    same = rng.random(first.shape) < chance[:, None]
    other = (2 * first + rng.integers(1, 3, first.shape)) % 3 / 2
    rows = vote_rows(index_of(cell.prompts), first, np.where(same, first, other))
    ((_, found),) = criteria_of_votes(rows, tuple(rows.outcomes)).items()
    yield Figure("equal", found.equal, cell.win_rate)
