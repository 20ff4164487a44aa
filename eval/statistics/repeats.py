"""Hidden repeats: a rater's second look at a pair, beside the first."""

from __future__ import annotations

import numpy as np
import pandas as pd

from eval.statistics.arrays import Ints
from eval.statistics.clustered import clustered_mean
from eval.statistics.interval import Interval
from eval.statistics.rows import SUBMITTED, VoteRows
from ppai.frames import MISSING

NO_REPEATS = "no hidden repeats"


def repeated(votes: VoteRows) -> tuple[Ints, Ints]:
    """Positions in one arm's current votes of the hidden repeats, and of the same rater's first vote on the same pair.

    Both submitted; of several repeats each is one. Shapes (repeats,).
    """
    again = np.flatnonzero((votes.status == SUBMITTED) & (votes.repeat > 0))
    if not len(again):
        return again, again
    first = np.flatnonzero((votes.status == SUBMITTED) & (votes.repeat == 0))
    code = votes.pair_codes() * max(len(votes.names), 1) + votes.who
    place = pd.Index(code[first]).get_indexer(code[again])
    return again[place >= 0], first[place[place >= 0]]


def retest(again: VoteRows, first: VoteRows, key: str, *, confidence: float = 0.95) -> Interval:
    """Share of hidden repeats with the outcome of the rater's first vote, whatever the sides.

    `again` and `first` are the rows that `repeated` found. `n` counts repeats answered both times; the interval is
    that of `clustered_mean`, over prompts.
    """
    now, before = again.for_x(key), first.for_x(key)
    answered = (now != MISSING) & (before != MISSING)
    same = now[answered] == before[answered]
    return clustered_mean(same, again.prompt[answered], confidence=confidence, empty=NO_REPEATS)
