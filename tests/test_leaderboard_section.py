"""The leaderboard shows the ranks that the data allow, and says why a source ranks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from small_studies import small_study, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Study, Vote
from ppai.ui.filters import Filters
from ppai.ui.labels import Labels, decimal
from ppai.ui.leaderboard import MOST_ROWS, leaderboard_chart, leaderboard_section, rank, ranks_in_words
from ppai.ui.sections import Section

PROMPTS = tuple(f"p{n:02d}" for n in range(60))
SYSTEMS = ("weak", "middle", "strong", "equal")


def votes(systems: Sequence[str] = SYSTEMS) -> list[Vote]:
    """Strong wins nearly always, weak nearly never; middle and equal are alike."""
    worth = {"weak": 0, "middle": 1, "equal": 1, "strong": 3}
    cast = []
    for n, prompt in enumerate(PROMPTS):
        for a, b in combinations(systems, 2):
            wins = bool(n % 2) if worth[a] == worth[b] else (worth[a] > worth[b]) == bool(n % 6)
            cast.append(vote(prompt, a, b, "a" if wins else "b"))
    return cast


def summary_of(study: Study, cast: Sequence[Vote]) -> dict[str, Any]:
    return summarise(study, votes_of(study, *cast), verdicts_of(study)).as_json()


def section_of(study: Study, cast: Sequence[Vote]) -> Section:
    summary = summary_of(study, cast)
    section = leaderboard_section(
        summary["criteria"]["overall"], summary, Labels.of(study.config), Filters(criterion="overall")
    )
    assert section is not None
    return section


def test_two_systems_have_no_leaderboard() -> None:
    study = small_study(PROMPTS)
    summary = summary_of(study, [vote(p, "new", "base", "a") for p in PROMPTS])
    assert leaderboard_section(summary["criteria"]["overall"], summary, Labels.of(study.config), Filters()) is None


def test_the_strongest_stands_first_with_the_ranks_it_may_have() -> None:
    study = small_study(PROMPTS, SYSTEMS)
    summary, section = summary_of(study, votes()), section_of(study, votes())
    found = summary["criteria"]["overall"]["human"]["bradley_terry"]
    rows = section.tables[0].rows
    assert (rows[0][0], rows[-1][0]) == ("strong", "weak")
    assert [row[1:] for row in rows] == [
        (rank(found[str(row[0])]).removeprefix("rank "), decimal(found[str(row[0])])) for row in rows
    ]
    assert rank(found["strong"]) == "rank 1" and rank(found["middle"]) == rank(found["equal"]) == "rank 2–3"
    assert section.chart is not None and section.chart.figure is not None
    trace = section.chart.figure["data"][1]
    assert trace["x"] == sorted((one["estimate"] for one in found.values()), reverse=True)
    beside = [note["text"] for note in section.chart.figure["layout"]["annotations"] if "rank" in note["text"]]
    assert beside[0] == "rank 1"


def test_every_difference_is_folded_with_how_surely_the_first_is_better() -> None:
    study = small_study(PROMPTS, SYSTEMS)
    section = section_of(study, votes())
    rows = {row[0]: row for row in section.more[0].rows}
    assert len(rows) == 6 and section.more_key == "results.differences"
    human = summary_of(study, votes())["criteria"]["overall"]["human"]
    for key, difference in human["bradley_terry_differences"].items():
        assert rows[key.replace(">", " against ")][1:] == (decimal(difference), f"{100 * human['p_better'][key]:.0f}%")


def test_systems_that_nothing_connects_are_named() -> None:
    study = small_study(PROMPTS, ("base", "new", "other"))
    section = section_of(study, [vote(p, "new", "base", "a") for p in PROMPTS])
    assert section.chart is not None and section.chart.figure is None and section.tables == ()
    assert section.chart.words.startswith("Not ranked by people: ") and "other" in section.chart.words


def test_resamples_that_needed_a_prior_are_said() -> None:
    study = small_study(PROMPTS, ("base", "new", "other"))
    cast = [vote(p, "new", "base", "a" if n else "b") for n, p in enumerate(PROMPTS)]
    cast += [vote(p, "other", "base", "a" if n % 2 else "b") for n, p in enumerate(PROMPTS)]
    degenerate = summary_of(study, cast)["criteria"]["overall"]["human"]["n_degenerate"]
    assert degenerate > 0
    assert f"kept under a small prior: {degenerate:,} of people" in section_of(study, cast).note


def test_no_comparisons_are_said() -> None:
    study = small_study(PROMPTS, SYSTEMS)
    section = section_of(study, [])
    assert section.chart is not None and section.chart.words == "There are no comparisons on overall yet."


def test_hundreds_of_systems_leave_a_chart_that_can_be_read() -> None:
    names = [f"s{n:03d}" for n in range(MOST_ROWS + 40)]
    strength = {"low": -1.0, "high": 1.0, "n": 50, "method": "m", "rank_low": 1, "rank_high": 100}
    one = {"bradley_terry": {name: strength | {"estimate": n / 200} for n, name in enumerate(names)}}
    labels = Labels({name: name for name in names}, {"overall": "overall"}, "overall")
    chart = leaderboard_chart({"human": one, "judge:j": one}, labels, "overall")
    assert chart.figure is not None and len(chart.figure["data"]) == 2
    assert len(chart.figure["data"][1]["x"]) == MOST_ROWS
    assert chart.left_out == (
        f"Drawn for people alone, the {MOST_ROWS} strongest; the table has every system and what other sources say.",
    )


def test_ranks_are_said_in_words_the_strongest_first() -> None:
    study = small_study(PROMPTS, SYSTEMS)
    summary, labels = summary_of(study, votes()), Labels.of(study.config)
    (sentence,) = ranks_in_words(summary["criteria"]["overall"], summary, labels, "overall")
    assert sentence.startswith("Ranks on overall by people: strong rank 1, ") and sentence.endswith("weak rank 4.")
    names = [f"s{n}" for n in range(7)]
    strength = {"low": -1.0, "high": 1.0, "n": 50, "method": "m", "rank_low": 1, "rank_high": 7}
    one = {"bradley_terry": {name: strength | {"estimate": -n} for n, name in enumerate(names)}}
    (sentence,) = ranks_in_words({"human": one}, summary, labels, "overall")
    assert sentence.endswith("s4 rank 1–7 and 2 more, which the table has.")
