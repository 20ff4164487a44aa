"""Baseline judges: the rule that each claims to follow, and no other."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from eval.judges.base import Answer, Judge, Question
from eval.judges.baseline import KINDS, BaselineJudge
from ppai.errors import PPAIError
from ppai.schema import DEFAULT_CRITERIA, Outcome

PAIR = Question("A post", first="Longer, by far", second="Short", criteria=DEFAULT_CRITERIA, seed=1)
EQUAL = replace(PAIR, first="five!", second="Short")


def ask(kind: str, question: Question) -> Answer:
    judge: Judge = BaselineJudge(kind)
    return asyncio.run(judge.ask(question))


def swapped(question: Question) -> Question:
    return replace(question, first=question.second, second=question.first)


def said(kind: str, question: Question) -> Outcome:
    """The one outcome that is given to every criterion."""
    (outcome,) = set(ask(kind, question).outcomes.values())
    return outcome


@pytest.mark.parametrize(
    ("kind", "question", "outcome"),
    [
        ("longest", PAIR, Outcome.A),
        ("longest", swapped(PAIR), Outcome.B),
        ("longest", EQUAL, Outcome.TIE),
        ("longest", replace(PAIR, first="日本", second="abcd"), Outcome.B),  # characters, not bytes
        ("shortest", PAIR, Outcome.B),
        ("shortest", swapped(PAIR), Outcome.A),
        ("shortest", EQUAL, Outcome.TIE),
        ("first", PAIR, Outcome.A),
        ("first", swapped(PAIR), Outcome.A),
        ("first", replace(EQUAL, second=""), Outcome.A),
    ],
)
def test_each_kind_follows_its_rule(kind: str, question: Question, outcome: Outcome) -> None:
    assert said(kind, question) is outcome


@pytest.mark.parametrize("kind", KINDS)
def test_every_criterion_that_is_asked_has_an_outcome_and_costs_nothing(kind: str) -> None:
    some = replace(PAIR, criteria=DEFAULT_CRITERIA[2:4])
    for question in (PAIR, some):
        answer = ask(kind, question)
        assert list(answer.outcomes) == [criterion.key for criterion in question.criteria]
        assert answer.unscored is None and not answer.unscored_criteria and answer.model == kind
        assert answer.usage is not None and answer.usage.as_json() == {
            "input_tokens": 0,
            "cached_tokens": 0,
            "output_tokens": 0,
            "cost_usd": 0.0,
        }
    assert BaselineJudge(kind).ceiling(PAIR) == 0


def test_chance_answers_the_same_item_the_same_again_and_others_otherwise() -> None:
    items = [replace(PAIR, prompt=f"Post {n}") for n in range(12)]
    answers = [ask("random", item).outcomes for item in items]
    assert answers == [ask("random", item).outcomes for item in items]
    assert [ask("random", replace(item, seed=2)).outcomes for item in items] != answers
    assert len({tuple(answer.values()) for answer in answers}) > 6
    one = [ask("random", replace(item, criteria=DEFAULT_CRITERIA[:1])).outcomes for item in items]
    key = DEFAULT_CRITERIA[0].key
    assert [answer[key] for answer in one] == [answer[key] for answer in answers], "a selection changes none"


def test_chance_is_a_fair_coin_in_each_order_of_a_pair() -> None:
    items = [replace(PAIR, prompt=f"Post {n}") for n in range(500)]
    there = [outcome for item in items for outcome in ask("random", item).outcomes.values()]
    back = [outcome for item in items for outcome in ask("random", swapped(item)).outcomes.values()]
    assert set(there) == {Outcome.A, Outcome.B}
    assert sum(one is Outcome.A for one in there) / len(there) == pytest.approx(0.5, abs=0.03)
    same_side = sum(one is other for one, other in zip(there, back, strict=True))
    assert same_side / len(there) == pytest.approx(0.5, abs=0.03)


def test_a_judge_is_named_by_its_kind_unless_it_is_given_a_name() -> None:
    assert BaselineJudge("longest").name == "baseline:longest"
    assert BaselineJudge("longest", name="by length").name == "by length"


def test_an_unknown_kind_is_one_line_that_names_those_there_are() -> None:
    with pytest.raises(PPAIError, match=r"^--judge: baseline:best is not one of .*baseline:longest.*$"):
        BaselineJudge("best")
