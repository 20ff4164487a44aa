"""Intervals where resampling shows no spread: never of zero width for a share, and a reason for a difference."""

from __future__ import annotations

import numpy as np
import pytest

from eval.metrics.measure import Measure, means
from eval.metrics.resampling import Difference, Resampling, differences, intervals
from eval.metrics.spread import differences_with_spread, with_spread
from eval.statistics.interval import Interval

HOW = Resampling(resamples=500)
NAMES = ("list_share", "self_repetition", "words")


def system(*columns: list[float]) -> Measure:
    return means(NAMES, np.column_stack(columns))


def of_system(measure: Measure) -> dict[str, Interval]:
    return with_spread(measure, intervals(measure, HOW), HOW.confidence)


def between(x: Measure, y: Measure) -> dict[str, Difference]:
    return differences_with_spread(x, y, differences(x, y, HOW), HOW.confidence)


def test_a_share_that_no_response_has_may_yet_be_above_zero() -> None:
    found = of_system(system([0.0] * 20, [0.0] * 20, [7.0] * 20))
    assert found["list_share"] == found["self_repetition"]
    assert found["list_share"].low == 0 and found["list_share"].high == pytest.approx(0.161, abs=0.03)
    assert "all resamples equal" in found["words"].method, "a count is not bounded"


def test_a_share_of_words_that_varies_keeps_its_bootstrap() -> None:
    measure = system([0.0] * 20, [0.1, 0.3] * 10, [7.0] * 20)
    assert of_system(measure)["self_repetition"] == intervals(measure, HOW)["self_repetition"]


def test_where_no_response_differs_a_difference_has_a_reason() -> None:
    x = system([1.0, 0.0] * 10, [0.0] * 20, list(map(float, range(20))))
    found = between(x, x)
    for name in ("self_repetition", "words"):
        assert (found[name].interval.reason, found[name].interval.n, found[name].p) == ("no response differs", 20, None)
    lists = found["list_share"].interval
    assert lists.low is not None and lists.high is not None
    assert lists.estimate == pytest.approx(0) and -lists.low == pytest.approx(lists.high) and lists.high > 0.05


def test_a_difference_that_is_the_same_everywhere_is_named() -> None:
    y = system([1.0, 0.0] * 10, [0.1, 0.2] * 10, list(map(float, range(20))))
    x = system([1.0, 0.0] * 10, [0.2, 0.1] * 10, [word + 2.0 for word in range(20)])
    found = between(x, y)
    assert found["words"].interval.reason == "+2 in each resample: no spread to estimate"
    assert found["self_repetition"] == differences(x, y, HOW)["self_repetition"]
