"""How far two criteria say the same, for people's votes and for a judge."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_studies import R1, R2, small_study, verdicts_of, vote, votes_of

from eval.statistics.coding import code_verdicts, code_votes
from eval.statistics.correlation import ONE_OUTCOME
from eval.statistics.criteria_correlation import (
    NO_COMMON,
    CriteriaPair,
    criteria_of_verdicts,
    criteria_of_votes,
    same_criteria,
)
from eval.statistics.source import counted
from eval.statistics.study_index import StudyIndex
from ppai.frames import verdict_frame
from ppai.schema import Criterion, Study, Verdict, Vote
from ppai.studyfiles import read_study

SHARED = Path(__file__).parents[2] / "shared" / "data" / "published_study"
TWO = (Criterion(key="tone", question="?"), Criterion(key="overall", question="?"))
LABEL = "tone|overall"


def of_votes(study: Study, *votes: Vote) -> CriteriaPair:
    rows, _ = code_votes(StudyIndex.of(study), votes_of(study, *votes), study.config.keys)
    return criteria_of_votes(counted(rows), study.config.keys)[LABEL]


def of_verdicts(study: Study, *verdicts: Verdict) -> CriteriaPair:
    rows, _ = code_verdicts(StudyIndex.of(study), verdicts_of(study, *verdicts), study.config.keys)
    return criteria_of_verdicts(rows, study.config.keys)[LABEL]


def said(prompt: str, tone: str, overall: str, rater: str = R1, sides: tuple[str, str] = ("new", "base")) -> Vote:
    return vote(prompt, *sides, {"tone": tone, "overall": overall}, rater)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the published study")
def test_overall_and_adoptability_are_the_same_in_all_published_verdicts() -> None:
    study = read_study(SHARED)
    rows, _ = code_verdicts(StudyIndex.of(study), verdict_frame(study.verdicts, study.config.keys), study.config.keys)
    found = criteria_of_verdicts(rows, study.config.keys)
    assert len(found) == 21
    twins = found["adoptability|overall"]
    assert (twins.equal.estimate, twins.equal.n, twins.correlation) == (1, 100, pytest.approx(1))
    assert twins.equal.low is not None and twins.equal.low < 1
    assert "adoptability|overall" in same_criteria(found)
    assert "relatability|overall" not in same_criteria(found)


def test_each_pair_weighs_the_same_and_sides_do_not_matter() -> None:
    votes = [
        said("p1", "a", "a"),
        said("p1", "a", "b", R2, sides=("base", "new")),
        said("p2", "tie", "tie"),
        said("p3", "b", "a", sides=("base", "new")),
    ]
    found = of_votes(small_study(criteria=TWO), *votes)
    assert (found.equal.estimate, found.equal.n) == (0.5, 3)
    # Scores of new: tone 1/2, 1/2, 1 and overall 1, 1/2, 0.
    assert found.correlation == pytest.approx(np.corrcoef([0.5, 0.5, 1], [1, 0.5, 0])[0, 1])


def test_which_system_is_x_does_not_matter_with_three() -> None:
    rng, systems = np.random.default_rng(4), ("base", "one", "two")
    votes = []
    for n in range(40):
        for a, b in (("base", "one"), ("two", "base"), ("one", "two")):
            tone = "ab"[rng.integers(2)]
            overall = tone if rng.random() < 0.7 else "ab"[rng.integers(2)]
            votes.append(vote(f"p{n}", a, b, {"tone": tone, "overall": overall}))
    prompts = [f"p{n}" for n in range(40)]
    first = of_votes(small_study(prompts, systems, criteria=TWO), *votes)
    turned = of_votes(small_study(prompts, systems[::-1], criteria=TWO, reference="two"), *votes)
    assert first.correlation == pytest.approx(turned.correlation)
    assert first.correlation is not None and 0.5 < first.correlation < 0.9


def test_a_judge_is_merged_before_it_is_compared() -> None:
    def verdict(a: str, b: str, tone: str, overall: str) -> Verdict:
        return Verdict(judge="j", prompt_id="p1", system_a=a, system_b=b, outcomes={"tone": tone, "overall": overall})

    flipped = [verdict("new", "base", "a", "tie"), verdict("base", "new", "a", "tie")]
    found = of_verdicts(small_study(criteria=TWO), *flipped)
    assert (found.equal.estimate, found.equal.n) == (1, 1)


def test_a_win_in_one_order_alone_is_no_tie_in_both() -> None:
    def verdict(a: str, b: str, tone: str) -> Verdict:
        return Verdict(judge="j", prompt_id="p1", system_a=a, system_b=b, outcomes={"tone": tone, "overall": "tie"})

    found = of_verdicts(small_study(criteria=TWO), verdict("new", "base", "a"), verdict("base", "new", "tie"))
    assert found.equal.estimate == 0


@pytest.mark.filterwarnings("error")
def test_too_little_gives_reasons() -> None:
    study = small_study(criteria=TWO)
    nobody = of_votes(study)
    assert (nobody.equal.reason, nobody.correlation, nobody.pearson.reason) == (NO_COMMON, None, NO_COMMON)
    apart = of_votes(study, vote("p1", "new", "base", {"tone": "a"}), vote("p2", "new", "base", {"overall": "a"}))
    assert apart.equal.reason == NO_COMMON
    same = of_votes(study, said("p1", "a", "a"), said("p2", "a", "b"))
    assert (same.equal.estimate, same.correlation, same.pearson.reason) == (0.5, None, ONE_OUTCOME)
    assert json.dumps(same.as_json(), allow_nan=False)
    ties = of_votes(study, said("p1", "tie", "tie"), said("p2", "tie", "tie"))
    assert ties.equal.estimate == 1 and same_criteria({LABEL: ties}) == (), "nothing varies"
    varied = of_votes(study, said("p1", "a", "a"), said("p2", "tie", "tie"))
    assert same_criteria({LABEL: varied}) == (LABEL,)
    assert of_verdicts(study).equal.reason == NO_COMMON
