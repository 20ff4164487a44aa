"""Intervals and paired tests: the same as scipy's, as scoring drawn texts anew, and as every swap counted."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from scipy import stats

from eval.metrics.bleu import bleu
from eval.metrics.measure import Floats, Measure, means
from eval.metrics.resampling import (
    METHOD,
    METHOD_PERCENTILE,
    Resampling,
    bootstrap,
    differences,
    intervals,
    randomised_p,
)

HOW = Resampling(resamples=4000, seed=3)


def skewed(n: int = 40, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).gamma(1.0, size=n)


def words(rng: np.random.Generator, n: int = 30) -> str:
    return " ".join(rng.choice(list("abcd"), n))


def corpus(n: int, seed: int = 5) -> tuple[list[str], list[list[str]]]:
    rng = np.random.default_rng(seed)
    return [words(rng) for _ in range(n)], [[words(rng)] for _ in range(n)]


def test_the_interval_of_a_mean_is_scipys() -> None:
    values = skewed()
    found = intervals(means(["m"], values), Resampling(resamples=40_000, seed=1))["m"]
    peer = stats.bootstrap((values,), np.mean, n_resamples=40_000, method="BCa", rng=1).confidence_interval
    assert (found.estimate, found.n, found.method) == (pytest.approx(values.mean()), 40, METHOD)
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=0.02 * (peer.high - peer.low))
    assert found.low is not None and found.high is not None
    assert values.mean() - found.low < found.high - values.mean(), "the skew is seen"


def test_ninety_five_of_a_hundred_intervals_hold_the_truth() -> None:
    how = Resampling(resamples=1000)
    held = 0
    for seed in range(300):
        found = intervals(means(["m"], skewed(60, seed)), how)["m"]
        assert found.low is not None and found.high is not None
        held += found.low <= 1 <= found.high
    assert 0.90 <= held / 300 <= 0.98


def test_resampling_counts_is_resampling_texts() -> None:
    """BLEU of drawn texts, scored anew, for the very draws that the weights say."""
    texts, references = corpus(12)
    measure = bleu(texts, references)
    drawn = np.random.default_rng(0).integers(0, 12, size=(20, 12))
    weights = np.array([np.bincount(row, minlength=12) for row in drawn], dtype=float)
    anew = [bleu([texts[i] for i in row], [references[i] for i in row]).of_all for row in drawn.tolist()]
    assert measure.figures(weights @ measure.sums) == pytest.approx(np.array(anew), abs=1e-12)


def test_a_thousand_resamples_of_a_hundred_prompts_take_a_fraction_of_a_second() -> None:
    texts, references = corpus(100)
    x, y = bleu(texts, references), bleu(texts[::-1], references)
    start = time.perf_counter()
    intervals(x, Resampling(resamples=1000))
    differences(x, y, Resampling(resamples=1000))
    assert time.perf_counter() - start < 0.5


def test_one_seed_gives_one_result() -> None:
    measure = means(["m"], skewed())
    assert intervals(measure, HOW) == intervals(measure, HOW)
    assert intervals(measure, HOW) != intervals(measure, Resampling(resamples=4000, seed=4))


def test_the_p_of_a_mean_is_that_of_every_swap() -> None:
    gaps = np.array([0.9, 0.2, -0.1, 0.4, 0.3, 0.6, -0.2, 0.5])
    x, y = means(["m"], gaps), means(["m"], np.zeros(8))
    swaps = [abs(np.dot(signs, gaps)) for signs in itertools.product((1, -1), repeat=8)]
    exact = np.mean(np.array(swaps) >= abs(gaps.sum()) - 1e-12)
    found = randomised_p(x, y, Resampling(resamples=50_000))[0]
    assert found == pytest.approx(exact, abs=0.004)


def test_the_p_of_a_mean_is_scipys() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.3, 1, 30), rng.normal(0, 1, 30)
    peer = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", n_resamples=20_000, rng=1
    )
    assert randomised_p(means(["m"], a), means(["m"], b), HOW)[0] == pytest.approx(peer.pvalue, abs=0.02)


def test_p_is_never_zero_and_one_where_nothing_differs() -> None:
    far, near = means(["m"], np.full(50, 9.0)), means(["m"], np.zeros(50))
    assert randomised_p(far, near, HOW)[0] == pytest.approx(1 / 4001)
    assert randomised_p(far, far, HOW)[0] == 1


def test_a_false_alarm_comes_as_often_as_its_level_says() -> None:
    how = Resampling(resamples=500)
    rng = np.random.default_rng(8)
    draws = rng.gamma(1.0, size=(2, 400, 25))
    alarms = sum(randomised_p(means(["m"], x), means(["m"], y), how)[0] <= 0.1 for x, y in zip(*draws, strict=True))
    assert 0.06 <= alarms / 400 <= 0.14


def test_differences_are_paired() -> None:
    """A gain of .1 on every prompt is certain, however much the prompts differ."""
    base = np.arange(30.0)
    found = differences(means(["m"], base + 0.1 + 0.01 * (np.arange(30) % 2)), means(["m"], base), HOW)["m"]
    assert found.p == pytest.approx(1 / 4001)
    assert found.interval.low is not None and found.interval.low > 0.1
    with pytest.raises(ValueError, match="same ones"):
        differences(means(["m"], base), means(["m"], base[1:]), HOW)


def test_a_missing_value_is_in_no_mean() -> None:
    measure = means(["a", "b"], [[1, np.nan], [3, np.nan], [np.nan, np.nan]])
    assert measure.of_all[0] == 2
    found = intervals(measure, HOW)
    assert found["a"].estimate == 2 and found["b"].reason == "not defined for these texts"


def test_what_cannot_be_resampled_says_so() -> None:
    assert intervals(means(["m"], [0.5]), HOW)["m"].reason == "fewer than two prompts"
    assert intervals(means(["m"], np.zeros((0, 1))), HOW)["m"].n == 0
    same = intervals(means(["m"], np.full(20, 0.1)), HOW)["m"]
    assert same.low == pytest.approx(0.1) == same.high and same.method.endswith("all resamples equal")
    assert "too narrow" in intervals(means(["m"], skewed(4)), HOW)["m"].method


def test_an_estimate_that_no_resample_reaches_stays_inside_its_interval() -> None:
    """The number of different prompts falls in each resample but one, and the correction has no form."""
    found = bootstrap(lambda drawn: (drawn > 0).sum(axis=1, keepdims=True).astype(float), np.eye(40), HOW)[0]
    assert found.method == METHOD_PERCENTILE
    assert found.estimate == found.high == 40 and found.low is not None and found.low < 30


@pytest.mark.parametrize(("name", "value"), [("resamples", 99), ("confidence", 1.0)])
def test_a_wrong_setting_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Resampling(**{name: value})  # type: ignore[arg-type]


def test_sums_have_a_row_a_text() -> None:
    with pytest.raises(ValueError, match="sums"):
        Measure(("m",), np.zeros(3), lambda sums: sums)
