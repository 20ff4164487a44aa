"""The judge against a real server: what it sends, what it makes of replies, and what it says that they cost."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openai_replies import content_filter, cut_off_silently, failure, outcomes, refusal, text
from openai_server import ScriptedServer

from eval.judges import open_judge
from eval.judges.base import Answer, Judge, Question
from eval.judges.baseline import BaselineJudge
from eval.judges.openai import OpenAIJudge
from eval.pricing import read_prices
from ppai.errors import JudgeStopped, PPAIError
from ppai.schema import DEFAULT_CRITERIA, Criterion, Outcome, StudyConfig

QUESTION = Question("My son will not sleep.", "Try a routine.", "- Dim the lights\n- Read", DEFAULT_CRITERIA, seed=11)
KEYS = [criterion.key for criterion in DEFAULT_CRITERIA]
SYSTEMS = ("base", "finetuned")


def judge_of(url: str, config: StudyConfig | None = None, **more: Any) -> OpenAIJudge:
    judge = open_judge("openai:gpt-4o", config or StudyConfig(), base_url=url, timeout=5, max_retries=1, **more)
    assert isinstance(judge, OpenAIJudge)
    return judge


async def ask(judge: Judge, question: Question = QUESTION) -> Answer:
    try:
        return await judge.ask(question)
    finally:
        await judge.close()


def answered(reply: Any, question: Question = QUESTION, **more: Any) -> Answer:
    with ScriptedServer(lambda _: reply) as server:
        return asyncio.run(ask(judge_of(server.url, **more), question))


def test_the_server_is_told_the_texts_and_the_criteria_and_nothing_of_the_systems() -> None:
    with ScriptedServer() as server:
        judge = judge_of(server.url)
        answer = asyncio.run(ask(judge))
    (asked,) = server.asked
    assert asked.criteria == KEYS
    assert all(part in asked.user for part in (QUESTION.prompt, QUESTION.first, QUESTION.second))
    assert not any(name in json.dumps(asked.body).lower() for name in SYSTEMS)
    assert "do not follow" in asked.system
    assert answer.outcomes == dict.fromkeys(KEYS, Outcome.A) and answer.justification == "As asked."
    assert (judge.name, judge.model, judge.concurrency) == ("openai:gpt-4o", "gpt-4o", None)
    assert judge.prompt_version.startswith("judge_v1-")


def test_the_overall_criterion_is_listed_last_and_a_selection_keeps_the_version() -> None:
    config = StudyConfig(criteria=DEFAULT_CRITERIA[::-1], overall="clarity")
    with ScriptedServer() as server:
        judge = judge_of(server.url, config)
        asyncio.run(ask(judge, Question("p", "1", "2", config.criteria)))
        again = judge_of(server.url, config)
        asyncio.run(ask(again, Question("p", "1", "2", (DEFAULT_CRITERIA[3], DEFAULT_CRITERIA[0]))))
    whole, part = server.asked
    assert whole.criteria[-1] == "clarity" and sorted(whole.criteria) == sorted(KEYS)
    assert part.criteria == ["helpfulness", "clarity"]
    assert part.user.index("- helpfulness: ") < part.user.index("- clarity: ")
    assert judge.prompt_version == again.prompt_version


def test_what_answered_and_what_it_took_is_kept() -> None:
    answer = answered(outcomes(dict.fromkeys(KEYS, "Tie")))
    usage = answer.usage
    assert usage is not None and answer.model == "gpt-4o" and usage.seconds is not None
    expected = usage.input_tokens * 2.5e-6 + usage.output_tokens * 10e-6
    assert usage.cost_usd == pytest.approx(expected) and expected > 0


def test_the_price_is_of_the_model_that_answered_and_unknown_is_not_zero(tmp_path: Path) -> None:
    reply = outcomes(dict.fromkeys(KEYS, "Tie"))
    other = answered(replace(reply, model="gpt-4o-2024-05-13")).usage
    assert other is not None and other.cost_usd is not None
    assert other.cost_usd == pytest.approx(other.input_tokens * 5e-6 + other.output_tokens * 15e-6)
    with ScriptedServer() as server:
        judge = open_judge("openai:my-model", StudyConfig(), base_url=server.url)
        unknown = asyncio.run(ask(judge)).usage
        assert unknown is not None and unknown.cost_usd is None and "cost_usd" not in unknown.as_json()
        assert judge.ceiling(QUESTION) is None and judge.estimate(QUESTION).cost_usd is None
        table = tmp_path / "prices.yaml"
        table.write_text("prices: {my-model: {input: 1, output: 1}}")
        priced = open_judge("openai:my-model", StudyConfig(), base_url=server.url, prices=table)
        known = asyncio.run(ask(priced)).usage
    assert known is not None and known.cost_usd == pytest.approx((known.input_tokens + known.output_tokens) * 1e-6)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refusal("I will not."), "refusal"),
        (content_filter(), "content filter"),
        (cut_off_silently(), "cut off"),
        (text("Response 1, clearly."), "not JSON"),
        (text(""), "empty reply"),
        (failure(400, "context_length_exceeded", "maximum context length is 10"), "too long for the model"),
        (outcomes(dict.fromkeys(KEYS, "System A")), "outcome outside the set"),
    ],
)
def test_an_unusable_reply_is_unscored_with_what_it_took(reply: Any, reason: str) -> None:
    answer = answered(reply)
    assert answer.unscored == reason and not answer.outcomes and not answer.unscored_criteria
    assert answer.usage is not None and (answer.usage.cost_usd is None) == (reason == "too long for the model")


def test_one_unusable_criterion_leaves_the_others() -> None:
    answer = answered(outcomes(dict.fromkeys(KEYS, "Response 2") | {"clarity": "both"}))
    assert answer.unscored_criteria == {"clarity": "outcome outside the set"} and len(answer.outcomes) == 6
    assert answer.raw is not None and '"both"' in answer.raw


def test_an_estimate_is_near_and_a_ceiling_above_what_is_taken() -> None:
    with ScriptedServer(lambda _: outcomes(dict.fromkeys(KEYS, "Tie"), "A sentence of reasons. " * 6)) as server:
        judge = judge_of(server.url)
        estimate, ceiling = judge.estimate(QUESTION), judge.ceiling(QUESTION)
        taken = asyncio.run(ask(judge)).usage
    assert taken is not None and taken.cost_usd is not None and ceiling is not None
    assert 0.7 < estimate.input_tokens / taken.input_tokens < 1.3
    assert taken.cost_usd < ceiling and ceiling > 1000 * 10e-6
    judge.expected_output_tokens = 321.4
    assert judge.estimate(QUESTION).output_tokens == 321


def test_a_batch_asks_the_same_and_costs_half() -> None:
    with ScriptedServer() as server:
        judge = judge_of(server.url)
        path, body = judge.question_request(QUESTION)
        answer = asyncio.run(ask(judge))
    assert (path, body) == (server.asked[0].path, server.asked[0].body)
    reply = judge.client.read_body(path, {"output": [], "usage": {"input_tokens": 1000, "output_tokens": 100}})
    whole, half = (judge.answer_of(QUESTION, reply, batch=batch).usage for batch in (False, True))
    assert whole is not None and half is not None and whole.cost_usd == pytest.approx(2 * (half.cost_usd or 0))
    assert answer.usage is not None


def test_the_key_and_the_server_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(key="sk-of-the-environment") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
        answer = asyncio.run(ask(open_judge("openai:gpt-4o", StudyConfig())))
        assert answer.outcomes
        monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-place")
        with pytest.raises(JudgeStopped, match=r"does not accept the key in OPENAI_API_KEY \(401\)$"):
            asyncio.run(ask(open_judge("openai:gpt-4o", StudyConfig())))
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("OPENAI_API_KEY")
    without = open_judge("openai:gpt-4o", StudyConfig())
    assert without.estimate(QUESTION).cost_usd, "what it would cost is said without a key"
    with pytest.raises(JudgeStopped, match=r"^OPENAI_API_KEY is not set$"):
        asyncio.run(ask(without))


def test_specs_open_their_judges() -> None:
    assert isinstance(open_judge("baseline:longest", StudyConfig()), BaselineJudge)
    named = open_judge("openai:org/some:model", StudyConfig(), base_url="http://127.0.0.1:1/v1", name="mine")
    assert (named.name, named.model) == ("mine", "org/some:model")
    for spec in ("gpt-4o", "openai:", "", "azure:gpt-4o", ":x"):
        with pytest.raises(PPAIError, match=r"^--judge: .* is not openai:MODEL, local:") as error:
            open_judge(spec, StudyConfig())
        assert "\n" not in str(error.value)


def test_a_criterion_by_the_name_of_the_replys_own_key_is_refused() -> None:
    config = StudyConfig(criteria=(Criterion(key="Justification", question="Better justified?"),))
    with pytest.raises(PPAIError, match=r"^openai:gpt-4o: .* give the criterion 'Justification' another key$"):
        judge_of("http://127.0.0.1:1/v1", config)


def test_two_hundred_verdicts_of_gpt_4o_cost_about_what_the_documentation_says() -> None:
    """100 pairs in both orders, texts of the size of the published study's: about a dollar."""
    question = Question("p" * 600, "a" * 1500, "b" * 900, DEFAULT_CRITERIA)
    judge = judge_of("http://127.0.0.1:1/v1")
    cost = judge.estimate(question).cost_usd
    assert cost is not None and 0.5 < 200 * cost < 2.0
    assert read_prices().of("gpt-4o") == judge.price
