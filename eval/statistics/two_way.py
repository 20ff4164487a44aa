"""Sensitivity of a win rate to who rated: an interval over prompts and raters at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eval.statistics.adjusted import adjusted_ends
from eval.statistics.arrays import Floats, Ints
from eval.statistics.interval import Interval
from eval.statistics.rows import Rows
from ppai.frames import MISSING

RATERS = 10
"""Raters of a matchup below which the interval is not given: a variance between fewer cannot be told."""
METHOD = "Agresti-Coull, two-way clustered by prompt and rater"


def two_way_rates(votes: Rows, key: str, *, confidence: float = 0.95) -> dict[str, Interval]:
    """By `x>y`, the win rate of `rates` with an interval over prompts and raters; `n` counts pairs.

    The variance over prompts gains what raters add: that of sums over raters less that of single votes, where
    positive, so that the interval is never narrower than over prompts alone but for rounding. Student's t has the
    smaller number of clusters less one degrees of freedom. Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2011),
    "Robust inference with multiway clustering", Journal of Business & Economic Statistics 29, 238-249.

    `votes` holds what counts: one vote a rater and pair. Matchups without votes are left out.
    """
    outcome = votes.for_x(key)
    answered = outcome != MISSING
    score = (1.0 + outcome[answered]) / 2
    prompt, who = votes.prompt[answered], votes.who[answered]
    matchup = votes.matchup[answered]
    found = np.flatnonzero(np.bincount(matchup))
    if len(found) == 1:
        return {votes.index.labels(found)[0]: two_way_mean(score, prompt, who, confidence)}
    rows = (matchup == code for code in found)
    return {
        label: two_way_mean(score[chosen], prompt[chosen], who[chosen], confidence)
        for label, chosen in zip(votes.index.labels(found), rows, strict=True)
    }


def two_way_mean(score: Floats, prompt: Ints, who: Ints, confidence: float = 0.95) -> Interval:
    """The mean over prompts of the mean of their votes in [0, 1].

    `score` and the codes of `prompt` and rater, `who`, have shape (votes,); `n` counts prompts.
    """
    votes, of_rater = np.bincount(prompt), np.bincount(who)
    n, raters = int(np.count_nonzero(votes)), int(np.count_nonzero(of_rater))
    if raters < RATERS:
        few = f"{raters} rater{'' if raters == 1 else 's'}"
        return Interval.missing(f"{few}; {RATERS} at least tell how much raters differ", n)
    if n < 2:
        return Interval.missing("one prompt", n)
    estimate = float((np.bincount(prompt, score) / np.maximum(votes, 1)).sum() / n)
    part = (score - estimate) / (n * votes[prompt])
    over_prompts = _spread(np.bincount(prompt, part), n)
    added = max(_spread(np.bincount(who, part), raters) - _spread(part, len(part)), 0.0)
    freedom = min(n, raters) - 1
    low, high = adjusted_ends(estimate, over_prompts + added, n, confidence=confidence, freedom=freedom)
    return Interval(estimate, low, high, n, METHOD)


def _spread(sums: npt.NDArray[Any], clusters: int) -> float:
    """The variance of a total of independent sums of mean 0; places beyond the number of clusters hold 0."""
    return float((sums**2).sum() * clusters / (clusters - 1))
