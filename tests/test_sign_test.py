"""The sign test on prompts, and the interval over prompts and raters at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from small_studies import R1, R2, R3, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from eval.statistics.source import Source
from eval.statistics.two_way import RATERS
from ppai.schema import Study, Vote


def people(study: Study, *votes: Vote) -> Source:
    return summarise(study, votes_of(study, *votes), verdicts_of(study)).criteria["overall"]["human"]


def prompts(n: int) -> list[str]:
    return [f"p{number}" for number in range(n)]


@pytest.mark.parametrize("outcomes", ["aaab", "aaaaaaaaaabb", "ab", "a", "aaaa-b--"])
def test_one_vote_a_prompt_is_the_binomial_test(outcomes: str) -> None:
    study = small_study(prompts(len(outcomes)))
    named = {"a": "a", "b": "b", "-": "tie"}
    votes = [vote(p, "new", "base", named[o]) for p, o in zip(prompts(len(outcomes)), outcomes, strict=True)]
    found = people(study, *votes).rates.sign_test["new>base"]
    for_x, for_y = outcomes.count("a"), outcomes.count("b")
    assert found.p == pytest.approx(binomtest(for_x, for_x + for_y).pvalue)
    assert (found.x_prompts, found.y_prompts, found.left_out) == (for_x, for_y, outcomes.count("-"))


def test_raters_of_a_prompt_are_averaged_before() -> None:
    votes = [vote(p, "new", "base", o, r) for p in prompts(4) for o, r in (("a", R1), ("a", R2), ("b", R3))]
    even = [vote("p4", "new", "base", o, r) for o, r in (("a", R1), ("b", R2))]
    even += [vote("p5", "new", "base", o, r) for o, r in (("a", R1), ("tie", R2), ("b", R3))]
    found = people(small_study(prompts(6)), *votes, *even).rates.sign_test["new>base"]
    assert (found.x_prompts, found.y_prompts, found.left_out) == (4, 0, 2)
    assert found.p == pytest.approx(2 * 0.5**4)
    assert found.as_json()["n"] == 4


def test_both_orders_of_a_judge_are_one_prompt() -> None:
    study = small_study(prompts(5))
    verdicts = [
        verdict(p, *order, outcome)
        for p in prompts(5)
        for order, outcome in ((("new", "base"), "a"), (("base", "new"), "b"))
    ]
    sources = summarise(study, votes_of(study), verdicts_of(study, *verdicts)).criteria["overall"]
    assert sources["judge:j"].rates.sign_test["new>base"].p == pytest.approx(2 * 0.5**5)


def test_without_a_decisive_prompt_there_is_no_p() -> None:
    ties = people(small_study(), vote("p1", "new", "base", "tie")).rates.sign_test["new>base"].as_json()
    assert (ties["p"], ties["n"], ties["left_out"]) == (None, 0, 1)
    assert ties["reason"] == "no prompt prefers either system"
    assert people(small_study()).rates.sign_test["new>base"].p is None


def test_the_false_positive_rate_is_kept_where_single_votes_would_not() -> None:
    """Three raters a prompt with intraclass correlation .5, no difference: at most 5% of p values are under .05."""
    rng = np.random.default_rng(0)
    rate = rng.beta(0.5, 0.5, (2000, 50, 1))
    votes = rng.random((2000, 50, 3)) < rate
    by_prompt = np.array([binomtest(int(k), 50).pvalue for k in (votes.sum(axis=2) > 1.5).sum(axis=1)])
    by_vote = np.array([binomtest(int(k), 150).pvalue for k in votes.sum(axis=(1, 2))])
    assert np.mean(by_prompt < 0.05) <= 0.05
    assert np.mean(by_vote < 0.05) > 0.1


def rated(raters: int, leaning: float) -> tuple[Study, list[Vote]]:
    """40 prompts, every rater on each; a rater prefers `new` with a probability of her own, spread by `leaning`."""
    rng = np.random.default_rng(3)
    own = np.clip(0.5 + leaning * rng.standard_normal(raters), 0, 1)
    study = small_study(prompts(40))
    return study, [
        vote(p, "new", "base", "a" if rng.random() < own[number] else "b", f"r{number:016x}")
        for p in prompts(40)
        for number in range(raters)
    ]


def width(interval: object) -> float:
    low, high = getattr(interval, "low"), getattr(interval, "high")  # noqa: B009
    return float(high - low)


def test_raters_who_differ_widen_the_interval() -> None:
    apart, alike = (people(study, *votes) for study, votes in (rated(RATERS, 0.35), rated(RATERS, 0.0)))
    assert width(apart.two_way["new>base"]) > 2 * width(apart.rates.win_rate["new>base"])
    assert width(alike.two_way["new>base"]) < 1.6 * width(alike.rates.win_rate["new>base"])
    for found in (apart, alike):
        headline, both = found.rates.win_rate["new>base"], found.two_way["new>base"]
        assert both.estimate == pytest.approx(headline.estimate)
        assert both.low is not None and headline.low is not None and both.low <= headline.low + 1e-12


def test_the_variance_is_that_of_the_peer() -> None:
    """OLS on a constant with two-way clustered errors, as of Cameron, Gelbach and Miller; all votes weigh alike."""
    import statsmodels.api as sm
    from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

    study, votes = rated(12, 0.35)
    score = np.array([vote.outcomes["overall"] == "a" for vote in votes], dtype=float)
    prompt = np.array([int(vote.prompt_id[1:]) for vote in votes])
    rater = np.array([int(vote.rater[1:], 16) for vote in votes])
    model = sm.OLS(score, np.ones((len(score), 1))).fit()
    theirs = float(np.sqrt(cov_cluster_2groups(model, prompt, rater, use_correction=True)[0][0, 0]))
    found = people(study, *votes).two_way["new>base"]
    assert width(found) / 2 == pytest.approx(2.201 * theirs, rel=0.1)  # t of 11 degrees, pulled to one half


def test_fewer_than_ten_raters_tell_nothing_of_raters() -> None:
    study, votes = rated(RATERS - 1, 0.3)
    found = people(study, *votes).two_way["new>base"]
    assert found.estimate is None and found.reason is not None and "9 raters" in found.reason
    one = people(small_study(), *(vote("p1", "new", "base", "a", f"r{n:016x}") for n in range(RATERS)))
    assert one.two_way["new>base"].reason == "one prompt"


def test_all_of_one_mind_still_have_a_width() -> None:
    study = small_study(prompts(20))
    votes = [vote(p, "new", "base", "a", f"r{n:016x}") for p in prompts(20) for n in range(RATERS)]
    found = people(study, *votes).two_way["new>base"]
    assert found.estimate == found.high == 1
    assert found.low is not None and 0.6 < found.low < 1
