"""Finds among many texts the one that a new text repeats."""

from __future__ import annotations

from collections import Counter

from ppai.overlap import LIMIT, SMALLEST, Runs, share


class Seen:
    """Texts by id, found by the runs of words that they hold."""

    def __init__(self) -> None:
        self._runs: dict[int, Runs] = {}
        self._with: dict[tuple[str, ...], list[int]] = {}

    def add(self, key: int, runs: Runs) -> None:
        self._runs[key] = runs
        for run in runs:
            self._with.setdefault(run, []).append(key)

    def repeated(self, runs: Runs) -> tuple[int, float] | None:
        """The text that shares most with a new one and the share, where that makes it a near-duplicate."""
        common = Counter(key for run in runs for key in self._with.get(run, ()))
        near = [key for key, count in common.items() if self._may_repeat(key, count, runs)]
        found = max(((share(runs, self._runs[key]), -key) for key in near), default=(0.0, 0))
        return (-found[1], found[0]) if found[0] >= LIMIT else None

    def _may_repeat(self, key: int, common: int, runs: Runs) -> bool:
        """Spares most texts the exact share: fewer common runs than this are too few, unless both texts are short."""
        return common >= LIMIT * SMALLEST or max(len(runs), len(self._runs[key])) < SMALLEST
