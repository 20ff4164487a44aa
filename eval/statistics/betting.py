"""Bounds on a mean of values in [0, 1] that hold at every look at once, by betting against each candidate mean."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from eval.statistics.coding import Floats

GRID = 1000
"""Candidate means are multiples of 1 / GRID; bounds are rounded outwards to them."""
CONCENTRATION = 10.0
"""How close the bets stay to the candidate: as close as if so many values had confirmed it. Chosen by simulation for
50 to 2,000 values; the hedged process with predictable plug-in bets of the same paper needed 1.5 to 2 times as many
to tell .6 from .5, or to show a half within .05."""
_NODES = 128
_CHUNK = 25
"""Candidates whose gamblers are held at once."""

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
    value = checked(values)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: {alpha} is not between 0 and 1")
    return _lower(value, alpha), 1.0 - _lower(1.0 - value, alpha)


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
        return _log_sum(had + looks * each) >= -np.log(alpha)

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


def _lower(values: Floats, alpha: float) -> Floats:
    """After each value, the highest candidate such that it and all below it have been out."""
    kinds, kind = np.unique(values, return_inverse=True)
    counts, wanted = np.zeros(len(kinds)), -np.log(alpha)
    low, out, loaded = np.zeros(len(values)), 0, -1
    for look, which in enumerate(kind.tolist()):
        counts[which] += 1
        while out < GRID - 1:
            chunk, place = divmod(out, _CHUNK)
            if chunk != loaded:
                growth = np.stack([_growth_of(value, chunk) for value in kinds.tolist()])
                prior, loaded = _prior_of(chunk), chunk
            if _log_sum(counts @ growth[:, place] + prior[place]) < wanted:
                break
            out += 1
        low[look] = out / GRID
    return low


def _means(chunk: int) -> Floats:
    return np.arange(chunk * _CHUNK + 1, min((chunk + 1) * _CHUNK, GRID - 1) + 1) / GRID


@lru_cache(maxsize=1024)
def _growth_of(kind: float, chunk: int) -> Floats:
    """Values such as thirds come back in every matchup and at every look."""
    return np.asarray(log_growth(np.array([kind]), _means(chunk))[0])


@lru_cache(maxsize=GRID // _CHUNK)
def _prior_of(chunk: int) -> Floats:
    return log_prior(_means(chunk))


def _log_sum(logs: Floats) -> float:
    """Logarithm of a sum of exponentials."""
    most = float(logs.max())
    return most + float(np.log(np.exp(logs - most).sum()))
