"""The order in which pairs were completed, and the value of each when it was: what a confidence sequence reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.statistics.arrays import Floats, Ints
from eval.statistics.rows import VoteRows
from ppai.frames import MISSING

BY_TIME = "completion"
BY_PROMPT = "prompt"


@dataclass(frozen=True)
class Completed:
    """The completed pairs of a matchup in their frozen order; arrays of shape (pairs,)."""

    prompt: Ints
    value: Floats
    """The mean outcome for x of the votes that completed the pair: 1 a win, 0 a loss, one half a tie."""
    order: str
    """`completion`: by the time of the vote that completed each; or `prompt`: by place in the study."""

    def __len__(self) -> int:
        return len(self.prompt)


def completed_pairs(votes: VoteRows, key: str, matchup: int, overlap: int) -> Completed:
    """A matchup's pairs that have `overlap` votes, in the order in which they were completed.

    `votes` holds what counts: one vote a rater and pair, submitted, no hidden repeat, one arm. A pair is completed by
    its vote number `overlap`, in the order of `created_at`, and its value is the mean over the votes up to that one
    that answered the criterion: votes that come later change no look. It is left out where none of them answered.
    Pairs completed at the same time stand in the order of the study's prompts; so do all pairs, and votes as they
    are given, where any of the matchup's votes has no time.
    """
    rows = votes.take(votes.matchup == matchup)
    timed = bool(np.isfinite(rows.created_at).all())
    rows = rows.take(np.lexsort((np.arange(len(rows)), rows.created_at if timed else np.zeros(len(rows)), rows.prompt)))
    place = pd.Series(rows.prompt).groupby(rows.prompt).cumcount().to_numpy()
    last = place == overlap - 1
    time = rows.created_at[last] if timed else np.zeros(np.count_nonzero(last))
    prompt = rows.prompt[last]

    outcome = rows.for_x(key)
    counts = (place < overlap) & (outcome != MISSING)
    n = np.bincount(rows.prompt[counts], minlength=len(rows.index.prompts))[prompt]
    won = np.bincount(rows.prompt[counts], outcome[counts], len(rows.index.prompts))[prompt]
    order = np.lexsort((prompt, time))
    order = order[n[order] > 0]
    value = (1 + won[order] / n[order]) / 2
    return Completed(prompt[order], value, BY_TIME if timed else BY_PROMPT)
