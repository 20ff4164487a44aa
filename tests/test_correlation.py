"""Pearson's correlation over prompts: the estimate, its interval where outcomes are rare or all alike, strata, JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import pearsonr

from eval.statistics.correlation import METHOD, METHOD_FEW, ONE_OUTCOME, correlation
from eval.statistics.criteria_correlation import CriteriaPair
from eval.statistics.interval import Interval


def of(
    one: object, other: object, strata: object = None, clusters: object = None, confidence: float = 0.95
) -> Interval:
    first, second = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    return correlation(
        first,
        second,
        np.zeros(len(first), dtype=np.int64) if strata is None else np.asarray(strata),
        np.arange(len(first)) if clusters is None else np.asarray(clusters),
        confidence=confidence,
    )


def ends(found: Interval) -> tuple[float, float, float]:
    assert found.low is not None and found.estimate is not None and found.high is not None
    return found.low, found.estimate, found.high


def test_the_estimate_and_a_large_sample_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    x = rng.random(4000)
    y = np.clip(0.7 * x + 0.3 * rng.random(4000), 0, 1)
    theirs = pearsonr(x, y)
    low, estimate, high = ends(of(x, y))
    assert estimate == pytest.approx(theirs.statistic)
    ends_of_fisher = theirs.confidence_interval()
    assert (low, high) == (pytest.approx(ends_of_fisher.low, abs=0.015), pytest.approx(ends_of_fisher.high, abs=0.015))


def test_by_hand_the_sandwich_of_a_table_of_four_cells() -> None:
    """Balanced and uncorrelated: the scores are +-1 with mean 0, each prompt's influence is +-1/(n + z^2)."""
    z = 1.959963984540054
    low, estimate, high = ends(of([1, 1, 0, 0] * 5, [1, 0, 1, 0] * 5))
    augmented = 20 + z * z
    half = z * np.sqrt(augmented / augmented**2 * augmented / (augmented - 1))
    assert (low, estimate, high) == pytest.approx((-half, 0, half))


def test_what_is_the_same_in_all_prompts_has_an_interval_that_narrows() -> None:
    widths = []
    for n in (6, 20, 100):
        low, estimate, high = ends(of([1, 0] * (n // 2), [1, 0] * (n // 2)))
        assert estimate == high == pytest.approx(1) and low < 1
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True) and widths[-1] < 0.25
    mirrored = ends(of([1, 0] * 10, [0, 1] * 10))
    assert mirrored == pytest.approx([-end for end in ends(of([1, 0] * 10, [1, 0] * 10))][::-1])


def test_pairs_of_one_prompt_are_no_further_evidence() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 2, 40), rng.integers(0, 2, 40)
    once = of(x, y)
    thrice = of(np.repeat(x, 3), np.repeat(y, 3), clusters=np.repeat(np.arange(40), 3))
    assert ends(thrice) == pytest.approx(ends(once)) and (once.n, thrice.n) == (40, 120)
    low, _, high = ends(of(np.repeat(x, 3), np.repeat(y, 3)))
    assert high - low < 0.7 * (ends(once)[2] - ends(once)[0])


def test_strata_lend_no_correlation_and_may_be_turned() -> None:
    rng = np.random.default_rng(3)
    strata = np.repeat([0, 1], 60)
    x = (rng.random(120) < np.where(strata, 0.9, 0.1)).astype(float)
    y = (rng.random(120) < np.where(strata, 0.9, 0.1)).astype(float)
    assert ends(of(x, y))[0] > 0.4
    apart = ends(of(x, y, strata))
    assert apart[0] < 0 < apart[2]
    turned = ends(of(np.where(strata, 1 - x, x), np.where(strata, 1 - y, y), strata))
    assert turned == pytest.approx(apart)


@pytest.mark.parametrize(("prompts", "rate"), [(8, 0.5), (30, 0.8), (50, 0.9)])
def test_the_truth_is_held_in_small_studies(prompts: int, rate: float) -> None:
    """500 studies in which nothing correlates, where rare outcomes hardly ever fall together."""
    rng, held = np.random.default_rng(4), []
    for _ in range(500):
        found = of(*(rng.random((2, prompts)) < rate))
        if found.estimate is not None:
            low, _, high = ends(found)
            held.append(low <= 0 <= high)
    assert len(held) > 400 and np.mean(held) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / len(held))


@pytest.mark.filterwarnings("error")
def test_too_little_gives_a_reason() -> None:
    assert of([], []).reason == "no pairs"
    for one, other in (([1.0], [0.0]), ([1, 1, 1], [0, 1, 0]), ([0.5] * 9, [0.5] * 9)):
        found = of(one, other)
        assert (found.estimate, found.reason, found.n) == (None, ONE_OUTCOME, len(one))
    one_prompt = of([1, 0, 1, 0], [1, 0, 0, 0], clusters=[7, 7, 7, 7])
    assert one_prompt.method == METHOD_FEW and ends(one_prompt)[0] < 0
    low, estimate, high = ends(of([1, 0], [1, 0]))
    assert low < 0 < estimate == high
    assert of([1, 0] * 5, [1, 0] * 5).method == METHOD
    for confidence in (0.5, 0.999):
        low, _, high = ends(of([1, 0, 1], [0, 1, 0], confidence=confidence))
        assert -1 <= low < high <= 1


def test_the_summary_has_the_estimate_and_its_interval() -> None:
    equal = Interval(0.5, 0.2, 0.8, 4, "some")
    found = CriteriaPair(equal, of([1, 0, 1, 0], [1, 0, 0, 0])).as_json()
    assert list(found) == ["equal", "correlation", "correlation_interval"]
    assert found["correlation"] == found["correlation_interval"]["estimate"]
    none = CriteriaPair(equal, of([1, 1], [1, 0])).as_json()
    assert (none["correlation"], none["reason"]) == (None, ONE_OUTCOME)
    assert none["correlation_interval"]["reason"] == ONE_OUTCOME and json.dumps(none, allow_nan=False)
