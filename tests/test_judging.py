"""What a run of a judge asks, what it may spend, and what becomes of an answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_studies import small_study

from eval.judges.base import Answer, Usage
from eval.judges.baseline import BaselineJudge
from eval.judging.budget import Budget
from eval.judging.items import Item
from eval.judging.plan import Order, Plan, plan
from eval.judging.scan import scan
from eval.judging.summary import lines
from eval.judging.tally import Tally
from eval.judging.verdicts import NO_ANSWER, missing, to_verdict
from ppai.errors import PPAIError
from ppai.schema import Arm, Criterion, Outcome, Prompt, Response, Study, Verdict

CRITERIA = (
    Criterion(key="overall", question="Which is better?"),
    Criterion(key="clarity", question="Which is clearer?"),
    Criterion(key="warmth", question="Which is warmer?"),
)
JUDGE = BaselineJudge("longest")


def study(**changes: Any) -> Study:
    made = small_study(systems=("base", "new", "third"), criteria=CRITERIA)
    responses = [
        Response(prompt_id=one.prompt_id, system=one.system, text=f"- **{one.system}**\n- {one.prompt_id}")
        for one in made.responses
    ]
    return made.model_copy(update={"responses": tuple(responses)} | changes)


def items(made: Plan, judge: BaselineJudge = JUDGE) -> list[Item]:
    return list(made.items(judge))


def keys(made: Plan, judge: BaselineJudge = JUDGE) -> set[str]:
    return {item.key for item in made.items(judge)}


def test_every_pair_is_asked_in_both_orders_which_stand_together() -> None:
    made = plan(study(), samples=2)
    asked = items(made)
    assert len(asked) == len(made) == 3 * 3 * 2 * 2 == len({item.key for item in asked})
    for one, other in zip(asked[::2], asked[1::2], strict=True):
        assert (one.prompt_id, one.sample, one.system_a, one.system_b, one.first, one.second) == (
            *(other.prompt_id, other.sample, other.system_b, other.system_a),
            *(other.second, other.first),
        )
    assert [item.sample for item in asked] == [0] * 18 + [1] * 18, "all pairs once before any is asked again"
    texts = {(item.system_a, item.first) for item in asked if item.prompt_id == "p1"}
    assert texts == {(system, f"- **{system}**\n- p1") for system in ("base", "new", "third")}


def test_a_question_holds_nothing_of_the_systems_but_their_texts() -> None:
    made = study(responses=tuple(replace_text(one, "text " * (3 + (one.system == "new"))) for one in study().responses))
    for item in items(plan(made)):
        told = repr(item.question)
        assert not any(system in told for system in ("base", "new", "third"))
        assert item.question.criteria == (CRITERIA[1], CRITERIA[2], CRITERIA[0]), "the overall one last"


def replace_text(response: Response, text: str) -> Response:
    return response.model_copy(update={"text": text})


def test_one_order_is_half_of_both() -> None:
    first, swapped = plan(study(), order=Order.FIRST), plan(study(), order=Order.SWAPPED)
    assert {(item.system_a, item.system_b) for item in items(first)} == {
        ("base", "new"),
        ("base", "third"),
        ("new", "third"),
    }
    assert keys(first) | keys(swapped) == keys(plan(study())) and not keys(first) & keys(swapped)
    assert len(first) == len(keys(first)) == 9


def test_the_plain_arm_shows_flattened_texts_under_other_keys() -> None:
    flat = items(plan(study(), arm=Arm.PLAIN))
    assert {item.first for item in flat if item.system_a == "base"} == {f"base; p{n}." for n in (1, 2, 3)}
    assert not keys(plan(study())) & {item.key for item in flat}


def test_the_key_is_of_all_that_an_answer_depends_on() -> None:
    base = items(plan(study(), prompts=["p1"]))[0]
    other_post = study(prompts=tuple(Prompt(id=p.id, text=p.text + "!") for p in study().prompts))
    other_text = study(responses=tuple(replace_text(r, r.text + "!") for r in study().responses))
    renamed = BaselineJudge("longest", name="other")
    other_version = BaselineJudge("longest")
    other_version.prompt_version = "baseline-2"
    other_model = BaselineJudge("longest")
    other_model.model = "longer"
    different = [
        items(plan(study(), prompts=["p2"]))[0],
        items(plan(study(), prompts=["p1"]))[1],
        items(plan(study(), prompts=["p1"], samples=2))[6],
        items(plan(other_post))[0],
        items(plan(other_text))[0],
        *(items(plan(study()), judge)[0] for judge in (renamed, other_version, other_model)),
    ]
    assert len({base.key, *(item.key for item in different)}) == len(different) + 1
    same = items(plan(study(), prompts=["p1"], criteria=["clarity"], samples=3))[0]
    assert same.key == base.key and len(base.key) == 64
    assert base.question.seed == same.question.seed != different[2].question.seed
    assert 0 <= base.question.seed < 2**31


def test_items_are_made_as_they_are_needed() -> None:
    endless = plan(study(), samples=10**9)
    assert len(endless) == 18 * 10**9
    assert len(list(islice(endless.items(JUDGE), 100))) == 100


def test_pairs_of_which_a_response_is_missing_are_left_out() -> None:
    short = study(responses=tuple(r for r in study().responses if (r.prompt_id, r.system) != ("p2", "new")))
    assert Counter(item.prompt_id for item in items(plan(short))) == {"p1": 6, "p2": 2, "p3": 6}


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"criteria": ["clarity", "taste"]},
            "--criteria: 'taste' is not one of the study's criteria: overall, clarity",
        ),
        ({"prompts": ["p1", "p9", "x", "y", "z"]}, "--prompts: 'p9', 'x', 'y', ... are each not the id of a prompt"),
        ({"criteria": []}, "has no pair to judge"),
        ({"prompts": []}, "has no pair to judge"),
        ({"samples": 0}, "--samples must be at least 1, not 0"),
        ({"arm": Arm.LIVE}, "--arm: a judge is shown responses as_is or plain"),
    ],
)
def test_a_wrong_selection_is_one_line(chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(PPAIError) as refused:
        plan(study(), **chosen)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def item(*criteria: str, before: Verdict | None = None) -> Item:
    first = items(plan(study()))[0]
    return replace(first, criteria=tuple(one for one in CRITERIA if one.key in criteria), before=before)


def answered(outcomes: Mapping[str, str] | None = None, /, **more: Any) -> Answer:
    return Answer(outcomes={key: Outcome(one) for key, one in (outcomes or {}).items()}, **more)


def test_a_verdict_says_what_was_asked_and_what_came() -> None:
    usage = Usage(100, 10, 20, 0.5, 1.5)
    answer = answered(
        {"overall": "a", "clarity": "tie"}, justification="So.", fingerprint="fp", usage=usage, model="m1"
    )
    verdict = to_verdict(item("overall", "clarity"), answer, JUDGE)
    assert (verdict.judge, verdict.system_a, verdict.system_b, verdict.arm, verdict.sample) == (
        *("baseline:longest", "base", "new"),
        *(Arm.AS_IS, 0),
    )
    assert verdict.outcomes == {"overall": Outcome.A, "clarity": Outcome.TIE} and verdict.unscored is None
    assert verdict.asked == ("overall", "clarity") and verdict.unscored_criteria == {}
    assert (verdict.model, verdict.fingerprint, verdict.justification) == ("m1", "fp", "So.")
    assert verdict.usage == usage.as_json() and verdict.prompt_version == "baseline-1"
    assert verdict.item == item().key and verdict.created_at is not None


def test_what_an_answer_lacks_is_unscored_and_never_a_tie() -> None:
    lacking = to_verdict(item("overall", "clarity"), answered({"overall": "b"}, raw="{"), JUDGE)
    assert lacking.outcomes == {"overall": Outcome.B} and lacking.unscored_criteria == {"clarity": NO_ANSWER}
    assert lacking.raw == "{"
    refused = to_verdict(item("overall", "clarity"), answered(unscored="refused", raw="No."), JUDGE)
    assert (refused.unscored, refused.outcomes, refused.raw) == ("refused", {}, "No.")
    nothing = to_verdict(item("overall"), answered(), JUDGE)
    assert nothing.unscored == NO_ANSWER
    odd = to_verdict(item("overall"), answered({"warmth": "a"}), JUDGE)
    assert odd.unscored == NO_ANSWER, "what was not asked is no answer"
    partly = to_verdict(item("overall"), answered(unscored_criteria={"overall": "not one of the answers"}), JUDGE)
    assert partly.unscored == "not one of the answers"


def test_further_criteria_are_added_to_what_was_said() -> None:
    first = to_verdict(
        item("overall"), answered({"overall": "a"}, justification="One.", usage=Usage(10, 0, 5, 0.1, 1.0)), JUDGE
    )
    assert missing(first, CRITERIA) == CRITERIA[1:]
    usage = Usage(20, 0, 5, 0.2, 1.0)
    answer = answered(
        {"clarity": "b"}, unscored_criteria={"warmth": "wrong"}, justification="Two.", usage=usage, raw="r"
    )
    both = to_verdict(item("clarity", "warmth", before=first), answer, JUDGE)
    assert both.outcomes == {"overall": Outcome.A, "clarity": Outcome.B}
    assert both.unscored_criteria == {"warmth": "wrong"} and both.raw == "r"
    assert both.justification == "One.\n\nTwo." and set(both.asked or ()) == {"overall", "clarity", "warmth"}
    assert both.usage == pytest.approx(Usage(30, 0, 10, 0.3, 2.0).as_json())
    assert missing(both, CRITERIA) == ()
    again = to_verdict(item("warmth", before=both), answered({"warmth": "tie"}), JUDGE)
    assert again.outcomes["warmth"] is Outcome.TIE and again.unscored_criteria == {} and again.raw is None
    unknown = to_verdict(item("warmth", before=first), answered({"warmth": "a"}, usage=Usage(1, 0, 1, None)), JUDGE)
    assert unknown.usage is not None and "cost_usd" not in unknown.usage, "a sum with an unknown price is unknown"


def test_an_unscored_answer_keeps_what_was_said_before() -> None:
    first = to_verdict(item("overall"), answered({"overall": "a"}), JUDGE)
    second = to_verdict(item("clarity", before=first), answered(unscored="refused"), JUDGE)
    assert second.outcomes == {"overall": Outcome.A} and second.unscored_criteria == {"clarity": "refused"}
    refused = to_verdict(item("overall"), answered(unscored="refused", raw="No."), JUDGE)
    third = to_verdict(item("clarity", before=refused), answered({"clarity": "b"}), JUDGE)
    assert third.outcomes == {"clarity": Outcome.B} and third.unscored_criteria == {"overall": "refused"}
    assert third.raw == "No."
    fourth = to_verdict(item("clarity", before=refused), answered(unscored="cut off"), JUDGE)
    assert fourth.unscored == "cut off" and set(fourth.asked or ()) == {"overall", "clarity"}


def test_what_no_store_can_keep_is_taken_out_of_a_reply() -> None:
    odd = "half \ud83d and \0"
    answer = answered({"overall": "a"}, unscored_criteria={"clarity": odd}, justification=odd, raw=odd, model=odd)
    verdict = to_verdict(item("overall", "clarity"), answer, JUDGE)
    kept = {verdict.justification, verdict.raw, verdict.model, verdict.unscored_criteria["clarity"]}
    assert kept == {"half ? and \ufffd"}


def test_unscored_is_finished_unless_it_is_to_be_tried_again() -> None:
    refused = to_verdict(item("overall", "clarity"), answered(unscored="refused"), JUDGE)
    partly = to_verdict(item("overall", "clarity"), answered({"overall": "a"}), JUDGE)
    assert missing(refused, CRITERIA[:2]) == missing(partly, CRITERIA[:2]) == ()
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert missing(refused, CRITERIA[:2], retry_before=later) == CRITERIA[:2]
    assert missing(partly, CRITERIA[:2], retry_before=later) == (CRITERIA[1],)
    earlier = later - timedelta(hours=1)
    assert missing(refused, CRITERIA[:2], retry_before=earlier) == (), "tried again meanwhile, by another run"
    unsaid = refused.model_copy(update={"asked": None})
    assert missing(unsaid, CRITERIA) == ()
    assert missing(None, CRITERIA) == CRITERIA


def test_a_scan_counts_what_is_finished_missing_and_in_the_way() -> None:
    made = plan(study())
    every = items(made)
    done = [to_verdict(one, answered(dict.fromkeys(("overall", "clarity", "warmth"), "a")), JUDGE) for one in every[:4]]
    partly = to_verdict(replace(every[4], criteria=CRITERIA[:1]), answered({"overall": "a"}), JUDGE)
    stale = [one.model_copy(update={"item": "0" * 64}) for one in done[:1]]
    foreign = [one.model_copy(update={"item": None}) for one in done[1:3]]
    found = scan(made, JUDGE, [*done, partly], retry_unscored=False, estimate=True)
    assert (found.total, found.finished, len(found.open), found.outdated) == (18, 4, 14, 0)
    assert every[4].key in found.open and (found.cost_usd, found.unpriced) == (0.0, 0)
    found = scan(made, JUDGE, [*stale, *foreign, *done[3:]], retry_unscored=False, estimate=False)
    assert (found.finished, found.outdated, found.foreign) == (1, 1, 2)


@given(
    st.floats(0.01, 1.0),
    st.lists(st.tuples(st.floats(0.001, 0.3), st.floats(0, 1)), min_size=1, max_size=40),
    st.integers(1, 8),
)
def test_a_budget_is_never_passed(limit: float, costs: list[tuple[float, float]], workers: int) -> None:
    """Requests cost a part of their ceiling, and come back in any order."""

    async def run() -> tuple[float, int]:
        budget, waiting, asked = Budget(limit), list(costs), 0
        highest = 0.0

        async def work() -> None:
            nonlocal asked, highest
            while waiting:
                ceiling, part = waiting.pop()
                if not await budget.reserve(ceiling):
                    waiting.append((ceiling, part))
                    return
                asked += 1
                await asyncio.sleep(0)
                await budget.settle(ceiling, ceiling * part)
                highest = max(highest, budget.spent)

        await asyncio.gather(*(work() for _ in range(workers)))
        return highest, asked

    highest, asked = asyncio.run(run())
    assert highest <= limit + 1e-9
    if sum(ceiling for ceiling, _ in costs) <= limit:
        assert asked == len(costs), "what fits is asked"


def test_a_budget_waits_for_what_is_in_flight_and_counts_the_unknown_as_its_ceiling() -> None:
    async def run() -> None:
        budget = Budget(1.0)
        assert await budget.reserve(0.6)
        second = asyncio.create_task(budget.reserve(0.6))
        await asyncio.sleep(0.01)
        assert not second.done()
        await budget.settle(0.6, 0.1)
        assert await second
        await budget.settle(0.6, None)
        assert budget.spent == pytest.approx(0.7)
        assert not await budget.reserve(0.31) and await budget.reserve(0.3)

    asyncio.run(run())


def test_the_end_says_shares_of_unmerged_outcomes_and_counts_reasons() -> None:
    def verdict(prompt: str, systems: str, outcomes: Mapping[str, str] | None, **more: Any) -> Verdict:
        names = {"b": "base", "n": "new"}
        said: Any = {"outcomes": outcomes} if outcomes else {}
        return Verdict(
            judge="j", prompt_id=prompt, system_a=names[systems[0]], system_b=names[systems[1]], **said, **more
        )

    table = lines(
        [
            verdict("p1", "bn", {"overall": "a", "clarity": "a"}),
            verdict("p1", "nb", {"overall": "b", "clarity": "a"}),
            verdict("p2", "bn", {"overall": "tie"}, unscored_criteria={"clarity": "not JSON: {"}),
            verdict("p2", "nb", None, unscored="not JSON: ["),
            verdict("p1", "bn", {"overall": "b"}, arm="plain"),
        ]
    )
    assert [line.split("  ") for line in table[1:3]] and table[0].startswith("judge")
    assert table[1].split() == ["j", "as_is", "4", "2", "50.0%", "of", "2", "75.0%", "of", "4"]
    assert table[2].split() == ["j", "plain", "1", "0", "-", "0.0%", "of", "1"]
    assert table[3] == "unscored of j: 2 not JSON"


def test_an_unknown_price_is_said_and_never_taken_for_nothing() -> None:
    tally = Tally()
    tally.count_usage(Usage(10, 0, 5, None))
    assert tally.cost_said() == "cost unknown"
    tally.count_usage(Usage(10, 0, 5, 0.25))
    assert tally.cost_said() == "$0.2500 and 1 of unknown cost"
    assert (tally.input_tokens, tally.output_tokens) == (20, 10)
