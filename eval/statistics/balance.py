"""Balance: on which sides the systems were shown, and how each rater used sides, time and repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtr

from eval.statistics.arrays import Bools, Floats, Ints
from eval.statistics.leave_one_out import leave_one_out
from eval.statistics.repeats import repeated
from eval.statistics.rows import SKIPPED, SUBMITTED, Rows, VoteRows
from ppai.frames import A_WINS, MISSING, TIE

SIDE_BIAS_P = 0.01
"""Two-sided exact binomial p below which a rater's choice of sides is flagged `side_bias`."""
SIDE_BIAS_VOTES = 20
"""Decisive outcomes needed before `side_bias` is looked for."""
FAST_SECONDS = 10.0
"""Median seconds a vote below which a rater is flagged `too_fast`."""
FAST_VOTES = 5
"""Timed votes needed before `too_fast` is looked for."""
TIES_VOTES = 5
"""Votes needed, none of them decisive on any criterion, for the flag `all_ties`."""
REPEATS = 3
"""Hidden repeats needed before `repeat_inconsistent` is looked for."""
REPEAT_AGREEMENT = 0.5
"""Share of repeats with the same outcome below which a rater is flagged `repeat_inconsistent`."""
DISAGREES_PAIRS = 10
"""Pairs that two others or more voted on, needed before `disagrees` is looked for."""
DISAGREES = "disagrees"
"""The one flag that rests on what the others chose: leaving out who has it would always favour the majority."""
DISAGREES_CONFIDENCE = 0.99
"""Of the interval of a rater's gap to the others (see `leave_one_out`): flagged `disagrees` where it lies below 0."""


@dataclass(frozen=True)
class RaterBalance:
    """One rater's habits. Votes are those submitted, hidden repeats apart; outcomes are of the overall criterion."""

    n: int
    n_skipped: int
    share_a: float | None
    """Of decisive outcomes, the share naming side A, over matchups whose systems stood on both sides: elsewhere a
    liking for a side cannot be told from one for a system. None where there are none."""
    median_seconds: float | None
    n_repeats: int
    """Hidden repeats that can be compared with the rater's first answer."""
    repeat_agreement: float | None
    """Share of them with the same outcome, whatever the sides."""
    n_shared: int
    """Pairs that others voted on too."""
    agreement: float | None
    """Mean share of the others' votes equal to the rater's, over these."""
    others_agreement: float | None
    """Mean share of equal votes among the others, over the rater's pairs that two of them or more voted on."""
    flags: tuple[str, ...]

    @property
    def left_out(self) -> bool:
        """Whether figures without flagged raters leave the rater out: for her habits, never for dissent alone."""
        return any(flag != DISAGREES for flag in self.flags)

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "n_skipped": self.n_skipped,
            "share_a": self.share_a,
            "median_seconds": self.median_seconds,
            "n_repeats": self.n_repeats,
            "repeat_agreement": self.repeat_agreement,
            "n_shared": self.n_shared,
            "agreement": self.agreement,
            "others_agreement": self.others_agreement,
            "flags": list(self.flags),
            "left_out": self.left_out,
        }


@dataclass(frozen=True)
class Balance:
    """The contract's BALANCE of one arm."""

    side_share: Mapping[str, float | None]
    """By system, of the showings it appears in, the share at side A; None without showings or known sides."""
    raters: Mapping[str, RaterBalance]

    def as_json(self) -> dict[str, Any]:
        return {
            "side_share": dict(self.side_share),
            "raters": {rater: balance.as_json() for rater, balance in self.raters.items()},
        }


def balance(votes: VoteRows, overall: str, *, sides_known: bool = True, assignments: Rows | None = None) -> Balance:
    """Balance of one arm's current votes, whatever their status and repeat.

    Showings are the votes that were submitted or skipped, or `assignments` where they are given. `overall` is the
    key of the summing-up criterion.
    """
    shown = votes.take((votes.status == SUBMITTED) | (votes.status == SKIPPED))
    return Balance(
        side_share=side_share(shown if assignments is None else assignments, sides_known=sides_known),
        raters=_raters(shown, overall, sides_known),
    )


def side_share(showings: Rows, *, sides_known: bool = True) -> dict[str, float | None]:
    """By system, of the showings it appears in, the share at side A."""
    systems = showings.index.systems
    x, y = showings.index.x_y(showings.matchup)
    at_a = np.bincount(np.where(showings.x_is_a, x, y), minlength=len(systems))
    appears = np.bincount(x, minlength=len(systems)) + np.bincount(y, minlength=len(systems))
    return {
        system: a / n if n and sides_known else None
        for system, a, n in zip(systems, at_a.tolist(), appears.tolist(), strict=True)
    }


def side_bias_p(at_a: Ints, decisive: Ints) -> Floats:
    """Exact two-sided binomial p of `at_a` choices of side A among `decisive`, if both sides are alike."""
    fewer = np.minimum(at_a, decisive - at_a)
    return np.minimum(2.0 * bdtr(fewer.astype(float), decisive, 0.5), 1.0)


def _raters(shown: VoteRows, overall: str, sides_known: bool) -> dict[str, RaterBalance]:
    names = shown.names
    first = (shown.status == SUBMITTED) & (shown.repeat == 0)

    def count(chosen: Bools) -> Ints:
        return np.bincount(shown.who[chosen], minlength=len(names))

    outcome = shown.outcomes[overall]
    decisive = first & (outcome != MISSING) & (outcome != TIE)
    at_a = decisive & (outcome == A_WINS)
    varied = shown.sides_varied(first) & sides_known
    n, tested, tested_at_a = count(first), count(decisive & varied), count(at_a & varied)
    p = side_bias_p(tested_at_a, tested)
    timed = first & np.isfinite(shown.seconds)
    n_timed, seconds = count(timed), _medians(shown.seconds[timed], shown.who[timed], len(names))
    n_repeats, repeat_agreement = _repeats(shown, overall)
    others = leave_one_out(shown.take(first), overall, confidence=DISAGREES_CONFIDENCE)
    gap = np.array([1.0 if interval.high is None else interval.high for interval in others.gap])
    flags = {
        "side_bias": (tested >= SIDE_BIAS_VOTES) & (p < SIDE_BIAS_P),
        "too_fast": (n_timed >= FAST_VOTES) & (seconds < FAST_SECONDS),
        "all_ties": (n >= TIES_VOTES) & (count(first & _decisive_anywhere(shown)) == 0),
        "repeat_inconsistent": (n_repeats >= REPEATS) & (repeat_agreement < REPEAT_AGREEMENT),
        DISAGREES: (others.n_compared >= DISAGREES_PAIRS) & (gap < 0),
    }
    seen = np.bincount(shown.who, minlength=len(names)) > 0
    return {
        names[rater]: RaterBalance(
            n=int(n[rater]),
            n_skipped=skipped,
            share_a=float(tested_at_a[rater] / tested[rater]) if tested[rater] else None,
            median_seconds=float(seconds[rater]) if n_timed[rater] else None,
            n_repeats=int(n_repeats[rater]),
            repeat_agreement=float(repeat_agreement[rater]) if n_repeats[rater] else None,
            n_shared=int(others.n[rater]),
            agreement=float(others.agreement[rater]) if others.n[rater] else None,
            others_agreement=float(others.of_others[rater]) if others.n_compared[rater] else None,
            flags=tuple(flag for flag, raised in flags.items() if raised[rater]),
        )
        for rater, skipped in enumerate(count(shown.status == SKIPPED).tolist())
        if seen[rater]
    }


def _decisive_anywhere(rows: Rows) -> Bools:
    """Whether a row names a system on any criterion, shape (rows,)."""
    decisive = np.zeros(len(rows), dtype=bool)
    for codes in rows.outcomes.values():
        decisive |= (codes != MISSING) & (codes != TIE)
    return decisive


def _medians(values: Floats, groups: Ints, n_groups: int) -> Floats:
    """Median of each group's values, NaN where a group has none."""
    medians = pd.Series(values).groupby(groups).median()
    return np.asarray(medians.reindex(range(n_groups)), dtype=np.float64)


def _repeats(shown: VoteRows, overall: str) -> tuple[Ints, Floats]:
    """By rater, the hidden repeats that have a first answer, and the share with the same outcome (or NaN)."""
    again, first = repeated(shown)
    outcome = shown.for_x(overall)
    answered = (outcome[again] != MISSING) & (outcome[first] != MISSING)
    again, first = again[answered], first[answered]
    same = outcome[again] == outcome[first]
    n = np.bincount(shown.who[again], minlength=len(shown.names))
    agreed = np.bincount(shown.who[again][same], minlength=len(shown.names))
    return n, np.divide(agreed, n, out=np.full(len(n), np.nan), where=n > 0)
