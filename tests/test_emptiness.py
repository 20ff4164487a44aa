"""A page on which nobody has answered says so once, and fills as soon as somebody has."""

from __future__ import annotations

from typing import Any

import pytest
from small_studies import small_study, verdict, verdicts_of, vote, votes_of
from voted_study import voted_study

from eval import report as statistics
from ppai.schema import Study
from ppai.ui.labels import apart, decimal
from ppai.ui.report import Data, Report, make_report
from ppai.ui.report_view import Place, answers_html, lead_html

PROMPTS = tuple(f"p{n:02d}" for n in range(20))


def report_of(study: Study, **request: str) -> Report:
    data = Data(study, votes_of(study, *study.votes), verdicts_of(study, *study.verdicts))
    return make_report(data, request, statistics)


def named(report: Report) -> list[str]:
    return [section.name for section in report.sections]


def test_nothing_but_the_texts_is_shown_before_the_first_answer() -> None:
    report = report_of(voted_study().model_copy(update={"votes": (), "verdicts": ()}))
    (texts,) = report.sections
    assert texts.name == "texts" and all(len(row) > table.headers for table in texts.tables for row in table.rows)
    assert "results.no_votes" in lead_html(report) and "results.fills" in answers_html(report)
    assert "results.nothing" in answers_html(report, Place(controls=False))


@pytest.mark.parametrize("first", ["vote", "verdict"])
def test_the_first_answer_fills_the_page(first: str) -> None:
    study = small_study(PROMPTS)
    one: dict[str, Any] = {
        "vote": {"votes": (vote("p01", "new", "base", "a"),)},
        "verdict": {"verdicts": (verdict("p01", "new", "base", "a"),)},
    }
    assert named(report_of(study)) == ["texts"]
    assert named(report_of(study.model_copy(update=one[first])))[:2] == ["shares", "forest"]


def test_votes_over_time_are_there_where_there_are_votes() -> None:
    study = voted_study()
    assert "time" in named(report_of(study))
    assert "time" not in named(report_of(study.model_copy(update={"votes": ()})))


def test_a_choice_that_leaves_no_votes_does_not_say_that_nobody_voted() -> None:
    study = voted_study(n_prompts=16)
    topics = {prompt.id: prompt.topic for prompt in study.prompts}
    awake = tuple(one for one in study.votes if topics[one.prompt_id] != "sleep")
    study = study.model_copy(update={"votes": awake})
    assert "results.no_votes_chosen" in lead_html(report_of(study, topic="sleep"))
    assert "no-votes" not in lead_html(report_of(study))
    judged = study.model_copy(update={"votes": ()})
    assert "results.no_votes_judged" in lead_html(report_of(judged, topic="sleep"))


@pytest.mark.parametrize("value", [-0.001, -0.0, 0.001])
def test_nothing_is_minus_nothing(value: float) -> None:
    figures = {"estimate": value, "low": -0.2, "high": 0.3, "n": 9}
    assert decimal(figures) == "0.00 [−0.20, 0.30]"
    assert apart(-0.0000001, 2, 0.0) == "0.00" and apart(-0.004, 2, 0.0) == "-0.004"
