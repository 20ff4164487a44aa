"""Live questions are stored, counted and exported apart from the study: no number of the study knows of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from databases import KINDS, new_store
from live_questions import Script, Visitor, arena_of
from rating import Rater, desk_of, rating_study, settings

from eval.report import leaderboard, summarise, topics
from ppai.errors import StudyChanged
from ppai.export import Format, anonymised, explained, export, preference_rows
from ppai.frames import assignment_frame, showings, verdict_frame, vote_frame
from ppai.schema import Arm, ResultsAccess, Study
from ppai.source import open_source
from ppai.store.sql import SqlStore
from ppai.studyfiles import check_study, read_study, write_general
from ppai.ui.access import Gate, Refusal
from ppai.ui.desk import Desk
from ppai.ui.events import Events
from ppai.ui.findings import Findings

LIVE = 3


def summary_of(study: Study) -> dict[str, Any]:
    keys = study.config.keys
    votes = vote_frame(study.votes, keys)
    shown = showings(assignment_frame(study.assignments), votes)
    return summarise(study, votes, verdict_frame(study.verdicts, keys), assignments=shown).as_json()


def rate(desk: Desk, pairs: int = 4) -> Rater:
    rater = Rater(desk)
    for outcome in ("a", "b", "tie", "a")[:pairs]:
        rater.submit(outcome)
    return rater


def ask(store: SqlStore, study: Study) -> list[Visitor]:
    """Live questions, each of a visitor of her own, all won by side A."""
    arena, clock = arena_of(store, Script(study.config.system_ids), study)
    visitors = [Visitor(arena) for _ in range(LIVE)]
    for visitor in visitors:
        visitor.until_vote(clock, "How do I get my child to eat vegetables?")
        visitor.vote(outcomes={"clarity": "a", "overall": "a"})
    return visitors


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    store = new_store(request.param, tmp_path)
    yield store
    store.close()


def test_no_number_of_the_study_changes(store: SqlStore) -> None:
    study = rating_study()
    desk = desk_of(store, study)
    rater = rate(desk)
    before, info = summary_of(store.events("rated")), store.studies()[0]
    ask(store, study)
    after = summary_of(store.events("rated"))
    live = after["arms"].pop("live")
    assert after == before
    overall = live["criteria"]["overall"]["human"]
    assert (overall["n"], overall["n_votes"], overall["n_raters"], live["arm"]) == (LIVE, LIVE, LIVE, "live")
    assert overall["win_rate"]["tuned>base"]["n"] == LIVE and after["n_outside"] == 0
    assert live["balance"]["side_share"].keys() == {"base", "tuned"}
    now = store.studies()[0]
    assert (now.prompts, now.pairs, now.votes, now.raters) == (info.prompts, info.pairs, info.votes, info.raters)
    assert len(store.study("rated").prompts) == 20 and len(store.pair_ids("rated")) == 20
    with store.work("rated") as work:
        assert sum(item.n_shown for item in work.items()) == 5
        assert len(work.given(rater.id)) == 5


def test_the_rating_page_knows_nothing_of_a_raters_live_questions(store: SqlStore) -> None:
    study = rating_study(2)
    arena, clock = arena_of(store, Script(), study)
    desk = arena._desk
    rater = rate(desk, 1)
    visitor = Visitor(arena)
    visitor.code = rater.code
    visitor.act("consent")
    visitor.until_vote(clock)
    visitor.vote()
    view = rater.act("show")
    assert view["progress"]["total"] == 1 and view["screen"] == "pair"
    assert rater.undo()["progress"]["total"] == 0
    assert rater.undo()["error"] == "error.nothing_to_undo"
    assert [vote.status for vote in store.events("rated").votes if vote.arm is Arm.LIVE] == ["submitted"]
    gate = Gate(store, desk, settings(results=ResultsAccess.AFTER_SESSION))
    other = Visitor(arena)
    other.until_vote(clock)
    other.vote()
    assert gate.results(other.code, None) is Refusal.AFTER_SESSION


def test_an_exported_study_reads_and_loads_again_with_the_same_numbers(store: SqlStore, tmp_path: Path) -> None:
    study = rating_study()
    rate(desk_of(store, study))
    ask(store, study)
    events = anonymised(store.events("rated"))
    target = tmp_path / "exported"
    said = export(events, target, layout="general", table=Format.JSONL, preferences=True)
    assert f"7 votes ({LIVE} of live questions), 0 verdicts, 8 assignments" in said
    assert check_study(target) == []
    read = read_study(target)
    assert read.counts().endswith(f"4 votes, 0 verdicts, and {LIVE} live questions with {LIVE} votes")
    assert read.live_prompts == events.live_prompts and read.live_responses == events.live_responses
    assert read.prompts == study.prompts and read.pairs == study.pairs
    assert summary_of(read) == summary_of(events)
    lines = [json.loads(line) for line in (target / "prompts.jsonl").read_text().splitlines()]
    assert sum(line.get("split") == "live" for line in lines) == LIVE

    again = new_store("sqlite", tmp_path)
    again.load(read)
    assert summary_of(again.events("rated")) == summary_of(events)
    assert again.load(read).unchanged and store.load(read).unchanged
    with pytest.raises(StudyChanged, match=f"{LIVE} live questions added"):
        fresh = new_store("sqlite", tmp_path)
        fresh.load(study)
        fresh.load(read)
    fresh.load(read, replace=True)
    assert summary_of(fresh.events("rated")) == summary_of(events)
    for one in (again, fresh):
        one.close()


def test_the_served_study_starts_again_and_may_be_replaced_without_losing_live_questions(store: SqlStore) -> None:
    study = rating_study()
    ask(store, study)
    assert store.load(study).unchanged
    store.load(rating_study(21), replace=True)
    events = store.events("rated")
    assert len(events.prompts) == 21 and len(events.live_prompts) == LIVE
    assert summary_of(events)["arms"]["live"]["criteria"]["overall"]["human"]["n"] == LIVE


def test_a_study_that_lost_a_system_counts_its_live_questions_no_more(store: SqlStore) -> None:
    ask(store, rating_study())
    store.load(rating_study(systems=("base", "other")), replace=True)
    events = store.events("rated")
    assert events.live_prompts == () and len(events.votes) == LIVE
    assert summary_of(events)["n_outside"] == LIVE
    kept, said = explained(events)
    assert kept.votes == () and any(f"{LIVE} votes left out" in line for line in said)
    store.load(rating_study(), replace=True)
    assert len(store.events("rated").live_prompts) == LIVE


def test_the_published_layout_leaves_live_questions_out_and_says_how_many(store: SqlStore, tmp_path: Path) -> None:
    ask(store, rating_study())
    said = export(store.events("rated"), tmp_path / "out", layout="published", table=Format.JSONL, preferences=False)
    assert f"{LIVE} live questions left out: this layout has no place for them" in said
    read = read_study(tmp_path / "out")
    assert len(read.prompts) == 20 and read.live_prompts == ()


def test_live_votes_give_preference_rows_of_their_own_arm(store: SqlStore) -> None:
    ask(store, rating_study())
    rows = preference_rows(store.events("rated"), criteria=["overall"])
    assert [row["arm"] for row in rows] == ["live"] * LIVE
    assert all(row["prompt"].startswith("How do I get") for row in rows)


def test_an_admin_can_void_a_live_vote(store: SqlStore) -> None:
    ask(store, rating_study())
    first, second, _ = store.events("rated").votes
    assert store.void("rated", vote_id=first.vote_id, reason="spam") == 1
    assert store.void("rated", rater=second.rater, reason="spam") == 1
    assert summary_of(store.events("rated"))["arms"]["live"]["criteria"]["overall"]["human"]["n"] == LIVE - 2


def test_the_results_page_follows_live_questions_as_they_come(tmp_path: Path) -> None:
    import eval.report as statistics

    store = new_store("sqlite", tmp_path)
    study = rating_study()
    rate(desk_of(store, study))
    findings = Findings(store, "rated", Events(store, "rated"), statistics)
    assert "live" not in findings.report({}).choices.arms
    ask(store, study)
    report = findings.report({"arm": "live"})
    assert dict(report.facts)["results.fact.prompts"] == LIVE and dict(report.facts)["results.fact.votes"] == LIVE
    assert dict(findings.report({"arm": "as_is"}).facts)["results.fact.prompts"] == 20
    source = open_source(f"sqlite:///{next((tmp_path / 'store').glob('*.db'))}")
    how = (source.study, source.votes, source.verdicts, "overall")
    assert leaderboard(*how, arm="live")["human"] and topics(*how, arm="live") == ()
    store.close()


def test_live_votes_of_a_file_on_the_studys_own_prompts_count_as_before(tmp_path: Path) -> None:
    store = new_store("sqlite", tmp_path)
    rate(desk_of(store, rating_study()))
    events = store.events("rated")
    votes = tuple(vote.model_copy(update={"arm": Arm.LIVE}) for vote in events.votes)
    of_file = events.model_copy(update={"votes": votes, "assignments": ()})
    write_general(of_file, tmp_path / "study")
    live = summary_of(read_study(tmp_path / "study"))["arms"]["live"]
    assert live["criteria"]["overall"]["human"]["n"] == 4
    store.close()
