"""The rating page as a rater uses it in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from playwright.sync_api import Locator, Page, expect

NAMES = {"a": "Response A", "tie": "Tie", "b": "Response B"}
"""What the radios are called, by outcome, in English."""


class RatingPage:
    """Acts by what a person sees and hears: roles, names and texts."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def part(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def expect_screen(self, name: str) -> Self:
        expect(self.part(f"screen-{name}")).to_be_visible()
        return self

    def open(self, screen: str) -> Self:
        self.page.goto(self.url)
        return self.expect_screen(screen)

    def begin(self, screen: str = "pair") -> Self:
        """A new rater, up to her first pair."""
        self.open("welcome")
        self.part("consent").click()
        return self.expect_screen(screen)

    @property
    def heading(self) -> Locator:
        return self.part("heading")

    def expect_pair(self, number: int, of: int) -> Self:
        expect(self.heading).to_have_text(f"Pair {number} of {of}")
        return self.expect_screen("pair")

    def keys(self) -> list[str]:
        return [str(one.get_attribute("data-criterion")) for one in self.part("criterion").all()]

    def criterion(self, key: str) -> Locator:
        return self.page.locator(f'[data-criterion="{key}"]')

    def radio(self, key: str, outcome: str) -> Locator:
        return self.criterion(key).get_by_role("radio", name=NAMES[outcome], exact=True)

    def choose(self, choices: Mapping[str, str], *, touch: bool = False) -> None:
        for key, outcome in choices.items():
            radio = self.radio(key, outcome)
            radio.tap() if touch else radio.click()

    def choose_all(self, outcome: str = "a") -> None:
        self.choose(dict.fromkeys(self.keys(), outcome))

    def choices(self) -> dict[str, str]:
        """The outcomes on the screen, by criterion."""
        chosen = self.page.locator(".ppai-criterion input:checked")
        return dict(chosen.evaluate_all("all => all.map((one) => [one.name, one.value])"))

    def submit(self) -> None:
        self.part("submit").click()

    def rate(self, outcome: str = "a") -> None:
        """Answers everything alike, submits, and waits for what comes next."""
        before = self.pair()
        self.choose_all(outcome)
        self.submit()
        self.expect_moved(before)

    def expect_moved(self, before: tuple[str, str, str]) -> None:
        self.page.wait_for_function(
            """(before) => {
                const text = (name) => document.querySelector(`[data-testid="${name}"]`)?.innerText ?? "";
                return text("post") + text("response-a-text") + text("response-b-text") !== before;
            }""",
            arg="".join(before),
        )

    def pair(self) -> tuple[str, str, str]:
        """The texts of the post and of the two responses."""
        return (
            self.part("post").inner_text(),
            self.part("response-a-text").inner_text(),
            self.part("response-b-text").inner_text(),
        )

    def open_comment(self) -> Locator:
        box = self.part("comment")
        if not box.is_visible():
            self.page.locator("summary").click()
        return box

    def code(self) -> str:
        """The rater's code, from the dialog that shows it."""
        self.part("your-code").click()
        code = self.part("dialog-code").get_by_test_id("code").inner_text()
        self.page.keyboard.press("Escape")
        expect(self.part("dialog-code")).to_have_count(0)
        return code

    def focused(self) -> Locator:
        return self.page.locator(":focus")

    def tab_to(self, target: Locator, presses: int = 80) -> None:
        """By the Tab key alone."""
        for _ in range(presses):
            self.page.keyboard.press("Tab")
            if target.evaluate("node => node === document.activeElement"):
                return
        raise AssertionError(f"the Tab key does not lead to {target}")
