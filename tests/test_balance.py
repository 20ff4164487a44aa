"""Sides of the systems, and each rater's sides, speed, ties and repeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from small_studies import R1, R2, small_study, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.balance import Balance, side_bias_p
from ppai.schema import Criterion, Study, Vote


def balance(study: Study, *votes: Vote, assignments: pd.DataFrame | None = None) -> Balance:
    return summarise(study, votes_of(study, *votes), verdicts_of(study), assignments=assignments).balance


def many(outcomes: Sequence[str], rater: str = R1, **more: Any) -> tuple[Study, list[Vote]]:
    """A study and one vote on each of its prompts, sides swapping from prompt to prompt."""
    study = small_study([f"p{number}" for number in range(len(outcomes))])
    sides = [("base", "new"), ("new", "base")]
    votes = [vote(f"p{n}", *sides[n % 2], outcome, rater, **more) for n, outcome in enumerate(outcomes)]
    return study, votes


def test_side_share_counts_submitted_and_skipped_and_repeats() -> None:
    found = balance(
        small_study(systems=("base", "one", "two")),
        vote("p1", "base", "one", "a"),
        vote("p1", "one", "base", "a", repeat=1),
        vote("p2", "one", "base", None, status="skipped"),
        vote("p2", "one", "two", None, R2, status="void"),
        vote("p3", "one", "base", "a"),
    )
    assert found.side_share == {"base": 0.25, "one": 0.75, "two": None}


def test_side_share_of_assignments_where_they_are_given() -> None:
    assignments = pd.DataFrame(
        {
            "prompt_id": ["p1", "p2", "p3", "p1"],
            "system_a": ["base", "base", "new", "new"],
            "system_b": ["new", "new", "base", "base"],
            "rater": [R1] * 4,
            "arm": ["as_is"] * 3 + ["plain"],
        }
    )
    found = balance(small_study(), vote("p1", "base", "new", "a"), assignments=assignments)
    assert found.side_share == {"base": pytest.approx(2 / 3), "new": pytest.approx(1 / 3)}


def test_unknown_sides_are_not_summed_up() -> None:
    study, votes = many(["a"] * 30)
    found = balance(small_study([p.id for p in study.prompts], sides="file"), *votes)
    assert found.side_share == {"base": None, "new": None}
    assert found.raters[R1].share_a is None
    assert found.raters[R1].flags == ()


def test_one_rater_by_hand() -> None:
    found = balance(
        small_study(("p1", "p2", "p3", "p4")),
        vote("p1", "base", "new", "a", seconds=30),
        vote("p2", "new", "base", "a", seconds=90),
        vote("p3", "new", "base", "b", seconds=None),
        vote("p4", "new", "base", "tie", seconds=40),
        vote("p1", "new", "base", "b", repeat=1, seconds=1),
        vote("p4", "base", "new", None, R2, status="skipped", seconds=3),
    )
    first, second = found.raters[R1], found.raters[R2]
    assert (first.n, first.median_seconds) == (4, 40)
    assert first.share_a == pytest.approx(2 / 3)
    assert (first.n_repeats, first.repeat_agreement, first.flags) == (1, 1, ())
    assert (second.n, second.n_skipped, second.share_a, second.median_seconds) == (0, 1, None, None)
    assert (second.n_repeats, second.repeat_agreement, second.flags) == (0, None, ())


def test_one_side_nearly_always_is_flagged() -> None:
    study, votes = many(["a"] * 18 + ["b"] * 2)
    rater = balance(study, *votes).raters[R1]
    assert (rater.share_a, rater.flags) == (0.9, ("side_bias",))


@pytest.mark.parametrize("outcomes", [["a"] * 19, ["a"] * 15 + ["b"] * 5, ["a", "b"] * 20])
def test_few_votes_or_an_even_hand_are_not(outcomes: list[str]) -> None:
    study, votes = many(outcomes)
    assert balance(study, *votes).raters[R1].flags == ()


def test_sides_that_never_varied_flag_nobody() -> None:
    study, votes = many(["a"] * 40)
    fixed = [v.model_copy(update={"system_a": "base", "system_b": "new"}) for v in votes]
    rater = balance(study, *fixed).raters[R1]
    assert (rater.share_a, rater.flags) == (None, ())


def test_too_fast_needs_five_timed_votes() -> None:
    study, votes = many(["a", "b", "b", "a", "tie"], seconds=4)
    assert balance(study, *votes).raters[R1].flags == ("too_fast",)
    assert balance(study, *votes[:4]).raters[R1].flags == ()


def test_all_ties_means_on_every_criterion() -> None:
    study, votes = many(["tie"] * 5)
    assert balance(study, *votes).raters[R1].flags == ("all_ties",)
    assert balance(study, *votes[:4]).raters[R1].flags == ()
    criteria = (Criterion(key="tone", question="?"), Criterion(key="overall", question="?"))
    study = small_study([p.id for p in study.prompts], criteria=criteria)
    votes[0] = vote("p0", "base", "new", {"tone": "a", "overall": "tie"})
    assert balance(study, *votes).raters[R1].flags == ()


def test_repeats_agree_by_system_not_by_side() -> None:
    study, votes = many(["a", "a", "b", "tie"])
    swapped = [
        vote("p0", "new", "base", "b", repeat=1),  # base again
        vote("p1", "base", "new", "a", repeat=1),  # new, then base
        vote("p2", "new", "base", "b", repeat=1),  # new, then base
        vote("p9", "new", "base", "b", repeat=1),  # nothing to compare with
    ]
    study = small_study([*(p.id for p in study.prompts), "p9"])
    rater = balance(study, *votes, *swapped).raters[R1]
    assert rater.n_repeats == 3
    assert rater.repeat_agreement == pytest.approx(1 / 3)
    assert rater.flags == ("repeat_inconsistent",)
    assert balance(study, *votes, *swapped[1:]).raters[R1].flags == ()


def test_raters_do_not_mix() -> None:
    study, votes = many(["a"] * 20, "fast", seconds=2)
    _, others = many(["a", "b"] * 10, "slow", seconds=60)
    found = balance(study, *votes, *others).raters
    assert found["fast"].flags == ("side_bias", "too_fast")
    assert (found["slow"].flags, found["slow"].median_seconds) == ((), 60)


def test_p_is_the_exact_binomial_one() -> None:
    decisive = np.repeat(np.arange(1, 40), 3)
    at_a = decisive // np.tile([1, 2, 5], 39)
    expected = [binomtest(int(k), int(n)).pvalue for k, n in zip(at_a, decisive, strict=True)]
    assert side_bias_p(at_a, decisive) == pytest.approx(expected)


def test_nobody_voted() -> None:
    found = balance(small_study())
    assert found.as_json() == {"side_share": {"base": None, "new": None}, "raters": {}}
