"""Whether wins lead from every system to every other, without which Bradley-Terry strengths have no estimate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse.csgraph import connected_components

from eval.statistics.arrays import Bools, Ints
from eval.statistics.cells import Cells


class Disconnected(ValueError):
    """Strengths have no estimate: `groups` of systems, of which none both won and lost against every other."""

    def __init__(self, groups: Sequence[Sequence[str]]) -> None:
        self.groups = tuple(tuple(group) for group in groups)
        named = "; ".join(", ".join(group) for group in self.groups)
        super().__init__(f"no path of wins and losses connects these systems: {named}")


def connected(cells: Cells) -> Bools:
    """Whether each replicate has an estimate: wins lead from every system to every other (Ford 1957)."""
    beats = cells.beats()
    packed = np.packbits(beats.reshape(len(beats), -1), axis=1)
    _, first, pattern = np.unique(packed, axis=0, return_index=True, return_inverse=True)  # most replicates are alike
    return np.array([_components(beats[place])[0] == 1 for place in first], dtype=bool)[pattern.ravel()]


def groups_of(beats: Bools) -> list[list[int]]:
    """The groups of systems within which wins lead from each to each; shape of `beats` is (systems, systems)."""
    count, labels = _components(beats)
    return [np.flatnonzero(labels == group).tolist() for group in range(count)]


def _components(beats: Bools) -> tuple[int, Ints]:
    count, labels = connected_components(beats.astype(float), directed=True, connection="strong")
    return int(count), np.asarray(labels, dtype=np.int64)
