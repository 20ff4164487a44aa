"""Bounds that hold at every look: the gamblers' money is a martingale, and the bounds are those of known mixtures."""

from __future__ import annotations

from itertools import product
from time import perf_counter

import numpy as np
import pytest
from scipy.special import betaln

from eval.statistics.betting import (
    CONCENTRATION,
    GRID,
    ever_out,
    log_growth,
    log_prior,
    looks_until_out,
    many_bounds,
    sequence_bounds,
)

CONFSEQ = {50: (0.378, 0.771), 100: (0.432, 0.733), 200: (0.473, 0.704), 400: (0.504, 0.681)}
"""By look: betting_cs(numpy.arange(400) % 5 > 1, breaks=1000, running_intersection=True) of confseq 0.0.11."""


def money(values: np.ndarray, mean: float) -> float:
    """What the gamblers against a mean have in the end, of 1: the definition, one value after another."""
    means = np.array([mean])
    log = log_prior(means) + sum((log_growth(np.array([value]), means)[0] for value in values), np.zeros(()))
    return float(np.exp(log).sum())


@pytest.mark.parametrize("mean", [0.02, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("kinds", [(0.0, 1.0), (0.0, 0.5, 1.0), (0.0, 1 / 3, 1.0)])
def test_the_money_is_expected_to_stay_the_same_at_the_true_mean(mean: float, kinds: tuple[float, ...]) -> None:
    """Over all sequences of five values at once."""
    middle = 0.1 * min(mean, 1 - mean) if len(kinds) == 3 else 0.0
    win = mean - (middle * kinds[1] if len(kinds) == 3 else 0.0)
    chance = dict(zip(kinds, (1 - win - middle, middle, win) if len(kinds) == 3 else (1 - win, win), strict=True))
    expected = sum(
        np.prod([chance[value] for value in values]) * money(np.array(values), mean)
        for values in product(kinds, repeat=5)
    )
    assert expected == pytest.approx(1)


def test_on_wins_and_losses_it_is_the_beta_binomial_mixture() -> None:
    values = (np.random.default_rng(5).random(300) < 0.7).astype(float)
    low, high = sequence_bounds(values, alpha=0.05)
    candidates = np.arange(1, GRID) / GRID
    a, b = 0.5 + CONCENTRATION * candidates, 0.5 + CONCENTRATION * (1 - candidates)
    inside = np.ones(len(candidates), dtype=bool)
    for look in range(1, len(values) + 1):
        won = values[:look].sum()
        lost = look - won
        mixture = betaln(a + won, b + lost) - betaln(a, b) - won * np.log(candidates) - lost * np.log1p(-candidates)
        inside &= mixture < np.log(1 / 0.05)
        standing = candidates[inside]
        assert low[look - 1] == pytest.approx(standing[0], abs=2 / GRID)
        assert high[look - 1] == pytest.approx(standing[-1], abs=2 / GRID)


def test_bounds_are_near_those_of_the_hedged_process_of_confseq() -> None:
    low, high = sequence_bounds((np.arange(400) % 5 > 1).astype(float))
    for look, (their_low, their_high) in CONFSEQ.items():
        assert (low[look - 1], high[look - 1]) == (
            pytest.approx(their_low, abs=0.02),
            pytest.approx(their_high, abs=0.02),
        )
    assert high[-1] - low[-1] < CONFSEQ[400][1] - CONFSEQ[400][0]


def test_bounds_are_symmetric_and_only_tighten() -> None:
    values = np.random.default_rng(2).random(150)
    low, high = sequence_bounds(values)
    mirrored_low, mirrored_high = sequence_bounds(1 - values)
    assert low == pytest.approx(1 - mirrored_high)
    assert high == pytest.approx(1 - mirrored_low)
    assert (np.diff(low) >= 0).all() and (np.diff(high) <= 0).all()


def test_ties_and_agreeing_raters_make_them_narrower() -> None:
    decisive, tied = np.tile([0.0, 1.0], 100), np.tile([0.25, 0.75], 100)
    assert np.subtract(*sequence_bounds(tied))[-1] > np.subtract(*sequence_bounds(decisive))[-1]


@pytest.mark.parametrize(
    ("kinds", "chances"),
    [
        ((0, 1), (0.5, 0.5)),
        ((0, 1), (0.05, 0.95)),
        ((0, 0.5, 1), (0.2, 0.3, 0.5)),
        ((0, 1 / 3, 2 / 3, 1), (0.1, 0.2, 0.3, 0.4)),
    ],
)
def test_the_mean_is_inside_at_all_looks_at_once(kinds: tuple[float, ...], chances: tuple[float, ...]) -> None:
    """1,000 studies of 300 looks at level .10; at most three standard errors beyond it may miss."""
    rng, mean = np.random.default_rng(11), float(np.dot(kinds, chances))
    missed = np.mean([ever_out(rng.choice(kinds, 300, p=chances), mean, alpha=0.1) for _ in range(1000)])
    assert 0.01 < missed <= 0.1 + 3 * np.sqrt(0.1 * 0.9 / 1000)


def test_what_was_ever_out_is_outside_the_bounds() -> None:
    rng, seen = np.random.default_rng(6), set()
    for _ in range(40):
        values = rng.choice([0.0, 0.5, 1.0], 80, p=[0.2, 0.2, 0.6])
        low, high = sequence_bounds(values, alpha=0.2)
        for mean in (0.4, 0.5, 0.6, 0.8, 0.9):
            out = ever_out(values, mean, alpha=0.2)
            # A bound on the grid is the last candidate that is out.
            assert out == (low[-1] >= mean - 1e-9 or high[-1] <= mean + 1e-9)
            seen.add(out)
    assert seen == {True, False}


def test_looks_until_out_are_those_that_a_steady_sequence_takes() -> None:
    values = np.tile([1.0, 1.0, 1.0, 0.0], 60)
    low, _ = sequence_bounds(values)
    kinds, half = np.array([0.0, 1.0]), np.array([0.25, 0.75])
    needed = looks_until_out(kinds, np.zeros(2), half, 0.5, alpha=0.05, horizon=1000)
    assert needed == pytest.approx(np.argmax(low >= 0.5) + 1, abs=4)
    assert looks_until_out(kinds, np.array([100.0, 300.0]), half, 0.5, alpha=0.05, horizon=1000) == 0
    assert looks_until_out(kinds, np.zeros(2), np.array([0.5, 0.5]), 0.5, alpha=0.05, horizon=1000) is None


def one_look_after_another(values: np.ndarray, alpha: float) -> list[float]:
    """The definition of the lower bound: after each value, candidates are crossed out from below while they are out."""
    kinds, kind = np.unique(values, return_inverse=True)
    means = np.arange(1, GRID) / GRID
    had, growth, out, low = log_prior(means), log_growth(kinds, means), 0, []
    for which in kind:
        had = had + growth[which]
        gone = np.exp(had).sum(axis=1) >= 1 / alpha
        while out < GRID - 1 and gone[out]:
            out += 1
        low.append(out / GRID)
    return low


def test_many_sequences_at_once_have_the_bounds_of_each_alone() -> None:
    rng = np.random.default_rng(8)
    sequences = [
        rng.choice(kinds, n)
        for n in (0, 1, 60)
        for kinds in ([0.0, 1.0], [1.0], [0.5], [0.25, 0.5], [0.0, 1 / 3, 2 / 3, 1.0], rng.random(40))
    ]
    for alpha in (0.05, 0.5):
        for values, (low, high) in zip(sequences, many_bounds(sequences, alpha=alpha), strict=True):
            assert low.tolist() == one_look_after_another(values, alpha)
            assert high.tolist() == [1 - end for end in one_look_after_another(1 - values, alpha)]
    assert many_bounds([]) == []


def test_candidates_are_tried_in_parts_where_there_are_many_kinds_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(9).integers(0, 7, 200) / 6
    whole = sequence_bounds(values)
    monkeypatch.setattr("eval.statistics.betting._TABLE", 50_000)
    assert [bound.tolist() for bound in sequence_bounds(values)] == [bound.tolist() for bound in whole]


def test_nothing_and_wrong_values() -> None:
    assert [len(bound) for bound in sequence_bounds([])] == [0, 0]
    for values, alpha in (([1.5], 0.05), ([np.nan], 0.05), ([1.0], 0.0), ([1.0], 1.0)):
        with pytest.raises(ValueError, match=r"values|alpha"):
            sequence_bounds(values, alpha=alpha)


def test_thousands_of_prompts_and_hundreds_of_matchups_are_quick() -> None:
    rng, begin = np.random.default_rng(0), perf_counter()
    sequence_bounds(rng.integers(0, 7, 5000) / 6)
    many_bounds([rng.integers(0, 7, 500) / 6 for _ in range(190)], alpha=0.05 / 190)
    assert perf_counter() - begin < 5
