"""The one form of every metric: sums for each text, of which its figures are made, so that texts are read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
References = Sequence[Sequence[str]]
"""For each text the human answers that it is compared with, one or more."""


@dataclass(frozen=True)
class Measure:
    """A metric's figures of n texts, which are functions of sums over the texts."""

    names: tuple[str, ...]
    """Of the figures, in the order in which `figures` gives them."""
    sums: Floats
    """Sufficient statistics of each text, shape (n, k)."""
    figures: Callable[[Floats], Floats]
    """From sums of shape (..., k) to figures of shape (..., len(names)); NaN where one is not defined."""
    signature: str = ""
    """What made the numbers: library, version, settings."""
    notes: tuple[str, ...] = field(default=())
    """What a reader of the figures must know, a sentence each."""

    def __post_init__(self) -> None:
        if self.sums.ndim != 2:
            raise ValueError(f"sums: of shape (texts, statistics), not {self.sums.shape}")

    @property
    def of_all(self) -> Floats:
        """The figures of all texts together, shape (len(names),)."""
        return self.figures(self.sums.sum(axis=0))

    @property
    def of_each(self) -> Floats:
        """The figures of each text alone, shape (n, len(names))."""
        return self.figures(self.sums)

    def take(self, chosen: Ints) -> Self:
        return replace(self, sums=self.sums[chosen])


def means(names: Sequence[str], values: npt.ArrayLike, signature: str = "", notes: Sequence[str] = ()) -> Measure:
    """The measure whose figures are plain means of `values`, shape (n, len(names)); a NaN counts in no mean."""
    array = np.asarray(values, dtype=np.float64).reshape(-1, len(names))
    known = ~np.isnan(array)
    sums = np.hstack([np.where(known, array, 0.0), known])
    return Measure(tuple(names), sums, _ratio_of_halves, signature, tuple(notes))


def _ratio_of_halves(sums: Floats) -> Floats:
    totals, counts = np.split(sums, 2, axis=-1)
    return np.divide(totals, counts, out=np.full(totals.shape, np.nan), where=counts > 0)
