"""How far a judge is to be trusted is told with intervals, n and reasons, and what it was asked with its cost."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from small_studies import R1, R2, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import DEFAULT_CRITERIA, Study, Verdict, Vote
from ppai.studyfiles import read_study
from ppai.ui.cautions import cautions
from ppai.ui.filters import Filters
from ppai.ui.judge_counts import counts_of, dollars
from ppai.ui.labels import Labels
from ppai.ui.sections import Section
from ppai.ui.table import Cell, Table, table_html
from ppai.ui.trust import trust_chart, trust_section

PROMPTS = tuple(f"p{n}" for n in range(20))
ORDERS = (("base", "new"), ("new", "base"))


def section_of(study: Study, verdicts: list[Verdict], votes: tuple[Vote, ...] = ()) -> Section:
    judged = verdicts_of(study, *verdicts)
    summary = summarise(study, votes_of(study, *votes), judged).as_json()
    labels = Labels.of(study.config).marked(summary)
    found = trust_section(summary, judged, labels, Filters(criterion=study.config.primary_key))
    assert found is not None
    return found


def rows_of(table: Table) -> dict[str, tuple[Any, ...]]:
    """The cells of each row by the last part of its heading's key."""
    return {row[0].key.rsplit(".", 1)[-1]: row[1:] for row in table.rows if isinstance(row[0], Cell)}


def in_both_orders(n_first: int = 0, **more: Any) -> list[Verdict]:
    """The judge prefers `new`, but names the first shown on `n_first` of the prompts, whoever it is."""
    return [
        verdict(p, *order, "a" if i < n_first or order[0] == "new" else "b", **more)
        for i, p in enumerate(PROMPTS)
        for order in (("base", "new"), ("new", "base"))
    ]


def test_a_habit_of_naming_the_first_is_laid_open() -> None:
    rows = rows_of(section_of(small_study(PROMPTS), in_both_orders(n_first=10)).tables[0])
    (consistent,), (flips,), (first,) = (rows[n] for n in ("orders_consistent", "flips_to_first", "first_position"))
    assert consistent.text.startswith("50% [") and consistent.under == ("n 20",)
    assert flips.text.startswith("100% [") and flips.under == ("n 10",)
    assert first.text.startswith("75% [") and first.under == ("n 40",)


def test_reasons_of_the_same_meaning_are_one_note() -> None:
    one_order = [verdict(p, "base", "new", "a") for p in PROMPTS]
    notes = section_of(small_study(PROMPTS), one_order).tables[0].notes
    assert [note for note in notes if "one order" in note] == ["the judge was asked in one order only"]
    assert [note for note in notes if "vote" in note] == ["no votes on the pairs that the judge judged"]


def test_a_judge_that_the_chart_cannot_have_is_named_with_why() -> None:
    one_order = [verdict(p, "base", "new", "a", judge="k", named=True) for p in PROMPTS]
    chart = section_of(small_study(PROMPTS), [*in_both_orders(), *one_order]).chart
    assert chart is not None and chart.figure is not None
    (line,) = chart.left_out
    assert line.startswith("Not in the chart: k (saw names, one order): the judge was asked in one order only")
    alone = section_of(small_study(PROMPTS), one_order).chart
    assert alone is not None and alone.figure is None and line in alone.words


def test_the_models_and_prompts_of_a_judge_are_listed() -> None:
    verdicts = [v.model_copy(update={"model": f"m{n % 2}"}) for n, v in enumerate(in_both_orders(prompt_version="p"))]
    section = section_of(small_study(PROMPTS), verdicts)
    rows = rows_of(section.tables[1])
    assert rows["models"] == (Cell("2", under=("m0", "m1")),)
    assert rows["prompt_versions"] == (Cell("1", under=("p",)),)
    assert "⚠ mixed prompts or models" in table_html(section.tables[0], "t")


def test_people_stand_beside_as_a_measure() -> None:
    votes = tuple(vote(p, "new", "base", "a", rater=r) for p in PROMPTS for r in (R1, R2))
    table = section_of(small_study(PROMPTS), in_both_orders(), votes).tables[0]
    assert [column.name for column in table.columns[1:]] == ["people", "j"]
    people, judge = rows_of(table)["with_ties"]
    assert people.text.startswith("100% [") and people.under == ("n 20",)
    assert judge.text.startswith("100% [") and judge.under == ("n 40",)


def test_a_figure_that_is_missing_is_a_dash_with_its_reason() -> None:
    table = section_of(small_study(PROMPTS), [verdict(p, "base", "new", "a") for p in PROMPTS]).tables[0]
    rows = rows_of(table)
    (consistent,) = rows["orders_consistent"]
    assert consistent.text == "–" and "one order" in table.notes[consistent.notes[0] - 1]
    (usable,) = rows["usable"]
    assert usable.key == "results.trust.no" and usable.notes
    assert all(0 < number <= len(table.notes) for row in rows.values() for cell in row for number in cell.notes)
    told = table_html(table, "t")
    assert f"–<sup>{consistent.notes[0]}</sup>" in told and f"<li>{table.notes[0]}</li>" in told


def test_whether_a_judge_may_stand_in_is_said_in_words_with_the_reasons() -> None:
    (alone,) = section_of(small_study(PROMPTS), [verdict(p, "base", "new", "a") for p in PROMPTS]).lead
    assert alone.startswith("Judge j (one order) may not stand in for people on overall: ")
    assert "the judge was asked in one order only" in alone and "no votes on the pairs that the judge judged" in alone
    many = tuple(f"p{n}" for n in range(300))
    study = small_study(many, lengths={(p, "new"): 12 for p in many})
    votes = tuple(
        vote(p, *order, "ab"[order[0] == "base"], r) for p in many for r, order in zip((R1, R2), ORDERS, strict=True)
    )
    judged = [verdict(p, *order, "ab"[order[0] == "base"]) for p in many for order in ORDERS]
    (good,) = section_of(study, judged, votes).lead
    assert good.startswith("Judge j may stand in for people on overall: ")
    baseline = [verdict(p, "base", "new", "a", judge="baseline:first") for p in PROMPTS]
    assert section_of(small_study(PROMPTS), baseline).lead == ()


def test_names_and_one_order_are_warned_of_beside_the_judges_name_everywhere() -> None:
    verdicts = [verdict(p, "base", "new", "a", named=True) for p in PROMPTS]
    study = small_study(PROMPTS, criteria=DEFAULT_CRITERIA)
    section = section_of(study, verdicts)
    for table in (*section.tables, *section.more):
        assert "⚠ saw names, one order" in table_html(table, "t")
    both = section_of(small_study(PROMPTS), in_both_orders())
    assert "⚠" not in "".join(table_html(table, "t") for table in both.tables)


def test_what_cannot_be_used_is_counted_by_reason_and_never_a_tie() -> None:
    verdicts = [*in_both_orders(), *(v.model_copy(update={"judge": "k"}) for v in in_both_orders())]
    broken = {0: "refusal", 1: "refusal", 5: "cut off"}
    verdicts = [
        v.model_copy(update={"unscored": broken[n], "outcomes": {}}) if n in broken else v
        for n, v in enumerate(verdicts)
    ]
    rows = rows_of(section_of(small_study(PROMPTS), verdicts).tables[1])
    assert rows["verdicts"] == ("40", "40")
    assert rows["unscored"] == (Cell("3", under=("2 refusal", "1 cut off")), Cell("0"))
    assert rows["orders"][0].under == ("1 pair left out for a missing order",)


def test_a_judge_none_of_whose_verdicts_can_be_used_is_shown() -> None:
    study = small_study(PROMPTS)
    verdicts = [verdict(p, "base", "new", None) for p in PROMPTS]
    section = section_of(study, verdicts)
    assert rows_of(section.tables[1])["unscored"] == (Cell("20", under=("20 unreadable",)),)
    summary = summarise(study, votes_of(study), verdicts_of(study, *verdicts)).as_json()
    assert "Judge j left 20 verdicts unscored" in [caution.title for caution in cautions(summary)]


@pytest.mark.parametrize(
    ("costs", "shown"),
    [
        ((0.75, 0.5), Cell("$1.25")),
        ((0.0, 0.0), Cell("$0.00")),
        ((None, None), Cell(key="results.count.unknown")),
        ((0.5, None), Cell(key="results.count.unknown", under=("1 verdict: $0.50", "1 without a known price"))),
    ],
)
def test_a_cost_is_unknown_where_any_price_is(costs: tuple[float | None, ...], shown: Cell) -> None:
    usages = [{} if cost is None else {"cost_usd": cost} for cost in costs]
    verdicts = [verdict(p, "base", "new", "a", usage=usage) for p, usage in zip(PROMPTS, usages, strict=False)]
    section = section_of(small_study(PROMPTS), verdicts)
    assert rows_of(section.tables[1])["cost"] == (shown,)
    (saved,) = [row for row in csv.DictReader(io.StringIO(section.csv)) if row["figure"] == "cost_usd"]
    assert bool(saved["estimate"]) is (None not in costs)


def test_samples_are_counted_and_small_sums_have_digits() -> None:
    study = small_study(PROMPTS)
    verdicts = [verdict(p, "base", "new", "a", sample=sample) for p in PROMPTS for sample in (0, 1, 2)]
    assert counts_of(verdicts_of(study, *verdicts))["judge:j"].samples == 3
    assert (dollars(0.00213), dollars(1234.5)) == ("$0.0021", "$1,234.50")


def test_nothing_is_said_of_judges_where_there_are_none() -> None:
    study = small_study(PROMPTS)
    summary = summarise(study, votes_of(study), verdicts_of(study)).as_json()
    assert trust_section(summary, verdicts_of(study), Labels.of(study.config), Filters(criterion="overall")) is None


def test_the_file_has_every_criterion_with_bounds_n_and_reasons() -> None:
    study = small_study(PROMPTS, criteria=DEFAULT_CRITERIA)
    rows = list(csv.DictReader(io.StringIO(section_of(study, in_both_orders()).csv)))
    consistent = {row["criterion"]: row for row in rows if row["figure"] == "orders_consistent"}
    assert set(consistent) == {criterion.key for criterion in DEFAULT_CRITERIA}
    assert (consistent["overall"]["estimate"], consistent["overall"]["n"]) == ("1.0", "20")
    assert consistent["clarity"]["estimate"] == "" and consistent["clarity"]["reason"]
    (usable,) = [row for row in rows if row["figure"] == "usable" and row["criterion"] == "overall"]
    assert usable["estimate"] == "0" and usable["reason"]


def test_pandalms_judges_have_their_published_accuracy(pandalm_study: Any) -> None:
    study = read_study(pandalm_study)
    table = section_of(study, list(study.verdicts), study.votes).tables[0]
    judges = [column.name for column in table.columns[2:]]
    shown = dict(zip(judges, rows_of(table)["majority_accuracy"][1:], strict=True))
    assert {name: (cell.text[:3], cell.under) for name, cell in shown.items()} == {
        "gpt-3.5-turbo": ("72%", ("n 974",)),
        "pandalm-7b": ("67%", ("n 999",)),
    }


def test_the_chart_has_a_line_of_no_preference_for_position_alone() -> None:
    study = small_study(PROMPTS)
    summary = summarise(study, votes_of(study), verdicts_of(study, *in_both_orders(n_first=10))).as_json()
    figure = trust_chart(summary, Labels.of(study.config), "overall").figure
    assert figure is not None
    line, dots = figure["data"]
    assert line["x"] == [0.5, 0.5, 0.5] and line["y"][2] is None
    assert line["y"][0] < dots["y"][1] < line["y"][1] and not line["y"][0] < dots["y"][0] < line["y"][1]
    assert dots["x"] == [0.5, 0.75]
