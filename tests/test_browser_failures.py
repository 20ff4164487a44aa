"""When things go wrong while a tab is open: a restart, an old page, a store that cannot write. No choice is lost."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect
from rating import rating_study
from rating_page import RatingPage
from serving import App, serving
from visits import PHONE, Visits

from ppai.schema import DEFAULT_CRITERIA, VoteStatus

KEYS = [criterion.key for criterion in DEFAULT_CRITERIA]
MIXED = dict(zip(KEYS, ("a", "tie", "b", "b", "tie", "a", "b"), strict=True))
NOT_SAVED = "Not saved, try again. Your answers are still here."
SHORT_HOURS = str(2.5 / 3600)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app of this module's own, to be killed and hindered."""
    study = rating_study(40, criteria=DEFAULT_CRITERIA, session_pairs=5, overlap=1000)
    with serving(study, tmp_path_factory.mktemp("failing")) as app:
        yield app


@pytest.fixture
def rater(app: App, visits: Visits) -> RatingPage:
    visits.tolerate("Failed to load resource", "Failed to fetch", "ERR_CONNECTION_REFUSED")
    return RatingPage(visits.page(), app.url)


@contextmanager
def no_room(app: App) -> Iterator[None]:
    """Meanwhile the app's process can make no file longer, as on a full disk."""
    _, hard = resource.prlimit(app.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(app.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(app.pid, resource.RLIMIT_FSIZE, (hard, hard))


def refused(rater: RatingPage, timeout: float = 8_000) -> None:
    """The rater reads that nothing was saved; her choices stand."""
    message = rater.page.locator(".ppai-bar").get_by_test_id("message")
    expect(message).to_have_text(NOT_SAVED, timeout=timeout)
    expect(message).to_be_in_viewport()
    expect(rater.part("alarm")).to_have_text(NOT_SAVED)
    expect(rater.part("submit")).to_have_text("Try again")
    expect(rater.part("submit")).to_be_enabled()
    assert rater.choices() == MIXED


def test_a_restart_with_the_tab_open_loses_nothing(app: App, rater: RatingPage) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 5)
    shown, votes = rater.pair(), len(app.votes())
    rater.choose(MIXED)
    rater.open_comment().fill("kept")
    app.kill()
    rater.submit()
    refused(rater)
    rater.submit()
    refused(rater)
    app.start()
    assert rater.pair() == shown
    rater.submit()
    rater.expect_pair(3, 5)
    expect(rater.part("today")).to_have_text("2 today")
    [vote] = app.votes()[votes:]
    assert ({key: one.value for key, one in vote.outcomes.items()}, vote.comment) == (MIXED, "kept")
    rater.part("undo").click()
    rater.expect_pair(2, 5)
    assert (rater.pair(), rater.choices()) == (shown, MIXED)


def test_a_restart_and_a_reload_restore_the_draft(app: App, visits: Visits) -> None:
    visits.tolerate("Failed to load resource", "ERR_CONNECTION_REFUSED")
    rater = RatingPage(visits.page(PHONE, touch=True), app.url).begin()
    shown = rater.pair()
    rater.choose(MIXED, touch=True)
    app.restart()
    rater.page.reload()
    rater.expect_pair(1, 5)
    assert (rater.pair(), rater.choices()) == (shown, MIXED)
    rater.part("submit").tap()
    rater.expect_pair(2, 5)


def test_skip_undo_and_report_wait_for_the_server_too(app: App, rater: RatingPage) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 5)
    shown, votes = rater.pair(), len(app.votes())
    rater.choose(MIXED)
    rater.part("skip").click()
    skip = rater.part("dialog-skip")
    skip.get_by_role("radio").first.check()
    skip.get_by_role("textbox").fill("typed")
    app.kill()
    rater.part("skip-send").click()
    expect(skip.get_by_test_id("message")).to_have_text(NOT_SAVED)
    expect(skip.get_by_role("textbox")).to_have_value("typed")
    rater.page.keyboard.press("Escape")
    rater.part("undo").click()
    expect(rater.part("alarm")).to_have_text(NOT_SAVED)
    rater.part("report").click()
    report = rater.part("dialog-report")
    report.get_by_role("radio").first.check()
    rater.part("report-send").click()
    expect(report.get_by_test_id("message")).to_have_text(NOT_SAVED)
    app.start()
    rater.part("report-send").click()
    expect(rater.part("notice")).to_have_text("Thank you, your report was sent.")
    assert (rater.pair(), rater.choices()) == (shown, MIXED)
    rater.part("undo").click()
    rater.expect_pair(1, 5)
    assert [vote.status for vote in app.votes()[votes:]] == [VoteStatus.VOID]


def test_a_full_disk_is_said_and_a_later_retry_counts_once(app: App, rater: RatingPage) -> None:
    rater.begin()
    rater.rate()
    rater.expect_pair(2, 5)
    votes = len(app.votes())
    rater.choose(MIXED)
    with no_room(app):
        rater.submit()
        refused(rater)
        rater.submit()
        refused(rater)
    assert len(app.votes()) == votes
    rater.submit()
    rater.expect_pair(3, 5)
    assert len(app.votes()) == votes + 1


def test_a_store_that_is_locked_for_long_is_said_and_a_later_retry_counts_once(app: App, rater: RatingPage) -> None:
    rater.begin()
    votes = len(app.votes())
    rater.choose(MIXED)
    with app.locked():
        rater.submit()
        expect(rater.part("submit")).to_have_text("Saving …")
        refused(rater, timeout=28_000)
    rater.page.keyboard.press("Enter")
    rater.expect_pair(2, 5)
    assert len(app.votes()) == votes + 1


def test_a_page_opened_while_the_store_cannot_answer_says_so(app: App, rater: RatingPage) -> None:
    rater.open("welcome")
    with no_room(app):
        rater.part("consent").click()
        expect(rater.page.locator(".ppai-facts").get_by_test_id("message")).to_have_text(NOT_SAVED)
        expect(rater.part("consent")).to_be_enabled()
    rater.part("consent").click()
    rater.expect_screen("pair")
    expect(rater.part("alarm")).to_have_text("")


def test_a_page_past_its_token_goes_on_without_losing_choices(app: App, visits: Visits) -> None:
    app.restart(PPAI_TOKEN_HOURS=SHORT_HOURS)
    rater = RatingPage(visits.page(), app.url).begin()
    opened, votes, shown = time.monotonic(), len(app.votes()), rater.pair()
    rater.choose(MIXED)
    rater.page.wait_for_timeout(max(0.0, 4 - (time.monotonic() - opened)) * 1000)
    rater.submit()
    rater.expect_pair(2, 5)
    [vote] = app.votes()[votes:]
    assert {key: one.value for key, one in vote.outcomes.items()} == MIXED
    assert rater.pair() != shown


def test_every_act_went_in_once(app: App) -> None:
    submissions = app.submissions()
    assert len(set(submissions)) == len(submissions) > 0
