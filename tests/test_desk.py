"""What the rating service answers to every act of a browser, and what it stores."""

from __future__ import annotations

import json
import logging
import random
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import new_store
from hypothesis import HealthCheck
from hypothesis import given as given_by
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from itsdangerous import TimestampSigner
from rating import CRITERIA, MORNING, Clock, Rater, desk_of, rating_study, settings, shown_systems
from sqlalchemy import event

from ppai.blinding import ItemTokens
from ppai.errors import StoreError
from ppai.schema import Arm, FormatMode, Outcome, Prompt, Study, VoteStatus
from ppai.store.sql import SqlStore
from ppai.ui.closing import PROBES
from ppai.ui.desk import MAX_REPORTS, Desk
from ppai.ui.session import Screen

NAME = "rated"


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = new_store("sqlite", tmp_path)
    yield store
    store.close()


@pytest.fixture
def desk(store: SqlStore) -> Desk:
    return desk_of(store, rating_study())


def votes(store: SqlStore) -> tuple[Any, ...]:
    return store.events(NAME).votes


def statuses(store: SqlStore) -> list[str]:
    return [vote.status.value for vote in votes(store)]


def screen(view: dict[str, Any]) -> str | None:
    return view.get("screen")


# Coming and going


def test_a_stranger_is_welcomed_and_told_what_will_be_asked(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppai.settings.on_volume", lambda _path: False)
    desk = desk_of(store, rating_study(description="About parents.", session_pairs=4, required=("overall",)))
    for view in (desk.open(None), desk.open("7KQM-2XRT-P9WD"), desk.open("no code"), desk.open({"code": 1})):
        assert screen(view) == Screen.WELCOME and "code" not in view and "item" not in view
        frame = view["frame"]
        assert [(one["key"], one["required"]) for one in frame["questions"]] == [("clarity", False), ("overall", True)]
        assert (frame["session_pairs"], frame["description"]) == (4, "About parents.")
        assert frame["minutes"] >= 1 and frame["votes_may_be_lost"] is False
    assert store.participants(NAME) == []
    on_space = Desk(store, NAME, settings(space_id="user/space"))
    assert on_space.open(None)["frame"]["votes_may_be_lost"] is True


def test_default_questions_are_left_to_the_translation_and_own_ones_are_sent(store: SqlStore) -> None:
    from ppai.schema import DEFAULT_CRITERIA, Criterion

    own = Criterion(key="clarity", question="Mine?")
    criteria = tuple(own if one.key == "clarity" else one for one in DEFAULT_CRITERIA)
    questions = desk_of(store, rating_study(criteria=criteria)).open(None)["frame"]["questions"]
    assert {one["key"]: one["question"] for one in questions if one["question"]} == {"clarity": "Mine?"}
    assert questions[-1]["key"] == "overall"


def test_consent_gives_a_code_and_the_first_pair(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    view = rater.view
    assert screen(view) == Screen.PAIR and view["code"] and view["frame"]
    assert set(view["item"]) == {"id", "token", "title", "topic", "body", "a", "b", "choices", "comment"}
    assert view["progress"] == {"sitting_done": 0, "sitting_size": 15, "today": 0, "total": 0, "can_undo": False}
    (participant,) = store.participants(NAME)
    assert participant.rater == rater.id and view["code"] not in str(participant)
    (given,) = store.events(NAME).assignments
    assert given.rater == rater.id and given.draw.startswith("random: 1 of 20") and given.created_at is not None
    assert Rater(desk).code != rater.code


def test_a_reload_shows_the_same_pair_on_the_same_sides(desk: Desk) -> None:
    rater = Rater(desk)
    first = rater.item
    for _ in range(3):
        again = desk.open(rater.code)["item"]
        assert {**again, "token": ""} == {**first, "token": ""}
    other = Desk(desk.store, NAME, settings(), clock=Clock(MORNING + 99_999))
    assert {**other.open(rater.code)["item"], "token": ""} == {**first, "token": ""}
    assert Rater(other, rater.code).submit().get("notice") == "notice.saved"


def test_a_code_goes_on_on_another_device_however_it_is_typed(desk: Desk) -> None:
    rater = Rater(desk)
    rater.submit()
    typed = str(rater.code).lower().replace("-", " ")
    view = desk.act({"act": "resume", "typed": f" {typed} "})
    assert view["code"] == rater.code and view["item"]["id"] == rater.item["id"] and view["progress"]["total"] == 1
    assert view["frame"]
    for typed in ("", "nothing", "7KQM-2XRT-P9WD", "<script>"):
        assert desk.act({"act": "resume", "typed": typed}) == {"error": "error.code_unknown"}


@pytest.mark.parametrize("act", ["submit", "skip", "undo", "report", "go_on", "finish", "probe"])
def test_an_unknown_rater_can_do_nothing(store: SqlStore, desk: Desk, act: str) -> None:
    rater = Rater(desk)
    full = {
        "token": rater.item["token"],
        "submission": "submission-1",
        "outcomes": {"overall": "a", "clarity": "b"},
        "reason": "other",
        "guess": "a",
    }
    for code in (None, "", "7KQM-2XRT-P9WD", "x" * 40):
        assert desk.act({"act": act, "code": code, **full})["error"] == "error.code_unknown"
    assert votes(store) == () and store.reports(NAME) == [] and store.probes(NAME) == []


# Voting


def test_a_vote_is_stored_as_it_was_given(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    shown = store.events(NAME).assignments[0]
    view = rater.submit(
        outcomes={"clarity": "tie", "overall": "b"}, comment="  good \0 one ", seconds=12.34, submission="submission-1"
    )
    assert view["notice"] == "notice.saved" and screen(view) == Screen.PAIR
    assert view["progress"] == {"sitting_done": 1, "sitting_size": 15, "today": 1, "total": 1, "can_undo": True}
    (vote,) = votes(store)
    assert vote.outcomes == {"clarity": Outcome.TIE, "overall": Outcome.B}
    assert (vote.prompt_id, vote.system_a, vote.system_b) == (shown.prompt_id, shown.system_a, shown.system_b)
    assert (vote.rater, vote.arm, vote.repeat, vote.revision) == (rater.id, Arm.AS_IS, 0, 1)
    assert (vote.status, vote.comment, vote.seconds) == (VoteStatus.SUBMITTED, "good  one", 12.3)
    assert vote.created_at.timestamp() == MORNING


def test_the_same_submission_twice_is_one_vote(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    sent = {"token": rater.item["token"], "submission": "submission-1"}
    first = rater.submit(**sent)
    again = rater.act("submit", **sent, outcomes={"clarity": "b", "overall": "b"})
    assert again["notice"] == "notice.saved" and again["item"]["id"] == first["item"]["id"]
    assert len(votes(store)) == 1 and votes(store)[0].outcomes["overall"] is Outcome.A


def test_a_second_tab_or_the_back_button_makes_no_second_vote(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    other_tab = desk.open(rater.code)["item"]["token"]
    old = rater.item["token"]
    rater.submit()
    now = rater.item["id"]
    for token in (old, other_tab):
        for view in (rater.submit("b", token=token), rater.skip(token=token)):
            assert view["notice"] == "notice.already_saved" and view["item"]["id"] == now
    assert len(votes(store)) == 1


def test_a_submission_id_stands_for_one_vote_only(store: SqlStore, desk: Desk) -> None:
    first, second = Rater(desk), Rater(desk)
    first.submit(submission="submission-1")
    assert first.submit(submission="submission-1") == {"error": "error.bad_request"}
    assert second.submit(submission="submission-1") == {"error": "error.bad_request"}
    assert first.undo(submission="submission-1") == {"error": "error.bad_request"}
    assert len(votes(store)) == 1
    assert second.submit()["notice"] == "notice.saved"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"outcomes": {"overall": "a"}}, "incomplete"),
        ({"outcomes": {}}, "incomplete"),
        ({"outcomes": {"overall": "a", "clarity": "A"}}, "bad_request"),
        ({"outcomes": {"overall": "a", "clarity": None}}, "bad_request"),
        ({"outcomes": {"overall": "a", "clarity": "base"}}, "bad_request"),
        ({"outcomes": {"overall": "a", "clarity": "b", "colour": "a"}}, "bad_request"),
        ({"outcomes": ["a", "b"]}, "bad_request"),
        ({"outcomes": {str(n): "a" for n in range(200)}}, "too_long"),
        ({"comment": "x" * 2001}, "too_long"),
        ({"comment": 5}, "bad_request"),
        ({"comment": "\ud800"}, "bad_request"),
        ({"submission": None}, "bad_request"),
        ({"submission": "short"}, "bad_request"),
        ({"submission": "x" * 101}, "too_long"),
        ({"submission": "a submission\0"}, "bad_request"),
        ({"seconds": -1}, "bad_request"),
        ({"seconds": float("nan")}, "bad_request"),
        ({"seconds": "soon"}, "bad_request"),
        ({"token": ""}, "token"),
        ({"token": "forged.token.here"}, "token"),
        ({"token": "x" * 401}, "too_long"),
        ({"token": 7}, "bad_request"),
        ({"act": "drop"}, "bad_request"),
        ({"act": "_submit"}, "bad_request"),
        ({"act": None}, "bad_request"),
    ],
)
def test_a_wrong_vote_is_refused(store: SqlStore, desk: Desk, change: dict[str, Any], error: str) -> None:
    rater = Rater(desk)
    asked = {
        "act": "submit",
        "code": rater.code,
        "token": rater.item["token"],
        "submission": "submission-1",
        "outcomes": {"overall": "a", "clarity": "b"},
    }
    assert desk.act(asked | change) == {"error": f"error.{error}"}
    assert votes(store) == ()
    assert desk.act(asked)["notice"] == "notice.saved"


@pytest.mark.parametrize("request_", [None, 5, "submit", [], {}, {"act": ["submit"]}, {"act": "show", "code": 5}])
def test_what_is_no_request_is_refused(desk: Desk, request_: Any) -> None:
    assert desk.act(request_) == {"error": "error.bad_request"}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given_by(
    act=st.sampled_from(["show", "resume", "submit", "skip", "undo", "report", "go_on", "more", "probe"]),
    fields=st.dictionaries(
        st.sampled_from(
            [
                "code",
                "typed",
                "token",
                "submission",
                "outcomes",
                "comment",
                "reason",
                "seconds",
                "extra",
                "side",
                "text",
            ]
        ),
        ANYTHING,
        max_size=5,
    ),
)
def test_no_request_breaks_the_desk_or_stores_anything(desk: Desk, act: str, fields: dict[str, Any]) -> None:
    view = desk.act({"act": act, **fields})
    json.dumps(view)
    assert "screen" in view or view["error"].startswith("error.")
    assert votes(desk.store) == () and desk.store.participants(NAME) == []  # type: ignore[arg-type]


def test_only_required_criteria_must_be_answered(store: SqlStore) -> None:
    desk = desk_of(store, rating_study(required=("overall",)))
    rater = Rater(desk)
    assert rater.submit(outcomes={"clarity": "a"}) == {"error": "error.incomplete"}
    assert rater.submit(outcomes={"overall": "tie"})["notice"] == "notice.saved"
    none_needed = desk_of(store, rating_study(name="free", required=()))
    rater = Rater(none_needed)
    assert rater.submit(outcomes={}) == {"error": "error.incomplete"}, "an empty vote is none"
    assert rater.submit(outcomes={"clarity": "b"})["notice"] == "notice.saved"


def test_tokens_of_others_are_refused(store: SqlStore, desk: Desk, tmp_path: Path) -> None:
    rater, other = Rater(desk), Rater(desk)
    elsewhere = Rater(desk_of(new_store("sqlite", tmp_path), rating_study()))
    forged = ItemTokens(b"my own secret", 3600).sign(rater.item["id"])
    unknown = desk._tokens.sign(uuid.uuid4().hex)
    for token in (other.item["token"], elsewhere.item["token"], forged, unknown, rater.item["token"][:-3] + "abc"):
        for view in (rater.submit(token=token), rater.skip(token=token), rater.act("report", token=token)):
            assert view == {"error": "error.token"}
    assert votes(store) == () and store.reports(NAME) == []


def test_an_expired_token_is_renewed_and_the_same_choices_are_then_taken(
    store: SqlStore, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rater, other = Rater(desk), Rater(desk)
    item, theirs = rater.item, other.item
    now = TimestampSigner(b"k").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: now + 13 * 3600)
    view = rater.submit(submission="submission-1")
    assert view["error"] == "error.expired" and view["renew"]["id"] == item["id"]
    assert votes(store) == ()
    assert rater.submit(submission="submission-1", token=view["renew"]["token"])["notice"] == "notice.saved"
    assert len(votes(store)) == 1
    stolen = rater.submit(token=theirs["token"])["renew"]["token"]
    assert rater.submit(token=stolen) == {"error": "error.token"}
    assert rater.submit(token=theirs["token"][:-4] + "AAAA") == {"error": "error.token"}


def test_a_skip_needs_a_reason_and_is_no_answer(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    first = rater.item["id"]
    assert rater.act("skip", token=rater.item["token"], submission="submission-0") == {"error": "error.reason"}
    assert rater.skip(reason="because") == {"error": "error.bad_request"}
    view = rater.skip("not_my_topic", outcomes={"overall": "a"}, comment="I have no dog")
    assert view["notice"] == "notice.skipped" and view["item"]["id"] != first
    assert view["progress"]["total"] == 0 and view["progress"]["can_undo"]
    (vote,) = votes(store)
    assert (vote.status, vote.reason, vote.comment, vote.outcomes) == (
        VoteStatus.SKIPPED,
        "not_my_topic",
        "I have no dog",
        {},
    )
    with store.work(NAME) as work:
        assert sum(item.n_votes for item in work.items()) == 0


def test_undo_brings_the_choices_back_and_appends_a_void_event(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    first = rater.item
    rater.submit(outcomes={"clarity": "b", "overall": "tie"}, comment="hm")
    second = rater.item
    view = rater.undo()
    assert view["notice"] == "notice.undone" and view["item"]["id"] == first["id"]
    assert view["item"]["choices"] == {"clarity": "b", "overall": "tie"} and view["item"]["comment"] == "hm"
    assert (view["item"]["a"], view["item"]["b"]) == (first["a"], first["b"])
    assert view["progress"]["total"] == 0 and not view["progress"]["can_undo"]
    assert statuses(store) == ["submitted", "void"]
    assert rater.undo() == {"error": "error.nothing_to_undo"}
    rater.submit("a")
    assert rater.item["id"] == second["id"], "the pair that was open comes again"
    assert statuses(store) == ["submitted", "void", "submitted"]
    assert [vote.revision for vote in votes(store)] == [1, 2, 3]
    with store.work(NAME) as work:
        assert sum(item.n_votes for item in work.items()) == 1


def test_undo_takes_back_one_after_another_skips_too(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    clock: Clock = desk._clock  # type: ignore[assignment]
    ids = []
    for n in range(3):
        ids.append(rater.item["id"])
        clock.now += 60
        rater.skip() if n == 1 else rater.submit()
    for wanted in reversed(ids):
        assert rater.undo()["item"]["id"] == wanted
    assert rater.undo() == {"error": "error.nothing_to_undo"}
    assert statuses(store) == ["submitted", "skipped", "submitted", "void", "void", "void"]


def test_the_same_undo_twice_takes_back_one_vote(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    rater.submit()
    rater.submit()
    for _ in range(2):
        assert rater.undo(submission="undo-the-last")["notice"] == "notice.undone"
    assert statuses(store) == ["submitted", "submitted", "void"]
    assert rater.act("undo") == {"error": "error.bad_request"}


def test_a_late_copy_of_an_undone_vote_does_not_bring_it_back(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    sent = {"token": rater.item["token"], "submission": "submission-1"}
    rater.submit(**sent)
    rater.undo()
    rater.submit(**sent)
    assert statuses(store) == ["submitted", "void"]


def test_a_vote_that_the_study_voided_is_not_the_raters_to_undo(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    rater.submit()
    store.void(NAME, rater=rater.id, reason="a test run")
    assert rater.undo() == {"error": "error.nothing_to_undo"}
    assert desk.open(rater.code)["progress"]["can_undo"] is False
    assert statuses(store) == ["submitted", "void"]


def test_harm_is_reported_with_its_side(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    token = rater.item["token"]
    assert rater.act("report", token=token, side="b", text=" <i>bad</i>\0 ") == {"notice": "notice.reported"}
    rater.act("report", token=token)
    assert rater.act("report", token=token, side="base") == {"error": "error.bad_request"}
    assert rater.act("report", token=token, text="x" * 2001) == {"error": "error.too_long"}
    one, both = store.reports(NAME)
    shown = store.events(NAME).assignments[0]
    assert (one.side, one.text, one.systems) == ("b", "<i>bad</i>", (shown.system_b,))
    assert both.systems == (shown.system_a, shown.system_b)
    for _ in range(MAX_REPORTS - 2):
        assert rater.act("report", token=token) == {"notice": "notice.reported"}
    assert rater.act("report", token=token) == {"error": "error.too_many"}
    assert len(store.reports(NAME)) == MAX_REPORTS


# Sittings and the end


def test_a_sitting_ends_in_a_pause_and_can_go_on(store: SqlStore) -> None:
    desk = desk_of(store, rating_study(session_pairs=3))
    rater = Rater(desk)
    rater.submit()
    rater.skip()
    assert screen(rater.act("go_on")) == Screen.PAIR, "not before the sitting is complete"
    rater.submit()
    assert screen(rater.view) == Screen.PAIR and rater.view["progress"]["sitting_done"] == 2
    view = rater.submit()
    assert screen(view) == Screen.PAUSE and "item" not in view
    assert view["progress"] == {"sitting_done": 3, "sitting_size": 3, "today": 3, "total": 3, "can_undo": True}
    assert screen(desk.open(rater.code)) == Screen.PAUSE
    assert screen(rater.undo()) == Screen.PAIR
    assert screen(rater.submit()) == Screen.PAUSE
    assert screen(rater.act("go_on")) == Screen.PAIR
    assert screen(rater.act("go_on")) == Screen.PAIR
    assert rater.view["progress"]["sitting_done"] == 0
    clock: Clock = desk._clock  # type: ignore[assignment]
    clock.now += timedelta(days=1).total_seconds()
    progress = rater.submit()["progress"]
    assert (progress["today"], progress["total"], progress["sitting_done"]) == (1, 4, 1)


def test_finishing_asks_the_probes_then_thanks_and_locks(store: SqlStore) -> None:
    desk = desk_of(store, rating_study(probe="Which is the new one?", reveal=True))
    rater = Rater(desk)
    last = None
    for _ in range(6):
        last = {"token": rater.item["token"], "submission": uuid.uuid4().hex}
        rater.submit(**last)
    open_token = rater.item["token"]
    view = rater.act("finish")
    asked = []
    for number in range(1, PROBES + 1):
        assert screen(view) == Screen.PROBE and "progress" not in view
        assert view["probe"] == {"question": "Which is the new one?", "number": number, "of": PROBES}
        begun = Screen.PROBE if asked else Screen.PAIR
        assert screen(desk.open(rater.code)) == begun, "a reload goes on with the probes once one is answered"
        again = rater.act("finish")
        assert again["item"]["id"] == view["item"]["id"], "the same pair is asked about after a reload"
        asked.append(view["item"]["id"])
        assert view["item"]["choices"] == {}
        assert rater.act("probe", token=view["item"]["token"]) == {"error": "error.bad_request"}
        view = rater.act("probe", token=view["item"]["token"], guess=("a", "b", "unsure")[number - 1])
    assert len(set(asked)) == PROBES
    assert screen(view) == Screen.THANKS and view["code"] == rater.code
    assert (view["thanks"]["votes"], view["thanks"]["skipped"], view["thanks"]["results"]) == (6, 0, True)
    probes = store.probes(NAME)
    shown = {entry.assignment_id: entry for entry in store.events(NAME).assignments}
    for probe, guess in zip(probes, ("a", "b", "unsure"), strict=True):
        entry = shown[probe.assignment_id]
        named = {"a": entry.system_a, "b": entry.system_b}.get(guess)
        assert probe.guess == guess and probe.correct == (None if named is None else named == "tuned")
    assert rater.submit(token=open_token) == {"error": "error.locked"}
    assert rater.undo() == {"error": "error.locked"}
    assert rater.skip(token=open_token) == {"error": "error.locked"}
    assert screen(rater.submit(**(last or {}))) == Screen.THANKS, "the copy of a stored vote is no error"
    for act in ("finish", "go_on", "more", "show"):
        assert screen(rater.act(act)) == Screen.THANKS
    again = rater.act("probe", token=open_token, guess="a")
    assert screen(again) == Screen.THANKS and len(store.probes(NAME)) == PROBES
    assert len(votes(store)) == 6
    assert desk.open(rater.code)["frame"]


def test_votes_lock_with_the_first_guess(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    for _ in range(4):
        rater.submit()
    rater.act("finish")
    assert screen(rater.act("show")) == Screen.PAIR, "before it she may go back"
    rater.submit()
    open_token = rater.token
    view = rater.act("finish")
    rater.act("probe", token=view["item"]["token"], guess="a")
    for refused in (rater.submit(token=open_token), rater.skip(token=open_token), rater.undo()):
        assert refused == {"error": "error.locked"}
    assert len(votes(store)) == 5
    dealt = len(store.events(NAME).assignments)
    for act in ("go_on", "more", "show", "resume"):
        assert screen(rater.act(act, typed=rater.code)) == Screen.PROBE, "no tab is dealt a pair that it could not rate"
    assert len(store.events(NAME).assignments) == dealt
    for number in (2, 3):
        view = rater.act("show")
        assert view["probe"]["number"] == number
        view = rater.act("probe", token=view["item"]["token"], guess="b")
    assert screen(view) == Screen.THANKS and len(store.probes(NAME)) == PROBES


def test_probes_ask_only_about_answered_pairs_with_the_reference(store: SqlStore) -> None:
    desk = desk_of(store, rating_study(2, ("x", "y", "base"), reference="base"))
    rater = Rater(desk)
    rater.skip()
    assert screen(rater.act("finish")) == Screen.THANKS
    study = store.study(NAME)
    rater = Rater(desk)
    with_reference = 0
    for _ in range(4):
        with_reference += "base" in shown_systems(rater.item, study)[1:]
        rater.submit()
    view = rater.act("finish")
    assert view["probe"]["of"] == min(PROBES, with_reference)
    while screen(view) == Screen.PROBE:
        assert "base" in shown_systems(view["item"], study)[1:]
        view = rater.act("probe", token=view["item"]["token"], guess="a")


@pytest.mark.parametrize("system", ["base", "tuned", None])
def test_a_study_that_reveals_says_what_was_preferred(store: SqlStore, system: str | None) -> None:
    study = rating_study(reveal=True)
    desk = desk_of(store, study)
    rater = Rater(desk)
    for n in range(4):
        side = "a" if shown_systems(rater.item, study)[1] == (system or ("base", "tuned")[n % 2]) else "b"
        rater.submit(side)
    view = rater.act("finish")
    while screen(view) == Screen.PROBE:
        view = rater.act("probe", token=view["item"]["token"], guess="unsure")
    assert view["thanks"]["preferred"] == (system or "=")


def test_when_every_pair_has_its_votes_more_are_welcome_until_none_is_left(store: SqlStore) -> None:
    desk = desk_of(store, rating_study(4, overlap=1, session_pairs=100))
    first, second = Rater(desk), Rater(desk)
    second.skip()
    while screen(first.view) == Screen.PAIR:
        first.submit()
    while screen(second.view) == Screen.PAIR:
        second.submit()
    assert screen(second.view) == Screen.ENOUGH and "item" not in second.view
    assert screen(second.act("more", extra=True)) == Screen.PAIR
    while screen(second.view) == Screen.PAIR:
        second.submit(extra=True)
    assert screen(second.view) == Screen.EXHAUSTED
    assert screen(second.act("more", extra=True)) == Screen.EXHAUSTED
    assert second.view["progress"]["total"] == 3
    draws = [entry.draw for entry in store.events(NAME).assignments if entry.rater == second.id]
    assert draws[-1].startswith("beyond overlap, random")
    assert screen(second.undo()) == Screen.PAIR


# Blinding


def test_a_hidden_repeat_swaps_the_sides_and_counts_for_no_overlap(store: SqlStore) -> None:
    study = rating_study(60, session_pairs=1000)
    desk = desk_of(store, study, seed=3)
    rater = Rater(desk)
    seen: dict[str, tuple[str, str]] = {}
    repeats = []
    while screen(rater.view) == Screen.PAIR:
        prompt, a, b = shown_systems(rater.item, study)
        if prompt in seen:
            repeats.append(prompt)
            assert (b, a) == seen[prompt]
        seen.setdefault(prompt, (a, b))
        rater.submit()
    assert repeats and len(set(repeats)) == len(repeats) and len(seen) == 60
    stored = store.events(NAME)
    assert [vote.prompt_id for vote in stored.votes if vote.repeat] == repeats
    assert [e.draw.split(":")[0] for e in stored.assignments if e.repeat] == ["hidden repeat"] * len(repeats)
    with store.work(NAME) as work:
        assert {(item.n_votes, item.n_shown) for item in work.items()} == {(1, 1)}


def test_sides_are_balanced_for_every_pair_over_raters(store: SqlStore) -> None:
    study = rating_study(6, ("base", "x", "y"), overlap=4)
    desk = desk_of(store, study)
    for _ in range(4):
        rater = Rater(desk)
        while screen(rater.view) == Screen.PAIR:
            rater.submit()
            if screen(rater.view) == Screen.PAUSE:
                rater.act("go_on")
    at_a = Counter((e.prompt_id, frozenset((e.system_a, e.system_b)), e.system_a) for e in _first_showings(store))
    assert set(at_a.values()) == {2} and len(at_a) == 6 * 3 * 2


def _first_showings(store: SqlStore) -> list[Any]:
    return [entry for entry in store.events(NAME).assignments if not entry.repeat]


def test_a_study_of_both_formats_shows_both_arms_and_never_pools_them(store: SqlStore) -> None:
    texts = {(f"p{n}", s): f"**bold** {s[0]}{n}\n\n- one\n- two" for n in range(4) for s in ("base", "tuned")}
    desk = desk_of(store, rating_study(4, texts=texts, format=FormatMode.BOTH, session_pairs=100))
    rater = Rater(desk)
    marked = []
    while screen(rater.view) == Screen.PAIR:
        item = rater.item
        assert ("<li>" in item["a"]) == ("<li>" in item["b"])
        assert "**" not in item["a"] + item["b"]
        marked.append("<li>" in item["a"])
        rater.submit()
    assert marked.count(True) == 4 and len(marked) == 8
    stored = votes(store)
    assert Counter(vote.arm for vote in stored) == {Arm.AS_IS: 4, Arm.PLAIN: 4}
    assert [vote.arm is Arm.AS_IS for vote in stored] == marked
    assert len({vote.prompt_id for vote in stored[:4]}) == 4, "no pair comes back before all were seen"


def test_html_and_script_come_out_as_text(store: SqlStore) -> None:
    evil = "<script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3))"
    study = rating_study(1, texts={("p0", "base"): evil, ("p0", "tuned"): ""})
    post = Prompt(id="p0", text=evil, title="A <b>title</b>", body=evil, topic="<i>t</i>")
    rater = Rater(desk_of(store, study.model_copy(update={"prompts": (post,)})))
    item = rater.item
    for html in (item["a"], item["b"], item["body"]):
        assert "<script" not in html and "<img" not in html and "href" not in html
    assert "&lt;script&gt;" in item["body"] and "&lt;script&gt;" in item["a"] + item["b"]
    assert "" in (item["a"], item["b"]), "an empty response is an empty text"
    assert (item["title"], item["topic"]) == ("A <b>title</b>", "<i>t</i>"), "plain text, which the page escapes"
    rater.submit(comment=evil)
    assert rater.undo()["item"]["comment"] == evil
    assert votes(store)[0].comment == evil


def marked_study(systems: tuple[str, str], names: tuple[str, str], n: int) -> Study:
    from ppai.schema import System

    study = rating_study(n, systems, format=FormatMode.BOTH, session_pairs=4, overlap=2)
    named = tuple(System(id=one, name=name, model=f"model-{one}") for one, name in zip(systems, names, strict=True))
    return study.model_copy(update={"config": study.config.model_copy(update={"systems": named})})


def every_view(desk: Desk, seed: int) -> list[dict[str, Any]]:
    """All that a browser gets in a whole session with every act, wrong ones too."""
    rng = random.Random(seed)
    views = [desk.open(None)]
    rater = Rater(desk)
    views.append(rater.view)
    for _ in range(40):
        shown = screen(rater.view)
        if shown == Screen.PAIR:
            act = rng.choice(["submit", "submit", "submit", "skip", "undo", "report", "show", "bad"])
            if act == "submit":
                views.append(rater.submit(rng.choice(["a", "b", "tie"])))
            elif act == "skip":
                views.append(rater.skip())
            elif act == "undo":
                views.append(rater.undo())
            elif act == "bad":
                views.append(rater.submit(outcomes={"overall": "tuned"}))
            else:
                views.append(rater.act(act, token=rater.item["token"]))
        elif shown == Screen.PAUSE:
            views.append(rater.act("go_on"))
        else:
            views.append(rater.act("more", extra=True))
            break
    views.append(rater.act("finish"))
    while screen(rater.view) == Screen.PROBE:
        views.append(rater.act("probe", token=rater.item["token"], guess=rng.choice(["a", "b", "unsure"])))
    views.append(desk.open(rater.code))
    return views


MARK = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), min_size=6, max_size=12).map("Zq{}".format)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given_by(marks=st.lists(MARK, min_size=4, max_size=4, unique=True), seed=st.integers(0, 1000))
def test_nothing_that_a_browser_gets_names_a_system(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, marks: list[str], seed: int
) -> None:
    store = new_store("sqlite", tmp_path)
    desk = desk_of(store, marked_study((marks[0], marks[1]), (marks[2], marks[3]), 6), seed=seed)
    with caplog.at_level(logging.DEBUG):
        views = every_view(desk, seed)
    said = json.dumps(views) + caplog.text
    assert not [mark for mark in marks if mark.casefold() in said.casefold()]
    assert "model-" not in said
    store.close()


def test_nothing_in_a_payload_is_constant_for_a_system(store: SqlStore) -> None:
    """A field whose value, but for the two texts, tells which system stands at A would break the blinding."""
    study = rating_study(40, session_pairs=1000, overlap=5)
    desk = desk_of(store, study)
    by_value: dict[tuple[str, str], Counter[str]] = {}
    for _ in range(2):
        rater = Rater(desk)
        while screen(rater.view) == Screen.PAIR:
            _, at_a, _ = shown_systems(rater.item, study)
            values = {key: value for key, value in rater.item.items() if key not in ("a", "b")}
            values |= {f"progress.{key}": value for key, value in rater.view["progress"].items()}
            for key, value in values.items():
                by_value.setdefault((key, json.dumps(value)), Counter())[at_a] += 1
            rater.submit()
    constant = {key: count for key, count in by_value.items() if count.total() >= 10}
    assert constant, "something repeats"
    for key, count in constant.items():
        assert len(count) == 2, (key, count)
    ids = [entry.assignment_id for entry in store.events(NAME).assignments]
    assert len({one[:6] for one in ids}) == len(ids), "ids are random"


# What goes wrong


def test_a_failing_store_keeps_the_choices_and_counts_nothing_twice(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)
    sent = {"token": rater.item["token"], "submission": "submission-1"}
    broken = True

    def fail(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if broken and statement.startswith(("UPDATE", "INSERT")):
            raise StoreError("disk full")

    event.listen(store._database.engine, "before_cursor_execute", fail)
    for view in (rater.submit(**sent), rater.submit(**sent), rater.skip(), rater.act("consent")):
        assert view == {"error": "error.not_saved"}
    broken = False
    assert votes(store) == () and len(store.participants(NAME)) == 1
    assert rater.submit(**sent)["notice"] == "notice.saved"
    broken = True
    assert rater.undo() == {"error": "error.not_saved"}
    broken = False
    assert statuses(store) == ["submitted"]


def test_a_commit_that_fails_is_no_vote(store: SqlStore, desk: Desk) -> None:
    rater = Rater(desk)

    def fail(_connection: Any) -> None:
        raise StoreError("disk full")

    event.listen(store._database.engine, "commit", fail)
    assert rater.submit(submission="submission-1") == {"error": "error.not_saved"}
    event.remove(store._database.engine, "commit", fail)
    assert votes(store) == ()
    assert rater.submit(submission="submission-1")["notice"] == "notice.saved"


def test_a_study_that_is_replaced_while_it_is_served(store: SqlStore) -> None:
    study = rating_study(14, overlap=1, session_pairs=100)
    desk = desk_of(store, study)
    rater = Rater(desk)
    for _ in range(12):
        rater.submit()
    gone = {vote.prompt_id for vote in votes(store)} | {store.events(NAME).assignments[-1].prompt_id}
    new = rating_study(20, overlap=1, session_pairs=100, criteria=(*CRITERIA[1:], CRITERIA[0]), overall="overall")
    kept = tuple(pair for pair in new.pairs if pair.prompt_id not in gone)
    changed = {r.model_copy(update={"text": "changed " + r.text}) for r in new.responses}
    store.load(
        new.model_copy(
            update={
                "prompts": tuple(p for p in new.prompts if p.id not in gone),
                "responses": tuple(sorted((r for r in changed if r.prompt_id not in gone), key=str)),
                "pairs": kept,
            }
        ),
        replace=True,
    )
    assert rater.submit()["notice"] == "notice.saved", "the pair on screen may still be answered"
    seen = set()
    while screen(rater.view) == Screen.PAIR:
        assert "changed" in rater.item["a"]
        seen.add(rater.item["id"])
        rater.submit()
    assert len(seen) == len(kept)
    assert screen(rater.act("finish")) in (Screen.PROBE, Screen.THANKS)


def test_two_servers_on_one_store_serve_one_study(store: SqlStore) -> None:
    study = rating_study(6, overlap=2)
    one = desk_of(store, study)
    two = Desk(SqlStore(store._database.url.render_as_string()), NAME, settings(), clock=Clock())
    rater = Rater(one)
    there = Rater(two, rater.code)
    assert there.item["id"] == rater.item["id"]
    assert there.submit(token=rater.item["token"])["notice"] == "notice.saved"
    assert rater.submit()["notice"] == "notice.already_saved"
    two.store.close()
