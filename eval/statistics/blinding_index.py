"""Bang's blinding index: whether raters, asked which side came from the system under test, could tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from eval.statistics.clustered import clustered_mean
from eval.statistics.interval import Interval

SUCCESS = 0.2
"""An index within this of 0 is usually taken for successful blinding."""
NO_GUESSES = "nobody was asked"


@dataclass(frozen=True)
class Guesses:
    """How often raters were right, and the index of it."""

    index: Interval
    right: int
    wrong: int
    unsure: int
    raters: int

    @classmethod
    def of(cls, guesses: pd.DataFrame, *, confidence: float = 0.95) -> Self:
        """From a frame as `ppai.frames.guess_frame` makes it."""
        unsure = guesses["correct"].isna().to_numpy(dtype=np.bool_)
        right = ~unsure & (guesses["correct"] == True).to_numpy(dtype=np.bool_)  # noqa: E712
        rater, raters = pd.factorize(guesses["rater"])
        counts = [np.bincount(rater[some], minlength=len(raters)) for some in (right, ~right & ~unsure, unsure)]
        n_right, n_wrong, n_unsure = (int(count.sum()) for count in counts)
        return cls(blinding_index(*counts, confidence=confidence), n_right, n_wrong, n_unsure, len(raters))

    def as_json(self) -> dict[str, Any]:
        counts = {"right": self.right, "wrong": self.wrong, "unsure": self.unsure, "n_raters": self.raters}
        return self.index.as_json() | counts


@dataclass(frozen=True)
class Blinding:
    """What raters of one arm guessed, and what of it by where the system under test stood.

    Somebody who always names one side is right at that side and wrong at the other: together that is chance.
    """

    all: Guesses
    sides: Mapping[str, Guesses]
    """By `a` and `b`; none where nobody was asked, or it is unknown which system stood where."""

    @classmethod
    def of(cls, guesses: pd.DataFrame, reference: str | None = None, *, confidence: float = 0.95) -> Self:
        """From one arm's guesses, a frame as `ppai.frames.guess_frame` makes it."""
        shown = guesses["system_a"]
        at = np.where(shown == reference, "b", "a")[shown.notna().to_numpy(dtype=np.bool_)]
        known = guesses[shown.notna().to_numpy(dtype=np.bool_)]
        sides = {side: Guesses.of(known[at == side], confidence=confidence) for side in np.unique(at).tolist()}
        return cls(Guesses.of(guesses, confidence=confidence), sides)

    @property
    def sentence(self) -> str:
        return blinding_sentence(self.all.index)

    def as_json(self) -> dict[str, Any]:
        sides = {side: one.as_json() for side, one in self.sides.items()}
        return self.all.as_json() | {"sentence": self.sentence, "sides": sides}


def blinding_index(
    right: npt.ArrayLike, wrong: npt.ArrayLike, unsure: npt.ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Right guesses less wrong ones, over all asked: 1 all could tell, 0 chance, -1 all mistook one for the other.

    Counts by rater, shapes (raters,); `n` counts guesses. It is 2 m - 1 for the mean m of 1 for a right guess, 0 for a
    wrong one and 1/2 for "unsure", and its interval that of `clustered_mean` for m, with the rater as the independent
    unit: her guesses share what she knows. Unlike the published normal interval it has a width where all are right.
    Where guesses lean to one side, give those about each side apart, as trials do with their arms.

    Bang, H., Ni, L. and Davis, C. E. (2004), "Assessment of blinding in clinical trials", Controlled Clinical Trials
    25, 143-156. Raises ValueError for counts below 0 or of different length.
    """
    counts = np.stack(
        np.broadcast_arrays(*(np.atleast_1d(np.asarray(c, dtype=np.int64)) for c in (right, wrong, unsure)))
    )
    if counts.size and counts.min() < 0:
        raise ValueError("counts: below 0")
    raters = np.arange(counts.shape[1])
    mean = clustered_mean(
        np.repeat([1.0, 0.0, 0.5], counts.shape[1]),
        np.tile(raters, 3),
        weights=counts.ravel(),
        confidence=confidence,
        empty=NO_GUESSES,
    )
    if mean.estimate is None or mean.low is None or mean.high is None:
        return mean
    numbers = {name: 2 * getattr(mean, name) - 1 for name in ("estimate", "low", "high")}
    return replace(mean, **numbers, method=f"Bang's index, {mean.method.replace('by prompt', 'by rater')}")


def blinding_sentence(index: Interval) -> str:
    """What an index says, for readers."""
    if index.estimate is None or index.low is None or index.high is None:
        return f"Blinding: {index.reason}."
    bounds = ", ".join(f"{bound:z.2f}" for bound in (index.low, index.high))
    guesses = "1 guess" if index.n == 1 else f"{index.n:,} guesses"
    seen = f"Bang's index {index.estimate:z.2f} [{bounds}], {guesses}".replace("-", "−")
    if index.low > SUCCESS:
        return f"Raters guessed right more often than chance: they could tell the systems apart ({seen})."
    if index.low > 0:
        return f"Raters guessed right somewhat more often than chance ({seen})."
    if index.high < 0:
        return f"Raters guessed right less often than chance: they took one system for the other ({seen})."
    if index.high <= SUCCESS:
        return f"Raters guessed right about as often as chance: they could not tell the systems apart ({seen})."
    return f"Too few guesses to say whether raters guess right more often than chance ({seen})."
