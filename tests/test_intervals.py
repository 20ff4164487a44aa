"""The headline interval: against Agresti and Coull's own, on odd data, and by the coverage that it claims."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from eval.statistics.clustered import FEW_CLUSTERS, clustered_mean, clustered_means
from eval.statistics.interval import Interval


@pytest.mark.parametrize(("wins", "n"), [(4, 8), (7, 20), (14, 20), (28, 100), (72, 100), (250, 400)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_one_binary_value_a_prompt_is_agresti_coull(wins: int, n: int, confidence: float) -> None:
    found = clustered_mean(np.arange(n) < wins, np.arange(n), confidence=confidence)
    low, high = proportion_confint(wins, n, alpha=1 - confidence, method="agresti_coull")
    assert 0 < low < high < 1
    assert found.estimate == wins / n
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.n == n


def test_clusters_of_unequal_size_by_explicit_pseudo_clusters() -> None:
    values = [1, 0.5, 1, 0, 1, 1, 0.5, 0, 1, 1, 0.5]
    clusters = [0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 5]
    z = 1.959963984540054
    sizes = np.bincount(clusters).astype(float)
    totals = np.bincount(clusters, values)
    # Whole pseudo-clusters cannot be added z^2/2 times: they carry that weight instead.
    all_sizes = np.append(sizes, [sizes.mean()] * 2)
    all_totals = np.append(totals, [sizes.mean(), 0])
    weight = np.append(np.ones(len(sizes)), [z * z / 2] * 2)
    middle = (weight * all_totals).sum() / (weight * all_sizes).sum()
    variance = (weight * (all_totals - middle * all_sizes) ** 2).sum() / (weight * all_sizes).sum() ** 2
    found = clustered_mean(values, clusters)
    assert found.estimate == pytest.approx(7.5 / 11)
    assert (found.low, found.high) == pytest.approx(
        (middle - z * math.sqrt(variance), min(1, middle + z * math.sqrt(variance)))
    )


def test_three_like_votes_on_a_prompt_are_one() -> None:
    votes = clustered_mean(np.repeat([1, 0] * 10, 3), np.repeat(np.arange(20), 3))
    prompts = clustered_mean([1, 0] * 10, np.arange(20))
    independent = clustered_mean([1, 0] * 30, np.arange(60))
    assert (votes.n, prompts.n) == (60, 20)
    assert (votes.low, votes.high) == pytest.approx((prompts.low, prompts.high))
    assert votes.low is not None and independent.low is not None
    assert votes.low < independent.low


cells = st.lists(
    st.tuples(st.sampled_from([0, 1 / 6, 1 / 3, 0.5, 2 / 3, 1]), st.integers(0, 9)), min_size=1, max_size=60
)


@given(cells, st.sampled_from([0.5, 0.8, 0.95, 0.999]))
def test_estimate_inside_and_never_of_zero_width(data: list[tuple[float, int]], confidence: float) -> None:
    values, clusters = zip(*data, strict=True)
    found = clustered_mean(values, clusters, confidence=confidence)
    assert found.estimate is not None and found.low is not None and found.high is not None
    assert found.estimate == pytest.approx(np.mean(values))
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.high - found.low > 1e-3
    assert found.n == len(values)


@given(cells)
def test_groups_together_are_groups_one_by_one(data: list[tuple[float, int]]) -> None:
    values, clusters = (np.array(column) for column in zip(*data, strict=True))
    groups = clusters % 3
    together = clustered_means(values, clusters, groups, 4)
    for group, found in enumerate(together):
        alone = clustered_mean(values[groups == group], clusters[groups == group])
        assert found.n == alone.n
        assert found.reason == alone.reason
        if alone.estimate is not None:
            numbers = (found.estimate, found.low, found.high)
            assert numbers == pytest.approx((alone.estimate, alone.low, alone.high))


@given(cells)
def test_win_rate_of_the_other_system_is_the_mirror_image(data: list[tuple[float, int]]) -> None:
    values, clusters = (np.array(column) for column in zip(*data, strict=True))
    one, other = clustered_mean(values, clusters), clustered_mean(1 - values, clusters)
    assert one.low is not None and one.high is not None
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low))


@pytest.mark.parametrize("value", [0, 0.5, 1])
@pytest.mark.parametrize("n", [1, 2, FEW_CLUSTERS - 1, FEW_CLUSTERS, 100])
def test_prompts_that_all_agree_still_have_a_width(value: float, n: int) -> None:
    found = clustered_mean([value] * n, range(n))
    assert found.estimate == value
    assert found.low is not None and found.high is not None
    assert found.high > found.low
    assert found.method.endswith("t quantile") == (n < FEW_CLUSTERS)


def test_nothing_to_count_says_why() -> None:
    found = clustered_mean([], [], empty="no pairs")
    assert found.as_json() == {
        "estimate": None,
        "low": None,
        "high": None,
        "n": 0,
        "method": "none",
        "reason": "no pairs",
    }


def test_json_of_numbers_has_no_reason() -> None:
    found = Interval(0.5, 0.4, 0.6, 20, "by hand")
    assert found.as_json() == {"estimate": 0.5, "low": 0.4, "high": 0.6, "n": 20, "method": "by hand"}


@pytest.mark.parametrize(
    "numbers",
    [(math.nan, 0, 1), (0.5, 0, math.inf), (0.5, 0.6, 0.7), (0.5, None, 0.7), (None, None, None)],
)
def test_what_is_no_interval_is_refused(numbers: tuple[float | None, ...]) -> None:
    with pytest.raises(ValueError):
        Interval(numbers[0], numbers[1], numbers[2], 1, "by hand")


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        clustered_mean([1, 0], [0, 1], confidence=confidence)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_values_are_shares(value: float) -> None:
    with pytest.raises(ValueError, match="values"):
        clustered_mean([0.5, value], [0, 1])


def test_a_90_percent_interval_is_narrower_than_a_95() -> None:
    values, clusters = [1, 0, 0.5, 1, 1, 0, 1], range(7)
    wide, narrow = clustered_mean(values, clusters), clustered_mean(values, clusters, confidence=0.9)
    assert wide.low is not None and narrow.low is not None and wide.high is not None and narrow.high is not None
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("n", [1, 2, 3, 5, 20, 50, 100, 400])
@pytest.mark.parametrize("p", [0.5, 0.8, 0.95])
def test_exact_coverage_of_single_votes(n: int, p: float) -> None:
    wins = np.arange(n + 1)
    values = (np.arange(n) < wins[:, None]).ravel()
    groups = np.repeat(wins, n)
    intervals = clustered_means(values, np.tile(np.arange(n), n + 1), groups, n + 1)
    covers = [found.low <= p <= found.high for found in intervals if found.low is not None and found.high is not None]
    assert binom.pmf(wins, n, p)[np.array(covers)].sum() >= 0.93


@pytest.mark.parametrize("n", [5, 20, 50, 100, 400])
def test_simulated_coverage_of_several_raters_and_ties(n: int) -> None:
    """Three raters with intraclass correlation .4, or one; ties at 0 or .3; nominal 95%."""
    rng = np.random.default_rng(n)
    studies = 1500 if n < 400 else 600
    coverage = {}
    for p, ties, raters in itertools.product((0.5, 0.8, 0.95), (0.0, 0.3), (1, 3)):
        precision = 1 / 0.4 - 1
        of_prompt = rng.beta(p * precision, (1 - p) * precision, (studies, n, 1))
        votes = (rng.random((studies, n, raters)) < of_prompt).astype(float)
        votes[rng.random(votes.shape) < ties] = 0.5
        values = votes.mean(axis=2).ravel()
        groups = np.repeat(np.arange(studies), n)
        truth = ties / 2 + (1 - ties) * p
        intervals = clustered_means(values, np.tile(np.arange(n), studies), groups, studies)
        ends = np.array([(found.low, found.high) for found in intervals], dtype=float)
        coverage[p, ties, raters] = np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
    # The true coverage is at least .93 in each cell (.005 is the simulation's standard error).
    assert min(coverage.values()) >= 0.92, coverage
    assert np.mean(list(coverage.values())) >= 0.945, coverage
