"""How alike criteria are is shown for people and judges, and one question asked twice is said to be that."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from small_studies import small_study, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Criterion, Study, Verdict, Vote
from ppai.studyfiles import read_study
from ppai.ui.correlation import correlation_section, same_sentences
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels, decimal, interval
from ppai.ui.table import Cell

KEYS = ("tone", "clarity", "overall")
CRITERIA = tuple(Criterion(key=key, question="Which?") for key in KEYS)
PROMPTS = tuple(f"p{n:02d}" for n in range(12))


def study_of(prompts: Sequence[str] = PROMPTS) -> Study:
    return small_study(prompts, criteria=CRITERIA)


def votes(prompts: Sequence[str] = PROMPTS) -> list[Vote]:
    """Tone is overall by another name; clarity differs on every third prompt."""
    return [
        vote(p, "new", "base", {"tone": side, "overall": side, "clarity": "tie" if n % 3 == 0 else side})
        for n, p in enumerate(prompts)
        for side in ("a" if n % 2 else "b",)
    ]


def summary_of(study: Study, cast: Sequence[Vote], judged: Sequence[Verdict] = ()) -> dict[str, Any]:
    return summarise(study, votes_of(study, *cast), verdicts_of(study, *judged)).as_json()


def judged(judge: str) -> list[Verdict]:
    return [
        Verdict(judge=judge, prompt_id=p, system_a="new", system_b="base", outcomes=dict.fromkeys(KEYS, "a"))
        for p in PROMPTS
    ]


def test_the_published_judge_asked_one_question_twice(published_study: Any) -> None:
    study = read_study(published_study)
    summary = summary_of(study, (), study.verdicts)
    assert same_sentences(summary, Labels.of(study.config)) == [
        "Adoptability and overall are the same in all 100 pairs of judge gpt-4o: one question asked twice."
    ]


def test_the_map_has_half_the_square_and_the_table_the_rest() -> None:
    summary = summary_of(study_of(), votes())
    labels = Labels.of(study_of().config)
    section = correlation_section(summary, labels, Filters())
    assert section is not None and section.chart is not None and section.chart.figure is not None
    (trace,) = section.chart.figure["data"]
    found = summary["correlations"]["human"]
    share = {pair: one["equal"]["estimate"] for pair, one in found.items()}
    assert share["tone|overall"] == 1 and 0 < share["tone|clarity"] < 1
    assert trace["z"] == [[share["tone|clarity"], None], [share["tone|overall"], share["clarity|overall"]]]
    cells = [row[2] for row in section.tables[0].rows]
    assert [cell.text for cell in cells if isinstance(cell, Cell)] == [interval(one["equal"]) for one in found.values()]
    first = cells[0]
    pearson = found["tone|clarity"]["correlation_interval"]
    assert isinstance(first, Cell) and first.under[1] == f"correlation {decimal(pearson)}" and "[" in first.under[1]
    (row, *_) = csv.DictReader(io.StringIO(section.csv))
    assert [float(row[f"correlation_{end}"]) for end in ("low", "high")] == [pearson["low"], pearson["high"]]
    assert section.caution.startswith("Tone and overall are the same in all 12 pairs that people voted on")


def test_more_than_two_sources_are_in_the_table_alone() -> None:
    study = study_of()
    summary = summary_of(study, votes(), [*judged("i"), *judged("j"), *judged("baseline:first")])
    section = correlation_section(summary, Labels.of(study.config), Filters())
    assert section is not None and section.chart is not None and section.chart.figure is not None
    assert len(section.chart.figure["data"]) == 2 and len(section.tables[0].columns) == 2 + 4
    assert section.chart.left_out == ("In the table alone: j and baseline:first.",)
    assert section.caution == (
        "Tone and overall are the same in all 12 pairs that people voted on: one question asked twice."
    ), "nothing varies in what the judges said"


def test_two_criteria_are_told_in_words() -> None:
    study = small_study(PROMPTS, criteria=CRITERIA[1:])
    cast = [one.model_copy(update={"outcomes": {k: one.outcomes[k] for k in KEYS[1:]}}) for one in votes()]
    summary = summary_of(
        study, cast, [one.model_copy(update={"outcomes": {"overall": "a", "clarity": "b"}}) for one in judged("j")]
    )
    section = correlation_section(summary, Labels.of(study.config), Filters())
    assert section is not None and section.chart is not None and section.chart.figure is None
    people, judge = (summary["correlations"][source]["clarity|overall"] for source in ("human", "judge:j"))
    assert section.chart.words == (
        f"Clarity and overall have the same outcome in {interval(people['equal'])} of 12 pairs that people voted on; "
        f"the correlation of the outcomes is {decimal(people['correlation_interval'])}. "
        f"Clarity and overall have the same outcome in {interval(judge['equal'])} of 12 pairs of judge j."
    )
    assert len(section.tables[0].rows) == 1 and section.csv


def test_a_correlation_that_is_not_there_has_its_reason() -> None:
    study = study_of()
    section = correlation_section(summary_of(study, (), judged("j")), Labels.of(study.config), Filters())
    assert section is not None
    assert section.tables[0].notes == ("No correlation: all pairs have the same outcome on a criterion",)
    (row, *_) = csv.DictReader(io.StringIO(section.csv))
    assert (row["criterion"], row["of"], row["estimate"], row["correlation"]) == ("tone", "clarity", "1.0", "")


def test_few_pairs_are_not_called_the_same_question() -> None:
    study = study_of(PROMPTS[:4])
    assert same_sentences(summary_of(study, votes(PROMPTS[:4])), Labels.of(study.config)) == []


def test_one_criterion_or_no_answers_have_no_section() -> None:
    one = small_study(PROMPTS)
    labels = Labels.of(one.config)
    assert (
        correlation_section(summary_of(one, [vote(p, "new", "base", "a") for p in PROMPTS]), labels, Filters()) is None
    )
    assert correlation_section(summary_of(study_of(), ()), Labels.of(study_of().config), Filters()) is None
