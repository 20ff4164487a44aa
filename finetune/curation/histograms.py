"""Counts of lengths and scores, some rows at a time, so that no list of all is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

_SCORES = (*range(10), *range(10, 20, 2), 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000)


@dataclass
class Histogram:
    """One figure; a value below the first edge counts at the first."""

    title: str
    unit: str
    edges: Sequence[int]
    """Where each bar starts."""
    counts: npt.NDArray[np.int64] = field(init=False)
    total: int = 0
    lowest: int | None = None
    highest: int | None = None

    def __post_init__(self) -> None:
        self.counts = np.zeros(len(self.edges), np.int64)

    def add(self, values: Sequence[int]) -> None:
        """Of some rows at once."""
        if not len(values):
            return
        numbers = np.asarray(values, np.int64)
        bars = np.maximum(np.searchsorted(self.edges, numbers, side="right") - 1, 0)
        self.counts += np.bincount(bars, minlength=len(self.edges))
        self.total += int(numbers.sum())
        lowest, highest = int(numbers.min()), int(numbers.max())
        self.lowest = lowest if self.lowest is None else min(self.lowest, lowest)
        self.highest = highest if self.highest is None else max(self.highest, highest)

    def bars(self) -> list[tuple[int, str, int]]:
        """(where it starts, its values in words, how many), without the empty ones at either end."""
        full = np.flatnonzero(self.counts).tolist()
        shown = range(full[0], full[-1] + 1) if full else range(0)
        return [(self.edges[number], self._label(number), int(self.counts[number])) for number in shown]

    def _label(self, number: int) -> str:
        start = self.edges[number]
        if number + 1 == len(self.edges):
            return f"{start}+"
        last = self.edges[number + 1] - 1
        return str(start) if last == start else f"{start}–{last}"

    @property
    def mean(self) -> float | None:
        rows = int(self.counts.sum())
        return self.total / rows if rows else None


class Histograms:
    """The figures of a data card."""

    def __init__(self, *, tokens: bool) -> None:
        self.tokens = Histogram("Tokens of a conversation", "tokens", range(0, 2000, 20)) if tokens else None
        self.score = Histogram("Score of the answer", "points", _SCORES)
        self.answer = Histogram("Length of the answer", "characters", range(0, 8000, 100))
        self.post = Histogram("Length of the post", "characters", range(0, 20000, 200))

    def __iter__(self) -> Any:
        return (one for one in (self.tokens, self.score, self.answer, self.post) if one is not None)

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Pairs with their `tokens`."""
        if self.tokens is not None:
            self.tokens.add([row["tokens"] for row in rows])
        self.score.add([int(row["score"]) for row in rows])
        self.answer.add([len(row["answer"]) for row in rows])
        self.post.add([len(row["title"]) + len(row["body"]) for row in rows])
