"""One criterion's win rate is told as counted, at equal length and combined, with the reason where one is missing."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Criterion, Labelled, Study, Verdict, Vote
from ppai.ui.filters import Filters
from ppai.ui.forest import forest_section, rates_of
from ppai.ui.labels import Labels, Matchup, interval
from ppai.ui.sections import Section
from ppai.ui.table import Cell

PROMPTS = tuple(f"p{n:02d}" for n in range(60))
VOTED = PROMPTS[:30]
NEW_BASE = Matchup("new>base", "new", "base")
TWO = (Criterion(key="tone", question="Which is warmer?"), Criterion(key="overall", question="Which is better?"))
LENGTHS = {
    (p, s): 10 + (7 * n + 13 * (s == "new") * (n % 3 - 1)) % 40 for n, p in enumerate(PROMPTS) for s in ("base", "new")
}
ORDERS = (("base", "new"), ("new", "base"))


def votes(prompts: Sequence[str] = VOTED, wins: int = 20) -> list[Vote]:
    return [vote(p, "new", "base", "a" if n < wins else "b") for n, p in enumerate(prompts)]


def verdicts(judge: str = "j", **more: Any) -> list[Verdict]:
    """In both orders; every third prompt goes to base."""
    return [
        verdict(p, a, b, "a" if (a == "new") == bool(n % 3) else "b", judge=judge, **more)
        for n, p in enumerate(PROMPTS)
        for a, b in ORDERS
    ]


def summary_of(study: Study, cast: Sequence[Vote], judged: Sequence[Verdict] = ()) -> dict[str, Any]:
    return summarise(study, votes_of(study, *cast), verdicts_of(study, *judged)).as_json()


def section_of(study: Study, summary: dict[str, Any], key: str = "overall", matchup: str = "new>base") -> Section:
    labels = Labels.of(study.config).marked(summary)
    found = forest_section(summary, labels, Filters(criterion=key, matchup=matchup))
    assert found is not None
    return found


def points(section: Section) -> dict[str, float]:
    """Of each row by what its hover says."""
    assert section.chart is not None and section.chart.figure is not None
    data = section.chart.figure["data"][1:]
    return {text: x for trace in data for text, x in zip(trace["hovertext"], trace["x"], strict=True)}


def test_people_and_judges_stand_as_counted_at_equal_length_and_combined() -> None:
    study = small_study(PROMPTS, lengths=LENGTHS, labelled=Labelled.RANDOM)
    summary = summary_of(study, votes(), verdicts())
    section = section_of(study, summary)
    human, judge = (summary["criteria"]["overall"][source] for source in ("human", "judge:j"))
    combined = summary["criteria"]["overall"]["combined:j"]["win_rate"]["new>base"]
    assert combined["estimate"] is not None, combined
    drawn = {text.split("<br>")[1].split(":")[0]: x for text, x in points(section).items() if "people" in text}
    assert drawn == {
        "as counted": human["win_rate"]["new>base"]["estimate"],
        "at equal length": human["length_controlled"]["new>base"]["estimate"],
        "with j": combined["estimate"],
    }
    assert sum("<b>j</b>" in text for text in points(section)) == 2
    assert interval(judge["length_controlled"]["new>base"]) in str(section.tables[0].rows[1])


def test_each_kind_has_a_form_and_each_source_a_colour() -> None:
    study = small_study(PROMPTS, lengths=LENGTHS, labelled=Labelled.RANDOM)
    section = section_of(study, summary_of(study, votes(), verdicts()))
    assert section.chart is not None and section.chart.figure is not None
    looks = [(trace["marker"]["color"], trace["marker"]["symbol"]) for trace in section.chart.figure["data"][1:]]
    assert [form for _, form in looks] == ["circle", "diamond", "square", "circle", "diamond"]
    assert [colour for colour, _ in looks] == ["--ppai-chart-0"] * 3 + ["--ppai-chart-1"] * 2


def test_a_combination_that_may_not_be_computed_has_its_reason() -> None:
    study = small_study(PROMPTS, lengths=LENGTHS)
    section = section_of(study, summary_of(study, votes(), verdicts()))
    assert section.chart is not None
    assert any("people with j: it is not known that the pairs" in line for line in section.chart.left_out)
    assert "it is not known that the pairs" in section.tables[1].notes[0]


def test_lambda_and_the_votes_saved_stand_in_the_second_table() -> None:
    study = small_study(PROMPTS, lengths=LENGTHS, labelled=Labelled.RANDOM)
    summary = summary_of(study, votes(), verdicts())
    found = summary["criteria"]["overall"]["combined:j"]["matchups"]["new>base"]
    row = section_of(study, summary).tables[1].rows[0]
    assert (row[0], row[2:]) == (Cell("j"), ("30", "60", f"{found['lambda']:.2f}", f"{found['votes_saved']:,}"))
    few = found["warning"]
    assert few and section_of(study, summary).tables[1].notes == (few,)


def test_nobody_voted_so_nothing_is_combined() -> None:
    study = small_study(PROMPTS, lengths=LENGTHS)
    assert len(section_of(study, summary_of(study, [], verdicts())).tables) == 1


def test_a_system_that_is_always_longer_is_told_to_be_extrapolated() -> None:
    lengths = LENGTHS | {(p, "new"): 60 + n for n, p in enumerate(PROMPTS)}
    study = small_study(PROMPTS, lengths=lengths)
    section = section_of(study, summary_of(study, votes(), verdicts()))
    assert section.caution.startswith("new's response is the longer one in 100% of the pairs of people and j")
    assert "extrapolated" in section.caution and "⚠ extrapolated" in str(section.chart)
    apart = section_of(small_study(PROMPTS, lengths=LENGTHS), summary_of(study, [])).caution
    assert apart == ""


def test_no_rate_at_equal_length_is_not_called_extrapolated() -> None:
    study = small_study(PROMPTS, lengths={(p, "new"): 50 for p in PROMPTS})
    section = section_of(study, summary_of(study, votes()))
    assert section.caution == "" and section.chart is not None
    assert section.chart.left_out[0].startswith(
        "Not in the chart: people at equal length: the two lengths always differ"
    )


def test_holm_stands_beside_the_sign_test_where_there_are_several_criteria() -> None:
    one, two = small_study(PROMPTS, lengths=LENGTHS), small_study(PROMPTS, lengths=LENGTHS, criteria=TWO)
    cast = [vote(p, "new", "base", {"tone": "a", "overall": "a" if n < 19 else "b"}) for n, p in enumerate(VOTED)]
    summary = summary_of(two, cast)
    test = summary["criteria"]["overall"]["human"]["sign_test"]["new>base"]
    assert test["p"] > 0.05
    section = section_of(two, summary)
    keys = [column.key for column in section.tables[0].columns]
    row = section.tables[0].rows[0]
    cells = dict(zip(keys, row, strict=True))
    assert [getattr(cells[f"results.rate.{name}"], "text", "") for name in ("sign_test", "holm")] == [
        f"{test['p']:.3f}",
        f"{test['p_holm']:.3f}",
    ]
    assert len(section.more[0].rows) == 2
    alone = section_of(one, summary_of(one, votes()))
    assert "results.rate.holm" not in [column.key for column in alone.tables[0].columns] and alone.more == ()


def test_several_systems_have_a_row_each_and_the_chart_the_chosen_one() -> None:
    study = small_study(PROMPTS, ("base", "new", "other"), lengths=LENGTHS)
    cast = [*votes(), *(vote(p, "other", "base", "b") for p in VOTED)]
    section = section_of(study, summary_of(study, cast), matchup="other>base")
    assert [row[0] for row in section.tables[0].rows] == ["new against base", "other against base"]
    assert section.chart is not None and "other against base" in section.chart.words
    assert min(points(section).values()) < 0.1


def test_one_system_has_no_forest() -> None:
    study = small_study(PROMPTS, ("base",))
    assert forest_section(summary_of(study, []), Labels.of(study.config), Filters(criterion="overall")) is None


def test_without_answers_it_says_so_and_shows_no_row() -> None:
    study = small_study(PROMPTS)
    section = section_of(study, summary_of(study, []))
    assert section.chart is not None and section.chart.words == "There are no comparisons on overall yet."
    assert section.tables[0].rows == ()
    assert rates_of(summary_of(study, []), "overall", NEW_BASE) == []


def test_the_file_has_every_rate_with_its_test_and_its_reason() -> None:
    study = small_study(PROMPTS, lengths=LENGTHS)
    rows = list(csv.DictReader(io.StringIO(section_of(study, summary_of(study, votes(), verdicts())).csv)))
    by_name = {(row["source"], row["figure"]): row for row in rows}
    assert set(by_name) >= {
        ("people", "win_rate"),
        ("people", "length_controlled"),
        ("people with judge j", "win_rate"),
    }
    assert by_name["people", "win_rate"]["sign_test_p"] and not by_name["people with judge j", "win_rate"]["estimate"]
    assert by_name["people with judge j", "win_rate"]["reason"].startswith("it is not known")
