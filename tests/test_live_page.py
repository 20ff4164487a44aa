"""What the page of live questions is made of: its scripts, its texts, and views that are safe to draw."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ppai.ui import arena, page, rate
from ppai.ui.texts import TEXTS

EN = TEXTS["en"]
STATES = {"welcome", "ask", "warned", "crisis", "queued", "answering", "vote", "thanks", "failed"}
SCRIPT = rate.script(arena.SCRIPTS)
VOTE = {"state": "vote", "token": "t", "question": "Is 1 < 2?\n\n**Yes**", "a": "**so** <b>", "b": " "}


def test_a_view_is_drawn_with_sanitised_html_and_nothing_raw() -> None:
    shown = arena.drawn(VOTE)
    assert set(shown) == {"screen", "token", "question", "item"}
    assert shown["item"]["body"] == "<p>Is 1 &lt; 2?</p><p>**Yes**</p>"
    assert shown["item"]["a"].strip() == "<p><strong>so</strong> &lt;b&gt;</p>"
    assert shown["item"]["b"] == ""


def test_other_views_pass_with_their_screen() -> None:
    queued = {"state": "queued", "token": "t", "place": 2, "ahead": 1}
    assert arena.drawn(queued) == {"screen": "queued", "token": "t", "place": 2, "ahead": 1}
    assert arena.drawn({"error": "error.live_rate", "wait": 5}) == {"error": "error.live_rate", "wait": 5}


def test_a_question_that_is_gone_leads_back_to_asking() -> None:
    assert arena.drawn({"error": "error.live_stale"}) == {"error": "error.live_stale", "screen": "ask"}


def test_a_report_leaves_the_screen_as_it_is() -> None:
    assert arena.drawn(VOTE, asked="report") == {"notice": "notice.reported"}
    assert arena.drawn({"state": "vote", "error": "error.too_many"}, asked="report") == {"error": "error.too_many"}


def test_every_state_has_a_screen() -> None:
    drawn = re.search(r"const SCREENS = \{(.*?)\}", SCRIPT, re.DOTALL)
    assert drawn is not None
    assert set(re.findall(r"(\w+):", drawn[1])) == STATES


def test_the_scripts_fit_together(tmp_path: Path) -> None:
    names = re.findall(r"^(?:async )?(?:function|const|let) (\w+)", SCRIPT, re.MULTILINE)
    assert len(set(names)) == len(names)
    whole = tmp_path / "arena.js"
    whole.write_text(f"(function (element, trigger, props, server, upload, watch) {{\n{SCRIPT}\n}});")
    try:
        subprocess.run(["node", "--check", str(whole)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("node is not installed")


def test_every_text_is_said_and_every_key_has_a_text() -> None:
    said = {key for function, key in re.findall(r'\b(tn?)\(\s*"([a-z0-9_.]+)"', SCRIPT) if function == "t"}
    counted = {key for function, key in re.findall(r'\b(tn?)\(\s*"([a-z0-9_.]+)"', SCRIPT) if function == "tn"}
    assert said | {f"{key}.{form}" for key in counted for form in ("one", "other")} <= set(EN)
    composed = ("live.crisis_", "live.found_")
    mine = {key for key in EN if key.startswith("live.") and not key.startswith(composed)}
    assert {key for key in mine if re.sub(r"\.(one|other)$", "", key) not in said | counted} == set()


def test_pages_link_to_live_questions_only_where_they_are_on() -> None:
    assert 'href="live"' in page._template("results", live=True)
    assert 'href="live"' not in page._template("results", live=False)
