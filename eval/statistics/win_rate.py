"""Win rates and shares: how often each system wins over pairs that all weigh the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from eval.statistics.arrays import Floats, Ints
from eval.statistics.clustered import clustered_means
from eval.statistics.interval import Interval
from eval.statistics.pairs import JudgedPairs, PairOutcomes
from eval.statistics.sign_test import SignTest, sign_tests
from eval.statistics.study_index import StudyIndex

Bounds = tuple[float, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Rates:
    """Win rates, shares and the share of ties of one source; each `n` counts pairs, prompts are the clusters."""

    n: int
    win_rate: Mapping[str, Interval]
    """By `x>y`: the mean over pairs of the pair's mean outcome for x."""
    shares: Mapping[str, Interval]
    """By system, over the pairs in which it appears; with two systems they and `tie_share` sum to 1."""
    tie_share: Interval
    sign_test: Mapping[str, SignTest]
    """By `x>y`: whether more prompts prefer x to y than chance would have it."""

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "shares": {system: share.as_json() for system, share in self.shares.items()},
            "tie_share": self.tie_share.as_json(),
            "win_rate": {label: rate.as_json() for label, rate in self.win_rate.items()},
            "sign_test": {label: test.as_json() for label, test in self.sign_test.items()},
        }


@dataclass(frozen=True)
class OneOrderBounds:
    """Lowest and highest value that each merged figure could take, had the missing orders been scored."""

    win_rate: Mapping[str, Bounds]
    shares: Mapping[str, Bounds]
    tie_share: Bounds

    def as_json(self) -> dict[str, Any]:
        return {
            "win_rate": {label: list(bounds) for label, bounds in self.win_rate.items()},
            "shares": {system: list(bounds) for system, bounds in self.shares.items()},
            "tie_share": list(self.tie_share),
        }


def rates(pairs: PairOutcomes, index: StudyIndex, *, confidence: float = 0.95) -> Rates:
    """Rates of pairs, with an interval for every matchup and system of the study; see `clustered_means`."""
    return grouped_rates(pairs, index, np.zeros(len(pairs), dtype=np.int64), 1, confidence=confidence)[0]


def grouped_rates(
    pairs: PairOutcomes, index: StudyIndex, group: Ints, n_groups: int, *, confidence: float = 0.95
) -> list[Rates]:
    """The rates of each group of pairs by itself; `group` holds codes 0..n_groups-1, shape (pairs,)."""
    matchups, systems = np.union1d(index.matchups, pairs.matchup), len(index.systems)
    matchup = group * len(matchups) + np.searchsorted(matchups, pairs.matchup)
    how: dict[str, Any] = {"confidence": confidence, "empty": "no pairs"}
    win_rate = clustered_means(pairs.score, pairs.prompt, matchup, n_groups * len(matchups), **how)
    shares = clustered_means(
        np.concatenate([pairs.x_share, pairs.y_share]),
        np.concatenate([pairs.prompt, pairs.prompt]),
        np.concatenate([group * systems + side for side in index.x_y(pairs.matchup)]),
        n_groups * systems,
        **how,
    )
    tie_share = clustered_means(pairs.tie_share, pairs.prompt, group, n_groups, **how)
    tests = sign_tests(pairs.score, matchup, n_groups * len(matchups))
    n, labels = np.bincount(group, minlength=n_groups).tolist(), index.labels(matchups)

    return [
        Rates(
            n=n[place],
            win_rate=_of_group(win_rate, place, labels),
            shares=_of_group(shares, place, index.systems),
            tie_share=tie_share[place],
            sign_test=_of_group(tests, place, labels),
        )
        for place in range(n_groups)
    ]


def _of_group(values: Sequence[T], group: int, names: Sequence[str]) -> dict[str, T]:
    """The named values of one group, of which each group has as many."""
    return dict(zip(names, values[group * len(names) : (group + 1) * len(names)], strict=True))


def one_order_bounds(judged: JudgedPairs, index: StudyIndex) -> OneOrderBounds | None:
    """What the pairs with one order left out could move the merged figures to; None where there are none.

    The missing order may hold anything between a win for x and a win for y: a pair whose known order scores s
    ends between s / 2 and (1 + s) / 2, its win for the system that order named may or may not stand, and a
    known tie stays a tie.
    """
    known, merged = judged.one_order, judged.merged
    if not len(known):
        return None
    matchups = np.unique(known.matchup)
    pairs = np.searchsorted(matchups, known.matchup)
    inside = np.isin(merged.matchup, matchups)
    places = np.searchsorted(matchups, merged.matchup[inside])
    win_rate = _bounds(
        (merged.score[inside], places),
        (known.score / 2, (1 + known.score) / 2, pairs),
        len(matchups),
    )
    systems = np.unique(np.concatenate(index.x_y(known.matchup)))
    shares = _bounds(
        (np.concatenate([merged.x_share, merged.y_share]), np.concatenate(index.x_y(merged.matchup))),
        (
            np.zeros(2 * len(known)),
            np.concatenate([known.x_share, known.y_share]),
            np.concatenate(index.x_y(known.matchup)),
        ),
        len(index.systems),
    )
    tie_share = _bounds(
        (merged.tie_share, np.zeros(len(merged), dtype=np.int64)),
        (known.tie_share, np.ones(len(known)), np.zeros(len(known), dtype=np.int64)),
        1,
    )
    return OneOrderBounds(
        win_rate=dict(zip(index.labels(matchups), win_rate, strict=True)),
        shares={index.systems[system]: shares[system] for system in systems.tolist()},
        tie_share=tie_share[0],
    )


def _bounds(merged: tuple[Floats, Ints], known: tuple[Floats, Floats, Ints], n_groups: int) -> list[Bounds]:
    """Group means with every one-order pair at its lowest, and at its highest."""
    values, groups = merged
    lowest, highest, known_groups = known
    count = np.bincount(groups, minlength=n_groups) + np.bincount(known_groups, minlength=n_groups)
    total = np.bincount(groups, values, n_groups)
    low, high = (
        (total + np.bincount(known_groups, ends, n_groups)) / np.maximum(count, 1) for ends in (lowest, highest)
    )
    return list(zip(low.tolist(), high.tolist(), strict=True))
