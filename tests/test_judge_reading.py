"""From replies to outcomes: what cannot be used is unscored with its reason, and never a tie."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.client import Finish, Reply
from eval.judges.base import Answer
from eval.judges.reading import read_reply
from ppai.schema import Criterion, Outcome


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_to_collect() -> None:
    """What other tests left, such as an event loop, must not be collected in the middle of a deep reply."""
    gc.collect()


CRITERIA = (Criterion(key="clarity", question="Clearer?"), Criterion(key="overall", question="Better?"))
GOOD = {"justification": "Because.", "clarity": "Response 1", "overall": "Tie"}


def read(text: str, **more: Any) -> Answer:
    return read_reply(Reply(text, **more), CRITERIA)


def test_a_good_reply_is_read_and_not_kept_raw() -> None:
    answer = read(json.dumps(GOOD))
    assert answer.outcomes == {"clarity": Outcome.A, "overall": Outcome.TIE}
    assert (answer.justification, answer.unscored, answer.unscored_criteria, answer.raw) == ("Because.", None, {}, None)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("```json\n", "\n```"),
        ("Here is my verdict {as asked}:\n\n", "\n\nI hope that helps {smile}."),
        ("Response 2 is longer, but:\n", "\nThese are its properties."),
        ('<think>{"clarity": "Response 2", "overall": "Response 2"}? No.</think>', ""),
        ("", "\n" + json.dumps(GOOD)),
    ],
)
def test_json_is_found_amid_text(before: str, after: str) -> None:
    answer = read(before + json.dumps(GOOD) + after)
    assert answer.outcomes == {"clarity": Outcome.A, "overall": Outcome.TIE} and answer.justification == "Because."


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("response 2", Outcome.B),
        (" Response  1 ", Outcome.A),
        ("response_1", Outcome.A),
        ("RESPONSE-2", Outcome.B),
        ("tie", Outcome.TIE),
    ],
)
def test_the_form_of_an_outcome_may_differ(said: str, outcome: Outcome) -> None:
    assert read(json.dumps({" Clarity ": said, "OVERALL": said})).outcomes == dict.fromkeys(
        ("clarity", "overall"), outcome
    )


@pytest.mark.parametrize(
    "said",
    ["1", "A", "System A", "both", "Response 3", "Response 12", "Response 1 or 2", "", "none", 1, None, True, [], {}],
)
def test_other_words_are_outside_the_set(said: Any) -> None:
    answer = read(json.dumps(GOOD | {"clarity": said}))
    assert answer.outcomes == {"overall": Outcome.TIE}
    assert answer.unscored_criteria == {"clarity": "outcome outside the set"}
    assert answer.raw == json.dumps(GOOD | {"clarity": said})


def test_a_missing_criterion_is_unscored_for_itself() -> None:
    answer = read('{"justification": "x", "overall": "Response 2"}')
    assert answer.outcomes == {"overall": Outcome.B} and answer.unscored_criteria == {"clarity": "missing criterion"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(finish=Finish.REFUSAL, refusal="No."), "refusal"),
        (Reply("{", finish=Finish.CONTENT_FILTER), "content filter"),
        (Reply(json.dumps(GOOD), finish=Finish.LENGTH), "cut off"),
        (Reply(finish=Finish.TOO_LONG, refusal="maximum context length"), "too long for the model"),
        (Reply(" \n"), "empty reply"),
        (Reply("Response 1 is better overall."), "not JSON"),
        (Reply('{"clarity": "Response 1", "overall": "Resp'), "not JSON"),
        (Reply('["Response 1", "Tie"]'), "not JSON"),
        (Reply("null"), "not JSON"),
        (Reply('{"winner": "Response 1"}'), "missing criterion"),
        (Reply('{"clarity": "A"}'), "missing criterion; outcome outside the set"),
        (Reply('{"verdict": {"clarity": "Response 1", "overall": "Response 1"}}'), "missing criterion"),
        (Reply(json.dumps(GOOD) + json.dumps(GOOD | {"overall": "Response 2"})), "more than one answer"),
        (Reply("<think>" + json.dumps(GOOD) + " would be rash, since"), "cut off"),
        (Reply(json.dumps(GOOD) + "<think>Or"), "cut off"),
        (Reply(f"The form is {json.dumps(GOOD)}, as I see it. I would say Response 2."), "more than one answer"),
        (Reply(f"```json\n{json.dumps(GOOD)}\n```\nNo, a tie."), "more than one answer"),
        (Reply(json.dumps(GOOD) + '\n{"clarity": "Response 2", "overall": "Resp'), "more than one answer"),
        (Reply(json.dumps(GOOD) + '\n{"better": "response_2"}'), "more than one answer"),
        (Reply(json.dumps(GOOD) + " or Response 2? " + json.dumps(GOOD)), "more than one answer"),
        (Reply("[" * 100_000), "not JSON"),
        (Reply('{"a":' * 100_000), "not JSON"),
    ],
)
def test_a_reply_without_usable_outcomes_is_unscored_and_kept(reply: Reply, reason: str) -> None:
    answer = read_reply(reply, CRITERIA)
    assert answer.outcomes == {} and answer.unscored == reason
    assert answer.raw == (reply.text or reply.refusal)


def test_what_a_justification_quotes_is_no_thought_and_no_other_answer() -> None:
    quoted = json.dumps(GOOD | {"justification": 'It says "<think>", and is no Tie with Response 2.'})
    for text in (quoted, f"```json\n{quoted}\n```"):
        assert read(text).outcomes == {"clarity": Outcome.A, "overall": Outcome.TIE}


def test_a_criterion_answered_twice_differently_is_unscored() -> None:
    answer = read('{"clarity": "Response 1", "overall": "Tie", "clarity": "Response 2"}')
    assert answer.outcomes == {"overall": Outcome.TIE} and answer.unscored_criteria == {
        "clarity": "more than one answer"
    }
    same = read('{"clarity": "Response 1", "overall": "Tie", "clarity": "Response 1"}')
    assert same.outcomes["clarity"] is Outcome.A


@given(st.text() | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps))
def test_no_text_at_all_becomes_an_outcome_by_itself(text: str) -> None:
    answer = read(text)
    assert answer.outcomes == {} and answer.unscored and (answer.raw or "") == text
