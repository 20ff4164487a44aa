"""Takes the README's pictures of a running app with a Chromium.

python docs/screenshots.py http://127.0.0.1:7860 rating|results|live
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from browser import find
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent


def rating(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 1100, "height": 1500})
    page.goto(url)
    page.get_by_test_id("consent").click()
    page.get_by_test_id("screen-pair").wait_for()
    for choice, fieldset in zip("ABB", page.get_by_test_id("criterion").all(), strict=False):
        fieldset.get_by_role("radio", name=f"Response {choice}").check()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    page.screenshot(path=HERE / "rating.png")


def results(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 1100, "height": 1800})
    page.goto(f"{url}/results")
    page.locator("[data-figure] svg.main-svg").first.wait_for()
    page.wait_for_timeout(1000)
    page.screenshot(path=HERE / "results.png")


def live(page: Page, url: str) -> None:
    """Of an app with PPAI_LIVE=1, whose models may take their time."""
    page.set_viewport_size({"width": 1100, "height": 1100})
    page.goto(f"{url}/live")
    page.get_by_test_id("consent").click()
    page.get_by_test_id("question").fill(
        "My four-year-old refuses to put her shoes on. It takes twenty minutes, we are late every day, and in the end "
        "I shout. What works for you?"
    )
    page.get_by_test_id("send").click()
    page.get_by_test_id("screen-vote").wait_for(timeout=300_000)
    for choice, fieldset in zip("ABB", page.get_by_test_id("criterion").all(), strict=False):
        fieldset.get_by_role("radio", name=f"Response {choice}").check()
    page.evaluate("window.scrollTo(0, 0)")
    page.get_by_test_id("notice").get_by_text("complete").wait_for(state="detached")
    page.screenshot(path=HERE / "live.png")


def main() -> None:
    url, which = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        page = browser.new_page()
        {"rating": rating, "results": results, "live": live}[which](page, url)


if __name__ == "__main__":
    main()
