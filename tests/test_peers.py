"""Figures that others published or computed, beside ours: where no peer library can be installed with ours."""

from __future__ import annotations

import numpy as np
import pytest

from eval.statistics.clustered import clustered_mean
from eval.statistics.fleiss import fleiss_kappa
from eval.statistics.gwet import gwet_ac1, gwet_interval
from eval.statistics.interval import Interval
from eval.statistics.krippendorff import krippendorff_alpha, krippendorff_interval

NEWCOMBE = {
    (81, 263): (0.2553, 0.3662),
    (15, 148): (0.0624, 0.1605),
    (0, 20): (0.0, 0.1611),
    (1, 29): (0.0061, 0.1718),
}
"""Newcombe, R. G. (1998), "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17,
857-872, table I, method 3: Wilson's score interval of each number of successes among so many."""

IRRCAC = {
    "gwet": (0.71946372, (0.64013086, 0.79879658)),
    "fleiss": (0.71731161, (0.63962411, 0.79499911)),
    "krippendorff": (0.71806564, (0.6414689, 0.79466237)),
}
"""Of the ratings below, by irrCAC 0.4.4: CAC(DataFrame(ratings.T), categories=[1.0, 2.0, 3.0], digits=8). It asks for
scipy 1.12 and pandas below 3, so that it cannot be installed beside this package."""


def ratings() -> np.ndarray:
    """By four raters of 120 units, some missing; in three categories."""
    unit, rater = np.meshgrid(np.arange(120), np.arange(4))
    said = np.where((unit**2 + rater) % 7 < 5, unit % 3, (unit * rater) % 3) + 1
    return np.where((unit + 2 * rater) % 5 == 0, np.nan, said)


def ends(found: Interval) -> tuple[float, float]:
    assert found.low is not None and found.high is not None
    return found.low, found.high


@pytest.mark.parametrize(("counts", "wilson"), NEWCOMBE.items(), ids=str)
def test_newcombes_table(counts: tuple[int, int], wilson: tuple[float, float]) -> None:
    """Agresti and Coull's interval has the middle of Wilson's and holds all of it, with a little to spare."""
    successes, n = counts
    low, high = ends(clustered_mean(np.arange(n) < successes, np.arange(n)))
    assert wilson[0] - 0.03 < low <= wilson[0] + 5e-5
    assert wilson[1] - 5e-5 <= high < wilson[1] + 0.03
    if low > 0:
        assert (low + high) / 2 == pytest.approx(sum(wilson) / 2, abs=5e-5)


def test_irrcacs_coefficients() -> None:
    counts = np.stack([(ratings() == category).sum(axis=0) for category in (1, 2, 3)], axis=1).astype(float)
    ours = {"gwet": gwet_ac1(counts), "fleiss": fleiss_kappa(counts), "krippendorff": krippendorff_alpha(counts)}
    assert ours == {name: pytest.approx(value, abs=1e-8) for name, (value, _) in IRRCAC.items()}
    intervals = {"gwet": gwet_interval, "krippendorff": krippendorff_interval}
    for name, interval in intervals.items():
        # Theirs have no pseudo-prompts, which make ours a little wider and lower.
        low, high = ends(interval(counts, np.arange(120)))
        their_low, their_high = IRRCAC[name][1]
        assert 1 < (high - low) / (their_high - their_low) < 1.1
        assert (low, high) == (pytest.approx(their_low, abs=0.02), pytest.approx(their_high, abs=0.02))
