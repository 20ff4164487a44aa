"""Texts as they come, in a browser: script and HTML as text, very long, empty; and studies with nothing to rate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from rating_page import RatingPage
from serving import App, http_act, serving
from visits import LAPTOP, PHONE, Visits

from ppai.schema import Criterion, Pair, Prompt, Response, Study, StudyConfig, System

EVIL = "<script>alert('no')</script><img src=x onerror=alert(1)> & <b>bold</b>"
LONG = "\n\n".join(f"Paragraph {n}: " + "patience and a calm word help. " * 12 for n in range(60))
WIDE = "w" * 3000
MARKDOWN = """# A heading

1. first **strong**
2. second `code`

| a | b |
|---|---|
| 1 | 2 |

[a link](javascript:alert(1)) ![a picture](http://203.0.113.1/p.png) <https://203.0.113.2/>
"""
TEXTS = {
    "evil": (EVIL, f"{EVIL}\n\n```\n{EVIL}\n```"),
    "long": (LONG, "Short."),
    "empty": ("", "   \n"),
    "wide": (WIDE, "| " + " | ".join(["cell"] * 60) + " |\n|" + "---|" * 60),
    "marked": (MARKDOWN, "plain *emphasis*"),
}
BOTH = pytest.mark.parametrize("size", [pytest.param(LAPTOP, id="1280"), pytest.param(PHONE, id="375")])


def odd_study() -> Study:
    """Five pairs, each of which wants one vote."""
    prompts = tuple(
        Prompt(
            id=key, text=f"{key} {EVIL}", title=f"{key} {EVIL}", body=f"About {key}.\n\n{EVIL}", topic=f"{key} {EVIL}"
        )
        for key in TEXTS
    )
    return Study(
        config=StudyConfig(
            name="odd",
            description=EVIL,
            systems=(System(id="one"), System(id="two")),
            criteria=(
                Criterion(key="clarity", question=f"Clear? {EVIL}"),
                Criterion(key="overall", question="Better?"),
            ),
            required=("overall",),
            overlap=1,
            results="admin",
        ),
        prompts=prompts,
        responses=tuple(
            Response(prompt_id=key, system=system, text=text)
            for key, texts in TEXTS.items()
            for system, text in zip(("one", "two"), texts, strict=True)
        ),
        pairs=tuple(Pair(prompt_id=key, first="one", second="two") for key in TEXTS),
    )


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Every pair has its vote, so that raters begin by asking for more."""
    with serving(odd_study(), tmp_path_factory.mktemp("odd"), SPACE_ID="somebody/space", PPAI_HOST="127.0.0.1") as app:
        view = http_act(app, act="consent")
        code, outcomes = view["code"], {"overall": "a"}
        while view["screen"] == "pair":
            sent = {"token": view["item"]["token"], "submission": view["item"]["id"], "outcomes": outcomes}
            view = http_act(app, act="submit", code=code, **sent)
        assert view["screen"] == "exhausted"
        yield app


def begin_more(rater: RatingPage) -> None:
    rater.begin("enough")
    rater.part("more").click()
    rater.expect_screen("pair")


def go_to(rater: RatingPage, key: str) -> None:
    """Skips on to the pair of a prompt."""
    for _ in TEXTS:
        if rater.part("post-body").inner_text().startswith(f"About {key}."):
            return
        before = rater.pair()
        rater.part("skip").click()
        rater.part("dialog-skip").get_by_role("radio").first.check()
        rater.part("skip-send").click()
        rater.expect_moved(before)
    raise AssertionError(key)


def fits(rater: RatingPage) -> bool:
    """Nothing makes the page scroll sideways."""
    return bool(rater.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@BOTH
def test_script_and_html_are_text(app: App, visits: Visits, size: dict[str, int]) -> None:
    rater = RatingPage(visits.page(size), app.url).open("welcome")
    expect(rater.page.get_by_text(EVIL)).to_be_visible()
    rater.part("consent").click()
    rater.expect_screen("enough")
    rater.part("more").click()
    rater.expect_screen("pair")
    go_to(rater, "evil")
    expect(rater.part("post").get_by_role("heading")).to_have_text(f"evil {EVIL}")
    for name in ("post", "response-a-text", "response-b-text"):
        expect(rater.part(name)).to_contain_text(EVIL)
        assert rater.part(name).locator("script, img, b:not(.ppai-letter), a, iframe, svg, style").count() == 0
    legend = rater.criterion("clarity").locator("legend")
    expect(legend).to_have_text(f"Clear? {EVIL} (optional)")
    rater.open_comment().fill(EVIL)
    rater.radio("overall", "tie").click()
    rater.part("language").select_option("de")
    expect(rater.part("comment")).to_have_value(EVIL)
    rater.page.reload()
    rater.expect_screen("pair")
    expect(rater.part("comment")).to_have_value(EVIL)
    before = rater.pair()
    rater.submit()
    rater.page.wait_for_function(
        "before => document.querySelector('[data-testid=post-body]')?.innerText !== before", arg=before[0]
    )
    assert app.votes()[-1].comment == EVIL
    assert fits(rater)


@BOTH
def test_a_long_response_scrolls_inside_its_card(app: App, visits: Visits, size: dict[str, int]) -> None:
    rater = RatingPage(visits.page(size), app.url)
    begin_more(rater)
    go_to(rater, "long")
    cards = [rater.part(f"response-{side}") for side in "ab"]
    texts = [rater.part(f"response-{side}-text") for side in "ab"]
    long = 0 if "Paragraph 0" in texts[0].inner_text() else 1
    boxes = [card.bounding_box() for card in cards]
    assert boxes[0] and boxes[1]
    assert boxes[long]["height"] < size["height"] * 0.75
    if size is LAPTOP:
        assert abs(boxes[0]["height"] - boxes[1]["height"]) < 1 and abs(boxes[0]["y"] - boxes[1]["y"]) < 1
        assert abs(boxes[0]["width"] - boxes[1]["width"]) < 1
    region = rater.page.get_by_role("region", name=f"Response {'AB'[long]}, scrollable")
    expect(region).to_have_count(1)
    assert texts[long].get_attribute("tabindex") == "0" and texts[1 - long].get_attribute("tabindex") is None
    rater.tab_to(texts[long])
    rater.page.keyboard.press("End")
    rater.page.wait_for_function(
        "node => node.scrollTop > 100 && node.scrollTop + node.clientHeight >= node.scrollHeight - 4",
        arg=texts[long].element_handle(),
    )
    expect(texts[long]).not_to_have_attribute("data-more", "")
    assert fits(rater)


@BOTH
def test_an_empty_response_is_shown_as_such(app: App, visits: Visits, size: dict[str, int]) -> None:
    rater = RatingPage(visits.page(size), app.url)
    begin_more(rater)
    go_to(rater, "empty")
    for side in "ab":
        expect(rater.part(f"response-{side}-text")).to_have_text("(empty response)")


def test_markdown_is_shown_without_links_and_images(app: App, visits: Visits) -> None:
    rater = RatingPage(visits.page(), app.url)
    begin_more(rater)
    go_to(rater, "marked")
    both = rater.page.locator(".ppai-responses")
    expect(both.locator("ol > li")).to_have_text(["first strong", "second code"])
    expect(both.locator("td")).to_have_text(["1", "2"])
    expect(both.locator("em")).to_have_text("emphasis")
    assert both.locator("a, img").count() == 0
    expect(rater.page.get_by_role("heading", name="A heading")).to_have_count(0)


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_no_width_scrolls_sideways(app: App, visits: Visits, width: int) -> None:
    rater = RatingPage(visits.page({"width": width, "height": 640}), app.url).open("welcome")
    assert fits(rater)
    rater.part("consent").click()
    rater.expect_screen("enough")
    assert fits(rater)
    rater.part("more").click()
    rater.expect_screen("pair")
    go_to(rater, "wide")
    for language in ("en", "es", "de"):
        rater.part("language").select_option(language)
        assert fits(rater), language
    rater.part("language").select_option("en")
    for name in ("skip", "report", "your-code", "guidelines"):
        rater.part(name).click()
        expect(rater.part(f"dialog-{name.removeprefix('your-')}")).to_be_visible()
        assert fits(rater), name
        box = rater.page.locator("dialog").bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
        rater.page.keyboard.press("Escape")
    top = rater.page.locator(".ppai-bar").bounding_box()
    assert top and top["y"] + top["height"] <= 640.5
    assert top["height"] < 200


def test_a_study_with_all_votes_asks_for_nothing_and_lets_go_on(app: App, visits: Visits) -> None:
    rater = RatingPage(visits.page(), app.url).begin("enough")
    expect(rater.heading).to_have_text("Every pair has the votes it needs")
    expect(rater.heading).to_be_focused()
    rater.part("more").click()
    for number in range(1, len(TEXTS) + 1):
        rater.expect_pair(number, 15)
        rater.radio("overall", "a").click()
        rater.submit()
        if number == 2:
            rater.expect_pair(3, 15)
            rater.page.reload()
    rater.expect_screen("exhausted")
    expect(rater.heading).to_have_text("You have rated every pair")
    rater.part("undo").click()
    rater.expect_pair(len(TEXTS), 15)
    rater.submit()
    rater.expect_screen("exhausted")
    rater.part("finish").click()
    rater.expect_screen("probe")


def test_a_rater_on_a_space_without_backup_is_told_that_votes_may_be_lost(app: App, visits: Visits) -> None:
    rater = RatingPage(visits.page(), app.url).open("welcome")
    expect(rater.part("votes-may-be-lost")).to_have_text(
        "This server keeps no backup. Votes given here may be lost when it restarts."
    )


def test_the_page_keeps_still_where_less_motion_is_asked_for(app: App, visits: Visits) -> None:
    for motion, moves in (("no-preference", True), ("reduce", False)):
        rater = RatingPage(visits.page(reduced_motion=motion), app.url).open("welcome")
        seconds = rater.part("consent").evaluate("node => parseFloat(getComputedStyle(node).transitionDuration)")
        assert (seconds > 0.05) is moves


def test_unknown_outcomes_and_long_comments_are_refused(app: App) -> None:
    view = http_act(app, act="consent")
    more = http_act(app, act="more", code=view["code"], extra=True)
    sent = {"act": "submit", "code": view["code"], "token": more["item"]["token"], "submission": "a" * 12}
    assert http_act(app, **sent, outcomes={"overall": "one"})["error"] == "error.bad_request"
    assert http_act(app, **sent, outcomes={"overall": "a", "other": "a"})["error"] == "error.bad_request"
    assert http_act(app, **sent, outcomes={"overall": "a"}, comment="x" * 2001)["error"] == "error.too_long"
    assert http_act(app, **(sent | {"token": sent["token"] + "x"}), outcomes={"overall": "a"})["error"] == "error.token"
