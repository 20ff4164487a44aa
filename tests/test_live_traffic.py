"""Live questions over a real connection, with the real service: nothing tells the systems apart before the vote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from rating import settings
from scripted_answerers import ScriptedAnswerers
from serving import free_port
from test_traffic import MARKED, STORED, Tap, marked_study, named
from visits import Visits

from ppai.schema import Arm
from ppai.store.sql import SqlStore
from ppai.studyfiles import write_general

VISITORS = 3
SLOW = MARKED[0].id
"""This one writes six times more slowly than the other, and half as much."""
WORDS = {MARKED[0].id: 12, MARKED[1].id: 24}


def written(system: str, question: str) -> str:
    """Words that nobody else writes."""
    return " ".join(f"w{n}q{question[-1]}{'s' if system == SLOW else 'f'}" for n in range(WORDS[system]))


@dataclass
class Session:
    open: list[tuple[bytes, str]] = field(default_factory=list)
    """Of each visitor: all traffic of the connection before its vote, and what the browser keeps."""
    views: list[dict[str, Any]] = field(default_factory=list)
    """Of all polls, in order."""
    revealed: bytes = b""
    store: SqlStore | None = None


@pytest.fixture(scope="module")
def session(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Visitors who ask a question each, one of which fails at first, and are told after the vote who wrote what."""
    from eval import report
    from ppai.ui.serve import launch, open_context

    directory: Path = tmp_path_factory.mktemp("live-traffic")
    (directory / "study").mkdir()
    write_general(marked_study(), directory / "study")
    answerers = ScriptedAnswerers(tuple(one.id for one in MARKED), written, (0.03, 0.005))
    given = settings(
        study=directory / "study",
        database_url=f"sqlite:///{directory / 'ppai.db'}",
        port=free_port(),
        address="127.0.0.1",
        live=True,
        live_words_per_second=60.0,
    )
    context = open_context(given, report, open_answerers=lambda *_: answerers)
    served, recorded, visits = launch(context), Session(), Visits(chromium)

    def keep(response: Any) -> None:
        if "component_server" in response.url and (view := response.json()) and "item" in view:
            recorded.views.append(view)

    try:
        for n in range(VISITORS):
            tap, page = Tap(given.port), visits.page()
            page.on("response", keep)
            page.goto(f"{tap.url}/live")
            page.get_by_test_id("consent").click()
            page.get_by_test_id("question").fill(f"What would you do here? {n}")
            answerers.failures = 1 if n == 1 else 0
            page.get_by_test_id("send").click()
            if n == 1:
                page.get_by_test_id("retry").click()
            expect(page.get_by_test_id("screen-vote")).to_be_visible()
            for fieldset in page.get_by_test_id("criterion").all():
                fieldset.get_by_role("radio").first.check()
            recorded.open.append((tap.bytes(), page.evaluate(STORED)))
            page.get_by_test_id("submit").click()
            expect(page.get_by_test_id("revealed")).to_be_visible()
            recorded.revealed = tap.bytes()
            tap.close()
        visits.close()
        recorded.store = SqlStore(given.database_url)
        yield recorded
    finally:
        served.close()
        if recorded.store is not None:
            recorded.store.close()


def test_nothing_names_a_system_before_the_vote(session: Session) -> None:
    assert len(session.open) == VISITORS
    for traffic, kept in session.open:
        assert traffic.count(b"component_server") > 3
        assert named(traffic) == []
        assert named(kept.encode()) == []


def test_after_the_vote_it_does_and_the_recording_shows_it(session: Session) -> None:
    assert all(one.name and one.name.lower().encode() in named(session.revealed) for one in MARKED)


def test_both_answers_come_at_one_pace(session: Session) -> None:
    """Word for word, whichever is written faster, until the shorter one has ended."""
    growing = [one["item"] for one in session.views if one["screen"] == "answering"]
    assert growing
    for item in growing:
        words = {side: len(re.findall(r"w\d+q", item[side])) for side in ("a", "b")}
        ended = {side for side in words if item[f"{side}_ended"]}
        if not ended:
            assert abs(words["a"] - words["b"]) <= 1, words
            assert (words["a"] == 0) == (words["b"] == 0)


def test_what_was_shown_at_a_side_is_stored_for_it(session: Session) -> None:
    assert session.store is not None
    votes = list(session.store.events("marked").votes)
    assert [one.arm for one in votes] == [Arm.LIVE] * VISITORS
    shown = {item["question"]: item for item in (one["item"] for one in session.views if one["screen"] == "vote")}
    slow_at_a = [f"{WORDS[SLOW] - 1}q{question[-1]}s" in item["a"] for question, item in sorted(shown.items())]
    assert slow_at_a == [one.system_a == SLOW for one in votes]
