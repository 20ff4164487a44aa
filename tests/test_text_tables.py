"""What format and length tell of the systems is shown for the texts that were shown, beside how far length decides."""

from __future__ import annotations

import csv
import io
from typing import Any

from small_studies import R1, small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Response, Study
from ppai.studyfiles import read_study
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels
from ppai.ui.sections import Section
from ppai.ui.table import Cell, Table
from ppai.ui.text_tables import scanned, text_section

PROMPTS = tuple(f"p{n}" for n in range(8))


def lists_study() -> Study:
    """`base` writes short lists, `new` longer lines; half of the prompts are on sleep."""
    study = small_study(PROMPTS, topics={p: "sleep" if n < 4 else "food" for n, p in enumerate(PROMPTS)})
    texts = {"base": "- one\n- two", "new": "Some words in a row."}
    responses = (Response(prompt_id=p, system=s, text=texts[s]) for p in PROMPTS for s in texts)
    return study.model_copy(update={"responses": tuple(responses)})


def section_of(study: Study, filters: Filters, *, judged: bool = True) -> Section:
    votes = votes_of(study, *(vote(p, "new", "base", "a", rater=R1) for p in PROMPTS))
    verdicts = verdicts_of(study, *(verdict(p, "new", "base", "b") for p in PROMPTS if judged))
    summary = summarise(study, votes, verdicts).as_json()
    found = scanned(study, filters.arm, filters.topic)
    return text_section(summary, found, Labels.of(study.config).marked(summary), filters)


def row_of(table: Table, name: str) -> tuple[str | Cell, ...]:
    return next(row for row in table.rows if row[0] == name)


def test_lists_give_their_writer_away() -> None:
    section = section_of(lists_study(), Filters())
    systems, separations, _ = section.tables
    assert row_of(systems, "base")[1:3] == ("8", "100%") and row_of(systems, "new")[1:3] == ("8", "0%")
    assert row_of(separations, "base, new")[1:3] == ("8", Cell("100%", mark="tells", under=("more in base",)))
    assert row_of(separations, "base, new")[4] == Cell("50%")
    assert "lists alone tell base from new in 100% of pairs (n = 8" in section.caution


def test_the_longer_response_is_counted_for_people_and_judges() -> None:
    section = section_of(lists_study(), Filters())
    _, people, judge = row_of(section.tables[2], "Overall")
    assert isinstance(people, Cell) and people.text.startswith("100% [") and people.under == ("n 8",)
    assert isinstance(judge, Cell) and judge.text.startswith("0% [")
    assert "⚠" not in section.tables[2].columns[1].html() and "⚠ one order" in section.tables[2].columns[2].html()
    figure = section.chart.figure if section.chart else None
    assert figure is not None and [trace["x"] for trace in figure["data"][1:]] == [[1.0], [0.0]]


def test_flattened_texts_are_scanned_as_they_were_shown() -> None:
    found = scanned(lists_study(), "plain", None)
    assert found is not None and [system.lists for system in found.systems] == [0.0, 0.0]
    assert scanned(lists_study(), "live", None) is None
    assert len(section_of(lists_study(), Filters(arm="live")).tables) == 1


def test_a_topic_has_its_own_texts() -> None:
    found = scanned(lists_study(), "as_is", "sleep")
    assert found is not None and [system.n for system in found.systems] == [4, 4]
    assert {row.n for row in found.separations} == {4}


def test_the_file_has_what_the_tables_have() -> None:
    rows = list(csv.DictReader(io.StringIO(section_of(lists_study(), Filters()).csv)))
    by_figure = {(row["figure"], row["of"], row["source"]): row for row in rows}
    assert by_figure["lists", "base", "texts"]["estimate"] == "1.0"
    assert by_figure["lists_alone_tells", "base or new", "texts"]["more_in"] == "base"
    assert by_figure["longer_wins", "", "judge j"]["estimate"] == "0.0"


def test_the_published_study_is_told_apart_by_its_lists(published_study: Any) -> None:
    study = read_study(published_study)
    summary = summarise(study, votes_of(study), verdicts_of(study, *study.verdicts)).as_json()
    filters = Filters(criterion="overall")
    section = text_section(summary, scanned(study, "as_is", None), Labels.of(study.config), filters)
    assert row_of(section.tables[0], "base")[2] == "82%"
    assert "lists alone tell base from finetuned in 90% of pairs (n = 100; more in base)" in section.caution
