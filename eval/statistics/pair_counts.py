"""How often each outcome was given to each pair: the tables that all agreement is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from eval.statistics.arrays import Bools, Floats, Ints
from eval.statistics.rows import Rows
from eval.statistics.study_index import StudyIndex

LOWER, TIE, HIGHER = range(3)
"""Columns of the tables: the pair's system whose id stands first in code-point order wins, a tie, the other wins."""

Table = Floats
"""Counts of units in categories, shape (units, categories)."""


@dataclass(frozen=True)
class PairCounts:
    """Pairs with at least one outcome on a criterion; all arrays are of shape (pairs,) unless said."""

    index: StudyIndex
    code: Ints
    """The pair's code, see `Rows.pair_codes`."""
    prompt: Ints
    matchup: Ints
    counts: Table
    """Outcomes given, shape (pairs, 3)."""

    def __len__(self) -> int:
        return len(self.code)

    @classmethod
    def of(cls, rows: Rows, key: str) -> Self:
        """The outcomes of votes, or of unmerged verdicts, that count; missing ones appear nowhere."""
        _, codes = rows.pairs
        tally = rows.tally(key)
        known = tally.any(axis=1)
        code, counts = codes[known], tally[known].astype(np.float64)
        prompt, matchup = np.divmod(code, max(len(rows.index.systems) ** 2, 1))
        lower = rows.index.x_is_lower(matchup)
        return cls(rows.index, code, prompt, matchup, np.where(lower[:, None], counts, counts[:, ::-1]))

    def take(self, chosen: Bools | Ints) -> Self:
        arrays = (getattr(self, name)[chosen] for name in ("code", "prompt", "matchup", "counts"))
        return type(self)(self.index, *arrays)

    def places(self, code: Ints) -> Ints:
        """The row of each pair code, -1 where there is none."""
        return np.asarray(pd.Index(self.code).get_indexer(pd.Index(code)), dtype=np.int64)

    @property
    def votes(self) -> Floats:
        """Outcomes given to each pair."""
        return self.counts.sum(axis=1)

    @property
    def majority(self) -> Ints:
        """The column of each pair's strict plurality, -1 where two outcomes share the first place."""
        most = self.counts.max(axis=1, initial=0.0)
        strict = np.count_nonzero(self.counts == most[:, None], axis=1) == 1
        return np.where(strict, self.counts.argmax(axis=1), -1)

    @property
    def longer(self) -> Floats:
        """1 where the lower system's response is longer in characters, -1 the other, 0 or NaN where neither."""
        x, y = self.index.x_y(self.matchup)
        difference = np.sign(self.index.lengths[self.prompt, x] - self.index.lengths[self.prompt, y])
        return np.where(self.index.x_is_lower(self.matchup), difference, -difference)


def two_of(counts: Floats) -> Floats:
    """How many pairs can be made of so many things."""
    return counts * (counts - 1) / 2
