"""The results page gives no system the look of a winner that baselines, or a judge with a warning, would name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from small_studies import small_study, verdict, verdicts_of, vote, votes_of
from voted_study import voted_study

from eval import report as statistics
from ppai.schema import Assignment, Criterion, Labelled, Study, Verdict
from ppai.store.sql import SqlStore
from ppai.ui.events import Events
from ppai.ui.findings import Findings
from ppai.ui.report import Data, Report, make_report
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
    assert '"true">▲' in parts["answers"] and "<strong>new wins" in parts["answers"]
    assert facts["results.fact.judges"] == 1 and "results.no_votes_judged" in parts["lead"]
    assert "results.fact_one.judges" in parts["lead"] and "results.fact.systems" in parts["lead"]


def test_a_judge_with_a_warning_names_none(tmp_path: Path) -> None:
    parts, _ = page_of(tmp_path, *preferring_new("j", named=True))
    assert "new preferred on overall" in parts["answers"] and "judge j only, not blinded" in parts["answers"]
    assert '<span class="ppai-sign" aria-hidden="true">○</span>' in parts["answers"]
    assert (
        '"true">▲' not in parts["answers"] and "<strong>" not in parts["answers"] and "is-wins" not in parts["answers"]
    )


def test_baselines_alone_are_said_to_be_baselines(tmp_path: Path) -> None:
    parts, facts = page_of(tmp_path, *preferring_new("baseline:longest"))
    assert facts["results.fact.judges"] == 0
    assert "No person and no judge has answered yet, only baselines." in parts["answers"]
    assert "results.only_baselines" in parts["lead"] and "wins" not in parts["answers"]


def test_people_name_a_winner_whatever_baselines_say(tmp_path: Path) -> None:
    votes = tuple(vote(p, "new", "base", "b") for p in PROMPTS)
    parts, _ = page_of(tmp_path, *preferring_new("baseline:longest"), votes=votes)
    assert (
        '"true">▲' in parts["answers"]
        and "<strong>base wins" in parts["answers"]
        and "baseline" not in parts["answers"]
    )
    assert "no-votes" not in parts["lead"]


KEYS = ("tone", "overall")
ORDER = (
    "shares",
    "forest",
    "agreement",
    "trust",
    "topics",
    "sequence",
    "raters",
    "correlation",
    "texts",
    "time",
)


def report_of(study: Study, **request: str) -> Report:
    data = Data(study, votes_of(study, *study.votes), verdicts_of(study, *study.verdicts))
    return make_report(data, request, statistics)


def test_a_report_is_made_of_frames_alone_with_its_parts_in_order() -> None:
    report = report_of(voted_study())
    assert tuple(section.name for section in report.sections) == ORDER
    assert set(dict(report_view(report).parts)) == {"lead", "filters", "answers", *ORDER}


def test_three_systems_have_a_leaderboard_of_the_criterion_that_is_chosen() -> None:
    criteria = tuple(Criterion(key=key, question="Which?") for key in KEYS)
    study = small_study(PROMPTS, ("base", "new", "other"), criteria=criteria)
    pairs = (("new", "base"), ("other", "base"), ("new", "other"))
    votes = [
        vote(p, a, b, {"tone": "ab"[n % 3 == 0], "overall": "ab"[n % 2]})
        for n, p in enumerate(PROMPTS)
        for a, b in pairs
    ]
    study = study.model_copy(update={"votes": tuple(votes)})
    names = [section.name for section in report_of(study).sections]
    assert names[:4] == ["leaderboard", "reference", "appearances", "forest"]
    board = {key: next(s for s in report_of(study, criterion=key).sections if s.name == "leaderboard") for key in KEYS}
    whole = statistics.summarise(study, votes_of(study, *votes), verdicts_of(study)).as_json()
    for key in KEYS:
        strengths = whole["criteria"][key]["human"]["bradley_terry"]
        assert str(strengths["new"]["estimate"]) in board[key].csv


def test_a_combination_stands_in_the_answers_and_the_forest_and_nowhere_else() -> None:
    prompts = tuple(f"p{n:02d}" for n in range(60))
    study = small_study(prompts, labelled=Labelled.RANDOM)
    votes = tuple(vote(p, "new", "base", "a" if n < 24 else "b") for n, p in enumerate(prompts[:30]))
    verdicts = tuple(verdict(p, *order, side) for p in prompts for *order, side in ORDERS)
    report = report_of(study.model_copy(update={"votes": votes, "verdicts": verdicts}))
    parts = dict(report_view(report).parts)
    said = {name for name, html in parts.items() if "ombined" in html}
    assert said == {"answers", "forest"}
    assert not any("combined:" in section.csv for section in report.sections)


def test_what_stands_over_all_topics_and_raters_does_so_whatever_is_chosen() -> None:
    study = voted_study()
    all_of, some = report_of(study), report_of(study, topic="sleep", raters="unflagged")
    for name in ("sequence", "raters"):
        whole, part = (next(s for s in made.sections if s.name == name) for made in (all_of, some))
        assert whole.tables == part.tables, name
    forests = [next(s for s in made.sections if s.name == "forest") for made in (all_of, some)]
    assert forests[0].tables != forests[1].tables


def test_the_log_of_random_draws_lets_a_store_combine_people_with_a_judge(tmp_path: Path) -> None:
    prompts = tuple(f"p{n:02d}" for n in range(60))
    votes = [vote(p, "new", "base", "a" if n < 24 else "b") for n, p in enumerate(prompts[:30])]
    given = [
        Assignment(
            assignment_id=f"a{n}",
            prompt_id=one.prompt_id,
            system_a="new",
            system_b="base",
            rater=one.rater,
            draw="random: 1 of 60",
        )
        for n, one in enumerate(votes)
    ]
    judged = tuple(verdict(p, *order, side) for p in prompts for *order, side in ORDERS)
    for assignments, combined in ((given, True), ([], False)):
        store = SqlStore(f"sqlite:///{tmp_path / f'{combined}.db'}")
        study = small_study(prompts).model_copy(
            update={"votes": tuple(votes), "verdicts": judged, "assignments": tuple(assignments)}
        )
        store.load(study)
        report = Findings(store, "small", Events(store, "small"), statistics).report({})
        store.close()
        assert ("combined with judge j" in report.answers[0].basis) is combined


def test_a_win_that_other_criteria_take_back_and_what_is_undecided_are_not_in_bold() -> None:
    criteria = tuple(Criterion(key=key, question="Which?") for key in ("clarity", *KEYS))
    study = small_study(PROMPTS, criteria=criteria)
    lost = {"clarity": 5, "tone": 1, "overall": 9}
    votes = tuple(
        vote(p, "new", "base", {key: "b" if n < losses else "a" for key, losses in lost.items()})
        for n, p in enumerate(PROMPTS)
    )
    html = dict(report_view(report_of(study.model_copy(update={"votes": votes}))).parts)["answers"]
    assert html.count("<strong>") == 1 and "<strong>new wins on tone" in html
    assert re.findall(r'class="is-(\w+)"', html) == ["qualified", "wins", "undecided"]


def test_several_systems_open_with_ranks_then_winners_and_a_count_of_the_others() -> None:
    study = small_study(PROMPTS, ("base", "new", "other", "alone"))
    votes = tuple(
        vote(p, a, b, "ab"[n % every == 0])
        for n, p in enumerate(PROMPTS)
        for a, b, every in (("new", "base", 9), ("other", "base", 2), ("new", "other", 5))
    )
    report = report_of(study.model_copy(update={"votes": votes}))
    assert report.ranks[0].startswith("Not ranked by people: ") and "alone" in report.ranks[0]
    assert [answer.claim.split(":")[0] for answer in report.answers] == ["new wins on overall against base"]
    assert report.rest == (
        "Undecided against base: 1 of 2 answers, which the tables have.",
        "Never compared with base: alone.",
    )
    three = small_study(PROMPTS, ("base", "new", "other")).model_copy(update={"votes": votes})
    report = report_of(three)
    assert report.ranks[0].startswith("Ranks on overall by people: new rank 1") and "base rank" in report.ranks[0]
    html = dict(report_view(report).parts)["answers"]
    assert html.index("new rank 1") < html.index("<strong>new wins") < html.index("Undecided against base")
    assert "<li" in html and html.count("<li") == 1


def test_several_systems_without_any_answer_say_so() -> None:
    report = report_of(small_study(PROMPTS, ("base", "new", "other")))
    assert "results.fills" in dict(report_view(report).parts)["answers"] and report.rest == report.ranks == ()
