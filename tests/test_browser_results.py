"""The results, browse and admin pages in a browser: who may see them, their filters, tables and files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from rating import rating_study
from rating_page import RatingPage
from serving import App, serving
from visits import PHONE, Visits
from voted_study import EVIL, TOPICS

from ppai.schema import DEFAULT_CRITERIA

PASSWORD = "opensesame"


@pytest.fixture(scope="module")
def closed_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app whose results are the team's alone, and which has no password."""
    with serving(rating_study(3, results="admin"), tmp_path_factory.mktemp("closed")) as app:
        yield app


def refusal(page: Page, app: App, name: str) -> str:
    page.goto(f"{app.url}/{name}")
    notice = page.get_by_test_id("refused")
    expect(notice).to_be_visible()
    expect(page.locator("[data-figure], table")).to_have_count(0)
    return notice.get_by_role("paragraph").first.inner_text()


def shown(page: Page, app: App, name: str) -> None:
    page.goto(f"{app.url}/{name}")
    expect(page.get_by_test_id({"results": "study", "browse": "finder"}[name])).to_be_visible()


def log_in(page: Page, app: App) -> None:
    page.goto(f"{app.url}/admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


# Who may see what


def test_an_open_session_is_asked_to_finish_first(voted_app: App, visits: Visits) -> None:
    page = visits.page()
    shown(page, voted_app, "results")
    rater = RatingPage(page, voted_app.url).begin()
    rater.rate()
    for name in ("results", "browse"):
        assert "Finish it first" in refusal(page, voted_app, name)
        page.reload()
        expect(page.get_by_test_id("refused")).to_be_visible()
    page.get_by_role("link", name="Go to the rating page").click()
    rater.expect_pair(2, 2)
    rater.part("your-code").click()
    rater.part("dialog-code").get_by_test_id("finish").click()
    rater.expect_screen("probe")
    assert "Finish it first" in refusal(page, voted_app, "results")
    page.go_back()
    rater.expect_pair(2, 2)
    rater.part("your-code").click()
    rater.part("dialog-code").get_by_test_id("finish").click()
    rater.expect_screen("probe")
    page.get_by_role("radio", name="I can't tell").check()
    rater.submit()
    rater.expect_screen("thanks")
    for name in ("results", "browse"):
        shown(page, voted_app, name)


def test_browse_is_for_those_who_have_finished_and_for_the_team(voted_app: App, visits: Visits) -> None:
    page = visits.page()
    assert refusal(page, voted_app, "browse").startswith("Single votes and the systems behind them")
    log_in(page, voted_app)
    shown(page, voted_app, "browse")
    page.goto(f"{voted_app.url}/admin")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_test_id("login")).to_be_visible()
    assert refusal(page, voted_app, "browse")


def test_results_after_a_session_only(rating_app: App, visits: Visits) -> None:
    page = visits.page()
    for name in ("results", "browse"):
        assert "once they have finished" in refusal(page, rating_app, name)
    RatingPage(page, rating_app.url).begin()
    assert "Finish it first" in refusal(page, rating_app, "results")
    log_in(page, rating_app)
    shown(page, rating_app, "results")


def test_results_for_the_team_only(closed_app: App, visits: Visits) -> None:
    page = visits.page()
    assert refusal(page, closed_app, "results") == "The results of this study are shown to its team only."
    assert refusal(page, closed_app, "browse") == "Single votes are shown to the study's team only."
    page.goto(f"{closed_app.url}/admin")
    expect(page.get_by_test_id("no-password")).to_contain_text("No password is set, so nobody can log in.")


def test_the_admin_page_wants_its_password(voted_app: App, visits: Visits) -> None:
    page = visits.page()
    page.goto(f"{voted_app.url}/admin")
    box = page.get_by_label("Password")
    for wrong in ("wrong", PASSWORD.upper()):
        box.fill(wrong)
        box.press("Enter")
        expect(page.locator("#wrong")).to_have_text("This password is not right.")
        expect(page.get_by_test_id("parts")).not_to_have_attribute("aria-busy", "true")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_role("table")).to_have_count(0)
    box.fill(PASSWORD)
    box.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    expect(page.get_by_role("heading", level=2)).to_have_text(
        ["Server", "Studies in the store", "Reported responses", "What gives a system away"]
    )
    page.reload()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_test_id("login")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("login")).to_be_visible()


def test_a_report_of_harm_reaches_the_admin_page_as_text(voted_app: App, visits: Visits) -> None:
    rater = RatingPage(visits.page(), voted_app.url).begin()
    rater.part("report").click()
    dialog = rater.part("dialog-report")
    dialog.get_by_role("radio").first.check()
    dialog.get_by_role("textbox").fill(EVIL)
    rater.part("report-send").click()
    expect(dialog).to_have_count(0)
    page = visits.page()
    log_in(page, voted_app)
    expect(page.get_by_role("table", name="Responses that raters called harmful").first).to_contain_text(EVIL)
    page.reload()
    expect(page.get_by_role("table", name="Responses that raters called harmful").first).to_contain_text(EVIL)


# What is shown


@pytest.fixture
def results(voted_app: App, visits: Visits) -> Page:
    page = visits.page(accept_downloads=True)
    shown(page, voted_app, "results")
    return page


def sections(page: Page) -> list[str]:
    return [str(one.get_attribute("data-section")) for one in page.locator("[data-section]").all()]


def fact(page: Page, name: str) -> int:
    """One of the counts at the top."""
    row = page.locator(".ppai-fact").filter(has_text=name)
    return int(row.locator("dd").inner_text().replace(",", ""))


def test_every_chart_is_drawn_named_and_followed_by_its_table(results: Page) -> None:
    assert {"shares", "topics", "time", "raters"} <= set(sections(results))
    for name in sections(results):
        section = results.locator(f'[data-section="{name}"]')
        for chart in section.locator("[data-figure]").all():
            chart.scroll_into_view_if_needed()
            expect(chart).to_have_attribute("data-drawn", "true", timeout=15_000)
            expect(chart).to_have_role("img")
            assert len(str(chart.get_attribute("aria-label"))) > 20
            expect(chart.locator("svg").first).to_be_visible()
        note = section.locator("[data-note]").inner_text()
        assert len(note) > 10, name
        summary = section.get_by_text("Table", exact=True)
        if not section.get_by_role("table").first.is_visible():
            summary.click()
        expect(section.get_by_role("table").first).to_be_visible()
        assert section.get_by_role("columnheader").count() >= 2
    share = results.locator('[data-section="shares"]')
    assert "95%" in share.locator("[data-note]").inner_text()
    assert "prompt" in share.locator("[data-note]").inner_text()
    table = share.get_by_role("table").first
    for source in ("people", "strict-judge", "mild-judge"):
        expect(table).to_contain_text(source)
    expect(table).to_contain_text("Tuned <b>")


def test_filters_change_what_is_shown(results: Page) -> None:
    everything = fact(results, "human votes")
    assert everything > 60
    results.get_by_role("combobox", name="Topic").focus()
    results.get_by_role("combobox", name="Topic").select_option(TOPICS[0])
    expect(results.get_by_test_id("notice")).to_contain_text("Updated:")
    one_topic = fact(results, "human votes")
    assert 0 < one_topic < everything / 2
    expect(results.get_by_role("combobox", name="Topic")).to_have_value(TOPICS[0])
    expect(results.get_by_role("combobox", name="Topic")).to_be_focused()
    results.get_by_role("combobox", name="Topic").select_option(TOPICS[3])
    expect(results.get_by_role("combobox", name="Topic")).to_have_value(TOPICS[3])
    results.get_by_role("combobox", name="Topic").select_option("")
    expect(results.locator(".ppai-fact").filter(has_text="human votes").locator("dd")).to_have_text(f"{everything:,}")
    flagged = results.get_by_role("combobox", name="Raters").get_by_role("option", name="Leave out flagged raters")
    assert "(0)" not in flagged.inner_text()
    results.get_by_role("combobox", name="Raters").select_option("unflagged")
    results.wait_for_function(
        "before => Array.from(document.querySelectorAll('.ppai-fact')).some((one) =>"
        " one.textContent.includes('human votes') && !one.textContent.includes(before))",
        arg=f"{everything:,}",
    )
    assert fact(results, "human votes") < everything
    results.get_by_role("combobox", name="Criterion").select_option("clarity")
    expect(results.locator('[data-section="topics"]')).to_contain_text("clarity")


def test_tables_are_saved_as_csv(results: Page) -> None:
    section = results.locator('[data-section="shares"]')
    with results.expect_download() as saving:
        section.get_by_role("button", name="CSV").click()
    assert saving.value.suggested_filename == "voted_shares.csv"
    raw = Path(saving.value.path()).read_bytes()
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
    assert len(rows) > 3 * len(DEFAULT_CRITERIA)
    assert len({len(row) for row in rows}) == 1
    assert any("strict-judge" in cell for row in rows for cell in row)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_saved_as_png_and_as_a_page_that_stands_alone(
    voted_app: App, visits: Visits, tmp_path: Path, scheme: Any
) -> None:
    page = visits.page(accept_downloads=True, color_scheme=scheme)
    shown(page, voted_app, "results")
    section = page.locator('[data-section="shares"]')
    with page.expect_download() as saving:
        section.get_by_role("button", name="PNG").click()
    assert saving.value.suggested_filename == "voted_shares.png"
    image = Path(saving.value.path()).read_bytes()
    assert image.startswith(b"\x89PNG") and len(image) > 20_000
    with page.expect_download() as saving:
        section.get_by_role("button", name="HTML").click()
    saved = tmp_path / "shares.html"
    saving.value.save_as(saved)
    alone = visits.page()
    alone.goto(saved.as_uri())
    expect(alone.locator("#chart svg").first).to_be_visible()
    expect(alone.get_by_role("heading", level=1)).to_have_text("Win shares by criterion")
    expect(alone.get_by_role("table").first).to_contain_text("Tuned <b>")


def test_a_study_without_votes_says_so_in_words(closed_app: App, visits: Visits) -> None:
    closed_app.restart(PPAI_RESULTS="open")
    page = visits.page(PHONE)
    shown(page, closed_app, "results")
    expect(page.get_by_test_id("no-votes")).to_have_text("Nobody has voted yet, and no judge has answered.")
    expect(page.locator("[data-figure]")).to_have_count(0)
    expect(page.get_by_test_id("instead").first).to_be_visible()


def test_browse_finds_prompts_and_shows_votes_and_reasons(voted_app: App, visits: Visits) -> None:
    page = visits.page()
    log_in(page, voted_app)
    shown(page, voted_app, "browse")
    post, position = page.get_by_test_id("post"), page.get_by_test_id("position")
    expect(position).to_have_text("1 of 32")
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_role("button", name="Next").click()
    expect(position).to_have_text("2 of 32")
    expect(post).to_have_text("Post 01")
    expect(page.get_by_role("button", name="Next")).to_be_focused()
    page.get_by_role("combobox", name="Prompt").select_option("p03")
    expect(post).to_have_text(f"Post 03 {EVIL}")
    for name in ("Plain & simple", "Tuned <b>"):
        expect(page.get_by_role("article", name=name)).to_contain_text(EVIL)
    expect(page.get_by_role("table")).to_contain_text(EVIL)
    expect(page.get_by_text("Because of p03.").first).to_contain_text(EVIL)
    page.get_by_role("combobox", name="Topic").select_option(TOPICS[1])
    expect(position).to_have_text("1 of 8")
    page.get_by_role("searchbox", name="Search").fill("Post 05")
    expect(position).to_have_text("1 of 1")
    expect(post).to_have_text("Post 05")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.get_by_role("searchbox", name="Search").fill("nothing like it")
    expect(page.locator("[data-slot=parts]").get_by_text("No prompt fits.")).to_be_visible()


def test_pages_speak_the_language_that_was_chosen_for_rating(voted_app: App, visits: Visits) -> None:
    page = visits.page()
    rater = RatingPage(page, voted_app.url).open("welcome")
    rater.part("language").select_option("de")
    page.goto(f"{voted_app.url}/results")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ergebnisse")
    expect(page.locator("html")).to_have_attribute("lang", "de")
