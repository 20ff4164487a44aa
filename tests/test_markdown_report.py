"""`ppai report --markdown`: the published README's tables for any study, as a reader of Markdown sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from small_studies import R1, R2, small_study, verdict, vote
from test_command import ran

from ppai.markdown import item, table, typed
from ppai.schema import Arm, Scores, Study, System
from ppai.studyfiles import write_general
from ppai.ui.labels import decimal
from ppai.ui.leaderboard import rank

HTML = MarkdownIt("commonmark").enable("table")


def markdown_of(study: Study, directory: Path) -> str:
    write_general(study, directory / "study")
    return ran("report", directory / "study", "--markdown")


def tables(markdown: str) -> dict[str, list[list[str]]]:
    """The rows of the first table under each heading, as a parser reads them."""
    found: dict[str, list[list[str]]] = {}
    for part in re.split(r"<h[23]>", HTML.render(markdown))[1:]:
        heading, rest = part.split("</h", 1)
        rows = re.findall(r"<tr>(.*?)</tr>", rest.split("</table>")[0], flags=re.S)
        found[heading] = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    return found


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1))
def test_a_text_is_read_as_it_was_typed(text: str) -> None:
    plain = " ".join(text.split())
    shown = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    assert HTML.render(f"a {typed(text)} b").strip() == f"<p>a {shown} b</p>"
    if plain:
        assert HTML.render(item(text)).strip() == f"<ul>\n<li>{shown}</li>\n</ul>"
        rows = HTML.render("\n".join(table(["x", "y"], [["1", text]])))
        assert f">{shown}</td>" in rows and rows.count("<td") == 2


def test_the_published_win_shares(published_study: Path) -> None:
    rows = tables(ran("report", published_study, "--markdown"))["Win shares"]
    assert rows[0] == ["Criterion", "Source", "base", "finetuned", "Tie", "Pairs"]
    shares = {row[0]: [cell.split()[0] for cell in row[2:5]] for row in rows[1:]}
    assert shares == {
        "Helpfulness": ["0.90", "0.10", "0.00"],
        "Empathy tone": ["0.30", "0.70", "0.00"],
        "Creativity": ["0.47", "0.48", "0.05"],
        "Clarity": ["0.90", "0.10", "0.00"],
        "Relatability": ["0.02", "0.98", "0.00"],
        "Adoptability": ["0.72", "0.28", "0.00"],
        "Overall": ["0.72", "0.28", "0.00"],
    }
    assert {(row[1], row[5]) for row in rows[1:]} == {("gpt-4o (saw names, one order)", "100")}


def test_people_and_judges_stand_side_by_side_with_the_numbers_of_the_json(tmp_path: Path) -> None:
    prompts = tuple(f"p{n}" for n in range(8))
    votes = [vote(p, "base", "new", "ab"[n % 4 == 0], rater) for n, p in enumerate(prompts) for rater in (R1, R2)]
    verdicts = [verdict(p, *order) for p in prompts for order in (("base", "new", "a"), ("new", "base", "b"))]
    study = small_study(prompts).model_copy(update={"votes": tuple(votes), "verdicts": tuple(verdicts)})
    found = tables(markdown_of(study, tmp_path))
    summary = json.loads(ran("report", tmp_path / "study", "--json", "-"))
    sources = summary["criteria"]["overall"]
    for row, name in zip(found["Win shares"][1:], ("human", "judge:j"), strict=True):
        figures = sources[name]
        for cell, share in zip(row[2:5], (*figures["shares"].values(), figures["tie_share"]), strict=True):
            assert cell == f"{share['estimate']:.2f} [{share['low']:.2f}, {share['high']:.2f}]"
        assert row[5] == str(figures["n"])
    between = summary["agreement"]["overall"]["human_human"]
    heads, people, judge = found["Agreement"]
    alpha = heads.index("Krippendorff's alpha")
    assert heads[alpha + 1] == "Gwet's AC1"
    assert people[alpha + 1].startswith(f"{between['gwet_ac1']['estimate']:.2f} [")
    assert people[1] == "people among themselves" and people[2].startswith("1.00 [")
    assert judge[1] == "j and people" and judge[-1].startswith("1.00 [")


def test_systems_by_criterion_where_there_are_several(pandalm_study: Path) -> None:
    rows = tables(ran("report", pandalm_study, "--markdown"))["Win shares"]
    assert len(rows) == 1 + 5 * 3
    assert rows[0][5] == "Win rate against llama-7b"
    assert [row[5] for row in rows[1:] if row[2] == "llama-7b"] == ["–"] * 3


def test_several_systems_open_with_ranks_and_have_a_leaderboard(tmp_path: Path) -> None:
    prompts = tuple(f"p{n}" for n in range(20))
    study = small_study(prompts, ("base", "new", "other", "alone"))
    votes = tuple(
        vote(p, a, b, "ab"[n % every == 0])
        for n, p in enumerate(prompts)
        for a, b, every in (("new", "base", 9), ("other", "base", 2), ("new", "other", 5))
    )
    unranked = markdown_of(study.model_copy(update={"votes": votes}), tmp_path / "four")
    assert unranked.index("Not ranked by people: ") < unranked.index("- new wins on overall against base")
    assert "Overall: Not ranked by people: " in unranked.split("### Leaderboard")[1]
    three = small_study(prompts, ("base", "new", "other")).model_copy(update={"votes": votes})
    markdown = markdown_of(three, tmp_path / "three")
    assert markdown.index("Ranks on overall by people: new rank 1") < markdown.index("- new wins")
    summary = json.loads(ran("report", tmp_path / "three" / "study", "--json", "-"))
    found = summary["criteria"]["overall"]["human"]["bradley_terry"]
    rows = tables(markdown)["Leaderboard"][1:]
    assert [row[2] for row in rows] == sorted(found, key=lambda name: -found[name]["estimate"])
    assert [row[3:] for row in rows] == [
        [rank(found[row[2]]).removeprefix("rank "), decimal(found[row[2]])] for row in rows
    ]


def test_metrics_have_a_row_a_system_as_they_were_published(tmp_path: Path) -> None:
    def figure(value: float | None, **more: float) -> dict[str, object]:
        if value is None:
            return {"estimate": None, "low": None, "high": None, "n": 3, "method": "none", "reason": "no words"}
        return {"estimate": value, "low": value - 0.01, "high": value + 0.01, "n": 3, "method": "bootstrap"} | more

    scores = Scores(
        name="answers",
        references="answers.csv",
        texts="another",
        signatures={"rouge": "rouge-score 0.1.2 | stemmed"},
        systems={
            "base": {"rouge1": figure(0.1774), "rougeL": figure(0.0977)},
            "new": {"rouge1": figure(0.2068), "rougeL": figure(None)},
        },
        differences={"new>base": {"rouge1": figure(0.0294, p=0.0004)}},
    )
    markdown = markdown_of(small_study().model_copy(update={"scores": (scores,)}), tmp_path)
    assert tables(markdown)["ROUGE against answers.csv"] == [
        ["System", "ROUGE-1", "ROUGE-L", "n"],
        ["base", "0.1774 [0.1674, 0.1874]", "0.0977 [0.0877, 0.1077]", "3"],
        ["new", "0.2068 [0.1968, 0.2168]", "–", "3"],
        ["new − base", "+0.0294 [0.0194, 0.0394], p &lt; 0.001", "–", "3"],
    ]
    assert "Made by rouge-score 0.1.2 | stemmed." in HTML.render(markdown)
    assert "earlier texts" in markdown


def test_each_arm_has_tables_of_its_own(tmp_path: Path) -> None:
    votes = (vote("p1", "base", "new", "a"), vote("p1", "base", "new", "b", arm=Arm.PLAIN))
    markdown = markdown_of(small_study(format="both").model_copy(update={"votes": votes}), tmp_path)
    headings = re.findall(r"^## .*", markdown, flags=re.M)
    assert headings == ["## Results: small", "## Results: small (responses with the format flattened)"]
    first, second = (re.findall(r"people \| (\S+)", part) for part in markdown.split("## Results: small (")[:2])
    assert (first, second) == (["1.00"], ["0.00"])


def test_nothing_yet_is_said_in_words(tmp_path: Path) -> None:
    markdown = markdown_of(small_study(), tmp_path)
    assert "There is nothing to say yet." in markdown and "No pair was compared." in markdown
    assert "|" not in markdown


@pytest.mark.parametrize("name", ["a|b", "<img src=x onerror=alert(1)>", "[x](javascript:y)", "1. x", "**x** `y`"])
def test_hostile_names_are_text(tmp_path: Path, name: str) -> None:
    study = small_study()
    config = study.config.model_copy(update={"systems": (System(id="base", name=name), System(id="new"))})
    votes = (vote("p1", "base", "new", "a"),)
    html = HTML.render(markdown_of(study.model_copy(update={"config": config, "votes": votes}), tmp_path))
    assert name.replace("<", "&lt;").replace(">", "&gt;") in html
    assert not re.search(r"<(img|a|strong|code|ol)\b", html)
