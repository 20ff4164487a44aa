"""Rating in a browser: by mouse, by touch and by keyboard alone; undo, skip and report."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from rating_page import NAMES, RatingPage
from serving import App
from visits import LAPTOP, PHONE, Visits

from ppai.schema import DEFAULT_CRITERIA, Vote, VoteStatus

KEYS = [criterion.key for criterion in DEFAULT_CRITERIA]
MIXED = dict(zip(KEYS, ("a", "tie", "b", "b", "tie", "a", "b"), strict=True))
SIZES = pytest.mark.parametrize(
    ("size", "touch"), [pytest.param(LAPTOP, False, id="1280"), pytest.param(PHONE, True, id="375")]
)


@pytest.fixture
def rater(rating_app: App, visits: Visits) -> RatingPage:
    return RatingPage(visits.page(), rating_app.url)


def newest(app: App, n: int = 1) -> list[Vote]:
    return app.votes()[-n:]


def outcomes(vote: Vote) -> dict[str, str]:
    return {key: outcome.value for key, outcome in vote.outcomes.items()}


# By mouse, touch and keyboard


def test_a_pair_is_rated_by_mouse(rater: RatingPage, rating_app: App) -> None:
    rater.begin().expect_pair(1, 3)
    expect(rater.part("today")).to_have_text("0 today")
    expect(rater.part("undo")).to_have_count(0)
    rater.choose(MIXED)
    expect(rater.part("count")).to_have_text("7 of 7 answered")
    rater.submit()
    rater.expect_pair(2, 3)
    expect(rater.part("notice")).to_have_text("Saved.")
    expect(rater.part("today")).to_have_text("1 today")
    expect(rater.part("progress")).to_have_attribute("aria-valuenow", "1")
    expect(rater.part("count")).to_have_text("0 of 7 answered")
    [vote] = newest(rating_app)
    assert (outcomes(vote), vote.status) == (MIXED, VoteStatus.SUBMITTED)
    assert vote.seconds is not None and 0 < vote.seconds < 60


def test_a_pair_is_rated_by_touch(rating_app: App, visits: Visits) -> None:
    rater = RatingPage(visits.page(PHONE, touch=True), rating_app.url).open("welcome")
    rater.part("consent").tap()
    rater.expect_pair(1, 3)
    rater.part("jump-questions").tap()
    expect(rater.criterion(KEYS[0])).to_be_in_viewport()
    rater.choose(MIXED, touch=True)
    assert rater.choices() == MIXED
    rater.part("submit").tap()
    rater.expect_pair(2, 3)
    assert outcomes(newest(rating_app)[0]) == MIXED
    for side in ("b", "a"):
        rater.part(f"jump-{side}").tap()
        expect(rater.part(f"response-{side}").get_by_role("heading")).to_be_in_viewport()
        expect(rater.part(f"response-{side}").get_by_role("heading")).to_be_focused()


def test_a_pair_is_rated_by_keyboard_alone(rater: RatingPage, rating_app: App) -> None:
    press = rater.page.keyboard.press
    rater.open("welcome")
    rater.tab_to(rater.part("consent"))
    press("Enter")
    rater.expect_pair(1, 3)
    expect(rater.heading).to_be_focused()
    for outcome in MIXED.values():
        press({"a": "1", "tie": "0", "b": "2"}[outcome])
    assert rater.choices() == MIXED
    expect(rater.part("submit")).to_be_focused()
    press("Enter")
    rater.expect_pair(2, 3)
    expect(rater.heading).to_be_focused()
    assert outcomes(newest(rating_app)[0]) == MIXED
    press("u")
    rater.expect_pair(1, 3)
    assert rater.choices() == MIXED
    press("1")
    assert rater.choices() == MIXED, (
        "nothing is in focus and nothing open: the first key only goes to the first question"
    )
    expect(rater.criterion(KEYS[0])).to_be_focused()
    press("1")
    assert rater.choices() == MIXED | {KEYS[0]: "a"}
    expect(rater.criterion(KEYS[1])).to_be_focused()
    press("Enter")
    rater.expect_pair(2, 3)
    assert [vote.status for vote in newest(rating_app, 2)] == [VoteStatus.VOID, VoteStatus.SUBMITTED]


def test_tab_and_arrow_keys_work_as_in_any_form(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    press = rater.page.keyboard.press
    for key in KEYS:
        rater.tab_to(rater.radio(key, "a"))
        press("ArrowRight")
        expect(rater.radio(key, "tie")).to_be_checked()
        expect(rater.radio(key, "tie")).to_be_focused()
    press("ArrowRight")
    press("ArrowRight")
    expect(rater.radio(KEYS[-1], "a")).to_be_checked()
    press("ArrowLeft")
    expect(rater.radio(KEYS[-1], "b")).to_be_checked()
    press("Shift+Tab")
    expect(rater.radio(KEYS[-2], "tie")).to_be_focused()
    press("Enter")
    rater.expect_pair(2, 3)
    assert outcomes(newest(rating_app)[0]) == dict.fromkeys(KEYS, "tie") | {KEYS[-1]: "b"}


def test_space_chooses_and_skip_and_report_open_by_keyboard(rater: RatingPage) -> None:
    rater.begin()
    press = rater.page.keyboard.press
    rater.tab_to(rater.radio(KEYS[0], "a"))
    press("Space")
    expect(rater.radio(KEYS[0], "a")).to_be_checked()
    for name in ("skip", "report"):
        rater.tab_to(rater.part(name))
        press("Enter")
        expect(rater.part(f"dialog-{name}")).to_be_visible()
        expect(rater.part(f"dialog-{name}").get_by_role("heading")).to_be_focused()
        press("Escape")
        expect(rater.part(f"dialog-{name}")).to_have_count(0)
        expect(rater.part(name)).to_be_focused()
    assert rater.choices() == {KEYS[0]: "a"}


def test_keys_answer_the_question_in_focus_or_the_first_open_one(rater: RatingPage) -> None:
    rater.begin()
    press = rater.page.keyboard.press
    rater.radio(KEYS[2], "a").click()
    press("2")
    assert rater.choices() == {KEYS[2]: "b"}
    expect(rater.criterion(KEYS[3])).to_be_focused()
    rater.heading.evaluate("node => node.focus()")
    press("0")
    assert rater.choices() == {KEYS[2]: "b", KEYS[0]: "tie"}
    for key in ("3", "a", "Control+1", "Alt+2", "Meta+0", "Control+u"):
        press(key)
    assert rater.choices() == {KEYS[2]: "b", KEYS[0]: "tie"}


def test_a_key_too_many_changes_no_answer(rater: RatingPage) -> None:
    rater.begin()
    rater.choose_all("a")
    rater.part("submit").focus()
    rater.page.keyboard.press("0")
    assert rater.choices() == dict.fromkeys(rater.keys(), "a")
    expect(rater.criterion(KEYS[0])).to_be_focused()


def test_the_question_mark_shows_the_keys(rater: RatingPage) -> None:
    rater.begin()
    rater.page.keyboard.press("?")
    dialog = rater.part("dialog-keys")
    expect(dialog).to_be_visible()
    expect(dialog.locator("kbd")).to_have_text(["1", "0", "2", "Enter", "U", "?"])
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    rater.part("keys").click()
    expect(rater.part("dialog-keys")).to_be_visible()


def test_no_key_fires_while_typing(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 3)
    before = len(rating_app.votes())
    rater.choose_all("tie")
    box = rater.open_comment()
    box.click()
    rater.page.keyboard.type("1 2 0 u U ? 2")
    rater.page.keyboard.press("Enter")
    rater.page.keyboard.type("two")
    expect(box).to_have_value("1 2 0 u U ? 2\ntwo")
    assert rater.choices() == dict.fromkeys(KEYS, "tie")
    rater.part("language").focus()
    rater.page.keyboard.press("u")
    rater.expect_pair(2, 3)
    expect(rater.page.locator("dialog")).to_have_count(0)
    assert len(rating_app.votes()) == before


@pytest.mark.parametrize("name", ["skip", "report", "guidelines", "keys", "your-code"])
def test_no_key_fires_with_a_dialog_open(rater: RatingPage, rating_app: App, name: str) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 3)
    before = len(rating_app.votes())
    rater.choose_all("tie")
    rater.part(name).click()
    expect(rater.page.locator("dialog[open]")).to_be_visible()
    for key in ("1", "2", "u", "?", "Enter"):
        rater.page.keyboard.press(key)
    expect(rater.page.locator("dialog[open]")).to_have_count(1)
    assert rater.choices() == dict.fromkeys(KEYS, "tie")
    rater.page.keyboard.press("Escape")
    rater.expect_pair(2, 3)
    assert len(rating_app.votes()) == before


# What a person with another way of seeing or pointing meets


@SIZES
def test_questions_are_groups_of_three_native_radios(
    rating_app: App, visits: Visits, size: dict[str, int], touch: bool
) -> None:
    rater = RatingPage(visits.page(size, touch=touch), rating_app.url).begin()
    assert rater.keys() == KEYS
    names = set()
    for criterion in DEFAULT_CRITERIA:
        group = rater.page.get_by_role("group", name=criterion.question, exact=True)
        expect(group).to_have_attribute("data-criterion", criterion.key)
        assert group.evaluate("node => [node.tagName, node.firstElementChild.tagName]") == ["FIELDSET", "LEGEND"]
        radios = group.get_by_role("radio")
        expect(radios).to_have_count(3)
        for radio, name in zip(radios.all(), NAMES.values(), strict=True):
            expect(radio).to_have_accessible_name(name)
            assert radio.evaluate("node => [node.tagName, node.type]") == ["INPUT", "radio"]
            expect(radio).not_to_be_checked()
        [shared] = set(radios.evaluate_all("all => all.map((one) => one.name)"))
        names.add(shared)
    assert len(names) == len(KEYS)


TARGETS = """() => {
  const scope = document.querySelector("dialog[open]") ?? document;
  const found = [];
  for (const node of scope.querySelectorAll("a, button, input, select, textarea, summary, [role=button], [role=tab]")) {
    const target = node.matches("input[type=radio], input[type=checkbox]") ? node.closest("label") ?? node : node;
    const { width, height } = target.getBoundingClientRect();
    if (!node.checkVisibility({ visibilityProperty: true }) || width === 0) continue;
    found.push([target.outerHTML.slice(0, 120), Math.round(width * 10) / 10, Math.round(height * 10) / 10]);
  }
  return found;
}"""


def small_targets(rater: RatingPage) -> list[Any]:
    found = rater.page.evaluate(TARGETS)
    assert found
    return [one for one in found if one[1] < 44 or one[2] < 44]


@SIZES
def test_every_target_is_44_pixels(rating_app: App, visits: Visits, size: dict[str, int], touch: bool) -> None:
    rater = RatingPage(visits.page(size, touch=touch), rating_app.url).open("welcome")
    assert small_targets(rater) == []
    rater.part("consent").click()
    rater.expect_screen("pair")
    rater.rate()
    rater.expect_pair(2, 3)
    rater.open_comment()
    assert small_targets(rater) == []
    for name in ("skip", "report", "guidelines", "your-code", *(() if touch else ("keys",))):
        rater.part(name).click()
        expect(rater.page.locator("dialog[open]")).to_be_visible()
        assert small_targets(rater) == [], name
        rater.page.keyboard.press("Escape")
    rater.rate()
    rater.rate()
    rater.expect_screen("pause")
    assert small_targets(rater) == []
    rater.part("finish").click()
    rater.expect_screen("probe")
    assert small_targets(rater) == []
    while rater.part("screen-probe").is_visible():
        title = rater.heading.inner_text()
        rater.page.get_by_role("radio", name="I can't tell").click()
        rater.submit()
        expect(rater.heading).not_to_have_text(title)
    rater.expect_screen("thanks")
    assert small_targets(rater) == []


FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const marked = node.matches(".ppai-segment input") ? node.nextElementSibling : node;
  const style = getComputedStyle(marked);
  const box = marked.getBoundingClientRect();
  const at = document.elementFromPoint(box.x + box.width / 2, Math.min(box.y + box.height / 2, innerHeight - 1));
  const label = node.closest("label");
  return {
    html: node.outerHTML.slice(0, 140),
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    uncovered: node === at || node.contains(at) || Boolean(label?.contains(at)),
    ring: node.matches(":focus-visible"),
  };
}"""


@SIZES
def test_the_focus_is_seen_at_every_stop_of_the_tab_key(
    rating_app: App, visits: Visits, size: dict[str, int], touch: bool
) -> None:
    rater = RatingPage(visits.page(size, touch=touch), rating_app.url).open("welcome")
    stops = 0
    for screen in ("welcome", "pair"):
        if screen == "pair":
            rater.part("consent").click()
            rater.expect_screen("pair")
        rater.page.evaluate("document.activeElement.blur()")
        for _ in range(40):
            rater.page.keyboard.press("Tab")
            seen = rater.page.evaluate(FOCUSED)
            if seen is None:
                break
            assert seen["ring"] and seen["outline"] >= 2 and seen["uncovered"], seen
            stops += 1
        else:
            raise AssertionError("the Tab key is trapped")
    assert stops >= 18


def test_what_is_missing_is_said_shown_and_focused(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    before = len(rating_app.votes())
    rater.choose(dict.fromkeys(KEYS[:2] + KEYS[3:6], "b"))
    rater.submit()
    words = "2 questions are not answered yet: Ideas, Overall."
    expect(rater.page.locator(".ppai-bar").get_by_test_id("message")).to_have_text(words)
    expect(rater.part("alarm")).to_have_text(words)
    expect(rater.part("alarm")).to_have_attribute("role", "alert")
    expect(rater.criterion(KEYS[2])).to_be_focused()
    expect(rater.criterion(KEYS[2])).to_be_in_viewport()
    rater.radio(KEYS[2], "a").click()
    expect(rater.page.locator(".ppai-bar").get_by_test_id("message")).to_be_hidden()
    rater.page.keyboard.press("Enter")
    expect(rater.part("alarm")).to_have_text("Not answered yet: Overall.")
    expect(rater.criterion("overall")).to_be_focused()
    rater.page.keyboard.press("1")
    rater.page.keyboard.press("Enter")
    rater.expect_pair(2, 3)
    assert len(rating_app.votes()) == before + 1


def test_what_happened_is_announced(rater: RatingPage) -> None:
    rater.begin()
    notice = rater.part("notice")
    expect(notice).to_have_attribute("role", "status")
    rater.rate()
    expect(notice).to_have_text("Saved.")
    expect(rater.heading).to_be_focused()
    assert rater.page.evaluate("scrollY") == 0
    rater.part("undo").click()
    expect(notice).to_have_text("Your last vote is open again.")
    expect(rater.heading).to_be_focused()


# Undo, skip, report, comment


def test_undo_brings_back_the_pair_with_its_choices_and_comment(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    first = rater.pair()
    rater.choose(MIXED)
    rater.open_comment().fill("B listens.")
    rater.submit()
    rater.expect_pair(2, 3)
    assert rater.pair() != first
    rater.part("undo").click()
    rater.expect_pair(1, 3)
    assert (rater.pair(), rater.choices()) == (first, MIXED)
    expect(rater.part("comment")).to_have_value("B listens.")
    expect(rater.part("undo")).to_have_count(0)
    rater.radio("overall", "a").click()
    rater.submit()
    rater.expect_pair(2, 3)
    sent, void, again = newest(rating_app, 3)
    assert [one.status for one in (sent, void, again)] == [
        VoteStatus.SUBMITTED,
        VoteStatus.VOID,
        VoteStatus.SUBMITTED,
    ]
    assert [one.revision for one in (sent, void, again)] == [1, 2, 3]
    assert (outcomes(sent), outcomes(again)) == (MIXED, MIXED | {"overall": "a"})
    assert again.comment == "B listens."


def test_skip_asks_for_a_reason_and_counts_nothing(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    first = rater.pair()
    rater.choose(MIXED)
    rater.part("skip").click()
    dialog = rater.part("dialog-skip")
    expect(dialog.get_by_role("radio")).to_have_count(5)
    rater.part("skip-send").click()
    expect(dialog.get_by_test_id("message")).to_have_text("Please choose a reason.")
    expect(dialog.get_by_test_id("message")).to_have_attribute("role", "alert")
    expect(dialog.get_by_role("radio").first).to_be_focused()
    dialog.get_by_role("button", name="Cancel").click()
    assert (rater.pair(), rater.choices()) == (first, MIXED)
    rater.part("skip").click()
    dialog.get_by_role("radio", name="I find it upsetting").check()
    dialog.get_by_role("textbox").fill("too close to home")
    rater.part("skip-send").click()
    expect(rater.part("notice")).to_have_text("Skipped.")
    rater.expect_pair(1, 3)
    expect(dialog).to_have_count(0)
    assert rater.pair() != first
    assert rater.choices() == {}
    [vote] = newest(rating_app)
    assert (vote.status, vote.reason, vote.comment) == (VoteStatus.SKIPPED, "upsetting", "too close to home")
    assert vote.outcomes == {}
    rater.part("undo").click()
    expect(rater.part("notice")).to_have_text("Your last vote is open again.")
    assert (rater.pair(), rater.choices()) == (first, {})


def test_a_harmful_response_is_reported_and_the_pair_stays(rater: RatingPage, rating_app: App) -> None:
    rater.begin()
    first = rater.pair()
    rater.choose(MIXED)
    rater.part("report").click()
    dialog = rater.part("dialog-report")
    rater.part("report-send").click()
    expect(dialog.get_by_test_id("message")).to_have_text("Please choose a response.")
    dialog.get_by_role("radio", name="Response B").check()
    dialog.get_by_role("textbox").fill("<b>dangerous</b>")
    rater.part("report-send").click()
    expect(dialog).to_have_count(0)
    expect(rater.part("notice")).to_have_text("Thank you, your report was sent.")
    expect(rater.part("report")).to_be_focused()
    assert (rater.pair(), rater.choices()) == (first, MIXED)
    store = rating_app.store()
    report = list(store.reports("rated"))[-1]
    store.close()
    assert (report.side, report.text) == ("b", "<b>dangerous</b>")


def test_a_dialog_closes_by_a_click_beside_it_and_by_its_button(rater: RatingPage) -> None:
    rater.begin()
    for close in ("beside", "button", "escape"):
        rater.part("guidelines").click()
        dialog = rater.part("dialog-guidelines")
        expect(dialog.get_by_role("heading", name="A worked example")).to_be_attached()
        if close == "beside":
            rater.page.mouse.click(5, 5)
        elif close == "button":
            dialog.get_by_role("button", name="Close").click()
        else:
            rater.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(rater.part("guidelines")).to_be_focused()
