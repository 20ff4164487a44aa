"""Votes and verdicts as arrays of integer codes, made once and read by every statistic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from eval.statistics.arrays import Bools, Codes, Floats, Ints
from eval.statistics.study_index import StudyIndex
from ppai.frames import MISSING
from ppai.schema import VoteStatus

SUBMITTED, SKIPPED, VOID = range(3)
STATUSES = (VoteStatus.SUBMITTED.value, VoteStatus.SKIPPED.value, VoteStatus.VOID.value)


@dataclass(frozen=True)
class Rows:
    """Votes or verdicts, all arrays of shape (rows,)."""

    index: StudyIndex
    prompt: Ints
    matchup: Ints
    x_is_a: Bools
    """Whether the matchup's x stood at side A (or was shown first)."""
    arm: Ints
    arms: tuple[str, ...]
    who: Ints
    """Rater or judge: place in `names`."""
    names: tuple[str, ...]
    outcomes: Mapping[str, Codes]
    """By criterion, as in the frame: 1 side A wins, 0 tie, -1 side B wins, -128 missing."""

    def __len__(self) -> int:
        return len(self.prompt)

    def take(self, chosen: Bools | Ints) -> Self:
        """The rows that a mask or positions choose; themselves where a mask chooses all."""
        if chosen.dtype == np.bool_ and chosen.all():
            return self
        changes: dict[str, Any] = {"outcomes": {key: codes[chosen] for key, codes in self.outcomes.items()}}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                changes[field.name] = value[chosen]
        return replace(self, **changes)

    def of_arm(self, arm: str) -> Self:
        if arm not in self.arms:
            return self.take(np.zeros(len(self), dtype=bool))
        return self.take(self.arm == self.arms.index(arm))

    def arms_present(self) -> list[str]:
        return [self.arms[code] for code in np.unique(self.arm).tolist()]

    def for_x(self, key: str) -> Codes:
        """Outcomes of a criterion as x sees them: 1 x wins, 0 tie, -1 y wins, -128 missing."""
        if key not in self._for_x:
            codes = self.outcomes[key]
            self._for_x[key] = np.where(self.x_is_a | (codes == MISSING), codes, -codes)
        return self._for_x[key]

    @cached_property
    def _for_x(self) -> dict[str, Codes]:
        return {}

    def pair_codes(self) -> Ints:
        """A code of each row's prompt and matchup."""
        return self.prompt * len(self.index.systems) ** 2 + self.matchup

    @cached_property
    def pairs(self) -> tuple[Ints, Ints]:
        """The place of each row's pair among the pairs of the rows, and the code of each of these, in their order."""
        place, codes = pd.factorize(self.pair_codes())
        return np.asarray(place, dtype=np.int64), np.asarray(codes, dtype=np.int64)

    def tally(self, key: str) -> Ints:
        """Of each of `pairs`, how often x won on a criterion, neither, and y; shape (pairs, 3)."""
        if key not in self._tallies:
            place, codes = self.pairs
            outcome = self.for_x(key)
            column = np.where(outcome == MISSING, 3, 1 - outcome)
            self._tallies[key] = np.bincount(place * 4 + column, minlength=4 * len(codes)).reshape(-1, 4)[:, :3]
        return self._tallies[key]

    @cached_property
    def _tallies(self) -> dict[str, Ints]:
        return {}

    @cached_property
    def longer(self) -> Floats:
        """1 where x's response is longer in characters, -1 where y's, 0 or NaN where neither is known to be."""
        x, y = self.index.x_y(self.matchup)
        return np.sign(self.index.lengths[self.prompt, x] - self.index.lengths[self.prompt, y])

    def sides_varied(self, rows: Bools) -> Bools:
        """Whether the systems of each row's matchup stood on both sides among the chosen rows."""
        at_a = np.zeros(len(self.index.systems) ** 2, dtype=bool)
        at_b = at_a.copy()
        at_a[self.matchup[rows & self.x_is_a]] = True
        at_b[self.matchup[rows & ~self.x_is_a]] = True
        return (at_a & at_b)[self.matchup]


@dataclass(frozen=True)
class VoteRows(Rows):
    """Current votes of every status: each rater's highest revision of a pair, arm and repeat."""

    repeat: Ints
    status: Ints
    seconds: Floats
    created_at: Floats
    """Seconds since 1970 (UTC), NaN where unknown."""


@dataclass(frozen=True)
class VerdictRows(Rows):
    """Verdicts, scored or not; those unscored have no outcome on any criterion."""

    named: Bools
    maker: Ints
    """Place in `makers` of the model and prompt version that gave a verdict."""
    makers: tuple[tuple[str | None, str | None], ...]

    def makers_present(self) -> list[tuple[str | None, str | None]]:
        """Models and prompt versions of the rows, each once."""
        return [self.makers[place] for place in np.unique(self.maker).tolist()]
