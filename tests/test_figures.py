"""Charts show the Summary's numbers, say in words what they lack the data for, and are figures that Plotly takes."""

import math
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go
from small_studies import small_study, verdict, verdicts_of, vote, votes_of

from eval.report import summarise
from ppai.schema import Study, Verdict, Vote
from ppai.ui import page
from ppai.ui.chart_layout import Chart, Group, Row, laid_out, legend_height
from ppai.ui.chart_names import LETTER, LONGEST_LABEL, MARK_ROW, NAME_ROW, label_width, short, tick
from ppai.ui.chart_theme import LIGHT, themed
from ppai.ui.figures import appearance_chart, reference_chart, share_chart, topic_chart
from ppai.ui.habit_figures import rater_chart, time_chart, votes_by_time
from ppai.ui.labels import Labels, Matchup

PROMPTS = tuple(f"p{n}" for n in range(10))
BOTH = ("human", "judge:j")


def summary_of(study: Study, votes: list[Vote], verdicts: list[Verdict] | None = None) -> dict[str, Any]:
    return summarise(study, votes_of(study, *votes), verdicts_of(study, *(verdicts or []))).as_json()


def voted(outcomes: str, **more: Any) -> list[Vote]:
    """A vote a prompt: `a` new wins, `b` base wins, `t` tie."""
    return [vote(f"p{n}", "new", "base", {"t": "tie"}.get(o, o), **more) for n, o in enumerate(outcomes)]


def drawn(chart: Chart) -> dict[str, Any]:
    """The figure, having shown that Plotly takes it with no colour left to fill in."""
    assert chart.figure is not None
    ready = themed(chart.figure)
    assert "--ppai" not in str(ready)
    go.Figure(ready)
    return chart.figure


def named(figure: dict[str, Any]) -> dict[str, Any]:
    """The traces that a legend would name."""
    return {trace["name"]: trace for trace in figure["data"] if "name" in trace}


def test_two_systems_are_bars_that_fill_the_width() -> None:
    study = small_study(PROMPTS)
    judge = [verdict(p, "base", "new", "a") for p in PROMPTS]
    chart = share_chart(summary_of(study, voted("aaaaaabbtt"), judge), Labels.of(study.config))
    bars = drawn(chart)["data"][:3]
    assert [bar["name"] for bar in bars] == ["new", "Tie", "base"]
    assert [bar["x"][0] for bar in bars] == [0.6, 0.2, 0.2]
    assert [bar["x"][1] for bar in bars] == [0.0, 0.0, 1.0]
    assert chart.figure is not None
    assert chart.figure["layout"]["yaxis"]["ticktext"] == ["people", "j"]
    assert "people and j" in chart.words


def test_the_interval_lies_above_the_bars_and_in_the_hover() -> None:
    study = small_study(PROMPTS)
    summary = summary_of(study, voted("aaaaaabbtt"))
    data = drawn(share_chart(summary, Labels.of(study.config)))["data"]
    share = summary["criteria"]["overall"]["human"]["shares"]["new"]
    assert math.isclose(data[3]["error_x"]["array"][0], share["high"] - share["estimate"])
    assert math.isclose(data[3]["error_x"]["arrayminus"][0], share["estimate"] - share["low"])
    assert f"new: 60% [{100 * share['low']:.0f}, {100 * share['high']:.0f}]" in data[0]["hovertext"][0]
    assert "10 pairs, 10 votes" in data[0]["hovertext"][0]


def test_a_number_is_hidden_only_where_its_bar_is_too_narrow() -> None:
    study = small_study(tuple(f"p{n}" for n in range(20)))
    figure = drawn(share_chart(summary_of(study, voted("a" + "b" * 19)), Labels.of(study.config)))
    assert [bar["text"] for bar in figure["data"][:3]] == [["5%"], [""], ["95%"]]
    assert {bar["constraintext"] for bar in figure["data"][:3]} == {"inside"}
    assert figure["layout"]["uniformtext"] == {"mode": "hide", "minsize": figure["data"][0]["textfont"]["size"]}
    assert figure["layout"]["xaxis"]["title"]["text"] == "share of pairs won"


def test_one_source_is_told_once_and_leaves_the_width_to_its_rows() -> None:
    study = small_study(PROMPTS)
    judge = [verdict(p, "base", "new", "a") for p in PROMPTS]
    alone = summary_of(study, [], judge)
    labels = Labels.of(study.config).marked(alone)
    layout = drawn(share_chart(alone, labels))["layout"]
    assert layout["legend"]["title"]["text"] == "by j (one order)" and layout["yaxis"]["ticktext"] == [""]
    topics = [("sleep", "judge:j", {"n": 10, "win_rate": alone["criteria"]["overall"]["judge:j"]["win_rate"]})]
    dots = drawn(topic_chart(topics, Matchup("new>base", "new", "base"), labels))["layout"]
    assert [note["text"] for note in dots["annotations"]] == ["<b>sleep</b>", "n 10", "by j (one order)"]
    both = drawn(share_chart(summary_of(study, voted("aaabbb"), judge), labels))["layout"]
    assert "title" not in both["legend"] and both["yaxis"]["ticktext"][0] == "people"
    assert layout["margin"]["l"] < both["margin"]["l"] / 2


def test_a_long_chart_has_its_scale_above_its_rows_too() -> None:
    study = small_study(PROMPTS)
    rate = {"estimate": 0.5, "low": 0.2, "high": 0.8, "n": 6, "method": "m"}
    matchup, labels = Matchup("new>base", "new", "base"), Labels.of(study.config)
    found = [(f"topic {n}", source, {"n": 6, "win_rate": {"new>base": rate}}) for n in range(20) for source in BOTH]
    figure = drawn(topic_chart(found, matchup, labels))
    below, above = (figure["layout"][name] for name in ("xaxis", "xaxis2"))
    assert (below["side"], above["side"], above["overlaying"]) == ("bottom", "top", "x")
    same = ("range", "tickvals", "ticktext")
    assert [above[name] for name in same] == [below[name] for name in same]
    assert above["title"]["text"] == below["title"]["text"] == "win rate of new against base"
    assert [trace["x"] for trace in figure["data"] if trace.get("xaxis") == "x2"] == [[None]], "else it is not drawn"
    short = drawn(topic_chart(found[:4], matchup, labels))["layout"]
    assert "xaxis2" not in short and short["margin"]["t"] < figure["layout"]["margin"]["t"]


def test_every_row_says_its_n() -> None:
    study = small_study(PROMPTS)
    layout = drawn(share_chart(summary_of(study, voted("aaabbb")), Labels.of(study.config)))["layout"]
    assert [note["text"] for note in layout["annotations"]] == ["<b>Overall</b>", "n 6"]


def test_too_little_is_said_in_words() -> None:
    study = small_study(PROMPTS)
    labels = Labels.of(study.config)
    none = share_chart(summary_of(study, []), labels)
    assert (none.figure, none.words) == (None, "There are no comparisons yet.")
    few = share_chart(summary_of(study, voted("aab")), labels)
    assert few.figure is None and "none has 5 pairs yet" in few.words
    some = share_chart(summary_of(study, voted("aab"), [verdict(p, "base", "new", "a") for p in PROMPTS]), labels)
    assert some.figure is not None
    assert some.left_out == ("Not drawn, with fewer than 5 pairs: Overall (people).",)


def test_several_systems_are_dots_against_the_reference_and_shares_of_their_own() -> None:
    study = small_study(PROMPTS, ("base", "new", "other"))
    votes = voted("aaaaaaaaaa") + [vote(p, "other", "base", "b") for p in PROMPTS]
    summary, labels = summary_of(study, votes), Labels.of(study.config)
    dots = drawn(reference_chart(summary, labels, "overall"))
    assert named(dots)["people"]["x"] == [1.0, 0.0]
    assert dots["layout"]["xaxis"]["title"]["text"] == "win rate against base"
    assert named(drawn(appearance_chart(summary, labels, "overall")))["people"]["x"] == [0.5, 1.0, 0.0]


def test_a_source_has_one_colour_in_every_chart_of_several_systems() -> None:
    study = small_study(PROMPTS, ("base", "new", "other"))
    told = [verdict(p, "new", "base", "a", judge=judge) for judge in "jkl" for p in PROMPTS]
    summary, labels = summary_of(study, voted("aaaaaaaaaa"), told), Labels.of(study.config)
    bars, dots = (named(drawn(make(summary, labels, "overall"))) for make in (appearance_chart, reference_chart))
    colours = {name: trace["marker"]["color"] for name, trace in bars.items()}
    assert colours == {name: trace["marker"]["color"] for name, trace in dots.items()}
    assert len(colours) == len(set(colours.values())) == 4


def test_topics_stand_in_their_order_with_every_source() -> None:
    study = small_study(PROMPTS)
    rate = {"estimate": 0.5, "low": 0.2, "high": 0.8, "n": 6, "method": "m"}
    few = rate | {"n": 2}
    found = [
        ("sleep", "human", {"n": 6, "win_rate": {"new>base": rate}}),
        ("food", "human", {"n": 6, "win_rate": {"new>base": rate}}),
        ("sleep", "judge:j", {"n": 6, "win_rate": {"new>base": rate}}),
        ("food", "judge:j", {"n": 2, "win_rate": {"new>base": few}}),
    ]
    chart = topic_chart(found, Matchup("new>base", "new", "base"), Labels.of(study.config))
    headings = [note["text"] for note in drawn(chart)["layout"]["annotations"] if note["text"].startswith("<b>")]
    assert headings == ["<b>sleep</b>", "<b>food</b>"]
    assert list(named(drawn(chart))) == ["people", "j"]
    assert chart.left_out == ("Not drawn, with fewer than 5 pairs: food (j).",)


def test_votes_over_time_are_counted_by_hour_or_day() -> None:
    start = 1_750_000_000.0
    figure = drawn(time_chart([start, start + 60, start + 7200]))
    assert figure["data"][0]["y"] == [2, 0, 1]
    starts, counts, unit = votes_by_time(np.array([start, start + 5 * 86400]))
    assert (len(starts), counts, unit) == (6, [1, 0, 0, 0, 0, 1], "day")
    assert time_chart([start, start + 60, start + 7200]).words == (
        "3 votes from 2025-06-15 15:00 to 2025-06-15 18:00 UTC, by hour; the most, 2, from 2025-06-15 15:00."
    )
    days = time_chart([start, start + 5 * 86400])
    assert drawn(days)["data"][0]["x"][0] == "2025-06-15" and "00:00" not in str(days)
    assert days.words == "2 votes from 2025-06-15 to 2025-06-20 UTC, by day; the most, 1, on 2025-06-15."
    assert time_chart([]).figure is None
    assert "Only one vote" in time_chart([start, math.nan]).words


def test_flagged_raters_stand_out_by_form() -> None:
    habits = {"n": 20, "share_a": 0.5, "median_seconds": 40.0, "flags": []}
    chart = rater_chart({"r1": habits, "r2": habits | {"flags": ["side_bias"], "share_a": 0.95}})
    assert [(name, trace["marker"]["symbol"]) for name, trace in named(drawn(chart)).items()] == [
        ("no flag", "circle"),
        ("flagged", "diamond-open"),
    ]
    assert rater_chart({}).words == "Nobody has voted yet."


def test_a_side_that_is_a_system_too_is_not_drawn_as_a_liking_for_it() -> None:
    study = small_study(PROMPTS)
    fixed = rater_chart(summary_of(study, voted("aaaaaabbtt"))["balance"]["raters"])
    assert fixed.figure is None and "stood on both sides" in fixed.words
    turned = [vote("p9", "base", "new", "a"), *voted("aaaaaabb")]
    data = named(drawn(rater_chart(summary_of(study, turned)["balance"]["raters"])))
    assert data["no flag"]["y"] == [7 / 9]


def test_a_systems_name_is_text_and_not_markup() -> None:
    study = small_study(PROMPTS, ("base", "new"))
    summary = summary_of(study, voted("aaaaaabbtt"))
    labels = Labels({"base": "base", "new": "<b>new</b>"}, {"overall": "over & all"}, "overall")
    figure = drawn(share_chart(summary, labels))
    assert "&lt;b&gt;new&lt;/b&gt;" in figure["data"][0]["hovertext"][0]
    assert figure["data"][0]["name"] == "&lt;b&gt;new&lt;/b&gt;"
    assert figure["layout"]["annotations"][0]["text"] == "<b>Over &amp; all</b>"


def test_light_colours_are_the_style_sheets() -> None:
    sheets = "".join((page.STATIC / name).read_text(encoding="utf-8") for name in ("tokens.css", "results.css"))
    light = "".join(re.findall(r":root \{(.*?)\}", sheets, re.DOTALL))
    written = dict(re.findall(r"(--ppai-[\w-]+): (#[0-9a-f]+);", light))
    assert {name: written[name] for name in LIGHT} == LIGHT


def test_a_judge_looks_the_same_with_people_and_without() -> None:
    rate = {"n": 6, "win_rate": {"new>base": {"estimate": 0.5, "low": 0.2, "high": 0.8, "n": 6, "method": "m"}}}
    labels, matchup = Labels.of(small_study(PROMPTS).config), Matchup("new>base", "new", "base")
    both = topic_chart([("sleep", "human", rate), ("sleep", "judge:j", rate)], matchup, labels)
    alone = topic_chart([("sleep", "judge:j", rate)], matchup, labels)
    assert named(drawn(both))["j"]["marker"] == named(drawn(alone))["j"]["marker"]


def test_a_judge_that_saw_names_or_one_order_is_warned_of_at_its_rows() -> None:
    study = small_study(PROMPTS)
    seen = [verdict(p, "base", "new", "a", named=True) for p in PROMPTS]
    orders = (("base", "new"), ("new", "base"))
    blind = [verdict(p, *order, "a", judge="blind") for p in PROMPTS for order in orders]
    summary = summary_of(study, voted("aaaaaabbtt"), [*seen, *blind])
    chart = share_chart(summary, Labels.of(study.config).marked(summary))
    layout = drawn(chart)["layout"]
    warned = [text for text in layout["yaxis"]["ticktext"] if "⚠" in text]
    assert len(warned) == 1 and warned[0].startswith("j<br>") and "⚠ saw names, one order" in warned[0]
    unmarked = drawn(share_chart(summary, Labels.of(study.config)))["layout"]
    assert layout["height"] > unmarked["height"], "a warning has room of its own"
    assert "j (saw names, one order)" in chart.words and "<b>Overall</b>, j (saw names, one order)" in str(chart.figure)


def test_long_names_are_shortened_where_judges_seldom_differ() -> None:
    names = ["openai:gpt-4o-2024-05-13", "openai:gpt-4o-2024-08-06", "local:smollm2-135m-instruct"]
    assert [short(name) for name in names] == ["openai:…24-05-13", "openai:…24-08-06", "local:s…instruct"]
    assert short("openai:gpt-4o") == "openai:gpt-4o"


def test_long_headings_stand_in_full_in_lines_and_long_words_beside_rows_have_room() -> None:
    start = "A very long system name that goes on and on, "
    groups = [Group(start + end, (Row("people", {"n": 20}, "human"),)) for end in ("one", "two")]
    layout = laid_out(groups)[1]
    headings = [note["text"] for note in layout["annotations"] if note["text"].startswith("<b>")]
    assert [text[3:-4].replace("<br>", " ") for text in headings] == [start + "one", start + "two"]
    assert max(len(line) for text in headings for line in text[3:-4].split("<br>")) <= 36
    brief = [Group(end, groups[0].rows) for end in ("one", "two")]
    assert layout["height"] > laid_out(brief)[1]["height"]
    wide = laid_out(brief, beside=lambda _: "rank 10–20")[1]
    assert wide["margin"]["r"] >= 7 * len("rank 10–20") > laid_out(brief)[1]["margin"]["r"]
    assert legend_height(("new", "Tie", "base")) < legend_height((start, "Tie", start))


def test_a_long_warning_under_a_name_is_in_lines_that_leave_the_bars_room() -> None:
    mark = "saw names, one order, mixed prompts or models"
    marked, plain_row = (Row("gpt-4o", {"n": 20}, "judge:gpt-4o", text) for text in (mark, ""))
    assert tick(marked.label, marked.mark).count("<br>") == 2 and mark.split(", ")[0] in tick(marked.label, marked.mark)
    assert label_width(marked.label, marked.mark) <= 150
    heights = [laid_out([Group("Overall", (row,))])[1]["height"] for row in (marked, plain_row)]
    assert heights[0] - heights[1] == 2 * MARK_ROW


def test_a_long_name_of_a_row_stands_whole_in_lines_and_makes_its_row_higher() -> None:
    name = "meta-llama/Llama-3.1-8B-Instruct"
    assert tick(name, "").replace("<br>", "") == name and tick("llama-7b", "") == "llama-7b"
    assert all(len(line) <= LONGEST_LABEL for line in tick(name, "").split("<br>"))
    assert label_width(name, "") <= LETTER * LONGEST_LABEL
    whole, brief = (laid_out([Group("g", (Row(label, {"n": 9}, "human"),))])[1] for label in (name, "llama-7b"))
    assert whole["height"] - brief["height"] == NAME_ROW * tick(name, "").count("<br>") > 0
    assert "…" in tick("x" * 200, "")


def test_of_many_sources_the_chart_of_topics_has_the_first_two_and_names_the_rest() -> None:
    rate = {"n": 6, "win_rate": {"new>base": {"estimate": 0.5, "low": 0.2, "high": 0.8, "n": 6, "method": "m"}}}
    sources = ("judge:baseline:first", "judge:i", "judge:j", "human")
    labels = Labels.of(small_study(PROMPTS).config)
    chart = topic_chart([("sleep", source, rate) for source in sources], Matchup("new>base", "new", "base"), labels)
    assert list(named(drawn(chart))) == ["people", "i"]
    assert chart.left_out == ("In the table alone: j and baseline:first.",)


def test_a_long_name_of_an_axis_is_in_lines() -> None:
    names = {"base": "the reference with a long name", "new": "a system whose name is long too"}
    labels = Labels(names, {"overall": "overall"}, "overall")
    rate = {"n": 6, "win_rate": {"new>base": {"estimate": 0.5, "low": 0.2, "high": 0.8, "n": 6, "method": "m"}}}
    layout = drawn(topic_chart([("sleep", "human", rate)], Matchup("new>base", "new", "base"), labels))["layout"]
    lines = layout["xaxis"]["title"]["text"].split("<br>")
    assert len(lines) > 1 and max(map(len, lines)) <= 34
    assert layout["margin"]["b"] > 48
