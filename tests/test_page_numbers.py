"""Every number on the results page is in `ppai report --json` of the same study."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from page_numbers import (
    INTERVAL,
    SCOPE,
    TOKEN,
    Source,
    unexplained,
    unexplained_cells,
    unexplained_points,
)
from page_texts import UPRIGHT, Said, texts_of, texts_of_figure
from small_studies import small_study, verdict, vote
from typer.testing import CliRunner
from voted_study import SYSTEMS, voted_study

from eval import report as statistics
from ppai.__main__ import app
from ppai.schema import Arm, Assignment, Outcome, Scores, Study, StudyConfig, Vote
from ppai.source import open_source
from ppai.static_report.appendix import Making
from ppai.static_report.arms import arm_reports
from ppai.static_report.page import page_html
from ppai.store.base import ProbeAnswer
from ppai.store.sql import SqlStore
from ppai.studyfiles import write_general
from ppai.ui.report import Data, Report, make_report
from ppai.ui.results import report_view

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
SHOWING = ("prompt_id", "system_a", "system_b", "rater", "arm", "repeat")
MIRROR = {Outcome.A: Outcome.B, Outcome.B: Outcome.A, Outcome.TIE: Outcome.TIE}


class Shown:
    """A study's data and the JSON file that the command makes of it."""

    def __init__(self, address: str, file: Path) -> None:
        done = CliRunner().invoke(app, ["report", address, "--json", str(file)])
        assert done.exit_code == 0, done.output
        self.json: dict[str, Any] = json.loads(file.read_text("utf-8"))
        opened = open_source(address)
        self.data = Data(opened.study, opened.votes, opened.verdicts, opened.scores, opened.showings, opened.guesses)

    def report(self, **filters: str) -> Report:
        return make_report(self.data, filters, statistics)

    def source(self, report: Report) -> Source:
        arm = report.filters.arm
        own = self.json if arm == Arm.AS_IS.value else self.json["arms"][arm]
        beside = {name: (self.json[name] or {}).get(arm) for name in ("texts", "votes_by_time", "judge_counts")}
        whole = {name: self.json[name] for name in ("scores", "n_prompts", "n_outside", "n_outdated")}
        topics = tuple(dict.fromkeys(prompt.topic for prompt in self.data.study.prompts if prompt.topic))
        return Source({**own, **beside, **whole}, report.labels, topics, self.json)


def criteria_of(report: Report) -> dict[str, str]:
    """By section, the criterion that it shows, where it shows one."""
    found = {section.name: re.match(r"Criterion: ([^.,]*)", section.note) for section in report.sections}
    return {name: match[1] if match else "" for name, match in found.items()}


def said_on(report: Report) -> list[Said]:
    """All texts of the page: its HTML, and what stands in its figures."""
    view, on = report_view(report), criteria_of(report)
    parts = [part for part in view.parts if part[0] != "filters"]
    found = [said for name, html in parts for said in texts_of(name, html, on.get(name, ""))]
    return found + [said for name, figure in view.figures.items() for said in texts_of_figure(name, figure, on[name])]


def all_unexplained(shown: Shown, report: Report) -> list[str]:
    """What the page's texts, charts and files hold that the JSON does not."""
    source, on = shown.source(report), criteria_of(report)
    missing = unexplained(said_on(report), source)
    for section in report.sections:
        if section.chart is not None and section.chart.figure is not None:
            missing += unexplained_points(section.name, section.chart.figure, on[section.name], source)
        missing += unexplained_cells(section.name, section.csv, source)
    return missing


def everything(directory: Path) -> str:
    """A store's address, with all that a page can show: repeats, flags, judges, topics, scores, guesses, two arms."""
    study = voted_study(n_prompts=26, raters=4)
    config = StudyConfig(
        name="voted", systems=SYSTEMS, overlap=3, labelled="random", judge="strict-judge", format="both", results="open"
    )
    again = [_again(one, same=number % 4 > 0) for number, one in enumerate(study.votes) if one.outcomes]
    plain = [one.model_copy(update={"vote_id": f"{one.vote_id}-plain", "arm": Arm.PLAIN}) for one in study.votes[::2]]
    given = [
        Assignment(assignment_id=one.vote_id, draw="random", **{name: getattr(one, name) for name in SHOWING})
        for one in study.votes
    ]
    votes = (*study.votes, *again[::3], *plain)
    made = study.model_copy(update={"config": config, "votes": votes, "assignments": tuple(given)})
    store = SqlStore(f"sqlite:///{directory / 'ppai.db'}")
    store.load(made.model_copy(update={"scores": (scoring(made),)}))
    with store.work(made.name) as work:
        for number, one in enumerate(given[:40]):
            correct = None if number % 7 == 0 else number % 3 > 0
            work.add_probe(ProbeAnswer(one.assignment_id, one.rater, "a", correct, 0.0))
    store.close()
    return f"sqlite:///{directory / 'ppai.db'}"


def _again(one: Vote, *, same: bool) -> Vote:
    """A hidden repeat with the sides turned, which names the same systems or the same sides."""
    turned = {key: MIRROR[outcome] for key, outcome in one.outcomes.items()} if same else one.outcomes
    sides = {"system_a": one.system_b, "system_b": one.system_a}
    return one.model_copy(update={"vote_id": f"{one.vote_id}-again", "repeat": 1, "outcomes": turned} | sides)


def scoring(study: Study) -> Scores:
    """Figures of every form that the page writes: shares, counts, fractions, differences, and one that is missing."""
    rng = random.Random(5)

    def figure(scale: float) -> dict[str, Any]:
        estimate = scale * rng.random()
        return {"estimate": estimate, "low": 0.9 * estimate, "high": 1.2 * estimate, "n": 26, "method": "bootstrap"}

    scales = {"bleu": 0.1, "rouge1": 0.5, "words": 200.0, "characters": 1500.0, "list_share": 1.0, "questions": 3.0}
    systems = {system: {name: figure(scale) for name, scale in scales.items()} for system in study.config.system_ids}
    systems["tuned"]["bleu"] = {"estimate": None, "low": None, "high": None, "n": 0, "reason": "no match"}
    differences = {"tuned>plain": {name: figure(-scale) | {"p": rng.random()} for name, scale in scales.items()}}
    return Scores(name="s", references="answers", systems=systems, differences=differences)


def three_systems(directory: Path) -> str:
    """A directory with a study of three systems: ranks, strengths, several sequences."""
    rng, prompts = random.Random(2), [f"p{n}" for n in range(30)]
    study = small_study(prompts, ("base", "new", "other"), overlap=2)
    votes = [
        vote(p, a, b, rng.choice(["a", "a", "b", "tie"]), rater)
        for p in prompts
        for a, b in (("new", "base"), ("other", "base"), ("new", "other"))
        for rater in ("ann", "bea")
    ]
    verdicts = [verdict(p, "new", "base", rng.choice("ab")) for p in prompts]
    write_general(study.model_copy(update={"votes": tuple(votes), "verdicts": tuple(verdicts)}), directory / "three")
    return str(directory / "three")


STATES = {
    "everything": ({}, {"criterion": "clarity"}, {"arm": "plain"}),
    "three systems": ({}, {"matchup": "other>base"}),
    "the shipped study": ({},),
    "published": ({}, {"criterion": "creativity"}),
    "pandalm": ({"matchup": "opt-7b>bloom-7b"},),
}
"""States of the page's controls; of a topic, and without flagged raters, the JSON has no more than rates."""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Shown]:
    made: dict[str, Shown] = {}
    directory = tmp_path_factory.mktemp("numbers")
    addresses: dict[str, Callable[[], str]] = {
        "everything": lambda: everything(directory),
        "three systems": lambda: three_systems(directory),
        "the shipped study": lambda: str(ROOT / "data_to_share"),
        "published": lambda: str(SHARED / "published_study"),
        "pandalm": lambda: str(SHARED / "pandalm_study"),
    }

    def study(name: str) -> Shown:
        if name in ("published", "pandalm") and not SHARED.is_dir():
            pytest.skip("needs ../shared/data")
        if name not in made:
            made[name] = Shown(addresses[name](), directory / f"{name}.json")
        return made[name]

    return study


@pytest.mark.parametrize(("name", "filters"), [(name, state) for name, states in STATES.items() for state in states])
def test_every_number_of_the_page_is_in_the_json(
    studies: Callable[[str], Shown], name: str, filters: dict[str, str]
) -> None:
    shown = studies(name)
    assert all_unexplained(shown, shown.report(**filters)) == []


@pytest.mark.parametrize("name", ["everything", "three systems", "pandalm"])
def test_every_number_of_the_static_page_is_in_the_json(studies: Callable[[str], Shown], name: str) -> None:
    """With the tables of what a page with controls would let one choose."""
    shown = studies(name)
    arms = arm_reports(shown.data, statistics, None, shown.json)
    page = page_html(arms, shown.json, Making("ppai report", "0", {}))
    texts = 0
    for html, one in zip(page.split('<div data-arm="')[1:], arms, strict=True):
        source, on, prefix = shown.source(one.report), criteria_of(one.report), "" if one is arms[0] else f"{one.arm}-"
        parts = dict(
            re.findall(r'<section [^>]*aria-labelledby="(?:section-)?([\w-]+)[^>]*>(.*?)</section>', html, re.S)
        )
        assert {f"{prefix}{section.name}" for section in one.report.sections if section.tables} <= parts.keys()
        for part in ("answers", *on):
            said = texts_of(part, parts.get(prefix + part, ""), on.get(part, ""))
            assert unexplained(said, source) == []
            texts += len(said)
    assert texts > 400


def test_the_page_that_is_read_has_every_part(studies: Callable[[str], Shown]) -> None:
    """Else the test above would have nothing to find."""
    shown = studies("everything")
    report = shown.report()
    said = said_on(report)
    of_more = {"reference", "appearances", "leaderboard"}
    assert {one.part for one in said if TOKEN.search(one.text)} == SCOPE.keys() - of_more
    assert sum(len(TOKEN.findall(one.text)) for one in said) > 2000
    leads = " ".join(sentence for section in report.sections for sentence in section.lead)
    assert "hidden repeats" in leads and "Bang's index" in leads and "carries a flag" in leads
    ranked = {section.name for section in studies("three systems").report().sections}
    assert of_more <= ranked


def test_a_planted_number_is_found(studies: Callable[[str], Shown]) -> None:
    shown = studies("everything")
    report = shown.report()
    source = shown.source(report)
    people = shown.json["criteria"]["clarity"]["human"]["win_rate"]["tuned>plain"]
    right = f"{100 * people['estimate']:.0f}% [{100 * people['low']:.0f}, {100 * people['high']:.0f}]"
    wrong = f"{100 * people['estimate'] + 1:.0f}% [{100 * people['low']:.0f}, {100 * people['high']:.0f}]"
    head = "<thead><tr><th>Criterion</th><th>Source</th><th>Rate</th></tr></thead>"
    row = f"<table>{head}<tr><th>{{}}</th><th>people</th><td>{{}}</td></tr></table>"
    found = {
        (criterion, rate): unexplained(texts_of("shares", row.format(criterion, rate)), source)
        for criterion in ("Clarity", "Creativity")
        for rate in (right, wrong)
    }
    assert found.pop(("Clarity", right)) == []
    assert all(len(numbers) == 1 for numbers in found.values()), "another number, and the number of another criterion"


def test_a_point_that_is_drawn_elsewhere_is_found(studies: Callable[[str], Shown]) -> None:
    shown = studies("everything")
    report = shown.report()
    source, on = shown.source(report), criteria_of(report)
    for section in report.sections:
        if section.chart is None or section.chart.figure is None:
            continue
        figure = copy.deepcopy(section.chart.figure)
        trace = next(one for one in figure["data"] if one.get("hoverinfo") != "skip")
        values = trace.get("z") or trace["y" if section.name in UPRIGHT else "x"]
        row = values[0] if isinstance(values[0], list) else values
        row[0] += 0.001
        assert len(unexplained_points(section.name, figure, on[section.name], source)) == 1, section.name


def test_nearly_every_changed_number_is_found(studies: Callable[[str], Shown]) -> None:
    """Each number in the tables made one larger in its last digit, one at a time."""
    shown = studies("everything")
    report = shown.report()
    source = shown.source(report)
    cells = [one for one in said_on(report) if len(one.around) == 3]
    intervals = [one for one in cells if INTERVAL.search(source.strip(one.text))]
    assert _found(intervals, INTERVAL, source) > 0.97
    assert _found([one for one in cells if one not in intervals], TOKEN, source) > 0.5


def _found(cells: list[Said], pattern: re.Pattern[str], source: Source) -> float:
    """Of the first numbers of cells, the share that is missed when it is another one."""
    changed = [
        replace(one, text=one.text[: number.start()] + _larger(number.group()) + one.text[number.end() :])
        for one in cells
        if (number := pattern.search(one.text)) and one.text == source.strip(one.text)
    ]
    return sum(bool(unexplained([one], source)) for one in changed) / len(changed)


def _larger(number: str) -> str:
    """`71% [60, 78]` of `70% [60, 78]`."""
    estimate, bracket, rest = number.partition(" [")
    digit = max(place for place, sign in enumerate(estimate) if sign.isdigit())
    return f"{estimate[:digit]}{(int(estimate[digit]) + 1) % 10}{estimate[digit + 1 :]}{bracket}{rest}"
