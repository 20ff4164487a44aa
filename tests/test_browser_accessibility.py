"""Axe finds no violation of WCAG 2.2 AA on any screen, dialog or page, light and dark, on a laptop and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page, expect
from rating_page import RatingPage
from serving import App
from visits import LAPTOP, PHONE, Visits

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(LAPTOP, "light", id="1280-light"),
        pytest.param(LAPTOP, "dark", id="1280-dark"),
        pytest.param(PHONE, "light", id="375-light"),
        pytest.param(PHONE, "dark", id="375-dark"),
    ],
)


def violations(page: Page) -> list[tuple[str, Any]]:
    """What axe finds on the page as it stands: the rule, and up to three places."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE)
    result = page.evaluate(
        "tags => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })", TAGS
    )
    return [
        (one["id"], [(node["html"][:200], node["failureSummary"][:300]) for node in one["nodes"][:3]])
        for one in result["violations"]
    ]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def dark(page: Page) -> bool:
    """Whether the ground is darker than the text on it."""
    return bool(
        page.evaluate(
            """() => {
                const style = getComputedStyle(document.querySelector(".ppai"));
                const parts = (colour) => colour.match(/[\\d.]+/g).slice(0, 3);
                const light = (colour) => parts(colour).reduce((sum, one) => sum + Number(one), 0);
                return light(style.backgroundColor) < light(style.color);
            }"""
        )
    )


@LOOKS
def test_the_rating_flow(rating_app: App, visits: Visits, size: dict[str, int], scheme: str) -> None:
    rater = RatingPage(visits.page(size, color_scheme=scheme), rating_app.url).open("welcome")
    page = rater.page

    def check(where: str) -> None:
        page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))")
        assert violations(page) == [], where
        assert fits(page), where

    assert dark(page) is (scheme == "dark")
    check("welcome")
    page.get_by_role("textbox", name="Your code").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This code is not known. Please check it.").first).to_be_visible()
    check("welcome, wrong code")
    rater.part("consent").click()
    rater.expect_pair(1, 3)
    check("pair")
    rater.submit()
    expect(page.locator(".ppai-bar").get_by_test_id("message")).to_be_visible()
    rater.open_comment().fill("a comment")
    check("pair, with missing answers")
    rater.rate("tie")
    rater.expect_pair(2, 3)
    rater.choose_all("b")
    check("pair, answered")
    dialogs = {"skip": "skip", "report": "report", "your-code": "code", "guidelines": "guidelines"}
    for button, name in dialogs.items() | ({("keys", "keys")} if size is LAPTOP else set()):
        rater.part(button).click()
        dialog = rater.part(f"dialog-{name}")
        expect(dialog).to_be_visible()
        if name in ("skip", "report"):
            dialog.get_by_role("radio").last.check()
            rater.page.locator(f"[data-testid={name}-send]").scroll_into_view_if_needed()
        check(f"dialog {name}")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    rater.submit()
    rater.expect_pair(3, 3)
    rater.rate("a")
    rater.expect_screen("pause")
    check("pause")
    rater.part("finish").click()
    expect(rater.heading).to_have_text("One last thing: 1 of 3")
    check("probe")
    for number in (1, 2, 3):
        expect(rater.heading).to_have_text(f"One last thing: {number} of 3")
        page.get_by_role("radio", name="I can't tell").check()
        rater.submit()
    rater.expect_screen("thanks")
    check("thanks")
    page.goto(f"{rating_app.url}/results")
    expect(page.get_by_test_id("study")).to_be_visible()
    check("results with few votes")


@LOOKS
def test_the_results_browse_and_admin_pages(voted_app: App, visits: Visits, size: dict[str, int], scheme: str) -> None:
    page = visits.page(size, color_scheme=scheme)

    def check(where: str) -> None:
        assert violations(page) == [], where
        assert fits(page), where

    page.goto(f"{voted_app.url}/browse")
    expect(page.get_by_test_id("refused")).to_be_visible()
    assert dark(page) is (scheme == "dark")
    check("browse, refused")
    page.goto(f"{voted_app.url}/results")
    expect(page.get_by_test_id("answers")).to_be_visible()
    for chart in page.locator("[data-figure]").all():
        chart.scroll_into_view_if_needed()
        expect(chart).to_have_attribute("data-drawn", "true", timeout=15_000)
    page.locator("details").evaluate_all("all => all.forEach((one) => (one.open = true))")
    check("results")
    page.goto(f"{voted_app.url}/admin")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#wrong")).to_be_visible()
    check("admin, wrong password")
    page.get_by_label("Password").fill("opensesame")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    check("admin")
    page.goto(f"{voted_app.url}/browse")
    expect(page.get_by_test_id("finder")).to_be_visible()
    check("browse")
    page.get_by_label("Prompt").select_option("p03")
    expect(page.get_by_test_id("post")).to_contain_text("Post 03")
    check("browse, odd texts")


@pytest.mark.parametrize("name", ["results", "browse", "admin"])
def test_pages_fit_320_pixels(voted_app: App, visits: Visits, name: str) -> None:
    page = visits.page({"width": 320, "height": 640})
    page.goto(f"{voted_app.url}/{name}")
    expect(page.get_by_test_id({"results": "answers", "browse": "refused", "admin": "login"}[name])).to_be_visible()
    for language in ("de", "es", "en"):
        page.get_by_label("Language").or_(page.locator(".ppai-select")).first.select_option(language)
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert fits(page), language
