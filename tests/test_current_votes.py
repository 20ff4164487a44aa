"""Which vote events count, and when each showing was first answered: one rule for frames and for coded rows."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from ppai.frames import latest

NAN = float("nan")
REVISED = [(7, 1, False, 10.0), (7, 2, True, 20.0), (7, 3, True, 30.0), (4, 1, True, 15.0), (9, 5, False, 50.0)]
"""Showing, revision, whether it answered, and when: skipped and then answered twice; answered once; skipped."""


def told(rows: list[tuple[int, int, bool, float]]) -> dict[int, tuple[int, float]]:
    """By showing, the revision that counts and when it was first answered."""
    showing, revision, answered, time = (np.array(column) for column in zip(*rows, strict=True))
    kept, first = latest(showing, revision, answered, time)
    assert kept.tolist() == sorted(kept.tolist()), "in the order of the events"
    return {int(showing[place]): (int(revision[place]), at) for place, at in zip(kept, first.tolist(), strict=True)}


def test_the_highest_revision_counts_at_the_time_of_the_first_answer() -> None:
    for rows in permutations(REVISED):
        assert told(list(rows)) == {7: (3, 20.0), 4: (1, 15.0), 9: (5, 50.0)}


def test_a_first_answer_without_a_time_leaves_it_to_the_next() -> None:
    assert told([(1, 1, True, NAN), (1, 2, True, 8.0), (1, 3, True, 9.0)]) == {1: (3, 8.0)}
    assert told([(1, 1, True, 3.0), (1, 2, True, NAN)]) == {1: (2, 3.0)}
    ((revision, at),) = told([(1, 1, True, NAN), (1, 2, True, NAN)]).values()
    assert revision == 2 and np.isnan(at)


def test_a_void_leaves_the_time_of_the_first_answer() -> None:
    assert told([(1, 1, True, 3.0), (1, 2, False, 9.0)]) == {1: (2, 3.0)}
    assert told([(1, 1, False, 3.0), (1, 2, False, 9.0)]) == {1: (2, 9.0)}


def test_of_equal_revisions_the_last_event_counts() -> None:
    kept, first = latest(np.zeros(3), np.array([1, 2, 2]), np.ones(3, dtype=bool), np.array([5.0, 6.0, 7.0]))
    assert (kept.tolist(), first.tolist()) == ([2], [5.0])


@pytest.mark.parametrize("n", [0, 3])
def test_what_was_never_revised_keeps_its_own_time(n: int) -> None:
    kept, first = latest(np.arange(n)[::-1], np.ones(n), np.zeros(n, dtype=bool), np.arange(n) / 2)
    assert (kept.tolist(), first.tolist()) == (list(range(n)), [place / 2 for place in range(n)])
