"""The known traps of comparing language models, one test each: what others' code got wrong, seen in the summary."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from small_studies import R1, R2, R3, small_study, verdict, vote
from statsmodels.stats.proportion import proportion_confint
from test_bradley_terry import point, random_comparisons
from test_summary_parts import crowd, only_votes, summary

from ppai.frames import guess_frame
from ppai.schema import Verdict, Vote

ORDERS = (("base", "new"), ("new", "base"))
NEW = "new>base"


def names(n: int) -> list[str]:
    return [f"p{number}" for number in range(n)]


def side_of(system: str, order: tuple[str, str]) -> str:
    return "ab"[order.index(system)]


def intervals(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        if value.get("estimate") is not None:
            yield path, value
        for key, inner in value.items():
            yield from intervals(inner, f"{path}/{key}")


def test_what_has_no_outcome_is_no_tie() -> None:
    # A judge's unreadable answer was scored as a tie, which pulled every win rate to a half.
    study = small_study(names(6))
    answered = [vote("p0", "base", "new", "b"), *(verdict("p1", *order, side_of("new", order)) for order in ORDERS)]
    silent: list[Vote | Verdict] = [
        *(verdict("p2", *order, None) for order in ORDERS),
        vote("p3", "base", "new", None),
        vote("p4", "base", "new", None, status="skipped"),
        vote("p5", "base", "new", "tie", status="void"),
    ]
    found = summary(study, *answered, *silent)["criteria"]["overall"]
    for source in ("human", "judge:j"):
        assert (found[source]["n"], found[source]["tie_share"]["estimate"]) == (1, 0)
        assert found[source]["win_rate"][NEW]["estimate"] == 1


def test_a_swapped_verdict_is_turned_back_once() -> None:
    # The judge's client had turned the swapped order back, and the analysis did so again: a judge sure of one system
    # looked as if it always named the first shown.
    study = small_study(names(8))
    votes = [vote(p, *ORDERS[place % 2], side_of("new", ORDERS[place % 2])) for place, p in enumerate(names(8))]
    found = summary(study, *votes, *(verdict(p, *order, side_of("new", order)) for p in names(8) for order in ORDERS))
    judge, agreement = found["criteria"]["overall"]["judge:j"], found["agreement"]["overall"]["judge:j"]
    assert (judge["shares"]["new"]["estimate"], judge["first_position"]["estimate"]) == (1, 0.5)
    assert (agreement["with_ties"]["estimate"], agreement["orders_consistent"]["estimate"]) == (1, 1)


def test_a_95_percent_interval_is_one() -> None:
    # An interval from the 5th to the 95th percentile was called a 95% interval.
    study, records = crowd()
    guesses = guess_frame([(rater, "as_is", rater != R3, None) for rater in (R1, R2, R3) for _ in range(4)])
    repeats = [one.model_copy(update={"vote_id": f"{one.vote_id}r", "repeat": 1}) for one in only_votes(records)[:10]]
    wide, narrow = (
        dict(intervals(summary(study, *records, *repeats, guesses=guesses, confidence=level))) for level in (0.95, 0.9)
    )
    fixed = {path for path in wide if path.endswith("/gap")}
    assert fixed and all("90%" in wide[path]["method"] for path in fixed)
    # Those from end to end cannot move.
    moved = {path: wide[path]["high"] - wide[path]["low"] - (i["high"] - i["low"]) for path, i in narrow.items()}
    clipped = {path for path, i in wide.items() if i["low"] in (0, -1) and i["high"] == 1}
    assert [path for path in wide.keys() - fixed - clipped if not moved[path] > 0] == []
    votes = [vote(p, "new", "base", "a" if place < 60 else "b") for place, p in enumerate(names(100))]
    rate = summary(small_study(names(100)), *votes)["criteria"]["overall"]["human"]["win_rate"][NEW]
    assert (rate["low"], rate["high"]) == pytest.approx(proportion_confint(60, 100, alpha=0.05, method="agresti_coull"))


def test_orders_samples_and_raters_of_a_prompt_are_not_independent() -> None:
    # Both orders of a verdict, or a row for each rater, were resampled as if each were a prompt of its own.
    systems, rng = ("base", "new", "old"), np.random.default_rng(3)
    lengths = {(p, system): int(rng.integers(10, 99)) for p in names(40) for system in systems}
    study = small_study(names(40), systems, lengths)
    said = [(pair, str(rng.choice(["a", "b"]))) for pair in study.pairs]
    turned = {"a": "b", "b": "a"}

    def told(raters: tuple[str, ...], samples: int, both: bool) -> dict[str, Any]:
        votes = [vote(p.prompt_id, p.first, p.second, side, rater) for p, side in said for rater in raters]
        judged = [
            verdict(p.prompt_id, *order, outcome, sample=sample)
            for p, side in said
            for order, outcome in (((p.first, p.second), side), ((p.second, p.first), turned[side]))[: 1 + both]
            for sample in range(samples)
        ]
        sources = summary(study, *votes, *judged)["criteria"]["overall"]
        return {
            f"{source}{path}": (i["estimate"], i["low"], i["high"])
            for source in ("human", "judge:j")
            for path, i in intervals(sources[source])
            if not path.startswith("/first_position")
        }

    once, often = told((R1,), 1, False), told((R1, R2, R3), 3, True)
    assert len(once) == len(often) > 20 and "judge:j/longer_wins" in once
    for path, numbers in once.items():
        assert often[path] == pytest.approx(numbers, abs=1e-9), path


def test_strengths_of_a_peer_are_the_same_once_centred() -> None:
    # A leaderboard holds one model at 1,000 points of Elo, another the mean strength at 1: compared raw, equal fits
    # look different.
    linear_model = pytest.importorskip("sklearn.linear_model")
    data, _ = random_comparisons(6, 500, seed=8)
    rows, design = np.arange(500), np.zeros((500, 6))
    design[rows, data.first], design[rows, data.second] = 1, -1
    model = linear_model.LogisticRegression(fit_intercept=False, C=np.inf, tol=1e-10, max_iter=1000)
    coefficients = np.append(0.0, model.fit(design[:, 1:], data.first_wins).coef_[0])
    elo, ours = 1000 + 400 / math.log(10) * coefficients, point(data)
    theirs = (elo - 1000) * math.log(10) / 400
    assert np.abs(theirs - ours).max() > 0.1
    assert ours.mean() == pytest.approx(0, abs=1e-12)
    assert theirs - theirs.mean() == pytest.approx(ours, abs=1e-4)


def test_a_useless_judge_is_not_trusted() -> None:
    # With lambda fixed at 1 a weak judge's noise is added to people's votes: intervals came out 1.7 times as wide.
    rng, prompts = np.random.default_rng(2), names(600)
    votes = [vote(p, "new", "base", str(rng.choice(["a", "b"]))) for p in prompts[:100]]
    judged = [verdict(p, "new", "base", str(rng.choice(["a", "b"]))) for p in prompts]
    found = summary(small_study(prompts, labelled="random"), *votes, *judged)["criteria"]["overall"]
    alone, both = (found[source]["win_rate"][NEW] for source in ("human", "combined:j"))
    assert found["combined:j"]["lambda"] < 0.25
    assert both["high"] - both["low"] < 1.05 * (alone["high"] - alone["low"])


def test_no_interval_passes_1() -> None:
    # At 98 wins of 100 the usual normal interval ends at 1.007.
    normal = 0.98 + 1.96 * math.sqrt(0.98 * 0.02 / 100)
    assert normal > 1
    prompts, raters = names(130), [f"r{number}" for number in range(10)]
    votes = [
        vote(p, "new", "base", "b" if place in (10, 60) else "a", rater)
        for place, p in enumerate(prompts[:100])
        for rater in raters
    ]
    judged = [verdict(p, *order, side_of("new", order)) for p in prompts for order in ORDERS]
    lengths = {(p, "new"): 10 + place % 7 for place, p in enumerate(prompts)}
    found = summary(small_study(prompts, lengths=lengths, labelled="random", overlap=10), *votes, *judged)
    people = found["criteria"]["overall"]["human"]
    assert people["win_rate"][NEW]["estimate"] == 0.98
    seen = dict(intervals(found))
    near_1 = [path for path, i in seen.items() if i["estimate"] > 0.95]
    assert {"win_rate_two_way", "length_controlled", "combined:j", "sequence"} <= {
        part for path in near_1 for part in path.split("/")
    }
    assert all(-1 <= i["low"] < i["high"] <= 1 for i in seen.values())
    assert all(i["low"] < 1 for i in seen.values())


def test_the_order_of_a_file_is_no_order_of_sides() -> None:
    # A file named its pairs in alphabetical order, and the first was taken for side A: the better name looked like a
    # habit of position.
    votes = [vote(p, "base", "new", "a", rater) for p in names(12) for rater in (R1, R2)]
    for study in (small_study(names(12)), small_study(names(12), sides="file")):
        found = summary(study, *votes)
        assert found["criteria"]["overall"]["human"]["first_position"]["estimate"] is None
        assert [habits["flags"] for habits in found["balance"]["raters"].values()] == [[], []]
    # The same said of a file whose sides did vary is known to say nothing only where the study says so.
    turned = [vote(p, *ORDERS[place % 2], "a") for place, p in enumerate(names(12))]
    shown, from_file = (summary(small_study(names(12), sides=sides), *turned) for sides in ("shown", "file"))
    first = [one["criteria"]["overall"]["human"]["first_position"]["estimate"] for one in (shown, from_file)]
    assert first == [1, None]
    assert set(from_file["balance"]["side_share"].values()) == {None}


def test_arms_are_apart() -> None:
    # Votes on responses stripped of their formatting were counted with those on the responses as they are.
    study = small_study(names(10))
    as_is = [vote(p, "new", "base", "a") for p in names(10)]
    plain = [vote(p, "new", "base", "b", R2, arm="plain") for p in names(10)]
    alone, together = summary(study, *as_is), summary(study, *as_is, *plain)
    assert {**together, "arms": {}} == alone
    rates = [one["criteria"]["overall"]["human"]["win_rate"][NEW] for one in (together, together["arms"]["plain"])]
    assert [(rate["estimate"], rate["n"]) for rate in rates] == [(1, 10), (0, 10)]
