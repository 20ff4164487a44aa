"""What the arena answers to every act of a visitor, what it stores and what it keeps to itself."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from databases import KINDS, new_store
from live_questions import QUESTION, VOTE, WORDS, Script, Visitor, arena_of, wait_for
from rating import Rater, desk_of, rating_study, settings

from ppai.errors import PPAIError
from ppai.live.arena import FREE_RETRIES, Arena
from ppai.live.floor import FAILED_SECONDS, storable
from ppai.live.line import GONE_SECONDS
from ppai.live.questions import KEPT_SECONDS
from ppai.schema import Arm, VoteStatus
from ppai.store.sql import SqlStore

HOUR = 3600


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = new_store("sqlite", tmp_path)
    yield store
    store.close()


def live_of(store: SqlStore) -> tuple[int, int, int]:
    """Stored live questions, responses and votes."""
    events = store.events("rated")
    return len(events.live_prompts), len(events.live_responses), sum(vote.arm is Arm.LIVE for vote in events.votes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_is_answered_voted_on_and_stored_once(kind: str, tmp_path: Path) -> None:
    store = new_store(kind, tmp_path)
    script = Script()
    arena, clock = arena_of(store, script, rating_study(), reveal=True)
    visitor = Visitor(arena)
    shown = visitor.until_vote(clock)
    assert shown["state"] == "vote" and shown["question"] == QUESTION
    assert live_of(store) == (0, 0, 0)
    submission = "s" * 12
    thanks = visitor.vote(submission=submission, comment=" both fine ")
    assert (thanks["state"], thanks["count"]) == ("thanks", 1)
    assert visitor.vote(submission=submission) == visitor.vote(submission="another-one") == thanks

    events = store.events("rated")
    (prompt,), (vote,), (given,) = events.live_prompts, events.votes, events.assignments
    assert (prompt.text, prompt.split, prompt.extra.keys()) == (QUESTION, "live", {"created_at", "consented_at"})
    times = [datetime.fromisoformat(prompt.extra[name]) for name in ("consented_at", "created_at")]
    assert [*times, given.created_at, vote.created_at] == sorted([*times, given.created_at, vote.created_at])
    assert given.created_at < vote.created_at
    texts = {response.system: response.text for response in events.live_responses}
    assert texts == {system: WORDS[system] for system in ("base", "tuned")}
    assert {"a": texts[vote.system_a], "b": texts[vote.system_b]} == {side: shown[side] for side in "ab"}
    assert (vote.arm, vote.status, vote.prompt_id) == (Arm.LIVE, VoteStatus.SUBMITTED, prompt.id)
    assert ({key: one.value for key, one in vote.outcomes.items()}, vote.comment) == (VOTE, "both fine")
    (_, _, seed), *_ = script.asked
    assert {response.extra["sampling"]["seed"] for response in events.live_responses} == {seed}
    assert given.draw == f"live, random: 1 of 1 matchups at 0 comparisons; seed {seed}"
    assert (given.system_a, given.system_b, given.rater) == (vote.system_a, vote.system_b, vote.rater)
    store.close()


def test_nothing_before_the_vote_tells_the_systems_apart(store: SqlStore) -> None:
    script = Script()
    arena, clock = arena_of(store, script, rating_study(reveal=True))
    visitor = Visitor(arena)
    seen = [visitor.act("open"), visitor.act("consent"), visitor.ask(), visitor.wait_for("answering")]
    # Else the answers, which are written in a thread, may be late by this clock before they are begun.
    wait_for(lambda: script.asked and not script.at_once, bool)
    while seen[-1]["state"] == "answering":
        clock.now += 0.25
        seen.append(visitor.act("poll"))
    assert len(seen) > 5
    for view in seen:
        text = json.dumps(view)
        assert not any(name in text for name in ("base", "tuned", "model-of", "system", "seed", "draw"))
    assert {key for view in seen[4:-1] for key in view} == {
        "state",
        "token",
        "question",
        "a",
        "b",
        "a_ended",
        "b_ended",
    }
    thanks = visitor.vote()
    assert sorted(thanks["revealed"].values()) == ["base", "tuned"]


def test_names_are_revealed_only_where_the_study_says_so(store: SqlStore) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    visitor = Visitor(arena)
    visitor.until_vote(clock)
    assert visitor.vote()["revealed"] is None
    assert visitor.act("poll") == {"state": "thanks", "token": visitor.token, "revealed": None, "count": 1}


def test_without_consent_nothing_is_asked_and_a_known_code_is_kept(store: SqlStore) -> None:
    script = Script()
    arena, _ = arena_of(store, script, rating_study())
    visitor = Visitor(arena)
    assert visitor.act("open")["state"] == "welcome"
    for code in (None, "nonsense", "7KQM-2XRT-P9WD"):
        view = arena.act({"act": "ask", "code": code, "question": QUESTION, "submission": "12345678"})
        assert view == {"error": "error.live_consent"}
    desk = arena._desk
    rater = Rater(desk)
    visitor.code = rater.code
    assert visitor.act("open")["consented"] is False
    assert visitor.act("consent")["code"] == rater.code
    assert visitor.act("open")["state"] == "ask"
    assert script.asked == []


def test_a_visitor_keeps_her_code_when_she_rates_later(store: SqlStore) -> None:
    arena, _ = arena_of(store, Script(), rating_study())
    code = Visitor(arena).act("consent")["code"]
    desk = arena._desk
    welcome = desk.open(code)
    assert (welcome["screen"], welcome["code"]) == ("welcome", code)
    assert desk.act({"act": "consent", "code": code})["code"] == code
    assert desk.act({"act": "consent", "code": code})["code"] != code
    assert len(store.participants("rated")) == 2


def test_length_personal_data_and_danger_are_met_before_a_model_is_asked(store: SqlStore) -> None:
    script = Script()
    arena, _ = arena_of(store, script, rating_study(), live_max_chars=100)
    visitor = Visitor(arena)
    assert visitor.ask("Help?") == {"error": "error.live_too_short", "min": 10, "max": 100}
    assert visitor.ask("a" * 101)["error"] == "error.live_too_long"
    assert visitor.ask("a" * 50_000)["error"] == "error.too_long"
    warned = visitor.ask("Write to jane@example.org or ring 555-123-4567 please")
    assert (warned["state"], warned["found"]) == ("warned", ["email", "phone"])
    crisis = visitor.ask("I found my baby and he is not breathing", confirmed_personal=True)
    assert crisis["state"] == "crisis" and {"988", "116 123"} <= {line["number"] for line in crisis["lines"]}
    assert script.asked == [] and live_of(store) == (0, 0, 0)
    sent = visitor.ask("Write to jane@example.org or ring 555-123-4567 please", confirmed_personal=True)
    assert sent["state"] in ("queued", "answering")


def test_a_failing_system_stores_nothing_and_is_asked_again_on_the_same_sides(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script()
    script.fail = {"tuned"}
    arena, clock = arena_of(store, script, rating_study())
    visitor = Visitor(arena)
    with caplog.at_level(logging.WARNING, "ppai"):
        failed = visitor.until_vote(clock)
    assert (failed["state"], failed["reason"]) == ("failed", "error.live_failed")
    assert "'tuned'" in caplog.text and "its server is down" in caplog.text
    assert set(failed) == {"state", "token", "question", "reason"} and "its server" not in json.dumps(failed)
    assert visitor.vote()["error"] == "error.bad_request" and live_of(store) == (0, 0, 0)
    script.fail = set()
    assert visitor.act("retry")["state"] in ("queued", "answering")
    assert visitor.read_on(clock)["state"] == "vote"
    assert script.asked[0] == script.asked[1]
    assert visitor.vote()["count"] == 1


def test_a_model_that_raises_anything_ends_in_a_retry(store: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Script):
        def answer(self, *_: Any) -> Any:
            raise ZeroDivisionError

    arena, clock = arena_of(store, Broken(), rating_study())
    assert Visitor(arena).until_vote(clock)["reason"] == "error.live_failed"


@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_that_takes_too_long_is_ended(store: SqlStore, begun: bool) -> None:
    script = Script()
    arena, clock = arena_of(store, script, rating_study(), live_seconds=100)
    if begun:
        as_scripted = Script.answer

        def slow(self: Script, systems: Any, question: str, seed: int, stop: Any) -> Any:
            try:
                for piece in as_scripted(self, systems, question, seed, stop):
                    if piece.ended:
                        stop.wait(20)
                        return
                    yield piece
            finally:
                self.stopped.set()

        script.answer = slow.__get__(script)  # type: ignore[method-assign]
    else:
        script.go.clear()
    visitor = Visitor(arena)
    visitor.ask()
    visitor.wait_for("answering")
    if begun:
        pace = next(iter(arena._floor._questions.values())).pace
        wait_for(lambda: pace._sides, lambda sides: sides[0].begun)
        pace.add(1, "Some words come", False, clock.now)
    clock.now += 49
    assert visitor.act("poll")["state"] == "answering"
    clock.now += 2
    assert visitor.act("poll")["state"] == ("answering" if begun else "failed")
    clock.now += 50
    assert visitor.act("poll")["reason"] == "error.live_timeout"
    assert script.stopped.wait(5)


def test_the_queue_says_the_place_and_goes_on(store: SqlStore) -> None:
    script = Script()
    script.go.clear()
    arena, clock = arena_of(store, script, rating_study(), live_queue=2, live_seconds=1000)
    first, second, third, fourth = (Visitor(arena) for _ in range(4))
    assert first.ask()["state"] == "answering"
    assert [(view["state"], view["place"], view["ahead"]) for view in (second.ask(), third.ask())] == [
        ("queued", 1, 0),
        ("queued", 2, 1),
    ]
    assert fourth.ask() == {"error": "error.live_busy", "wait": 60}
    assert second.ask()["error"] == "error.live_in_flight"
    clock.now += GONE_SECONDS - 1
    third.act("poll")
    clock.now += 2
    assert third.act("poll")["place"] == 1
    assert second.act("poll") == {"error": "error.live_stale"}
    assert first.act("stop") == {"state": "ask"}
    assert third.act("poll")["state"] == "answering"
    script.go.set()
    clock.now += 60
    third.wait_for("answering", "vote")


def test_rates_are_kept_for_a_rater_and_overall(store: SqlStore) -> None:
    script = Script()
    arena, clock = arena_of(store, script, rating_study(), live_per_hour=2, live_overall_per_hour=3)
    first, second = Visitor(arena), Visitor(arena)
    for _ in range(2):
        first.until_vote(clock)
    refused = first.ask()
    assert refused["error"] == "error.live_rate" and HOUR - 120 < refused["wait"] <= HOUR
    second.until_vote(clock)
    assert second.ask()["error"] == "error.live_overall"
    clock.now += HOUR
    assert first.ask()["state"] in ("queued", "answering")


def test_comparisons_even_out_over_three_systems_and_sides(store: SqlStore) -> None:
    script = Script(("base", "tuned", "third"))
    study = rating_study(systems=("base", "tuned", "third"))
    arena, clock = arena_of(store, script, study, live_per_hour=100)
    visitor = Visitor(arena)
    for _ in range(12):
        visitor.until_vote(clock)
        visitor.vote()
    drawn = [systems for systems, _, _ in script.asked]
    matchups = [frozenset(systems) for systems in drawn]
    assert sorted(map(matchups.count, set(matchups))) == [4, 4, 4]
    assert len(set(drawn)) > 3
    with store.work("rated") as work:
        assert sorted(work.live.comparisons().values()) == [4, 4, 4]


def test_a_study_that_compares_with_its_reference_asks_only_that(store: SqlStore) -> None:
    script = Script(("base", "tuned", "third"))
    study = rating_study(systems=("base", "tuned", "third"), pairs="reference")
    arena, clock = arena_of(store, script, study)
    for visitor in (Visitor(arena) for _ in range(4)):
        visitor.until_vote(clock)
    assert all("base" in systems for systems, _, _ in script.asked)


def test_a_study_of_which_one_system_answers_is_refused(store: SqlStore) -> None:
    with pytest.raises(PPAIError, match="no two systems"):
        arena_of(store, Script(("base",)), rating_study())


def test_a_study_that_loses_its_systems_while_it_is_served_asks_nothing_more(store: SqlStore) -> None:
    script = Script()
    arena, _ = arena_of(store, script, rating_study())
    store.load(rating_study(systems=("base", "other")), replace=True)
    assert Visitor(arena).ask() == {"error": "error.live_off"} and script.asked == []


def test_another_visitor_cannot_use_a_token(store: SqlStore) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    visitor, thief = Visitor(arena), Visitor(arena)
    visitor.until_vote(clock)
    thief.act("consent")
    for act in ("poll", "vote", "stop", "retry", "report"):
        view = thief.act(act, token=visitor.token, submission="12345678", outcomes=VOTE)
        assert view == {"error": "error.live_stale"}, act
    assert visitor.act("poll")["state"] == "vote"


def test_a_vote_before_both_answers_are_out_is_refused(store: SqlStore) -> None:
    script = Script()
    script.go.clear()
    arena, _ = arena_of(store, script, rating_study())
    visitor = Visitor(arena)
    assert visitor.ask()["state"] == "answering"
    assert visitor.vote() == {"error": "error.bad_request"} and live_of(store) == (0, 0, 0)


def test_a_submission_of_one_question_is_no_vote_on_another(store: SqlStore) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    visitor = Visitor(arena)
    visitor.until_vote(clock)
    visitor.vote(submission="the-very-same")
    visitor.until_vote(clock)
    assert visitor.vote(submission="the-very-same") == {"error": "error.bad_request"}
    assert visitor.vote()["count"] == 2


def test_answers_that_wait_for_a_vote_stay_while_another_question_is_asked(store: SqlStore) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    visitor = Visitor(arena)
    first = visitor.until_vote(clock)["token"]
    second = visitor.until_vote(clock)["token"]
    for token in (first, second):
        assert visitor.vote(token=token)["state"] == "thanks"
    assert live_of(store)[2] == 2


def test_danger_is_met_with_help_however_long_the_text_is(store: SqlStore) -> None:
    arena, _ = arena_of(store, Script(), rating_study(), live_max_chars=100)
    visitor = Visitor(arena)
    for text in ("suicide", "I want to end my life. " * 20):
        assert visitor.ask(text)["state"] == "crisis"
    assert visitor.ask("a word") == {"error": "error.live_too_short", "min": 10, "max": 100}


def test_a_system_that_is_down_is_left_out_while_others_can_answer(store: SqlStore) -> None:
    study = rating_study(systems=("base", "tuned", "third"))
    script = Script(("base", "tuned", "third"))
    script.fail = {"third"}
    arena, clock = arena_of(store, script, study, live_per_hour=100)
    visitor = Visitor(arena)
    states = []
    for _ in range(12):
        states.append(visitor.until_vote(clock)["state"])
        if states[-1] == "vote":
            visitor.vote()
    assert states.count("failed") == 1 or states[0] == "failed"
    assert states.count("vote") >= 9
    clock.now += FAILED_SECONDS
    script.fail = set()
    assert visitor.until_vote(clock)["state"] == "vote" and "third" in script.asked[-1][0]


def test_a_question_asked_again_after_a_failure_is_not_counted_again(store: SqlStore) -> None:
    script = Script()
    script.fail = {"tuned"}
    arena, clock = arena_of(store, script, rating_study(), live_per_hour=1)
    visitor = Visitor(arena)
    assert visitor.until_vote(clock)["state"] == "failed"
    for _ in range(FREE_RETRIES):
        assert visitor.act("retry")["state"] in ("queued", "answering")
        assert visitor.read_on(clock)["state"] == "failed"
    assert visitor.act("retry")["error"] == "error.live_rate"


def test_what_no_page_can_show_is_taken_out_of_an_answer() -> None:
    assert storable("a\0b\ud800c") == "ab?c"


@pytest.mark.parametrize(
    ("outcomes", "error"),
    [
        ({"clarity": "a"}, "error.incomplete"),
        ({}, "error.incomplete"),
        ({**VOTE, "charm": "a"}, "error.bad_request"),
        ({**VOTE, "overall": "c"}, "error.bad_request"),
    ],
)
def test_a_vote_that_does_not_fit_is_refused(store: SqlStore, outcomes: Any, error: str) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    visitor = Visitor(arena)
    visitor.until_vote(clock)
    assert visitor.vote(outcomes=outcomes) == {"error": error}
    assert live_of(store) == (0, 0, 0) and visitor.vote()["state"] == "thanks"


def test_a_restart_makes_tokens_stale_and_a_vote_that_was_stored_is_known(store: SqlStore) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    voted, reading = Visitor(arena), Visitor(arena)
    voted.until_vote(clock)
    voted.vote(submission="stored-before")
    reading.until_vote(clock)
    again = Arena(desk_of(store, rating_study(), clock=clock), Script(), clock=clock)
    for visitor in (voted, reading):
        visitor.arena = again
        assert visitor.act("poll") == {"error": "error.live_stale"}
    assert voted.vote(submission="stored-before")["state"] == "thanks"
    assert reading.vote() == {"error": "error.live_stale"}
    assert reading.act("open")["state"] == "ask"
    assert live_of(store)[2] == 1


def test_twenty_visitors_at_once_are_all_answered(store: SqlStore) -> None:
    script = Script()
    arena, clock = arena_of(store, script, rating_study(), live_at_once=3)

    def visit(_: int) -> tuple[str, ...]:
        visitor = Visitor(arena)
        visitor.ask()
        view = visitor.read_on(clock, 60)
        thanks = visitor.vote()
        return view["state"], thanks["state"], visitor.code or ""

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(visit, range(20)))
    assert {one[:2] for one in found} == {("vote", "thanks")} and len({one[2] for one in found}) == 20
    assert live_of(store) == (20, 40, 20)
    assert script.most_at_once <= 3


def test_what_nobody_looks_at_is_forgotten(store: SqlStore) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    visitor, other = Visitor(arena), Visitor(arena)
    visitor.until_vote(clock)
    clock.now += KEPT_SECONDS + 1
    other.act("open")
    assert arena._floor._questions == {}
    assert visitor.vote() == {"error": "error.live_stale"}


def test_a_report_of_harm_stores_the_question_and_both_answers(store: SqlStore) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    visitor = Visitor(arena)
    visitor.until_vote(clock)
    assert visitor.act("report", side="a", text="This is dangerous") == {"notice": "notice.reported"}
    assert live_of(store) == (1, 2, 0)
    (report,) = store.reports("rated")
    assert (report.text, report.prompt_id) == ("This is dangerous", store.study("rated").live_prompts[0].id)
    assert visitor.vote()["state"] == "thanks" and live_of(store) == (1, 2, 1)


def test_a_question_waits_for_models_that_are_loading_and_is_answered_then(store: SqlStore) -> None:
    script = Script()
    arena, _ = arena_of(store, script, rating_study(), live_queue=1)
    script.state = "loading"
    visitor = Visitor(arena)
    asked = visitor.ask()
    assert (asked["state"], asked["place"], asked["loading"]) == ("queued", 1, True)
    assert visitor.act("poll")["state"] == "queued" and script.asked == []
    others = [Visitor(arena) for _ in range(2)]
    assert others[0].ask()["place"] == 2 and others[1].ask()["error"] == "error.live_busy"
    script.state = "ready"
    assert visitor.act("poll")["state"] == "answering"


def test_models_that_cannot_be_loaded_fail_the_questions_that_wait_and_refuse_others(store: SqlStore) -> None:
    script = Script()
    arena, _ = arena_of(store, script, rating_study())
    script.state = "loading"
    visitor = Visitor(arena)
    assert visitor.ask()["state"] == "queued"
    script.state = "failed"
    assert visitor.act("poll")["state"] == "failed"
    assert visitor.act("retry", token=visitor.token) == {"error": "error.live_off"}
    assert Visitor(arena).ask() == {"error": "error.live_off"}


@pytest.mark.parametrize("request_", [None, [], {"act": "nonsense"}, {"act": 3}, {"act": "poll", "token": 5}, "ask"])
def test_nonsense_is_refused_in_a_word(store: SqlStore, request_: Any) -> None:
    arena, _ = arena_of(store, Script(), rating_study())
    assert arena.act(request_)["error"].startswith("error.")


def test_markup_is_sent_as_the_text_that_it_is(store: SqlStore) -> None:
    arena, clock = arena_of(store, Script(), rating_study())
    visitor = Visitor(arena)
    question = "<img src=x onerror=alert(1)> **why** does she cry?"
    assert visitor.until_vote(clock, question)["question"] == question
    visitor.vote()
    assert store.study("rated").live_prompts[0].text == question


def test_settings_of_the_arena_are_in_its_frame(store: SqlStore) -> None:
    arena, _ = arena_of(store, Script(), rating_study(), live_seconds=30.0)
    frame = Visitor(arena).act("open")["frame"]
    assert [question["key"] for question in frame["questions"]] == ["clarity", "overall"]
    assert (frame["min_chars"], frame["max_chars"], frame["seconds_limit"]) == (10, 2000, 30.0)
    assert settings().live is False
