"""Counts of lengths and scores, row by row, so that no list of them is needed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_SCORES = (*range(10), *range(10, 20, 2), 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000)


@dataclass
class Histogram:
    """One figure; a value below the first edge counts at the first."""

    title: str
    unit: str
    edges: Sequence[int]
    """Where each bar starts."""
    counts: list[int] = field(default_factory=list)
    total: int = 0
    lowest: int | None = None
    highest: int | None = None

    def __post_init__(self) -> None:
        self.counts = [0] * len(self.edges)

    def add(self, value: int) -> None:
        self.counts[max(0, bisect_right(self.edges, value) - 1)] += 1
        self.total += value
        self.lowest = value if self.lowest is None else min(self.lowest, value)
        self.highest = value if self.highest is None else max(self.highest, value)

    def bars(self) -> list[tuple[int, str, int]]:
        """(where it starts, its values in words, how many), without the empty ones at either end."""
        full = [number for number, count in enumerate(self.counts) if count]
        shown = range(full[0], full[-1] + 1) if full else range(0)
        return [(self.edges[number], self._label(number), self.counts[number]) for number in shown]

    def _label(self, number: int) -> str:
        start = self.edges[number]
        if number + 1 == len(self.edges):
            return f"{start}+"
        last = self.edges[number + 1] - 1
        return str(start) if last == start else f"{start}–{last}"

    @property
    def mean(self) -> float | None:
        rows = sum(self.counts)
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

    def add(self, row: Mapping[str, Any]) -> None:
        """A pair with its `tokens`."""
        if self.tokens is not None:
            self.tokens.add(row["tokens"])
        self.score.add(int(row["score"]))
        self.answer.add(len(row["answer"]))
        self.post.add(len(row["title"]) + len(row["body"]))
