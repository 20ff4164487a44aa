"""The answer in words says which system wins, how surely, on what data, and what lessens it."""

from collections.abc import Sequence
from typing import Any

import pytest
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Criterion, Study, Verdict, Vote
from ppai.studyfiles import read_study
from ppai.ui.labels import Labels
from ppai.ui.sentences import Answer, answers, cautions, human_votes, turned
from ppai.ui.sentences import Verdict as Found

PROMPTS = tuple(f"p{n}" for n in range(20))


def said(study: Study, votes: Sequence[Vote] = (), verdicts: Sequence[Verdict] = ()) -> list[Answer]:
    summary = summarise(study, votes_of(study, *votes), verdicts_of(study, *verdicts)).as_json()
    return answers(summary, Labels.of(study.config))


def wins(study: Study, n: int, **more: Any) -> list[Vote]:
    """`new` wins the first n prompts, `base` the others."""
    return [vote(p.id, "new", "base", "a" if i < n else "b", **more) for i, p in enumerate(study.prompts)]


def judged(study: Study, n: int, **more: Any) -> list[Verdict]:
    return [verdict(p.id, "base", "new", "b" if i < n else "a", **more) for i, p in enumerate(study.prompts)]


def test_the_published_study_is_told_as_it_is(published_study: Any) -> None:
    study = read_study(published_study)
    found = {answer.criterion: answer.text for answer in said(study, (), study.verdicts)}
    caveats = "100 prompts, judge gpt-4o only, judge saw the names, one order"
    assert found["empathy_tone"] == f"finetuned wins on empathy tone: 70% [60, 78], {caveats}"
    assert found["overall"] == f"base wins on overall: 72% [62, 80], {caveats}"
    assert found["creativity"].startswith("undecided on creativity: finetuned wins 50% [")


def test_a_system_wins_where_the_interval_lies_on_its_side() -> None:
    study = small_study(PROMPTS)
    assert [said(study, wins(study, n))[0].verdict for n in (19, 10, 1)] == [Found.WINS, Found.UNDECIDED, Found.LOSES]


def test_who_wins_stands_first_with_the_share_it_wins() -> None:
    study = small_study(PROMPTS)
    assert said(study, wins(study, 19))[0].claim.startswith("new wins on overall: 95% [")
    assert said(study, wins(study, 1))[0].claim.startswith("base wins on overall: 95% [")


def test_people_answer_and_judges_stand_beside() -> None:
    study = small_study(PROMPTS)
    agrees = said(study, wins(study, 19), judged(study, 18))[0].basis
    assert agrees.startswith("20 prompts, 20 votes by 1 person, judge j agrees (90% [")
    assert "judge j says base (90% [" in said(study, wins(study, 19), judged(study, 2))[0].basis
    assert "judge j is undecided (new 50% [" in said(study, wins(study, 19), judged(study, 10))[0].basis


def test_a_blinded_judge_leads_and_baselines_come_last() -> None:
    study = small_study(PROMPTS)
    turned = [verdict(p, "new", "base", "a") for p in PROMPTS]
    blinded = [v.model_copy(update={"judge": "z"}) for v in [*judged(study, 20), *turned]]
    others = [*judged(study, 2, judge="baseline:first"), *judged(study, 2, judge="a", named=True)]
    basis = said(study, (), [*others, *blinded])[0].basis
    assert basis.startswith("20 prompts, judge z, judge a says base")
    assert basis.index("judge a says") < basis.index("judge baseline:first says")


def test_two_orders_and_a_blinded_judge_carry_no_caveat() -> None:
    study = small_study(PROMPTS)
    both = judged(study, 19) + [verdict(p, "new", "base", "a" if i < 19 else "b") for i, p in enumerate(PROMPTS)]
    assert said(study, (), both)[0].basis == "20 prompts, judge j only"


def test_several_systems_are_set_against_the_reference() -> None:
    study = small_study(PROMPTS, ("base", "new", "other"))
    votes = [vote(p, "new", "base", "a") for p in PROMPTS] + [vote(p, "other", "base", "b") for p in PROMPTS]
    claims = [answer.claim for answer in said(study, votes)]
    assert claims[0].startswith("new wins on overall against base: 100% [")
    assert claims[1].startswith("base wins on overall against other: 100% [")


def test_nothing_is_said_of_what_nobody_answered() -> None:
    two = (Criterion(key="tone", question="Which is warmer?"), Criterion(key="overall", question="Which is better?"))
    study = small_study(PROMPTS, criteria=two)
    assert [answer.criterion for answer in said(study, wins(study, 19))] == ["overall"]
    assert said(study) == []


def test_cautions_name_what_a_judge_saw() -> None:
    study = small_study(PROMPTS)
    rows = [*judged(study, 19)[:19], verdict("p19", "base", "new", None)]
    named = [row.model_copy(update={"named": True}) for row in rows]
    summary = summarise(study, votes_of(study), verdicts_of(study, *named)).as_json()
    titles = [caution.title for caution in cautions(summary)]
    assert titles == [
        "Judge j was not blinded",
        "Judge j read each pair in one order only",
        "Judge j left 1 verdict unscored",
    ]
    assert human_votes(summary) == 0


def test_a_win_rate_turns_into_the_other_systems() -> None:
    rate = {"estimate": 0.7, "low": 0.6, "high": 0.78, "n": 100, "method": "m"}
    other = turned(rate)
    assert (other["estimate"], other["low"], other["high"]) == pytest.approx((0.3, 0.22, 0.4))
    assert turned({"estimate": None, "low": None, "high": None, "n": 0})["estimate"] is None
