"""Filters by topic, raters and arm choose the rows that every figure is made of."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from databases import KINDS, new_store
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval import report
from ppai.schema import Scores, Study
from ppai.ui.events import Events
from ppai.ui.filters import Choices, Filters, flagged_raters, of_arm, of_topic, without_raters
from ppai.ui.findings import Findings
from ppai.ui.labels import rater_label
from ppai.ui.records import csv_text

PROMPTS = tuple(f"p{n}" for n in range(12))
TOPICS = {p: "sleep" if n < 6 else "food" for n, p in enumerate(PROMPTS)}


@pytest.fixture
def study() -> Study:
    return small_study(PROMPTS, topics=TOPICS, format="both")


def study_with_votes(study: Study) -> Study:
    """r1 prefers new on sleep and base on food, and took her time; r2 says A at once, always."""
    r1 = [vote(p, "new", "base", "a" if TOPICS[p] == "sleep" else "b", rater="r1", seconds=60.0) for p in PROMPTS]
    r2 = [vote(p, "new", "base", "a", rater="r2", seconds=2.0) for p in PROMPTS]
    plain = [vote(p, "new", "base", "tie", rater="r1", arm="plain") for p in PROMPTS]
    judge = [verdict(p, "base", "new", "b") for p in PROMPTS]
    return study.model_copy(update={"votes": (*r1, *r2, *plain), "verdicts": tuple(judge)})


@pytest.fixture
def findings(study: Study, tmp_path: Path) -> Findings:
    store = new_store("sqlite", tmp_path)
    store.load(study_with_votes(study))
    return Findings(store, study.name, Events(store, study.name), report)


def test_choices_are_what_the_study_has(study: Study) -> None:
    choices = Choices.of(study, votes_of(study), verdicts_of(study))
    assert choices.topics == ("sleep", "food")
    assert choices.arms == ("as_is", "plain")
    assert [one.key for one in choices.matchups] == ["new>base"]


@pytest.mark.parametrize(
    "request_", [None, "x", {}, {"topic": "<script>", "raters": 3, "arm": "live", "criterion": ""}]
)
def test_what_is_not_a_choice_is_the_default(study: Study, request_: object) -> None:
    choices = Choices.of(study, votes_of(study), verdicts_of(study))
    assert Filters.read(request_, choices, "overall") == Filters(criterion="overall", matchup="new>base")


def test_rows_are_chosen_by_arm_topic_and_rater(study: Study) -> None:
    votes = votes_of(study, *study_with_votes(study).votes)
    assert len(of_arm(votes, "plain")) == 12
    assert set(of_topic(votes, study, "food")["prompt_id"]) == set(PROMPTS[6:])
    assert of_topic(votes, study, None) is votes
    assert set(without_raters(votes, {"r2"})["rater"]) == {"r1"}
    assert without_raters(votes, set()) is votes


def test_flagged_raters_are_those_of_the_summary(study: Study) -> None:
    votes = of_arm(votes_of(study, *study_with_votes(study).votes), "as_is")
    assert flagged_raters(report.summarise(study, votes, verdicts_of(study)).as_json()) == {"r2"}


class TestFindings:
    def share(self, findings: Findings, **request: str) -> dict[str, Any]:
        chart = findings.report(request).sections[0].chart
        assert chart is not None and chart.figure is not None
        return {trace["name"]: trace["x"] for trace in chart.figure["data"] if "name" in trace}

    def test_all_rows_by_default(self, findings: Findings) -> None:
        assert self.share(findings)["new"] == [0.75, 1.0]

    def test_one_topic(self, findings: Findings) -> None:
        assert self.share(findings, topic="food")["new"] == [0.5, 1.0]

    def test_without_flagged_raters(self, findings: Findings) -> None:
        assert self.share(findings, raters="unflagged")["new"] == [0.5, 1.0]

    def test_one_arm(self, findings: Findings) -> None:
        assert self.share(findings, arm="plain")["Tie"] == [1.0]

    def test_facts_and_basis_follow(self, findings: Findings) -> None:
        made = findings.report({"topic": "food", "raters": "unflagged"})
        assert dict(made.facts)["results.fact.prompts"] == 6
        assert (made.human_votes, made.flagged) == (6, 1)
        assert made.basis.startswith("Responses as written, food, without 1 flagged rater.")

    def test_every_section_says_what_it_rests_on(self, findings: Findings) -> None:
        for section in findings.report({}).sections:
            assert "n is" in section.note or "n = " in section.note
            assert "95%" in section.note or "nothing" in section.note

    def test_raters_stay_listed_when_left_out(self, findings: Findings) -> None:
        sections = findings.report({"raters": "unflagged"}).sections
        raters = next(section for section in sections if section.name == "raters")
        rows = raters.tables[0].rows
        assert len({row[0] for row in rows}) == 2 and all(rater_label(row[0]) == row[0] for row in rows)

    def test_the_same_question_is_answered_once(self, findings: Findings) -> None:
        assert findings.report({"topic": "food"}) is findings.report({"topic": "food"})

    def test_a_new_verdict_is_seen(self, study: Study, tmp_path: Path) -> None:
        store = new_store("sqlite", tmp_path)
        store.load(study)
        findings = Findings(store, study.name, Events(store, study.name), report)
        assert findings.report({}).answers == ()
        store.load(study_with_votes(study), replace=True)
        assert findings.report({}).answers != ()

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_a_judge_or_a_metric_adds_is_seen_and_texts_are_not_read_again(
        self, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        store = new_store(kind, tmp_path)
        store.load(study_with_votes(study))
        findings = Findings(store, study.name, Events(store, study.name), report)
        before = findings.report({})
        assert "metrics" not in [section.name for section in before.sections]
        monkeypatch.setattr(store, "study", lambda *_: pytest.fail("the study has not changed"))
        for seconds, bleu in enumerate((0.5, 0.75)):
            figure = {"estimate": bleu, "low": 0.4, "high": 0.8, "n": 12, "method": "m"}
            created = datetime.fromtimestamp(seconds, UTC)
            scores = Scores(name="s", references="r", systems={"new": {"bleu": figure}}, created_at=created)
            store.set_scores(study.name, scores)
            (section,) = [one for one in findings.report({}).sections if one.name == "metrics"]
            assert f"{bleu:.4f}" in str(section.tables)
        with store.judging(study.name) as judging:
            judging.save([verdict(p, "new", "base", "a", judge="another") for p in PROMPTS])
        after = findings.report({})
        assert set(after.judges) - set(before.judges) == {"judge another"}
        assert findings.report({}) is after
        store.close()


def test_statistics_are_reached_through_what_was_handed_in(study: Study, tmp_path: Path) -> None:
    asked: list[str] = []

    def summarise(*given: Any, **options: Any) -> Any:
        asked.append("summarise")
        return report.summarise(*given, **options)

    store = new_store("sqlite", tmp_path)
    store.load(study)
    stand_in = SimpleNamespace(summarise=summarise, topics=report.topics)
    Findings(store, study.name, Events(store, study.name), stand_in).report({})
    assert asked == ["summarise"]


def test_a_file_has_no_formula() -> None:
    assert csv_text([{"a": "=1+1", "b": None, "c": 0.5}]) == "a,b,c\n'=1+1,,0.5\n"
