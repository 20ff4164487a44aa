"""Coefficients of agreement: against published examples worked by hand, and against peer libraries."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import cohens_kappa as peer_cohen
from statsmodels.stats.inter_rater import fleiss_kappa as peer_fleiss

from eval.statistics.arrays import Floats
from eval.statistics.cohen import cohen_kappa
from eval.statistics.fleiss import fleiss_kappa
from eval.statistics.gwet import gwet_ac1
from eval.statistics.krippendorff import krippendorff_alpha

_ = np.nan
KRIPPENDORFF_2011 = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
)
"""Four observers, twelve units, from "Computing Krippendorff's alpha-reliability", section D; Gwet uses it too."""

FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ],
    dtype=float,
)
"""Fourteen raters, ten units, five categories: the textbook table whose kappa is .210."""


def counts_of(ratings: Floats, categories: list[int]) -> Floats:
    """Units by categories, from observers by units."""
    return np.stack([(ratings == category).sum(axis=0) for category in categories], axis=1).astype(float)


def random_counts(seed: int) -> tuple[Floats, Floats]:
    """Ratings of 3 categories by up to 5 raters, some missing, and the same as counts."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, p=[0.6, 0.1, 0.3], size=30)
    ratings = np.where(rng.random((5, 30)) < 0.6, truth, rng.choice(3, size=(5, 30))).astype(float)
    ratings[rng.random(ratings.shape) < 0.4] = np.nan
    return ratings, counts_of(ratings, [0, 1, 2])


def test_krippendorffs_own_example() -> None:
    counts = counts_of(KRIPPENDORFF_2011, [1, 2, 3, 4, 5])
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(counts, ordinal=True) == pytest.approx(0.815, abs=5e-4)


def test_gwets_figures_for_the_same_ratings() -> None:
    counts = counts_of(KRIPPENDORFF_2011, [1, 2, 3, 4, 5])
    assert gwet_ac1(counts) == pytest.approx(0.77544, abs=5e-6)
    assert fleiss_kappa(counts) == pytest.approx(0.76117, abs=5e-6)


def test_a_rare_category_overturns_kappa_and_not_ac1() -> None:
    """Gwet (2008): 118 and 0 agreements, 5 and 2 disagreements give kappa -.0234 and AC1 .9408."""
    table = np.array([[118.0, 5.0], [2.0, 0.0]])
    counts = np.repeat([[2.0, 0.0], [1.0, 1.0]], [118, 7], axis=0)
    assert cohen_kappa(table) == pytest.approx(-0.0234, abs=5e-5)
    assert gwet_ac1(counts) == pytest.approx(0.9408, abs=5e-5)


def test_the_textbook_table_of_fleiss() -> None:
    assert fleiss_kappa(FLEISS) == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa(FLEISS) == pytest.approx(peer_fleiss(FLEISS), abs=1e-12)


def test_the_textbook_table_of_cohen() -> None:
    assert cohen_kappa(np.array([[20.0, 5.0], [10.0, 15.0]])) == pytest.approx(0.4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_alpha_is_the_peers(seed: int, level: str) -> None:
    ratings, counts = random_counts(seed)
    expected = krippendorff.alpha(reliability_data=ratings, level_of_measurement=level)
    assert krippendorff_alpha(counts, ordinal=level == "ordinal") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_kappas_are_the_peers(seed: int) -> None:
    ratings = np.random.default_rng(seed).choice(3, p=[0.5, 0.2, 0.3], size=(40, 4))
    table = np.zeros((3, 3))
    np.add.at(table, (ratings[:, 0], ratings[:, 1]), 1)
    assert cohen_kappa(table) == pytest.approx(peer_cohen(table).kappa, abs=1e-12)
    counts = aggregate_raters(ratings)[0].astype(float)
    assert fleiss_kappa(counts) == pytest.approx(peer_fleiss(counts), abs=1e-12)


def test_kappas_of_many_tables_at_once() -> None:
    tables = np.random.default_rng(0).integers(0, 9, (4, 2, 3, 3)).astype(float)
    found = cohen_kappa(tables)
    assert found.shape == (4, 2)
    assert found[3, 1] == pytest.approx(peer_cohen(tables[3, 1]).kappa)


def test_one_category_only_has_no_kappa_but_ac1() -> None:
    same = np.tile([3.0, 0.0, 0.0], (20, 1))
    assert krippendorff_alpha(same) is None
    assert krippendorff_alpha(same, ordinal=True) is None
    assert fleiss_kappa(same) is None
    assert np.isnan(cohen_kappa(np.diag([20.0, 0.0, 0.0])))
    assert gwet_ac1(same) == 1


def test_units_rated_once_say_nothing_alone() -> None:
    once = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert krippendorff_alpha(once) is fleiss_kappa(once) is gwet_ac1(once) is None
    assert krippendorff_alpha(np.zeros((0, 3))) is fleiss_kappa(np.zeros((0, 3))) is gwet_ac1(np.zeros((0, 3))) is None
    _, counts = random_counts(9)
    assert krippendorff_alpha(np.concatenate([counts, once])) == krippendorff_alpha(counts)
