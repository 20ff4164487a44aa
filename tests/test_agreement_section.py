"""How far people agree is told with every coefficient beside the others, with n and reasons, judge or no judge."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from small_studies import R1, R2, R3, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import DEFAULT_CRITERIA, Study, Vote
from ppai.studyfiles import read_study
from ppai.ui.agreement import FIGURES, agreement_section
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels
from ppai.ui.sections import Section
from ppai.ui.table import Cell, Table, table_html

PROMPTS = tuple(f"p{n}" for n in range(20))


def section_of(study: Study, *votes: Vote, judged: bool = False) -> Section | None:
    verdicts = [verdict(p, "base", "new", "a") for p in PROMPTS] if judged else []
    summary = summarise(study, votes_of(study, *votes), verdicts_of(study, *verdicts)).as_json()
    return agreement_section(summary, Labels.of(study.config), Filters(criterion=study.config.primary_key))


def shown(study: Study, *votes: Vote, judged: bool = False) -> Section:
    section = section_of(study, *votes, judged=judged)
    assert section is not None
    return section


def cells(table: Table) -> dict[str, Cell]:
    """The first criterion's, by the name of the figure."""
    found: dict[str, Any] = {row[0].key.rsplit(".", 1)[-1]: row[1] for row in table.rows if isinstance(row[0], Cell)}
    return found


def estimate(cell: Cell) -> str:
    """Without its interval."""
    return cell.text.partition(" [")[0]


def votes_that_agree_on(n_same: int, tie: bool = False) -> list[Vote]:
    """Two people; both name `new`, at B in the second half, but on the last prompts one names `base` or none."""
    votes = []
    for n, p in enumerate(PROMPTS):
        sides, new, base = (("new", "base"), "a", "b") if n < 10 else (("base", "new"), "b", "a")
        other = new if n < n_same else "tie" if tie else base
        votes += [vote(p, *sides, new, R1), vote(p, *sides, other, R2)]
    return votes


@pytest.mark.parametrize("judged", [False, True])
def test_two_people_are_compared_with_every_coefficient_judge_or_no_judge(judged: bool) -> None:
    section = shown(small_study(PROMPTS), *votes_that_agree_on(18), judged=judged)
    found = cells(section.tables[0])
    assert tuple(found) == FIGURES
    # Of 40 votes 38 are for `new`: alpha 1 - .1 / (2 * 38 * 2 / (40 * 39)), Fleiss 1 - .1 / (2 * .95 * .05).
    texts = {name: estimate(cell) for name, cell in found.items()}
    assert texts == {
        "with_ties": "90%",
        "without_ties": "90%",
        "krippendorff_alpha": "−0.03",
        "krippendorff_alpha_ordinal": "−0.03",
        "gwet_ac1": "0.90",
        "fleiss_kappa": "−0.05",
        "test_retest": "–",
        "first_position": "55%",
        "longer_wins": "–",
    }
    assert found["with_ties"].under == ("n 20",) and found["first_position"].under == ("n 40",)
    (pairs,) = section.more
    assert pairs.rows == ((R1[:8], R2[:8], Cell("0.00")),)


def test_ties_left_out_have_an_n_of_their_own() -> None:
    found = cells(shown(small_study(PROMPTS), *votes_that_agree_on(15, tie=True)).tables[0])
    assert estimate(found["with_ties"]) == "75%" and found["with_ties"].under == ("n 20",)
    assert estimate(found["without_ties"]) == "100%" and found["without_ties"].under == ("n 15",)


def test_the_sentence_has_alpha_beside_ac1_and_the_note_says_the_coding() -> None:
    section = shown(small_study(PROMPTS), *votes_that_agree_on(15, tie=True))
    (sentence,) = section.lead
    assert sentence.startswith("On overall two people gave the same outcome in 75% [")
    assert "of 20 comparisons, and in 100% [" in sentence and "of the 15 without a tie." in sentence
    assert "Krippendorff's alpha (nominal) is −" in sentence and "Gwet's AC1 is 0.7" in sentence
    assert "coded: here by the system that won" in section.note


def test_one_vote_a_pair_says_that_agreement_is_not_known_and_keeps_the_habits() -> None:
    section = shown(small_study(PROMPTS), *votes_that_agree_on(20)[::2])
    assert section.lead == ("How far people agree on overall is not known: no pair has two votes.",)
    table, found = section.tables[0], cells(section.tables[0])
    for name in ("with_ties", "krippendorff_alpha", "gwet_ac1", "fleiss_kappa"):
        assert found[name].text == "–" and table.notes[found[name].notes[0] - 1] == "no pair has two votes"
    assert estimate(found["first_position"]) == "50%" and not section.more


def test_people_who_only_ever_tie_have_no_kappa_but_a_reason() -> None:
    votes = [vote(p, "new", "base", "tie", rater) for p in PROMPTS for rater in (R1, R2)]
    section = shown(small_study(PROMPTS), *votes)
    found = cells(section.tables[0])
    assert estimate(found["with_ties"]) == "100%" and estimate(found["gwet_ac1"]) == "1.00"
    assert found["fleiss_kappa"].text == found["krippendorff_alpha"].text == "–"
    assert "every outcome is the same" in table_html(section.tables[0], "t")
    (pair,) = section.more[0].rows
    assert isinstance(pair[2], Cell) and pair[2].text == "–" and "not defined" in section.more[0].notes[0]


def test_a_hidden_repeat_is_compared_with_the_first_vote() -> None:
    again = [vote(p, "base", "new", "b" if n else "a", repeat=1) for n, p in enumerate(PROMPTS[:4])]
    found = cells(shown(small_study(PROMPTS), *votes_that_agree_on(20), *again).tables[0])
    assert estimate(found["test_retest"]) == "75%" and found["test_retest"].under == ("n 4",)


def test_nothing_is_said_of_people_where_nobody_voted() -> None:
    assert section_of(small_study(PROMPTS), judged=True) is None


def test_a_criterion_without_votes_is_a_column_of_dashes() -> None:
    table = shown(small_study(PROMPTS, criteria=DEFAULT_CRITERIA), *votes_that_agree_on(18)).tables[0]
    by_criterion = {column.name: [row[n] for row in table.rows] for n, column in enumerate(table.columns)}
    assert set(by_criterion["Clarity"]) == {Cell("–")}
    overall = by_criterion["Overall"][0]
    assert isinstance(overall, Cell) and overall.text == "90%", "many columns have their intervals below"
    assert overall.under[0].startswith("[") and overall.under[1] == "n\u00a020"


def test_raters_whose_ids_hold_a_bar_are_told_apart() -> None:
    names = ("a|b", "c")
    votes = [vote(p, "new", "base", "ab"[n % 2], rater) for n, p in enumerate(PROMPTS) for rater in names]
    assert shown(small_study(PROMPTS), *votes).more[0].rows == (("a|b", "c", Cell("1.00")),)


def test_the_file_has_every_figure_and_every_two_raters() -> None:
    votes = [*votes_that_agree_on(18), *(vote(p, "new", "base", "a", R3) for p in PROMPTS)]
    rows = list(csv.DictReader(io.StringIO(shown(small_study(PROMPTS), *votes).csv)))
    assert [row["figure"] for row in rows] == [*FIGURES, *3 * ["cohen_kappa"]]
    kappas = {row["of"]: (row["estimate"], row["reason"]) for row in rows[-3:]}
    assert float(kappas[f"{R1}|{R2}"][0]) == pytest.approx(0) and "not defined" in kappas[f"{R1}|{R3}"][1]


def test_pandalms_raters_agree_as_published(pandalm_study: Any) -> None:
    study = read_study(pandalm_study)
    found = cells(shown(study, *study.votes).tables[0])
    summary = summarise(study, votes_of(study, *study.votes), verdicts_of(study)).as_json()
    kappas = summary["agreement"]["overall"]["human_human"]["raters"].values()
    assert found["with_ties"].under == ("n 2,997",) and len(kappas) == 3
    assert found["krippendorff_alpha"].text.startswith("0.") and found["fleiss_kappa"].text.startswith("0.")
