"""Holm's adjustment: by hand, beside statsmodels, and with tests that gave nothing."""

from __future__ import annotations

import numpy as np
import pytest

from eval.statistics.multiplicity import holm


def test_by_hand() -> None:
    found = holm({"tone": 0.04, "overall": 0.01, "clarity": 0.03, "help": 0.005})
    assert list(found) == ["tone", "overall", "clarity", "help"]
    assert found == pytest.approx({"help": 0.02, "overall": 0.03, "clarity": 0.06, "tone": 0.06})


def test_like_statsmodels() -> None:
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    rng = np.random.default_rng(1)
    for n in (1, 2, 7, 20):
        p = rng.random(n) ** 3
        p[n // 2] = p[0]
        found = holm({str(place): float(value) for place, value in enumerate(p)})
        assert list(found.values()) == pytest.approx(multipletests(p, method="holm")[1])


def test_a_test_without_a_p_is_no_test() -> None:
    assert holm({"a": None, "b": 0.03, "c": None}) == {"a": None, "b": 0.03, "c": None}
    assert holm({}) == {}


def test_seven_true_nulls_are_called_real_at_most_at_the_level() -> None:
    rng = np.random.default_rng(3)
    called = sum(
        min(v for v in holm({str(k): float(p) for k, p in enumerate(rng.random(7))}).values() if v is not None) < 0.05
        for _ in range(2000)
    )
    assert called / 2000 == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_p_outside_0_and_1_is_refused_by_name(p: float) -> None:
    with pytest.raises(ValueError, match="tone"):
        holm({"tone": p})
