"""The page of live questions in a browser: every screen that the service may ask for, and what can go wrong between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import pytest
from playwright.sync_api import Locator, Page, expect
from scripted_arena import ScriptedArena, serving_scripted
from test_browser_accessibility import fits, violations
from visits import LAPTOP, PHONE, Visits

from ppai.ui.texts import LANGUAGES, TEXTS

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
QUESTION = f"How do I get shoes on every morning? {EVIL}"
TOKEN = "a-token.signed-by-the-service"
A = f"We put them on **before breakfast**. {EVIL}\n\n1. Lay out two pairs.\n2. [Let him](javascript:alert(3)) choose."
B = "Children of this age seek autonomy."
NAMES = {"a": "Zebra Grande", "b": "Quokka Piccolo"}


def queued(place: int = 1, *, loading: bool = False) -> dict[str, Any]:
    return {"state": "queued", "token": TOKEN, "place": place, "ahead": place - 1, "loading": loading}


def answering(a: str = "", b: str = "", *, a_ended: bool = False, b_ended: bool = False) -> dict[str, Any]:
    texts = {"a": a, "b": b, "a_ended": a_ended, "b_ended": b_ended}
    return {"state": "answering", "token": TOKEN, "question": QUESTION, **texts}


VOTE = {"state": "vote", "token": TOKEN, "question": QUESTION, "a": A, "b": B}
THANKS = {"state": "thanks", "token": TOKEN, "revealed": NAMES, "count": 1}
FAILED = {"state": "failed", "token": TOKEN, "question": QUESTION, "reason": "error.live_failed"}
LINES = [
    {"name": "live.crisis_emergency", "number": "112 · 911", "where": "live.crisis_everywhere"},
    {
        "name": "Find a Helpline",
        "number": "live.crisis_find",
        "where": "live.crisis_everywhere",
        "url": "https://x.org",
    },
]


class LivePage:
    """A visitor, and what the service answers her."""

    def __init__(self, page: Page, arena: ScriptedArena, url: str) -> None:
        self.page = page
        self.arena = arena
        self.url = f"{url}/live"

    def part(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def screen(self, name: str) -> Self:
        expect(self.part(f"screen-{name}")).to_be_visible()
        return self

    def agree(self) -> Self:
        self.page.goto(self.url)
        self.screen("welcome").part("consent").click()
        return self.screen("ask")

    def ask(self, answer: dict[str, Any], question: str = QUESTION) -> Self:
        """Sends a question, which the service answers with `answer`, and again when it is polled."""
        self.arena.answers |= {"ask": answer, "poll": answer}
        self.part("question").fill(question)
        self.part("send").click()
        return self

    def until(self, answer: dict[str, Any], screen: str) -> Self:
        self.arena.answers["poll"] = answer
        return self.screen(screen)

    def choose_all(self, outcome: int = 0) -> None:
        for fieldset in self.part("criterion").all():
            fieldset.get_by_role("radio").nth(outcome).check()

    @property
    def message(self) -> Locator:
        return self.page.locator(".ppai-screen").get_by_test_id("message")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ScriptedArena, str]]:
    with serving_scripted(tmp_path_factory.mktemp("live")) as (arena, url):
        yield arena, url


@pytest.fixture
def live(served: tuple[ScriptedArena, str], visits: Visits) -> LivePage:
    served[0].clear()
    return LivePage(visits.page(), *served)


def test_a_question_is_asked_answered_and_voted_on(live: LivePage) -> None:
    live.agree().ask(queued(2, loading=True)).screen("queued")
    expect(live.part("place")).to_contain_text("The models are still being loaded")
    live.arena.answers["poll"] = queued(2)
    expect(live.part("place")).to_have_text("You are number 2 in the queue. 1 question is ahead of yours.")
    live.arena.answers["poll"] = queued(1)
    expect(live.part("place")).to_have_text("You are number 1 in the queue. Your question is next.")
    live.until(answering("We put"), "answering")
    expect(live.part("response-a-text")).to_have_text("We put")
    live.arena.answers["poll"] = answering(A, "Children", a_ended=True)
    expect(live.part("response-b-text")).to_have_text("Children")
    live.until(VOTE, "vote")
    live.part("submit").click()
    expect(live.message).to_contain_text("7 questions are not answered yet")
    assert live.arena.requests("vote") == []
    live.choose_all()
    live.page.locator("summary").click()
    live.part("comment").fill("warmer")
    live.arena.answers["vote"] = THANKS
    live.part("submit").click()
    expect(live.screen("thanks").part("revealed")).to_contain_text(NAMES["b"])
    [asked], [vote] = live.arena.requests("ask"), live.arena.requests("vote")
    assert (asked["question"], asked["confirmed_personal"]) == (QUESTION, False)
    assert set(vote["outcomes"].values()) == {"a"} and len(vote["outcomes"]) == 7
    assert (vote["token"], vote["comment"]) == (TOKEN, "warmer")
    assert 0 <= vote["seconds"] < 60 and len(vote["submission"]) >= 8 and vote["submission"] != asked["submission"]
    live.part("ask-another").click()
    expect(live.screen("ask").part("question")).to_have_value("")


def test_markup_is_shown_as_text_and_never_runs(live: LivePage) -> None:
    """A dialog of a script would fail every test here; the formatting of answers is drawn as on the rating page."""
    live.agree().ask(answering(A, B)).screen("answering")
    live.until(VOTE, "vote")
    expect(live.part("post-body")).to_have_text(QUESTION)
    expect(live.part("response-a-text")).to_contain_text(EVIL)
    expect(live.part("response-a-text").locator("strong")).to_have_text("before breakfast")
    expect(live.part("response-a-text").locator("li")).to_have_count(2)
    assert live.page.locator(".ppai-live :is(img, script, a)").count() == 0


def test_the_answers_stay_where_they_are_when_the_questions_come(live: LivePage) -> None:
    live.agree().ask(answering(A, B)).screen("answering")
    before = live.part("response-a-text").evaluate_handle("node => node")
    live.page.evaluate("window.scrollTo(0, 40)")
    scrolled = live.page.evaluate("scrollY")
    live.part("stop").focus()
    live.until(VOTE, "vote")
    assert before.evaluate("node => node.isConnected")
    assert live.page.evaluate("scrollY") == scrolled
    expect(live.page.locator("#ppai-questions")).to_be_focused()


def test_a_screen_reader_hears_of_the_end_and_not_of_every_word(live: LivePage) -> None:
    live.agree().ask(answering("We")).screen("answering")
    responses = live.page.get_by_role("region", name="The two responses", exact=True)
    expect(responses).to_have_attribute("aria-busy", "true")
    loud = "node => Boolean(node.closest('[aria-live], [role=status], [role=alert], [role=log]'))"
    assert not live.part("response-a-text").evaluate(loud)
    live.until(VOTE, "vote")
    expect(live.part("notice")).to_have_text("Both answers are complete. Please compare them.")
    expect(responses).to_have_attribute("aria-busy", "false")


def test_keys_answer_the_questions(live: LivePage) -> None:
    live.agree().ask(VOTE).screen("vote")
    live.arena.answers["vote"] = THANKS
    for key in "1021021":
        live.page.keyboard.press(key)
    live.page.keyboard.press("Enter")
    live.screen("thanks")
    assert list(live.arena.requests("vote")[0]["outcomes"].values()) == ["a", "tie", "b", "a", "tie", "b", "a"]


def test_a_reload_goes_on_with_the_question_and_its_answers(live: LivePage) -> None:
    live.agree().ask(queued()).screen("queued")
    live.page.reload()
    live.screen("queued").until(answering("We"), "answering")
    live.page.reload()
    live.screen("answering").until(VOTE, "vote")
    live.choose_all(2)
    live.page.reload()
    live.screen("vote")
    expect(live.part("count")).to_have_text("7 of 7 answered")
    assert {one["token"] for one in live.arena.requests("poll")} == {TOKEN}


def test_a_question_that_the_service_has_forgotten_can_be_sent_again(live: LivePage) -> None:
    live.agree().ask(queued()).screen("queued")
    live.until({"error": "error.live_stale"}, "ask")
    expect(live.message).to_contain_text("no longer waiting here")
    expect(live.part("question")).to_have_value(QUESTION)


@pytest.mark.parametrize(("state", "button"), [("queued", "stop"), ("answering", "stop"), ("vote", "discard")])
def test_a_question_can_be_given_up(live: LivePage, state: str, button: str) -> None:
    view = {"queued": queued(), "answering": answering("We"), "vote": VOTE}[state]
    live.agree().ask(view).screen(state)
    live.arena.answers[button] = {"state": "ask"}
    live.part(button).click()
    live.screen("ask")
    expect(live.part("question")).to_have_value("" if button == "discard" else QUESTION)
    polls = len(live.arena.requests("poll"))
    live.page.wait_for_timeout(600)
    assert len(live.arena.requests("poll")) == polls
    live.page.reload()
    live.screen("ask")


def test_personal_data_is_warned_about_and_may_be_sent(live: LivePage) -> None:
    found = {"state": "warned", "question": QUESTION, "found": ["email", "phone"]}
    live.agree().ask(found).screen("warned")
    expect(live.part("found")).to_contain_text("an e-mail address and a phone number")
    expect(live.part("question")).to_have_value(QUESTION)
    live.arena.answers["ask"] = queued()
    live.part("send-anyway").click()
    live.screen("queued")
    assert [one["confirmed_personal"] for one in live.arena.requests("ask")] == [False, True]


def test_a_crisis_shows_who_helps_and_no_answer(live: LivePage) -> None:
    live.agree().ask({"state": "crisis", "lines": LINES}).screen("crisis")
    numbers = live.part("lines").get_by_role("link")
    assert [one.get_attribute("href") for one in numbers.all()] == ["tel:112", "tel:911", "https://x.org"]
    expect(live.part("lines")).to_contain_text("Free help lines in your country")
    assert live.arena.requests("poll") == []
    live.part("change").click()
    expect(live.screen("ask").part("question")).to_have_value(QUESTION)


def test_a_failed_model_can_be_tried_again(live: LivePage) -> None:
    live.agree().ask(answering("We")).screen("answering").until(FAILED, "failed")
    expect(live.page.get_by_text("One of the two models did not answer.")).to_be_visible()
    live.arena.answers |= {"retry": queued(), "poll": queued()}
    live.part("retry").click()
    live.screen("queued")
    assert [one["token"] for one in live.arena.requests("retry")] == [TOKEN]


def test_refusals_say_what_to_do_and_keep_the_question(live: LivePage) -> None:
    live.agree().ask({"error": "error.live_too_short", "min": 10, "max": 2000}, "too short")
    expect(live.message).to_have_text("Please write a little more: at least 10 characters.")
    live.ask({"error": "error.live_too_long", "min": 10, "max": 2000}, "x" * 2001)
    expect(live.message).to_have_text("The question is too long. Please shorten it to 2000 characters.")
    assert [len(one["question"]) for one in live.arena.requests("ask")] == [9, 2001]
    live.ask({"error": "error.live_rate", "wait": 300})
    expect(live.message).to_contain_text("Please try again in 5 minutes.")
    expect(live.part("question")).to_have_value(QUESTION)


def test_without_a_connection_it_stops_asking_and_goes_on_later(live: LivePage, visits: Visits) -> None:
    visits.tolerate("Failed to load resource", "ERR_INTERNET_DISCONNECTED", "Failed to fetch")
    live.agree().ask(answering("We")).screen("answering")
    live.page.route("**/component_server**", lambda route: route.abort())
    expect(live.part("again")).to_be_visible()
    expect(live.message).to_contain_text("The connection was lost.")
    seen = len(live.arena.asked)
    live.page.unroute("**/component_server**")
    live.page.wait_for_timeout(600)
    assert len(live.arena.asked) == seen
    live.part("again").click()
    expect(live.message).to_be_hidden()
    live.until(VOTE, "vote")


def test_a_question_that_was_not_sent_is_sent_once(live: LivePage, visits: Visits) -> None:
    """The same id with the second try: a service that had taken the first knows it again."""
    visits.tolerate("Failed to load resource", "ERR_FAILED", "Failed to fetch")
    live.agree()
    live.page.route("**/component_server**", lambda route: (route.fetch(), route.abort()))
    live.ask(queued())
    expect(live.message).to_have_text("Your question was not sent. Please try again; it is still here.")
    live.page.unroute("**/component_server**")
    live.part("send").click()
    live.screen("queued")
    first, second = live.arena.requests("ask")
    assert first["submission"] == second["submission"]


def test_a_response_can_be_reported(live: LivePage) -> None:
    live.agree().ask(VOTE).screen("vote")
    live.choose_all()
    live.arena.answers["report"] = VOTE
    live.part("report").click()
    expect(live.part("dialog-report")).to_contain_text("stored with your question and both answers")
    live.part("dialog-report").get_by_role("radio", name="Response B").check()
    live.part("report-send").click()
    expect(live.part("dialog-report")).to_have_count(0)
    expect(live.part("count")).to_have_text("7 of 7 answered")
    [report] = live.arena.requests("report")
    assert (report["token"], report["side"]) == (TOKEN, "b")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_is_said_in_every_language(live: LivePage, language: str) -> None:
    texts = TEXTS[language]
    live.page.goto(live.url)
    live.screen("welcome").part("language").select_option(language)
    expect(live.part("heading")).to_have_text(texts["live.title"])
    live.part("consent").click()
    live.screen("ask").ask(answering("We")).screen("answering")
    expect(live.part("heading")).to_have_text(texts["live.answering_title"])
    live.until(VOTE, "vote")
    expect(live.part("heading")).to_have_text(texts["live.vote_title"])
    live.choose_all()
    for other in LANGUAGES:
        live.part("language").select_option(other)
        expect(live.part("heading")).to_have_text(TEXTS[other]["live.vote_title"])
    assert live.page.locator(".ppai-criterion input:checked").count() == 7


def test_rating_and_live_questions_lead_to_each_other(live: LivePage) -> None:
    live.agree().part("to-rating").click()
    expect(live.part("screen-pair")).to_be_visible()
    live.part("to-live").click()
    live.screen("ask")


def test_without_live_questions_nothing_leads_there(rating_app: Any, visits: Visits) -> None:
    page = visits.page()
    page.goto(rating_app.url)
    expect(page.get_by_test_id("screen-welcome")).to_be_visible()
    assert page.get_by_test_id("to-live").count() == 0
    page.goto(f"{rating_app.url}/results")
    expect(page.get_by_test_id("refused")).to_be_visible()
    assert page.locator('a[href="live"]').count() == 0


@pytest.mark.parametrize(("size", "scheme"), [(LAPTOP, "light"), (PHONE, "dark")], ids=["1280-light", "375-dark"])
def test_axe_finds_nothing_on_any_screen(
    served: tuple[ScriptedArena, str], visits: Visits, size: dict[str, int], scheme: str
) -> None:
    served[0].clear()
    live = LivePage(visits.page(size, color_scheme=scheme), *served)

    def check(where: str) -> None:
        live.page.evaluate("() => scrollTo(0, 0)")
        assert violations(live.page) == [], where
        assert fits(live.page), where

    live.page.goto(live.url)
    check(live.screen("welcome") and "welcome")
    live.part("consent").click()
    live.screen("ask").ask({"error": "error.live_too_short", "min": 10, "max": 2000}, "short")
    expect(live.message).to_be_visible()
    check("ask, too short")
    live.ask({"state": "warned", "question": QUESTION, "found": ["url", "address"]}).screen("warned")
    check("warned")
    live.ask({"state": "crisis", "lines": LINES}).screen("crisis")
    check("crisis")
    live.part("change").click()
    live.ask(queued(3)).screen("queued")
    check("queued")
    live.until(answering("We " * 900, B, b_ended=True), "answering")
    expect(live.part("response-a-text")).to_contain_text("We")
    check("answering, a long one")
    live.until(VOTE, "vote")
    live.part("submit").click()
    expect(live.message).to_be_visible()
    check("vote, with missing answers")
    live.choose_all(1)
    live.arena.answers["vote"] = THANKS
    live.part("submit").click()
    live.screen("thanks")
    check("thanks")
    live.part("ask-another").click()
    live.ask(FAILED).screen("failed")
    check("failed")


def test_it_fits_a_narrow_phone(live: LivePage) -> None:
    live.page.set_viewport_size({"width": 320, "height": PHONE["height"]})
    live.agree()
    for language in LANGUAGES:
        live.part("language").select_option(language)
        assert fits(live.page), language
    live.ask(VOTE).screen("vote")
    assert fits(live.page)
