"""A rater's session in a browser: reload, another device, languages, sittings, the end; and nothing counted twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from rating import answer_text
from rating_page import RatingPage
from serving import App
from visits import PHONE, Visits

from ppai.schema import DEFAULT_CRITERIA, VoteStatus
from ppai.ui.texts import LANGUAGES, TEXTS

KEYS = [criterion.key for criterion in DEFAULT_CRITERIA]
SOME = {"helpfulness": "b", "clarity": "tie", "overall": "a"}


@pytest.fixture
def rater(rating_app: App, visits: Visits) -> RatingPage:
    return RatingPage(visits.page(), rating_app.url)


def hold(rater: RatingPage, handle: Callable[[Route, dict[str, Any]], None]) -> None:
    """Has `handle` decide about every act that the page sends."""

    def decide(route: Route) -> None:
        handle(route, json.loads(route.request.post_data or "{}").get("data", {}))

    rater.page.route("**/component_server/", decide)


# Coming back


def test_a_reload_keeps_the_pair_its_sides_and_the_draft(rater: RatingPage) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 3)
    before = rater.pair()
    rater.choose(SOME)
    rater.open_comment().fill("half a thought\nand <i>another</i>")
    for _ in range(2):
        rater.page.reload()
        rater.expect_pair(2, 3)
        assert (rater.pair(), rater.choices()) == (before, SOME)
        expect(rater.part("comment")).to_have_value("half a thought\nand <i>another</i>")
        expect(rater.part("notice")).to_have_text("Your answers from before were restored.")
        expect(rater.part("count")).to_have_text("3 of 7 answered")
    rater.rate()
    rater.expect_pair(3, 3)
    rater.page.reload()
    rater.expect_pair(3, 3)
    assert rater.choices() == {}
    expect(rater.part("comment")).to_have_value("")


def test_drafts_do_not_pile_up(rater: RatingPage) -> None:
    rater.begin()
    rater.rate()
    rater.choose(SOME)
    names = "Object.keys(localStorage).filter((name) => name.startsWith('ppai.draft.'))"
    [draft] = rater.page.evaluate(names)
    rater.page.evaluate(
        "name => { const kept = JSON.parse(localStorage[name]); kept.at -= 8 * 86400000;"
        " localStorage['ppai.draft.old'] = JSON.stringify(kept); localStorage['ppai.draft.bad'] = '{'; }",
        draft,
    )
    rater.page.reload()
    rater.expect_pair(2, 3)
    assert rater.page.evaluate(names) == [draft]
    assert rater.choices() == SOME


def test_a_code_goes_on_in_another_browser(rater: RatingPage, rating_app: App, visits: Visits) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 3)
    before, code = rater.pair(), rater.code()
    other = RatingPage(visits.page(PHONE, touch=True), rating_app.url).open("welcome")
    box = other.page.get_by_role("textbox", name="Your code")
    go = other.page.get_by_role("button", name="Go on where I stopped")
    go.tap()
    expect(box).to_be_focused()
    for wrong in ("no code", "AAAA-AAAA-AAAA"):
        box.fill(wrong)
        go.tap()
        expect(other.page.get_by_text("This code is not known. Please check it.").first).to_be_visible()
        expect(box).to_be_focused()
    box.fill(f" {code.lower().replace('-', ' ')} ")
    box.press("Enter")
    other.expect_pair(2, 3)
    assert [text.split() for text in other.pair()] == [text.split() for text in before]
    assert other.code() == code
    other.page.reload()
    other.expect_pair(2, 3)


def test_a_code_that_cannot_be_read_leads_to_the_welcome(rater: RatingPage, visits: Visits) -> None:
    visits.tolerate("Error reading from localStorage")
    rater.begin()
    rater.page.evaluate("localStorage.setItem('ppai.rater', 'altered')")
    rater.page.reload()
    rater.expect_screen("welcome")


def test_without_any_storage_a_reload_still_goes_on(rating_app: App, visits: Visits) -> None:
    page = visits.page()
    page.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, { configurable: true, get() { throw new DOMException('blocked'); } });"
    )
    rater = RatingPage(page, rating_app.url).begin()
    before = rater.pair()
    rater.choose(SOME)
    page.reload()
    rater.expect_pair(1, 3)
    assert (rater.pair(), rater.choices()) == (before, SOME)
    rater.rate()
    rater.expect_pair(2, 3)


# Languages


def test_the_language_is_the_browsers_until_another_is_chosen(rating_app: App, visits: Visits) -> None:
    for locale, language in (("de-AT", "de"), ("es-MX", "es"), ("fr-FR", "en")):
        rater = RatingPage(visits.page(locale=locale), rating_app.url).open("welcome")
        expect(rater.page.locator("html")).to_have_attribute("lang", language)
        expect(rater.heading).to_have_text(TEXTS[language]["welcome.title"])


def test_another_language_keeps_pair_choices_and_comment(rater: RatingPage) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 3)
    before = rater.pair()
    rater.choose(SOME)
    rater.open_comment().fill("ja/sí")
    for language in (*LANGUAGES[1:], *LANGUAGES):
        texts = TEXTS[language]
        rater.part("language").select_option(language)
        expect(rater.page.locator("html")).to_have_attribute("lang", language)
        expect(rater.part("language")).to_be_focused()
        expect(rater.heading).to_have_text(texts["pair.title"].format(number=2, of=3))
        expect(rater.part("submit")).to_have_text(texts["pair.submit"])
        group = rater.page.get_by_role("group", name=texts["criterion.overall.question"], exact=True)
        expect(group.get_by_role("radio", name=texts["side.name"].format(side="A"), exact=True)).to_be_checked()
        assert rater.choices() == SOME
        assert rater.pair()[1:] == before[1:]
        expect(rater.part("comment")).to_have_value("ja/sí")
        assert rater.page.title() == f"{rater.heading.inner_text()} · PPAI"
    rater.part("language").select_option("es")
    rater.page.reload()
    expect(rater.part("submit")).to_have_text(TEXTS["es"]["pair.submit"])
    assert rater.choices() == SOME
    rater.submit()
    expect(rater.part("alarm")).to_contain_text(TEXTS["es"]["criterion.creativity.label"])


# The end of a sitting, and of a session


def prefer(rater: RatingPage, system: str) -> None:
    """Rates the pair on screen so that `system` wins."""
    prompt = "p" + "".join(filter(str.isdigit, rater.part("post-body").inner_text()))
    at_a = rater.part("response-a-text").inner_text() == answer_text(prompt, system)
    rater.rate("a" if at_a else "b")


def test_a_sitting_ends_and_goes_on(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    for number in (1, 2, 3):
        rater.expect_pair(number, 3)
        rater.rate()
    rater.expect_screen("pause")
    expect(rater.heading).to_have_text("Sitting complete")
    expect(rater.heading).to_be_focused()
    expect(rater.part("totals")).to_have_text("3 pairs in all, 3 of them today.")
    rater.page.reload()
    rater.expect_screen("pause")
    rater.page.keyboard.press("u")
    rater.expect_pair(3, 3)
    assert rater.choices() == dict.fromkeys(KEYS, "a")
    rater.submit()
    rater.expect_screen("pause")
    rater.part("go-on").click()
    rater.expect_pair(1, 3)
    expect(rater.part("today")).to_have_text("3 today")


def test_the_end_asks_three_guesses_then_locks_and_thanks(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    code = rater.code()
    shown = []
    for _ in range(3):
        shown.append(rater.pair())
        prefer(rater, "tuned")
    rater.expect_screen("pause")
    rater.part("finish").click()
    for number, guess in enumerate(("Response A", "I can't tell", "Response B"), start=1):
        expect(rater.heading).to_have_text(f"One last thing: {number} of 3")
        expect(rater.heading).to_be_focused()
        assert rater.pair() in shown
        rater.submit()
        expect(rater.part("alarm")).to_have_text("Please choose one of the three answers.")
        expect(rater.part("probe")).to_be_focused()
        if number == 2:
            asked = rater.pair()
            rater.page.reload()
            expect(rater.heading).to_have_text("One last thing: 2 of 3")
            assert rater.pair() == asked
        rater.part("probe").get_by_role("radio", name=guess, exact=True).check()
        rater.submit()
    rater.expect_screen("thanks")
    expect(rater.part("totals")).to_have_text("You rated 3 pairs. Your votes are locked and counted.")
    expect(rater.part("preferred")).to_have_text("You preferred tuned overall.")
    expect(rater.part("code")).to_have_text(code)
    expect(rater.part("undo")).to_have_count(0)
    store = rating_app.store()
    guesses = [answer.guess for answer in list(store.probes("rated"))[-3:]]
    store.close()
    assert guesses == ["a", "unsure", "b"]
    rater.page.reload()
    rater.expect_screen("thanks")
    rater.part("results").click()
    expect(rater.page).to_have_url(f"{rating_app.url}/results")
    expect(rater.page.get_by_test_id("study")).to_have_text("rated")


def test_a_session_can_be_finished_from_any_pair(rater: RatingPage) -> None:
    rater.begin()
    rater.rate("tie")
    rater.expect_pair(2, 3)
    rater.part("your-code").click()
    rater.part("dialog-code").get_by_test_id("finish").click()
    expect(rater.heading).to_have_text("One last thing: 1 of 1")
    expect(rater.page.locator("dialog")).to_have_count(0)
    rater.page.get_by_role("radio", name="I can't tell").check()
    rater.page.keyboard.press("Enter")
    rater.expect_screen("thanks")
    expect(rater.part("totals")).to_have_text("You rated 1 pair. Your votes are locked and counted.")
    expect(rater.part("preferred")).to_have_count(0)


def test_the_code_is_copied(rating_app: App, visits: Visits) -> None:
    context = visits.context(permissions=["clipboard-read", "clipboard-write"])
    rater = RatingPage(context.new_page(), rating_app.url).begin()
    rater.part("your-code").click()
    dialog = rater.part("dialog-code")
    dialog.get_by_role("button", name="Copy code").click()
    expect(dialog.get_by_text("Copied.")).to_have_role("status")
    assert rater.page.evaluate("navigator.clipboard.readText()") == dialog.get_by_test_id("code").inner_text()


# Nothing counts twice


def test_a_double_click_is_one_vote(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    before = len(rating_app.votes())
    rater.choose_all()
    rater.part("submit").dblclick()
    rater.expect_pair(2, 3)
    rater.choose_all()
    rater.page.evaluate("() => { const node = document.querySelector('.ppai-submit'); node.click(); node.click(); }")
    rater.expect_pair(3, 3)
    assert len(rating_app.votes()) == before + 2


def test_while_an_answer_is_awaited_nothing_else_is_sent(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 3)
    before, held = len(rating_app.votes()), []
    hold(rater, lambda route, _: held.append(route))
    rater.choose_all()
    rater.submit()
    expect(rater.part("submit")).to_have_text("Saving …")
    expect(rater.part("submit")).to_be_disabled()
    rater.page.keyboard.press("Enter")
    rater.page.keyboard.press("u")
    rater.part("undo").click()
    expect(rater.part("submit")).to_have_text("Saving …")
    assert len(held) == 1
    held[0].continue_()
    rater.expect_pair(3, 3)
    assert len(rating_app.votes()) == before + 1


def test_an_answer_lost_on_the_way_is_asked_for_again_and_counts_once(
    rater: RatingPage, rating_app: App, visits: Visits
) -> None:
    rater.begin()
    before, sent = len(rating_app.votes()), []

    def lose(route: Route, data: dict[str, Any]) -> None:
        sent.append(data["submission"])
        if len(sent) > 1:
            return route.continue_()
        assert route.fetch().ok
        return route.abort()

    visits.tolerate("Failed to load resource", "Failed to fetch")
    hold(rater, lose)
    rater.choose(dict.fromkeys(KEYS, "b"))
    rater.submit()
    expect(rater.part("alarm")).to_have_text("Not saved, try again. Your answers are still here.")
    assert rater.choices() == dict.fromkeys(KEYS, "b")
    expect(rater.part("submit")).to_have_text("Try again")
    expect(rater.part("submit")).to_be_focused()
    rater.page.keyboard.press("Enter")
    rater.expect_pair(2, 3)
    assert len(rating_app.votes()) == before + 1
    assert len(sent) == 2 and sent[0] == sent[1]


def test_an_undo_whose_answer_was_lost_takes_back_one_vote(rater: RatingPage, rating_app: App, visits: Visits) -> None:
    rater.begin()
    rater.rate("a")
    rater.rate("b")
    rater.expect_pair(3, 3)
    before, sent = len(rating_app.votes()), []

    def lose(route: Route, data: dict[str, Any]) -> None:
        sent.append(data["act"])
        if len(sent) > 1:
            return route.continue_()
        assert route.fetch().ok
        return route.abort()

    visits.tolerate("Failed to load resource", "Failed to fetch")
    hold(rater, lose)
    rater.part("undo").click()
    expect(rater.part("alarm")).to_have_text("Not saved, try again. Your answers are still here.")
    rater.part("undo").click()
    rater.expect_pair(2, 3)
    assert sent == ["undo", "undo"]
    assert [vote.status for vote in rating_app.votes()[before:]] == [VoteStatus.VOID]


def test_two_tabs_of_a_rater_give_one_vote_a_pair(rating_app: App, visits: Visits) -> None:
    context = visits.context()
    one = RatingPage(context.new_page(), rating_app.url).begin()
    two = RatingPage(context.new_page(), rating_app.url).open("pair")
    assert one.pair() == two.pair()
    before = len(rating_app.votes())
    two.choose_all("b")
    one.page.bring_to_front()
    one.choose_all("a")
    one.submit()
    one.expect_pair(2, 3)
    two.page.bring_to_front()
    two.submit()
    two.expect_pair(2, 3)
    expect(two.part("notice")).to_have_text("This pair was already saved. Here is the next one.")
    assert one.pair() == two.pair()
    [vote] = rating_app.votes()[before:]
    assert set(vote.outcomes.values()) == {"a"}
    two.choose_all("tie")
    two.submit()
    two.expect_pair(3, 3)
    one.page.bring_to_front()
    one.part("skip").click()
    one.part("dialog-skip").get_by_role("radio").first.check()
    one.part("skip-send").click()
    one.expect_pair(3, 3)
    assert [vote.status for vote in rating_app.votes()[before:]] == [VoteStatus.SUBMITTED] * 2


def test_two_tabs_that_begin_apart_end_up_with_one_rater(rating_app: App, visits: Visits) -> None:
    context = visits.context()
    one = RatingPage(context.new_page(), rating_app.url).open("welcome")
    two = RatingPage(context.new_page(), rating_app.url).open("welcome")
    one.page.bring_to_front()
    one.part("consent").click()
    one.expect_screen("pair")
    two.page.bring_to_front()
    two.part("consent").click()
    two.expect_screen("pair")
    one.page.bring_to_front()
    one.page.reload()
    one.expect_screen("pair")
    code = one.code()
    two.page.bring_to_front()
    assert two.code() == code


def test_the_back_button_shows_the_pair_that_is_open(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    rater.choose_all()
    rater.submit()
    rater.expect_pair(2, 3)
    before, votes = rater.pair(), len(rating_app.votes())
    rater.choose(SOME)
    rater.page.goto(f"{rating_app.url}/results")
    expect(rater.page.get_by_test_id("refused")).to_be_visible()
    rater.page.go_back()
    rater.expect_pair(2, 3)
    assert (rater.pair(), rater.choices()) == (before, SOME)
    rater.rate()
    rater.expect_pair(3, 3)
    rater.page.go_back()
    rater.page.go_forward()
    rater.expect_pair(3, 3)
    assert len(rating_app.votes()) == votes + 1
