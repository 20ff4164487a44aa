"""The answer in words says which system wins, how surely, on what data, and what lessens it."""

from collections.abc import Sequence
from typing import Any

import pytest
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Criterion, Labelled, Study, Verdict, Vote
from ppai.studyfiles import read_study
from ppai.ui.cautions import cautions
from ppai.ui.labels import Labels, decimal, interval
from ppai.ui.sentences import Answer, answers, human_votes, turned
from ppai.ui.sentences import Verdict as Found
from ppai.ui.taken_together import holm_reading

ORDERS = (("base", "new", "b"), ("new", "base", "a"))
"""In which `new` is preferred."""
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
    basis = "100 prompts, judge gpt-4o only, not blinded, one order"
    assert found["empathy_tone"] == f"finetuned preferred on empathy tone: 70% [60, 78], {basis}"
    assert found["helpfulness"] == f"base preferred on helpfulness: 90% [82, 95], {basis}"
    assert found["creativity"].startswith("Undecided on creativity: finetuned's win rate 50% [")


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
    assert agrees.startswith("20 prompts, 20 votes by 1 person, judge j (one order, not usable) agrees (90% [")
    assert "judge j (one order, not usable) says base (90% [" in said(study, wins(study, 19), judged(study, 2))[0].basis
    assert (
        "judge j (one order, not usable) is undecided (new's win rate 50% ["
        in said(study, wins(study, 19), judged(study, 10))[0].basis
    )


def in_both_orders(judge: str) -> list[Verdict]:
    return [verdict(p, *order, side, judge=judge) for p in PROMPTS for *order, side in ORDERS]


def test_a_blinded_judge_leads_and_one_with_a_warning_stands_beside() -> None:
    study = small_study(PROMPTS)
    (answer,) = said(study, (), [*judged(study, 2, judge="a", named=True), *in_both_orders("z")])
    assert answer.claim.startswith("new wins on overall: 100% [") and not answer.qualified
    assert answer.basis.startswith("20 prompts, judge z, judge a (saw names, one order) says base (90% [")


def test_a_judge_with_a_warning_prefers_and_does_not_win() -> None:
    study = small_study(PROMPTS)
    (answer,) = said(study, (), judged(study, 2, named=True))
    assert answer.qualified
    assert answer.claim.startswith("base preferred on overall: 90% [")
    assert answer.basis == "20 prompts, judge j only, not blinded, one order"
    (people,) = said(study, wins(study, 19), judged(study, 2, named=True))
    assert people.claim.startswith("new wins on overall") and not people.qualified


def test_baselines_answer_nothing() -> None:
    study = small_study(PROMPTS)
    assert said(study, (), in_both_orders("baseline:longest")) == []
    (answer,) = said(study, (), [*in_both_orders("baseline:longest"), *judged(study, 19, named=True)])
    assert answer.claim.startswith("new preferred") and "baseline" not in answer.text
    assert "baseline" not in said(study, wins(study, 19), in_both_orders("baseline:longest"))[0].text


@pytest.mark.parametrize("kind", ["model", "prompt_version"])
def test_a_judge_of_several_models_or_prompts_is_marked_and_warned_of(kind: str) -> None:
    study = small_study(PROMPTS)
    verdicts = [row.model_copy(update={kind: f"v{n % 2}"}) for n, row in enumerate(in_both_orders("j"))]
    (answer,) = said(study, (), verdicts)
    assert answer.qualified and answer.basis == "20 prompts, judge j only, mixed prompts or models"
    (caution,) = cautions(summarise(study, votes_of(study), verdicts_of(study, *verdicts)).as_json())
    assert caution.title == "Judge j mixes prompts or models" and "v0, v1" in caution.text


def test_what_the_study_no_longer_has_is_said_to_be_left_out() -> None:
    study = small_study(PROMPTS)
    stale = [row.model_copy(update={"texts": "0" * 16}) for row in in_both_orders("j")[:3]]
    gone = [verdict("gone", *order, side) for *order, side in ORDERS]
    summary = summarise(study, votes_of(study), verdicts_of(study, *in_both_orders("j")[3:], *stale, *gone)).as_json()
    assert [caution.title for caution in cautions(summary)] == [
        "3 verdicts on earlier texts left out",
        "2 votes or verdicts left out",
    ]


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


def test_what_is_undecided_is_no_win_of_anybody() -> None:
    study = small_study(PROMPTS, ("base", "new", "other"))
    (answer,) = said(study, wins(study, 9))
    assert answer.claim.startswith("Undecided on overall between new and base: new's win rate 45% [")
    ties = [vote(p, "new", "base", "tie") for p in PROMPTS]
    assert said(small_study(PROMPTS), ties)[0].claim == "Undecided on overall: all 20 prompts ended in a tie"


def test_an_interval_that_rules_nothing_out_says_nothing() -> None:
    (answer,) = said(small_study(PROMPTS), [vote("p0", "new", "base", "a")])
    assert answer.text == "Too few answers to say anything on overall: 100% [0, 100], 1 prompt, 1 vote by 1 person"


def test_a_bound_is_not_rounded_to_what_it_leaves_out() -> None:
    def rate(low: float) -> dict[str, float]:
        return {"estimate": 0.63, "low": low, "high": 0.734}

    assert [interval(rate(low)) for low in (0.504, 0.5, 0.4997)] == [
        "63% [50.4, 73]",
        "63% [50, 73]",
        "63% [49.97, 73]",
    ]
    assert decimal(rate(0.5012), even=0.5) == "0.63 [0.501, 0.73]"
    assert decimal(rate(-0.004)) == "0.63 [−0.004, 0.73]"


def test_a_win_rate_turns_into_the_other_systems() -> None:
    rate = {"estimate": 0.7, "low": 0.6, "high": 0.78, "n": 100, "method": "m"}
    other = turned(rate)
    assert (other["estimate"], other["low"], other["high"]) == pytest.approx((0.3, 0.22, 0.4))
    assert turned({"estimate": None, "low": None, "high": None, "n": 0})["estimate"] is None


TWO = (Criterion(key="tone", question="Which is warmer?"), Criterion(key="overall", question="Which is better?"))


def reading(study: Study, votes: Sequence[Vote] = (), verdicts: Sequence[Verdict] = ()) -> list[str]:
    summary = summarise(study, votes_of(study, *votes), verdicts_of(study, *verdicts)).as_json()
    return holm_reading(summary, Labels.of(study.config))


def losing(study: Study, **losses: int) -> list[Vote]:
    """By criterion, on how many of the prompts `new` loses."""
    return [
        vote(p.id, "new", "base", {key: "b" if n < lost else "a" for key, lost in losses.items()})
        for n, p in enumerate(study.prompts)
    ]


def test_a_win_that_does_not_survive_the_other_criteria_is_said_not_to() -> None:
    study = small_study(PROMPTS, criteria=(Criterion(key="clarity", question="Which is clearer?"), *TWO))
    cast = losing(study, tone=1, clarity=5, overall=9)
    clarity, tone, overall = said(study, cast)
    assert [one.verdict for one in (tone, clarity, overall)] == [Found.WINS, Found.WINS, Found.UNDECIDED]
    assert [one.withdrawn for one in (tone, clarity, overall)] == [False, True, False]
    assert clarity.basis.startswith("not after Holm's adjustment (p 0.083), 20 prompts") and "Holm" not in tone.basis
    how = "all 3 criteria taken together (chance of any false one at most 5%; exact sign tests, Holm)"
    assert reading(study, cast) == [
        f"People, {how}: the win on tone survives; the win on clarity (adjusted p 0.083) does not survive."
    ]


def test_all_wins_that_survive_are_named_and_a_judge_with_a_warning_has_preferences() -> None:
    study = small_study(PROMPTS, criteria=TWO)
    how = "both criteria taken together (chance of any false one at most 5%; exact sign tests, Holm)"
    assert reading(study, losing(study, tone=0, overall=3)) == [f"People, {how}: the wins on tone and overall survive."]
    seen = [
        Verdict(judge="j", prompt_id=p, system_a="new", system_b="base", outcomes={"tone": "a", "overall": "a"})
        for p in PROMPTS
    ]
    assert reading(study, (), seen) == [f"Judge j, {how}: the preferences on tone and overall survive."]


def test_several_systems_are_read_one_by_one() -> None:
    study = small_study(PROMPTS, ("base", "new", "other"), criteria=TWO)
    cast = losing(study, tone=0, overall=0)
    cast += [vote(p, "other", "base", dict.fromkeys(("tone", "overall"), "b")) for p in PROMPTS]
    assert [sentence.split(", both")[0] for sentence in reading(study, cast)] == [
        "People, new against base",
        "People, other against base",
    ]


def test_one_criterion_and_no_winner_need_no_reading() -> None:
    one, two = small_study(PROMPTS), small_study(PROMPTS, criteria=TWO)
    assert reading(one, wins(one, 19)) == []
    even = [vote(p, "new", "base", dict.fromkeys(("tone", "overall"), "ab"[n % 2])) for n, p in enumerate(PROMPTS)]
    assert reading(two, even) == [] and reading(two) == []


def test_a_combination_stands_beside_the_people() -> None:
    prompts = tuple(f"p{n:02d}" for n in range(60))
    study = small_study(prompts, labelled=Labelled.RANDOM)
    cast = [vote(p, "new", "base", "a" if n < 24 else "b") for n, p in enumerate(prompts[:30])]
    judge = [
        verdict(p, *order, side if n % 5 else {"a": "b", "b": "a"}[side])
        for n, p in enumerate(prompts)
        for *order, side in ORDERS
    ]
    (answer,) = said(study, cast, judge)
    assert answer.basis.startswith("30 prompts, 30 votes by 1 person, combined with judge j: 8")
    unknown = small_study(prompts)
    assert "combined" not in said(unknown, cast, judge)[0].basis
