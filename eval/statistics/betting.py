"""Bounds on a mean of values in [0, 1] that hold at every look at once, by betting against each candidate mean."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from eval.statistics.arrays import Floats, Ints

GRID = 1000
"""Candidate means are multiples of 1 / GRID; bounds are rounded outwards to them."""
CONCENTRATION = 10.0
"""How close the bets stay to the candidate: as close as if so many values had confirmed it. Chosen by simulation for
50 to 2,000 values; the hedged process with predictable plug-in bets of the same paper needed 1.5 to 2 times as many
to tell .6 from .5, or to show a half within .05."""
_NODES = 128
_TABLE = 2_000_000
"""Most numbers in one table of growth: the gamblers of so many candidates are held at once."""

_ANGLES = (np.arange(_NODES) + 0.5) * np.pi / (2 * _NODES)
_STAKES = np.sin(_ANGLES) ** 2
"""Shares of the money that are bet on a large value, the rest on a small one; Gauss-Chebyshev nodes."""


def sequence_bounds(values: npt.ArrayLike, *, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Lower and upper bounds on the mean after each of the values, shape (n,) each.

    With probability 1 - `alpha` or more the mean that the values have in common lies between all of them, however
    often and whenever one looks, and whatever one's reason to stop: values in [0, 1], each with the same mean given
    those before it. Each bound is the tightest so far (the running intersection), so that they can cross where
    later values contradict earlier ones.

    Against a candidate m a gambler bets a share b of the money on a large value, at fair odds if m is the mean: it
    grows by b x / m + (1 - b) (1 - x) / (1 - m). The money of many gamblers, whose b spread about m like a beta
    distribution (parameters 1/2 + `CONCENTRATION` m and 1/2 + `CONCENTRATION` (1 - m), summed at nodes), is a
    martingale if m is the mean; once it is 1 / `alpha` times what it was, m is out (Ville's inequality). The interval
    runs from the lowest candidate that is not out to the highest.

    Waudby-Smith, I. and Ramdas, A. (2024), "Estimating means of bounded random variables by betting", Journal of the
    Royal Statistical Society B 86, 1-27; the spread of bets instead of one: Orabona, F. and Jun, K.-S. (2024), "Tight
    concentrations and confidence sequences from the regret of universal portfolio", IEEE Transactions on
    Information Theory 70, 436-455. On values 0 and 1 it is Robbins' beta-binomial mixture. Time is linear in n.

    Raises ValueError for an alpha outside (0, 1) or a value outside [0, 1].
    """
    return many_bounds([values], alpha=alpha)[0]


def many_bounds(sequences: Sequence[npt.ArrayLike], *, alpha: float = 0.05) -> list[tuple[Floats, Floats]]:
    """The `sequence_bounds` of each sequence, all of them made at once: many times quicker than one by one."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: {alpha} is not between 0 and 1")
    value = [checked(values) for values in sequences]
    found = _lower([*value, *(1.0 - one for one in value)], alpha)
    return [(low, 1.0 - high) for low, high in zip(found[: len(value)], found[len(value) :], strict=True)]


def looks_until_out(
    kinds: Floats, before: Floats, rate: Floats, mean: float, *, alpha: float, horizon: int
) -> int | None:
    """More values until the candidate `mean` is out, if they come at a fixed rate; None past `horizon`.

    `kinds` are the values there can be, `before` how often each has come, `rate` how often each comes per value;
    shapes (kinds,). 0 where the candidate is out with those before.
    """
    growth = log_growth(kinds, np.array([mean]))[:, 0]
    had, each = before @ growth + log_prior(np.array([mean]))[0], rate @ growth

    def out(looks: int) -> bool:
        return bool(_log_sum(had + looks * each) >= -np.log(alpha))

    # The logarithm of the money is convex in the looks: from below the mark it passes it once.
    if out(0):
        return 0
    if not out(horizon):
        return None
    below, above = 0, horizon
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if out(middle) else (middle, above)
    return above


def checked(values: npt.ArrayLike) -> Floats:
    """The values as floats. Raises ValueError where one lies outside [0, 1]."""
    value = np.asarray(values, dtype=float)
    if value.size and not (value.min() >= 0 and value.max() <= 1):
        raise ValueError("values: outside [0, 1]")
    return value


def ever_out(values: npt.ArrayLike, mean: float, *, alpha: float = 0.05) -> bool:
    """Whether the candidate `mean`, in (0, 1), was out at any look: quick, for simulations of coverage."""
    kinds, kind = np.unique(checked(values), return_inverse=True)
    means = np.array([mean])
    money = np.cumsum(log_growth(kinds, means)[kind, 0], axis=0) + log_prior(means)
    return bool(np.logaddexp.reduce(money, axis=1).max(initial=-np.inf) >= -np.log(alpha))


def log_growth(kinds: Floats, means: Floats) -> Floats:
    """Log of the factor by which each value multiplies each gambler's money; shape (kinds, means, nodes)."""
    kind, mean = kinds[:, None, None], means[:, None]
    return np.log(_STAKES * (kind / mean) + (1 - _STAKES) * ((1 - kind) / (1 - mean)))


def log_prior(means: Floats) -> Floats:
    """Log of each gambler's share of the money at the start; shape (means, nodes)."""
    weight = CONCENTRATION * (np.outer(means, np.log(_STAKES)) + np.outer(1 - means, np.log1p(-_STAKES)))
    return weight - np.logaddexp.reduce(weight, axis=1, keepdims=True)


def _lower(sequences: Sequence[Floats], alpha: float) -> list[Floats]:
    """Of each sequence after each value, the highest candidate such that it and all below it have been out."""
    if not sequences:
        return []
    ends = np.cumsum([len(values) for values in sequences])
    kinds, kind = np.unique(np.concatenate(sequences), return_inverse=True)
    counts = np.zeros((len(kind), len(kinds)))
    counts[np.arange(len(kind)), kind] = 1.0
    for part in np.split(counts, ends[:-1]):
        np.cumsum(part, axis=0, out=part)
    begins = ends - [len(values) for values in sequences]
    more = _newly_out(kinds, counts, begins, ends, -np.log(alpha))
    return [np.cumsum(part) / GRID for part in np.split(more, ends[:-1])]


def _newly_out(kinds: Floats, counts: Floats, look: Ints, end: Ints, wanted: float) -> Ints:
    """How many more candidates are out at each look, shape (looks,), of sequences that stand one after another.

    `counts` (looks, kinds) says how often each kind has come in a sequence up to a look, `look` and `end` (sequences,)
    where it begins and ends. Each sequence asks whether its lowest candidate that is still in is out at its look: if
    so it goes on to the next candidate, if not to the next look at which it may be. One round asks it of all of them.
    """
    more, out = np.zeros(len(counts), dtype=np.int64), np.zeros(len(look), dtype=np.int64)
    size = max(_TABLE // (_NODES * max(len(kinds), 1)), 1)
    for first in range(0, GRID - 1, size):
        last = min(first + size, GRID - 1)
        going = np.flatnonzero((out == first) & (look < end))
        if not len(going):
            break
        growth, prior, fastest = _table(tuple(kinds.tolist()), first, last)
        while len(going):
            at, place = look[going], out[going] - first
            short = wanted - _log_sum((counts[at][:, None] @ growth[place])[:, 0] + prior[place])
            is_out = short <= 0
            more[at[is_out]] += 1
            out[going] += is_out
            # No gambler's money grows faster than that of the fastest on the best of values: looks before are in vain.
            look[going] += np.where(is_out, 0, 1 + np.maximum(short / fastest[place] - 1e-6, 0).astype(np.int64))
            going = going[(look[going] < end[going]) & (out[going] < last)]
    return more


@lru_cache(maxsize=4)
def _table(kinds: tuple[float, ...], first: int, last: int) -> tuple[Floats, Floats, Floats]:
    """Growth (candidates, kinds, nodes), prior (candidates, nodes) and the most growth (candidates,) of a range."""
    means = np.arange(first + 1, last + 1) / GRID
    growth = np.ascontiguousarray(np.swapaxes(log_growth(np.array(kinds), means), 0, 1))
    return growth, log_prior(means), np.maximum(growth.max(axis=(1, 2)), 1e-9)


def _log_sum(logs: Floats) -> Floats:
    """Logarithm of the sum of exponentials over the last axis."""
    most = logs.max(axis=-1)
    return np.asarray(most + np.log(np.exp(logs - most[..., None]).sum(axis=-1)))
