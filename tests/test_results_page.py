"""The results page gives no system the look of a winner that baselines, or a judge with a warning, would name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from small_studies import small_study, verdict, vote

from eval import report as statistics
from ppai.schema import Verdict
from ppai.store.sql import SqlStore
from ppai.ui.events import Events
from ppai.ui.findings import Findings
from ppai.ui.results import report_view

PROMPTS = tuple(f"p{n}" for n in range(20))
ORDERS = (("base", "new", "b"), ("new", "base", "a"))


def preferring_new(judge: str, **more: Any) -> list[Verdict]:
    return [verdict(p, *order, side, judge=judge, **more) for p in PROMPTS for *order, side in ORDERS]


def page_of(directory: Path, *verdicts: Verdict, votes: tuple[Any, ...] = ()) -> tuple[dict[str, str], dict[str, int]]:
    """The HTML of each part, and the counts above."""
    store = SqlStore(f"sqlite:///{directory / 'ppai.db'}")
    study = small_study(PROMPTS).model_copy(update={"verdicts": verdicts, "votes": votes})
    store.load(study)
    name = study.config.name
    report = Findings(store, name, Events(store, name), statistics).report({})
    store.close()
    return dict(report_view(report).parts), dict(report.facts)


def test_a_blinded_judge_names_a_winner(tmp_path: Path) -> None:
    parts, facts = page_of(tmp_path, *preferring_new("j"), *preferring_new("baseline:longest"))
    assert "▲" in parts["answers"] and "<strong>new wins" in parts["answers"]
    assert facts["results.fact.judges"] == 1 and "results.no_votes_judged" in parts["lead"]


def test_a_judge_with_a_warning_names_none(tmp_path: Path) -> None:
    parts, _ = page_of(tmp_path, *preferring_new("j", named=True))
    assert "judge j (saw names) prefers new" in parts["answers"]
    assert "▲" not in parts["answers"] and "<strong>" not in parts["answers"] and "is-wins" not in parts["answers"]


def test_baselines_alone_are_said_to_be_baselines(tmp_path: Path) -> None:
    parts, facts = page_of(tmp_path, *preferring_new("baseline:longest"))
    assert facts["results.fact.judges"] == 0
    assert "No person and no judge has answered yet, only baselines." in parts["answers"]
    assert "results.only_baselines" in parts["lead"] and "wins" not in parts["answers"]


def test_people_name_a_winner_whatever_baselines_say(tmp_path: Path) -> None:
    votes = tuple(vote(p, "new", "base", "b") for p in PROMPTS)
    parts, _ = page_of(tmp_path, *preferring_new("baseline:longest"), votes=votes)
    assert "▼" in parts["answers"] and "<strong>base wins" in parts["answers"] and "baseline" not in parts["answers"]
    assert "no-votes" not in parts["lead"]
