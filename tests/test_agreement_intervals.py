"""Intervals of kappa, alpha and AC1: against the asymptotic ones of a peer, on odd data, and by their coverage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa as peer_cohen

from eval.statistics.arrays import Floats, Ints
from eval.statistics.clustered import FEW_CLUSTERS, clustered_mean
from eval.statistics.cohen import cohen_interval
from eval.statistics.gwet import gwet_interval
from eval.statistics.interval import Interval
from eval.statistics.jackknife import ONE_CATEGORY
from eval.statistics.krippendorff import krippendorff_interval


def alpha(counts: Floats, clusters: Ints, confidence: float = 0.95) -> Interval:
    return krippendorff_interval(counts, clusters, confidence=confidence)


def ordinal(counts: Floats, clusters: Ints, confidence: float = 0.95) -> Interval:
    return krippendorff_interval(counts, clusters, ordinal=True, confidence=confidence)


def ac1(counts: Floats, clusters: Ints, confidence: float = 0.95) -> Interval:
    return gwet_interval(counts, clusters, confidence=confidence)


def ends(found: Interval) -> tuple[float, float, float]:
    assert found.low is not None and found.estimate is not None and found.high is not None
    return found.low, found.estimate, found.high


METHODS = pytest.mark.parametrize("method", [alpha, ordinal, ac1])
Method = Callable[..., Interval]


def two_raters(n: int, kappa: float, seed: int) -> Ints:
    """Ratings of n units, shape (n, 2), whose true kappa is `kappa`: each rater sees the truth, or draws blindly."""
    rng = np.random.default_rng(seed)
    truth, blind = (rng.choice(3, p=[0.5, 0.15, 0.35], size=size) for size in ((n, 1), (n, 2)))
    return np.where(rng.random((n, 2)) < kappa**0.5, truth, blind)


def counts_of(ratings: Ints) -> Floats:
    return np.stack([(ratings == category).sum(axis=1) for category in range(3)], axis=1).astype(float)


def tables_of(ratings: Ints) -> Floats:
    tables = np.zeros((len(ratings), 3, 3))
    tables[np.arange(len(ratings)), ratings[:, 0], ratings[:, 1]] = 1
    return tables


@pytest.mark.parametrize("kappa", [0.2, 0.5, 0.8])
def test_many_single_pairs_have_the_asymptotic_interval(kappa: float) -> None:
    ratings = two_raters(4000, kappa, 1)
    found, peer = cohen_interval(tables_of(ratings), np.arange(4000)), peer_cohen(tables_of(ratings).sum(axis=0))
    low, estimate, high = ends(found)
    assert estimate == pytest.approx(peer.kappa)
    assert high - low == pytest.approx(peer.kappa_upp - peer.kappa_low, rel=0.01)
    assert (low, high) == pytest.approx((peer.kappa_low, peer.kappa_upp), abs=0.003)
    assert found.n == 4000


@METHODS
def test_pairs_of_one_prompt_are_one(method: Method) -> None:
    counts = counts_of(two_raters(40, 0.6, 2))
    once, thrice = method(counts, np.arange(40)), method(np.repeat(counts, 3, axis=0), np.repeat(np.arange(40), 3))
    apart = method(np.repeat(counts, 3, axis=0), np.arange(120))
    assert (once.n, thrice.n) == (40, 120)
    assert ends(thrice) == pytest.approx(ends(once), abs=0.01)
    assert ends(apart)[2] - ends(apart)[0] < 0.7 * (ends(once)[2] - ends(once)[0])


@METHODS
@pytest.mark.parametrize("n", [1, 2, FEW_CLUSTERS, 100])
def test_full_agreement_still_has_a_width(method: Method, n: int) -> None:
    counts = np.tile([[2.0, 0, 0], [0, 2, 0], [0, 0, 2]], (n, 1))
    low, estimate, high = ends(method(counts, np.repeat(np.arange(n), 3)))
    assert low < 1 - 1 / n and (estimate, high) == (1, 1)


def test_one_category_only_gives_the_reason() -> None:
    same, prompts = np.tile([2.0, 0, 0], (9, 1)), np.arange(9)
    assert (alpha(same, prompts).reason, alpha(same, prompts).n) == (ONE_CATEGORY, 9)
    assert ordinal(same, prompts).reason == ONE_CATEGORY
    assert cohen_interval(np.tile(np.diag([1.0, 0, 0]), (9, 1, 1)), prompts).reason == ONE_CATEGORY
    assert ac1(same, prompts).estimate == 1


@METHODS
def test_nothing_rated_twice_gives_the_reason(method: Method) -> None:
    for counts in (np.zeros((0, 3)), np.array([[1.0, 0, 0], [0, 1, 0]])):
        assert method(counts, np.arange(len(counts))).reason == "no two ratings"


@METHODS
def test_units_rated_once_add_no_certainty(method: Method) -> None:
    counts, once = counts_of(two_raters(30, 0.6, 3)), np.tile([1.0, 0, 0], (3000, 1))
    few, many = method(counts, np.arange(30)), method(np.concatenate([counts, once]), np.arange(3030))
    assert few.n == many.n == 30
    assert ends(many)[2] - ends(many)[0] > 0.6 * (ends(few)[2] - ends(few)[0])


@METHODS
def test_a_90_percent_interval_is_narrower_than_a_95(method: Method) -> None:
    counts = counts_of(two_raters(50, 0.6, 4))
    wide, narrow = (ends(method(counts, np.arange(50), confidence)) for confidence in (0.95, 0.9))
    assert wide[0] < narrow[0] < narrow[2] < wide[2]


units = st.lists(
    st.tuples(st.integers(0, 4), *[st.integers(0, 3)] * 3).filter(lambda unit: sum(unit[1:]) > 0), max_size=12
)


@settings(max_examples=200, deadline=None)
@given(units, st.sampled_from([0.05, 0.5, 0.95, 0.999]))
def test_any_counts_give_numbers_in_range_or_a_reason(units: list[tuple[int, ...]], confidence: float) -> None:
    array = np.array(units, dtype=float).reshape(-1, 4)
    counts, clusters = array[:, 1:], array[:, 0].astype(np.int64)
    with np.errstate(all="raise"):
        for method in (alpha, ordinal, ac1):
            found = method(counts, clusters, confidence)
            if found.estimate is None:
                assert found.reason
            else:
                low, estimate, high = ends(found)
                assert -1 <= low <= estimate <= high <= 1 and low < high
            turned = method(counts[:, ::-1], clusters, confidence)
            assert (turned.estimate is None) == (found.estimate is None)
            if found.estimate is not None:
                assert ends(turned) == pytest.approx(ends(found), abs=1e-9)


@pytest.mark.parametrize("n", [20, 50, 200])
@pytest.mark.parametrize("spread", [(0.45, 0.1, 0.45), (0.9, 0.05, 0.05)])
def test_simulated_coverage(n: int, spread: tuple[float, ...]) -> None:
    """Three raters who each see the truth or draw blindly; nominal 95%. A percentile bootstrap covers .25 to .94."""
    rng = np.random.default_rng(n)
    categories, prompts, studies = np.array(spread), np.arange(n), 400
    by_chance = (categories**2).sum()
    for kappa in (0.3, 0.8):
        agree = kappa + (1 - kappa) * by_chance
        truth = {"alpha": kappa, "cohen": kappa}
        truth["ac1"] = 1 - (1 - agree) / (1 - (categories * (1 - categories)).sum() / 2)
        covered = dict.fromkeys(truth, 0)
        for _ in range(studies):
            right, blind = rng.choice(3, p=spread, size=(n, 1)), rng.choice(3, p=spread, size=(n, 3))
            ratings = np.where(rng.random((n, 3)) < kappa**0.5, right, blind)
            counts = counts_of(ratings)
            found = {
                "alpha": alpha(counts, prompts),
                "cohen": cohen_interval(tables_of(ratings), prompts),
                "ac1": ac1(counts, prompts),
            }
            for name, value in truth.items():
                # One category in all ratings: null, and so no wrong claim.
                covered[name] += found[name].estimate is None or ends(found[name])[0] <= value <= ends(found[name])[2]
        # The true coverage is at least .93 in each cell; the simulation's standard error is .012.
        assert min(covered.values()) / studies >= 0.90, (kappa, covered)


def test_a_weight_is_so_many_equal_values() -> None:
    """Of `clustered_mean`, which raw agreement is made with: a pair of k votes holds k (k - 1) / 2 comparisons."""
    values, prompts, weights = np.array([0.2, 1.0, 0.0, 0.5]), np.array([0, 0, 1, 2]), np.array([3, 1, 0, 10])
    weighted = clustered_mean(values, prompts, weights=weights)
    assert ends(weighted) == pytest.approx(ends(clustered_mean(values.repeat(weights), prompts.repeat(weights))))
    assert weighted.n == 14
    assert clustered_mean([1.0], [0], weights=[0], empty="none").reason == "none"
