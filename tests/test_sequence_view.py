"""The page says when people may stop: what is decided, what is still needed, and what this study cannot show."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import plotly.graph_objects as go
import pytest
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Study, Verdict, Vote
from ppai.ui.chart_theme import themed
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels
from ppai.ui.sections import Section
from ppai.ui.sequence_chart import looks_drawn, sequence_chart
from ppai.ui.sequence_view import BEYOND, UNENDING, sequence_section

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
BOTH = Filters(criterion="overall", matchup="new>base")


def voted(outcomes: str) -> tuple[Study, list[Vote]]:
    """A vote a prompt in its order: `a` new wins, `b` base wins, `t` tie."""
    study = small_study([f"p{n}" for n in range(len(outcomes))], overlap=1)
    votes = [
        vote(f"p{n}", "new", "base", {"t": "tie"}.get(o, o), created_at=BEGIN + timedelta(minutes=n))
        for n, o in enumerate(outcomes)
    ]
    return study, votes


def section_of(study: Study, votes: list[Vote], verdicts: list[Verdict] | None = None, **more: Any) -> Section | None:
    summary = summarise(study, votes_of(study, *votes), verdicts_of(study, *(verdicts or []))).as_json()
    return sequence_section(summary, Labels.of(study.config), replace(BOTH, **more))


def shown(study: Study, votes: list[Vote], **more: Any) -> Section:
    section = section_of(study, votes, **more)
    assert section is not None
    return section


def figure_of(section: Section) -> dict[str, Any]:
    assert section.chart is not None and section.chart.figure is not None
    ready = themed(section.chart.figure)
    assert "--ppai" not in str(ready)
    go.Figure(ready)
    return section.chart.figure


def texts(section: Section) -> list[list[str]]:
    return [[getattr(cell, "text", cell) for cell in row] for row in section.tables[0].rows]


def test_a_decision_is_told_and_stands_in_the_chart_where_it_fell() -> None:
    section = shown(*voted("a" * 40))
    (row,) = texts(section)
    assert row[1] == "decided: new wins more often" and row[4:6] == ["–", "–"]
    assert section.tables[0].notes == (), "what is decided is not out of reach"
    at = int(row[3])
    assert section.lead[0].startswith(f"Decided after {at} prompts: new wins more often")
    layout = figure_of(section)["layout"]
    assert layout["yaxis"]["title"]["text"] == "win rate of new"
    assert [shape.get("x0") for shape in layout["shapes"]] == [0, at]
    assert layout["annotations"][0]["text"] == f"decided after {at}"
    assert f"{at}" in [row[0] for row in section.tables[1].rows], "the look at which it fell is in the table"


def test_the_other_system_can_be_the_one_that_wins() -> None:
    section = shown(*voted("b" * 40))
    assert texts(section)[0][1] == "decided: base wins more often"
    assert "Above the dotted line new wins more often, below it base." in section.note


def test_what_is_undecided_says_how_much_is_needed_and_what_is_out_of_reach() -> None:
    section = shown(*voted("aab" * 10))
    (row,) = texts(section)
    assert row[1] == "undecided" and row[3] == "–" and int(row[4].replace(",", "")) > 0
    assert section.tables[0].notes == (BEYOND,)
    assert "out of reach" in section.lead[0]
    assert len(figure_of(section)["layout"]["shapes"]) == 1, "no line without a decision"


def test_no_end_in_sight_is_no_number() -> None:
    study, votes = voted("ab" * 8)
    summary = summarise(study, votes_of(study, *votes), verdicts_of(study)).as_json()
    summary["sequence"]["matchups"]["new>base"] |= {"needed": None, "in_reach": False}
    section = sequence_section(summary, Labels.of(study.config), BOTH)
    assert section is not None
    cell = section.tables[0].rows[0][4]
    assert not isinstance(cell, str) and cell.text == "–" and section.tables[0].notes[cell.notes[0] - 1] == UNENDING


def test_the_margin_is_a_zone_around_one_half() -> None:
    study, votes = voted("ab" * 10)
    config = study.config.model_copy(update={"margin": 0.1})
    zone = figure_of(shown(study.model_copy(update={"config": config}), votes))["layout"]["shapes"][0]
    assert (zone["y0"], zone["y1"]) == pytest.approx((0.4, 0.6))


def test_the_chart_has_the_sequence_and_its_band() -> None:
    study, votes = voted("aabtba")
    summary = summarise(study, votes_of(study, *votes), verdicts_of(study)).as_json()
    one = summary["sequence"]["matchups"]["new>base"]
    data = {trace["name"]: trace for trace in figure_of(shown(study, votes))["data"] if "name" in trace}
    assert data["win rate so far"]["y"] == one["mean"] == pytest.approx([1, 1, 2 / 3, 5 / 8, 1 / 2, 7 / 12])
    assert data["confidence band"]["y"] == [*one["high"], *one["low"][::-1]]
    assert data["win rate so far"]["hovertext"][1].startswith("after 2 prompts: 100% [")


def test_a_pair_of_systems_is_chosen_and_all_are_in_the_table() -> None:
    study = small_study(["p1", "p2"], ("base", "new", "other"), overlap=1)
    votes = [vote(p, "new", "base", "a") for p in ("p1", "p2")] + [vote("p1", "other", "base", "a")]
    section = shown(study, votes, matchup="other>base")
    assert [row[0] for row in texts(section)] == ["new against base", "other against base", "new against other"]
    assert section.chart is not None and section.chart.figure is None, "one look is no curve"
    assert "3 pairs of systems together" in section.note
    assert section.tables[1].caption.startswith("Win rate of other against base") and len(section.tables[1].rows) == 1


def test_nobody_voted_and_nothing_complete() -> None:
    study, _ = voted("ab")
    assert section_of(study, [], [verdict("p0", "base", "new", "a")]) is None
    waiting = shown(study.model_copy(update={"config": study.config.model_copy(update={"overlap": 2})}), voted("ab")[1])
    assert waiting.chart is not None and waiting.chart.figure is None
    assert waiting.chart.words == "Undecided: no prompt has its 2 votes yet." and not waiting.lead
    assert (waiting.csv, len(waiting.tables)) == ("", 1)
    assert waiting.note.endswith("those with 2 votes: none yet, so nothing is estimated.")


def test_votes_without_a_time_stand_in_the_studys_order() -> None:
    study, votes = voted("aab")
    assert "in the order in which they were completed" in shown(study, votes).note
    timeless = [one.model_copy(update={"created_at": None}) for one in votes]
    assert "in the study's order, since votes have no time" in shown(study, timeless).note


def test_a_long_sequence_is_thinned_for_the_chart_and_whole_in_the_file() -> None:
    section = shown(*voted("aabb" * 300))
    assert section.chart is not None
    assert section.chart.left_out[0] == "Drawn at 500 of 1,200 looks; the CSV file has every one."
    data = {trace["name"]: trace for trace in figure_of(section)["data"] if "name" in trace}
    assert data["win rate so far"]["x"][0] == 1 and data["win rate so far"]["x"][-1] == 1200
    rows = list(csv.DictReader(io.StringIO(section.csv)))
    assert len(rows) == 1200 and rows[-1]["decision"] and not rows[0]["decision"]
    assert 15 <= len(section.tables[1].rows) <= 22


def test_looks_are_evenly_apart_with_both_ends_and_the_decision() -> None:
    assert looks_drawn(4, None) == [0, 1, 2, 3]
    assert looks_drawn(1001, 8, most=11) == [0, 7, *range(100, 1001, 100)]


def test_a_band_that_crosses_ends_and_says_so() -> None:
    """As where prompts that were completed later contradict those before them."""
    study = small_study()
    one = {
        "mean": [1.0, 1.0, 0.5],
        "low": [0.4, 0.6, 0.6],
        "high": [1.0, 1.0, 0.5],
        "decided_at": None,
        "decision": "undecided",
        "margin": 0.05,
        "sentence": "Undecided: they contradict.",
    }
    matchup = Labels.of(study.config).matchups(["new>base"])[0]
    chart = sequence_chart(one, matchup, Labels.of(study.config), "overall")
    assert chart.figure is not None
    assert chart.figure["data"][1]["y"] == [1.0, 1.0, 0.6, 0.4]
    assert "after 2 prompts" in chart.left_out[0]
