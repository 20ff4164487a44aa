"""`ppai report --html`: one page that opens from a file, asks nobody for anything, and shows what the JSON holds."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, expect
from small_studies import R1, R2, small_study, verdict, vote
from test_browser_accessibility import dark, fits, violations
from test_command import ran
from visits import LAPTOP, PHONE, Visits
from voted_study import EVIL, KEYS, voted_study

from eval import report as statistics
from ppai.errors import PPAIError
from ppai.frames import verdict_frame, vote_frame
from ppai.schema import Arm, Study, VoteStatus
from ppai.source import Source, open_source
from ppai.static_report.appendix import Making
from ppai.static_report.arms import arm_reports
from ppai.static_report.digest import data_digest
from ppai.static_report.methods import METHODS, methods_of
from ppai.static_report.page import page_html
from ppai.store.sql import SqlStore
from ppai.studyfiles import write_general
from ppai.ui.labels import interval
from ppai.ui.report import Data
from ppai.ui.report_view import section_html

PROMPTS = tuple(f"p{n}" for n in range(12))
NAME = f"voted {EVIL}"


@dataclass(frozen=True)
class Made:
    """The files of a report."""

    directory: Path

    @property
    def page(self) -> str:
        return (self.directory / "index.html").read_text("utf-8")

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / "summary.json").read_text("utf-8"))
        return found

    def open(self, visits: Visits, size: dict[str, int] | None = None, **options: Any) -> Page:
        """In a browser that has no network."""
        page = visits.page(size, offline=True, **options)
        page.goto((self.directory / "index.html").as_uri())
        return page


def study_of_two_arms() -> Study:
    """Rated as written and, by one person, with its format flattened; its name, a system and a topic are hostile."""
    study = voted_study(16)
    again = [
        one.model_copy(update={"vote_id": f"plain-{one.vote_id}", "arm": Arm.PLAIN})
        for one in study.votes
        if one.rater == "rater1" and one.status is VoteStatus.SUBMITTED
    ]
    config = study.config.model_copy(update={"name": NAME})
    return study.model_copy(update={"config": config, "votes": (*study.votes, *again)})


def report_of(study: Study, directory: Path, *options: str) -> Made:
    write_general(study, directory / "study")
    ran("report", directory / "study", "--html", directory / "made", *options)
    return Made(directory / "made")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return report_of(study_of_two_arms(), tmp_path_factory.mktemp("report"))


def of_three_systems() -> Study:
    prompts = tuple(f"p{n}" for n in range(12))
    study = small_study(prompts, ("base", "new", "newer"))
    votes = [
        vote(prompt, a, b, "ab"[n % 3 == k % 3], rater)
        for n, prompt in enumerate(prompts)
        for k, (a, b) in enumerate((("base", "new"), ("base", "newer"), ("new", "newer")))
        for rater in (R1, R2)
    ]
    return study.model_copy(update={"votes": tuple(votes)})


def drawn(page: Page) -> int:
    """How many charts there are, all of them drawn as for paper."""
    places = page.locator("[data-figure]").count()
    page.evaluate("for (const name of ['beforeprint', 'afterprint']) dispatchEvent(new Event(name))")
    expect(page.locator("[data-figure][data-drawn] svg.main-svg:first-child")).to_have_count(places)
    return places


# The file


def test_the_same_study_gives_the_same_bytes(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_general(study_of_two_arms(), tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    ran("report", "study", "--html", "one", "--json", "summary.json")
    ran("report", "study", "--html", tmp_path / "deep" / "two")
    for name in ("index.html", "summary.json", "README.md"):
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "deep" / "two" / name).read_bytes()
        assert str(tmp_path).encode() not in content
    assert (tmp_path / "one" / "summary.json").read_bytes() == (tmp_path / "summary.json").read_bytes()
    typed = "ppai report study --html DIR"
    assert Made(tmp_path / "one").page == re.sub(r"ppai report \S+ --html DIR", typed, made.page)


def test_nothing_of_it_is_fetched_and_nothing_of_the_study_is_markup(made: Made) -> None:
    page = made.page
    assert len(re.findall(r"<script[ >]", re.sub(r"<script>.*?</script>", "<script></script>", page, flags=re.S))) == 4
    assert "default-src 'none'" in page and "script-src 'sha256-" in page
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.S).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|<img|<link|<iframe|\bon\w+=[\"']", outside)
    assert "&lt;script&gt;alert" in outside


def test_a_space_can_show_it(made: Made) -> None:
    _, front, _ = (made.directory / "README.md").read_text("utf-8").split("---\n")
    told = yaml.safe_load(front)
    assert (told["sdk"], told["app_file"], told["title"]) == ("static", "index.html", f"Results: {NAME}")
    assert len(told["short_description"]) <= 60


def test_no_other_readme_is_written_over(made: Made, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# A project\n", "utf-8")
    with pytest.raises(PPAIError, match="is not the README of a report"):
        ran("report", made.directory.parent / "study", "--html", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["README.md"]
    ran("report", made.directory.parent / "study", "--html", made.directory)


def test_every_method_of_the_summary_is_told_with_its_sources(made: Made) -> None:
    summary, page = made.summary, made.page
    told = {method for _, methods in methods_of(summary) for method in methods}
    assert told == set(interval_methods(summary)) and told
    for method in told:
        assert method.replace("'", "&#x27;") in page
    figures = {method.figure for method, _ in methods_of(summary)}
    assert {"Win rates and shares", "Topics", "Agreement"} <= figures
    assert not figures & {"Bradley-Terry strengths", "The blinding index"}
    assert len({key for method in METHODS for key in method.keys}) == sum(len(method.keys) for method in METHODS)


def interval_methods(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("estimate") is not None and value.get("method"):
            yield value["method"]
        for inner in value.values():
            yield from interval_methods(inner)


def test_versions_seeds_and_the_command_are_told(made: Made) -> None:
    text = re.sub(r"<[^>]+>", " ", made.page[made.page.rindex('id="making"') :])
    for word in ("PPAI 0.", "Python 3.", "numpy ", "scipy ", "pandas ", "plotly ", "--html DIR"):
        assert word in text
    assert "Seed of" not in text, "nothing of two systems was drawn at random"


def test_the_seeds_are_of_what_was_drawn(tmp_path: Path) -> None:
    page = report_of(of_three_systems(), tmp_path).page
    assert "<dt>Seed of Bradley-Terry strengths</dt><dd>0, 1,000 bootstrap replicates</dd>" in page
    assert page.count("<dt>Seed of") == 1


def test_the_digest_is_of_the_data_wherever_they_are(tmp_path: Path) -> None:
    study = of_three_systems()
    write_general(study, tmp_path / "study")
    store = SqlStore(f"sqlite:///{tmp_path / 'ppai.db'}")
    store.load(study)
    store.close()
    files, stored = open_source(str(tmp_path / "study")), open_source(f"sqlite:///{tmp_path / 'ppai.db'}")
    assert data_digest(data_of(files)) == data_digest(data_of(stored))
    without = data_of(files)._replace(votes=files.votes.iloc[1:])
    assert data_digest(without) != data_digest(data_of(files))


def data_of(source: Source) -> Data:
    return Data(source.study, source.votes, source.verdicts, source.scores, source.showings, source.guesses)


# The numbers


class Tables(HTMLParser):
    """The rows of each table by its caption, as text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._within: str | None = None
        self._text = ""
        self.feed(re.sub(r"<script.*?</script>", "", page, flags=re.S))

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("caption", "th", "td"):
            self._within, self._text = tag, ""
        elif tag == "tr":
            self._rows.append([])

    def handle_data(self, data: str) -> None:
        self._text += data if self._within else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "caption":
            self._rows = self.tables[self._text] = []
        elif tag in ("th", "td"):
            self._rows[-1].append(self._text)
        if tag == self._within:
            self._within = None


def test_the_tables_hold_the_numbers_of_the_json(made: Made) -> None:
    rows = Tables(made.page).tables["Shares of pairs won, with 95% intervals"][1:]
    criteria = made.summary["arms"]["plain"]["criteria"]
    assert len(rows) == len(KEYS)
    for row, key in zip(rows, KEYS, strict=True):
        figures = criteria[key]["human"]
        assert row[2:6] == [
            interval(figures["shares"]["tuned"]),
            interval(figures["tie_share"]),
            interval(figures["shares"]["plain"]),
            interval(figures["win_rate"]["tuned>plain"]),
        ]
        assert row[6] == str(figures["n"])


def test_other_criteria_have_their_tables_once(made: Made) -> None:
    tables = Tables(made.page).tables
    for key in KEYS:
        name = key.replace("_", " ")
        assert f"Win rate of Tuned <b> against Plain & simple on {name} by topic, with 95% intervals" in tables
    study = study_of_two_arms()
    data = Data(study, vote_frame(study.votes, KEYS), verdict_frame(study.verdicts, KEYS))
    for one in arm_reports(data, statistics, "clarity"):
        assert one.report.filters.criterion == "clarity"
        for section in one.report.sections:
            others = one.others.get(section.name, ())
            assert not set(section.tables) & set(others) and len(set(others)) == len(others)


def test_arms_are_never_pooled(made: Made) -> None:
    page = made.page
    first, second = page.index('<div data-arm="as_is">'), page.index('<div data-arm="plain">')
    ids = re.findall(r' id="([^"]+)"', page[: page.index("<script type")])
    assert first < second and len(set(ids)) == len(ids)
    alone = f"{made.summary['arms']['plain']['criteria']['overall']['human']['n_votes']} votes by 1 person"
    assert alone in page[second : page.index('id="methods"')] and alone not in page[first:second]
    links = re.findall(r'href="#([^"]+)"', page)
    assert len(links) > 10 and set(links) <= set(ids)


def test_texts_times_judges_and_scores_stand_in_the_json(made: Made) -> None:
    summary = made.summary
    assert summary["n_prompts"] == 16 and summary["scores"] == []
    assert set(summary["texts"]) == set(summary["votes_by_time"]) == {"as_is", "plain"}
    assert summary["texts"]["as_is"]["systems"]["tuned"]["n"] == 16
    times = summary["votes_by_time"]["as_is"]
    assert times["unit"] == "day" and sum(times["counts"].values()) == times["n"] > 16
    assert summary["judge_counts"]["as_is"]["judge:strict-judge"]["n_verdicts"] == 32
    assert summary["judge_counts"]["plain"] == {}


def test_sections_stand_under_their_arm_and_the_study_names_the_page(made: Made) -> None:
    page = made.page[: made.page.index("<div><section")]
    first, second = page.split('<div data-arm="plain">')
    assert re.findall(r"<h1[^>]*>([^<]*)", page) == [escape(NAME)]
    assert re.findall(r"<h([23])", first) == ["2"] * first.count("<section")
    assert re.findall(r"<h([23])", second) == ["2", *["3"] * second.count("<section")]


def test_what_has_nothing_to_show_is_left_out(tmp_path: Path) -> None:
    page = report_of(small_study(("p1",), topics={"p1": "sleep"}), tmp_path).page
    sections = re.findall(r'data-section="(\w+)"', page)
    assert sections == ["texts"], sections
    assert "have fewer than" not in page and "<tbody></tbody>" not in page
    assert set(re.findall(r'href="#section-(\w+)"', page)) == set(sections)


def test_notes_speak_of_controls_only_where_there_are_some(made: Made) -> None:
    assert "chosen above" not in made.page[: made.page.index('id="report-data"')]
    study = study_of_two_arms()
    data = Data(study, vote_frame(study.votes, KEYS), verdict_frame(study.verdicts, KEYS))
    (topics,) = (one for one in arm_reports(data, statistics)[0].report.sections if one.name == "topics")
    assert section_html(topics).count("This part has all topics, whatever is chosen above.") == 1


# In a browser


def test_a_row_keeps_its_names_while_its_numbers_are_scrolled_on_a_phone(made: Made, visits: Visits) -> None:
    page = made.open(visits, PHONE)
    table = page.locator('[data-section="shares"] .ppai-scroll').first
    row = table.locator("tbody tr").first
    row.scroll_into_view_if_needed()
    name, number = row.locator("th").first, row.locator("td").last
    expect(number).not_to_be_in_viewport()
    before = name.bounding_box()
    table.evaluate("one => { one.scrollLeft = one.scrollWidth; }")
    expect(number).to_be_in_viewport()
    assert name.bounding_box() == before
    expect(row.locator("th:visible")).to_have_count(1)
    assert name.evaluate("one => getComputedStyle(one, '::after').content") == '"people"'
    page.set_viewport_size(LAPTOP)
    expect(row.locator("th").nth(1)).to_be_visible()
    assert name.evaluate("one => getComputedStyle(one, '::after').content") == "none"


@pytest.mark.parametrize(("size", "scheme"), [(LAPTOP, "light"), (PHONE, "dark")], ids=["1280-light", "375-dark"])
def test_it_opens_without_a_network_in_any_look(made: Made, visits: Visits, size: dict[str, int], scheme: str) -> None:
    page = made.open(visits, size, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    assert drawn(page) >= 8
    assert dark(page) is (scheme == "dark")
    assert fits(page)
    assert violations(page) == []
    assert not [url for url in asked if not url.startswith(("data:", "blob:"))]


def test_hostile_names_are_text(made: Made, visits: Visits) -> None:
    page = made.open(visits)
    expect(page.get_by_test_id("study")).to_have_text(NAME)
    expect(page.get_by_text("Tuned <b>").first).to_be_attached()
    assert page.title() == f"{NAME} · PPAI"
    drawn(page)
    expect(page.locator("img")).to_have_count(0)


def test_unbroken_names_stay_within_a_narrow_page(visits: Visits, tmp_path: Path) -> None:
    long = "onerror=window.unbroken" * 3
    study = small_study(PROMPTS, ("base", long), name=long)
    votes = tuple(vote(prompt, long, "base", "a") for prompt in PROMPTS)
    page = report_of(study.model_copy(update={"votes": votes}), tmp_path).open(visits, PHONE)
    drawn(page)
    assert fits(page)
    within = "items => items.every(one => one.scrollWidth <= one.clientWidth)"
    assert page.locator(".ppai-answers p, .ppai-answers, .ppai-study").evaluate_all(within)


def test_its_policy_lets_no_other_script_run_and_asks_nobody(made: Made, visits: Visits) -> None:
    visits.tolerate("Content Security Policy", "violates the following")
    page = made.open(visits)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<i onclick=\"window.ran = 1\">x</i>')")
    page.evaluate("document.querySelector('body > i').click()")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'asked', () => 'refused')") == "refused"
    assert page.evaluate("fetch('data:text/plain,x').then(() => 'asked', () => 'refused')") == "refused"


def test_without_scripts_every_table_and_sentence_is_there(made: Made, visits: Visits) -> None:
    page = made.open(visits, java_script_enabled=False)
    expect(page.get_by_test_id("answers").first).to_be_visible()
    expect(page.get_by_text("scripts are off").first).to_be_visible()
    expect(page.locator(".ppai-chart:visible, .ppai-saves:visible")).to_have_count(0)
    page.locator("details:not([open]) > summary").first.click()
    expect(page.locator('[data-section="shares"] table').first).to_be_visible()
    expect(page.get_by_role("heading", name="Methods")).to_be_visible()


def test_tables_and_charts_are_saved_from_the_file(made: Made, visits: Visits) -> None:
    page = made.open(visits, accept_downloads=True)
    for name, arm in (("shares", "as_is"), ("plain-shares", "plain")):
        section = page.locator(f'[data-section="{name}"]')
        with page.expect_download() as saving:
            section.get_by_role("button", name="CSV").click()
        rows = list(csv.DictReader(io.StringIO(Path(saving.value.path()).read_text("utf-8-sig"))))
        assert {row["arm"] for row in rows} == {arm}
        with page.expect_download() as saving:
            section.get_by_role("button", name="PNG").click()
        image = Path(saving.value.path()).read_bytes()
        assert image.startswith(b"\x89PNG") and len(image) > 20_000
    expect(page.get_by_role("button", name="HTML")).to_have_count(0)


# Studies of other shapes


@pytest.mark.parametrize(
    ("study", "charts", "said"),
    [
        pytest.param(small_study(), 0, "Nobody has voted yet, and no judge has answered.", id="no votes"),
        pytest.param(of_three_systems(), 3, "Leaderboard", id="three systems"),
        pytest.param(
            small_study(("p1",)).model_copy(update={"verdicts": (verdict("p1", "base", "new", None),)}),
            0,
            "left 1 verdict unscored",
            id="nothing scored",
        ),
    ],
)
def test_studies_of_other_shapes(study: Study, charts: int, said: str, visits: Visits, tmp_path: Path) -> None:
    page = report_of(study, tmp_path).open(visits, PHONE)
    expect(page.locator("main")).to_contain_text(said)
    assert drawn(page) >= charts
    assert fits(page)


def test_a_real_study_of_five_systems(pandalm_study: Path, visits: Visits, tmp_path: Path) -> None:
    ran("report", pandalm_study, "--html", tmp_path / "made")
    page = Made(tmp_path / "made").open(visits, PHONE)
    assert drawn(page) >= 6 and fits(page)
    expect(page.get_by_test_id("answers").get_by_role("listitem")).to_have_count(4)


def test_one_system_makes_a_page_too() -> None:
    study = small_study(systems=("base",))
    data = Data(study, vote_frame((), study.config.keys), verdict_frame((), study.config.keys))
    summary = statistics.summarise(study, data.votes, data.verdicts).as_json()
    page = page_html(arm_reports(data, statistics), summary, Making("ppai report", "0", {}))
    assert "There is nothing to say yet." in page and "No figure has been estimated yet." in page
