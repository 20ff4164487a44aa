"""Scores are shown a table a metric and encoder, with intervals, differences and p, and everything that was scored."""

from __future__ import annotations

import csv
import io
from typing import Any

from small_studies import small_study

from ppai.schema import Arm, Scores
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels
from ppai.ui.metric_tables import metric_section, p_value, written
from ppai.ui.sections import Section
from ppai.ui.table import Cell, Table, table_html

LABELS = Labels.of(small_study().config)


def figure(estimate: float | None, **more: Any) -> dict[str, Any]:
    if estimate is None:
        return {"estimate": None, "low": None, "high": None, "n": 0, "method": None, "reason": "no match"} | more
    bounds = {"low": estimate - 0.01, "high": estimate + 0.01}
    return {"estimate": estimate, **bounds, "n": 40, "method": "bootstrap"} | more


def scoring(name: str = "s", **more: Any) -> Scores:
    given: dict[str, Any] = {
        "references": "answers.jsonl",
        "systems": {"new": {"bleu": figure(0.04)}, "base": {"bleu": figure(0.03)}},
        "differences": {"new>base": {"bleu": figure(0.01, p=0.0124)}},
        "signatures": {"bleu": "nrefs:1|tok:13a"},
    }
    return Scores(name=name, **given | more)


def shown(*scorings: Scores, arm: str = "as_is", texts: str = "") -> Section:
    found = metric_section(scorings, LABELS, Filters(arm=arm), texts)
    assert found is not None
    return found


def cells(table: Table) -> list[tuple[str, ...]]:
    return [tuple(cell.text if isinstance(cell, Cell) else cell for cell in row) for row in table.rows]


def test_a_column_a_system_then_their_difference_with_its_p() -> None:
    (table,) = shown(scoring()).tables
    assert [column.name for column in table.columns[1:]] == ["base", "new", "new − base"]
    sizes, (_, base, _, difference) = table.rows
    assert sizes[1:] == ("40", "40", "40")
    assert base == Cell("0.0300", under=("[0.0200,\u00a00.0400]",))
    assert difference == Cell("+0.0100", under=("[0.0000,\u00a00.0200]", "p = 0.012"))


def test_how_the_figures_were_computed_is_folded_under_the_table() -> None:
    (table,) = shown(scoring()).tables
    assert table.caption == "BLEU against answers.jsonl, with 95% intervals"
    assert table.how == ("bleu: nrefs:1|tok:13a", "intervals: bootstrap")
    before, after = table_html(table, "t").split("</table>")
    assert "tok:13a" not in before and "<details" in after and "<li>bleu: nrefs:1|tok:13a</li>" in after


def test_figures_of_earlier_texts_are_warned_of() -> None:
    old, now = scoring(texts="a" * 16), scoring("later", texts="b" * 16, systems={"base": {"words": figure(90.0)}})
    stale, fresh = shown(old, now, texts="b" * 16).tables
    assert "earlier texts" in stale.warning and fresh.warning == ""
    assert "ppai-warning" in table_html(stale, "t") and "ppai-warning" not in table_html(fresh, "t")
    assert shown(scoring(), texts="b" * 16).tables[0].warning == "", "a scoring that does not say of what"


def test_a_note_stands_with_the_metric_that_it_names() -> None:
    cut = "base: 3 texts are longer than what BERTScore reads"
    both = {"base": {"bleu": figure(0.03), "bertscore_f1": figure(0.6)}}
    bleu, bert = shown(scoring(systems=both, differences={}, notes=(cut, "few prompts"))).tables
    assert (bleu.remarks, bert.remarks) == (("few prompts",), (cut, "few prompts"))
    assert cut in table_html(bert, "t")


def test_each_metric_has_its_table_in_the_usual_order() -> None:
    names = ("bertscore_f1", "rougeL", "bleu_p2", "words", "rouge1", "bleu", "distinct_2")
    tables = shown(scoring(systems={"base": {name: figure(0.5) for name in names}}, differences={})).tables
    assert [table.caption.split(" ")[0] for table in tables] == ["BLEU", "ROUGE", "BERTScore", "Description"]
    keys = [[row[0].key.removeprefix("results.figure.") for row in table.rows[1:]] for table in tables]
    assert keys == [["bleu", "bleu_p2"], ["rouge1", "rougeL"], ["bertscore_f1"], ["words", "distinct_2"]]


def test_encoders_are_never_in_one_table() -> None:
    same = {"bleu": figure(0.03)}

    def by(encoder: str, f1: float) -> Scores:
        systems = {"base": same | {"bertscore_f1": figure(f1)}}
        return scoring(encoder, encoder=encoder, systems=systems, differences={})

    tables = shown(by("minilm", 0.6), by("roberta-large", 0.8)).tables
    bert = [table for table in tables if table.caption.startswith("BERTScore")]
    assert ["encoder minilm" in table.caption for table in bert] == [True, False]
    assert [cells(table)[1] for table in bert] == [("", "0.6000"), ("", "0.8000")]
    assert len(tables) == 3, "what both scorings share is shown once"


def test_other_references_are_another_table() -> None:
    tables = shown(scoring("one"), scoring("two", references="others.jsonl")).tables
    assert [table.caption.split(",")[0] for table in tables] == [
        "BLEU against answers.jsonl",
        "BLEU against others.jsonl",
    ]


def test_what_is_missing_is_a_dash_with_its_reason() -> None:
    systems = {"base": {"bleu": figure(0.03), "bleu_p4": figure(None)}, "new": {"bleu": figure(0.03)}}
    (table,) = shown(scoring(systems=systems, differences={})).tables
    assert table.rows[2][1:] == (Cell("–", notes=(1,)), Cell("–")) and table.notes == ("no match",)


def test_a_figure_that_is_not_known_keeps_its_name() -> None:
    systems = {"base": {"emoji<b>": figure(0.5), "rouge9": figure(0.1)}}
    rouge, described = shown(scoring(systems=systems, differences={})).tables
    assert (rouge.rows[-1][0], described.rows[-1][0]) == (Cell("rouge9"), Cell("emoji<b>"))
    assert "emoji&lt;b&gt;" in table_html(described, "t")


def test_arms_are_kept_apart() -> None:
    both = (scoring("as_is"), scoring("plain", arm=Arm.PLAIN, systems={"base": {"bleu": figure(0.9)}}, differences={}))
    assert cells(shown(*both, arm="plain").tables[0]) == [("", "40"), ("", "0.9000")]
    assert metric_section(both, LABELS, Filters(arm="live"), "") is None
    assert metric_section((), LABELS, Filters(), "") is None


def test_a_description_needs_no_references_and_warns_of_none() -> None:
    section = shown(scoring(references=None, systems={"base": {"list_share": figure(0.425)}}, differences={}))
    assert cells(section.tables[0]) == [("", "40"), ("", "42.5%")]
    assert "References" not in section.note
    assert "likeness to them is not the same as being helpful" in shown(scoring()).note


def test_numbers_have_the_digits_that_say_something() -> None:
    assert [written(name, 1234.5678) for name in ("words", "characters", "bleu")] == ["1,234.6", "1,235", "1,234.5678"]
    assert (written("bleu", -0.01), written("list_share", 0.81)) == ("−0.0100", "81.0%")
    assert (p_value(0.0002), p_value(0.5)) == ("< 0.001", "= 0.500")


def test_a_difference_of_shares_is_in_percentage_points() -> None:
    systems = {"base": {"list_share": figure(0.82)}, "new": {"list_share": figure(0.01)}}
    given = scoring(references=None, systems=systems, differences={"new>base": {"list_share": figure(-0.81)}})
    assert shown(given).tables[0].rows[1][3] == Cell("−81.0\u00a0points", under=("[−82.0,\u00a0−80.0]",))


def test_the_file_has_every_figure_of_every_scoring() -> None:
    rows = list(csv.DictReader(io.StringIO(shown(scoring("one", encoder="minilm"), scoring("two")).csv)))
    assert [(row["scoring"], row["of"]) for row in rows] == [
        (name, of) for name in ("one", "two") for of in ("new", "base", "new>base")
    ]
    assert rows[0]["encoder"] == "minilm" and rows[2]["p"] == "0.0124" and rows[1]["low"] == "0.019999999999999997"
