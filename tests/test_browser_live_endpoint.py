"""Live questions in a browser, with the real service and store before a server that streams, is slow, and fails."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from live_questions import wait_for
from openai_replies import Reply, failure
from openai_server import Asked, ScriptedServer
from playwright.sync_api import Locator, Page, expect
from serving import App, serving
from small_studies import vote
from test_live_stored import summary_of
from test_traffic import MARKED, STORED, Tap, marked_study, named
from typer.testing import CliRunner
from visits import Visits

from ppai import __main__ as command
from ppai.schema import Arm, Generation, Study, Vote

KEY = "sk-of-the-tests-0123456789"
ZEBRA, QUOKKA = (str(system.model) for system in MARKED)
LETTERS = {MARKED[0].id: "z", MARKED[1].id: "q"}
"""In the words of each, for the tests to know who wrote them."""
WORDS, SENTENCE = 20, 4
PACE = 0.06
"""Seconds between words; the page shows 40 words a second of what there is."""
LATE = 0.6
"""Seconds before the first word of who has a pace."""
SEEN = """() => {
  window.seen = [];
  const words = (node) => (node.innerText.match(/w\\d+[a-z]/g) ?? []).length;
  const look = () => {
    const nodes = ["a", "b"].map((side) => document.querySelector(`[data-testid=response-${side}-text]`));
    if (nodes.every(Boolean)) window.seen.push(nodes.map((node) => [words(node), node.className]));
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
}"""
"""Notes both answers as they stand after every change of the page."""


@dataclass
class Writers:
    """What the models behind the server do: both write as many words, each at its own pace."""

    paces: dict[str, float] = field(default_factory=dict)
    """Seconds between words, 0 where none are given; who has a pace begins later, too."""
    faults: dict[str, Reply] = field(default_factory=dict)
    """What a model answers instead, by its name."""

    def __call__(self, asked: Asked) -> Reply:
        model = str(asked.body["model"])
        pace = self.paces.get(model, 0.0)
        late = LATE if pace else 0.0
        return self.faults.get(model) or Reply(text_of(model, asked.user), pace=pace, delay=late)


def text_of(model: str, question: str) -> str:
    """Sentences of four words that nobody else writes."""
    letter = "z" if model == ZEBRA else "q"
    words = [f"w{n}{letter}{question[-2]}" for n in range(WORDS)]
    return " ".join(word + ("." if n % SENTENCE == SENTENCE - 1 else "") for n, word in enumerate(words))


@dataclass
class Place:
    """The served study, the server of its systems, and what they do."""

    app: App
    server: ScriptedServer
    writers: Writers

    def votes(self) -> list[Vote]:
        return [one for one in self.app.votes() if one.arm is Arm.LIVE]

    def events(self) -> Study:
        store = self.app.store()
        try:
            return store.events(self.app.study.name)
        finally:
            store.close()

    def exported(self, out: Path) -> dict[str, list[dict[str, Any]]]:
        """The rows of each file that `ppai study export` writes."""
        given = ["study", "export", "--database", self.app.database, "--out", str(out)]
        done = CliRunner().invoke(command.app, given)
        assert done.exit_code == 0, done.output
        return {path.name: [json.loads(line) for line in path.open(encoding="utf-8")] for path in out.glob("*.jsonl")}


class Visitor:
    """Somebody who asks, with all that her browser and the app say to each other."""

    def __init__(self, place: Place, page: Page) -> None:
        self.place = place
        self.page = page
        self.tap = Tap(place.app.port)
        self.views: list[dict[str, Any]] = []
        page.on("response", self._keep)
        page.goto(f"{self.tap.url}/live")
        self.part("consent").click()
        self.screen("ask")

    def _keep(self, response: Any) -> None:
        if "component_server" in response.url and isinstance(view := response.json(), dict):
            self.views.append(view)

    def part(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def screen(self, name: str) -> Self:
        expect(self.part(f"screen-{name}")).to_be_visible()
        return self

    def ask(self, question: str) -> Self:
        self.part("question").fill(question)
        self.part("send").click()
        return self

    def until_words(self) -> Self:
        """Until a part of both answers can be read."""
        for side in "ab":
            expect(self.part(f"response-{side}-text")).to_contain_text("w3")
        return self.screen("answering")

    def texts(self) -> dict[str, str]:
        return {side: self.part(f"response-{side}-text").inner_text() for side in "ab"}

    def vote(self, outcome: str = "a") -> None:
        for radio in self.page.locator(f".ppai-criterion input[value={outcome}]").all():
            radio.check()
        self.part("submit").click()
        self.screen("thanks")

    def sides(self) -> dict[str, str]:
        """Which system stands where, by the letters of the words on the page."""
        said = self.texts()
        return {side: next(key for key, letter in LETTERS.items() if f"w0{letter}" in said[side]) for side in "ab"}

    def view(self, screen: str) -> dict[str, Any]:
        """The last of the app's views of this screen, without its token."""
        while not (found := [one for one in self.views if one.get("screen") == screen]):
            self.page.wait_for_timeout(20)
        return {name: value for name, value in found[-1].items() if name != "token"}


def live_study(url: str) -> Study:
    """Two systems behind the server, and people's votes on what they wrote before."""
    study = marked_study()
    systems = tuple(
        one.model_copy(update={"generation": Generation(model=str(one.model), base_url=url)}) for one in MARKED
    )
    first, second = study.config.system_ids
    votes = tuple(
        vote(prompt.id, first, second, {"clarity": "a", "overall": "b" if n % 3 else "tie"}, rater=f"r{rater:016x}")
        for rater in range(3)
        for n, prompt in enumerate(study.prompts)
    )
    return study.model_copy(
        update={"config": study.config.model_copy(update={"systems": systems}), "votes": votes, "verdicts": ()}
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    writers = Writers()
    given = {"PPAI_LIVE": "1", "PPAI_LIVE_WORDS_PER_SECOND": "40", "OPENAI_API_KEY": KEY}
    directory = tmp_path_factory.mktemp("live-endpoint")
    with ScriptedServer(writers, key=KEY) as server, serving(live_study(server.url), directory, **given) as app:
        yield Place(app, server, writers)


@pytest.fixture
def visitor(place: Place, visits: Visits) -> Iterator[Visitor]:
    place.writers.paces, place.writers.faults = {}, {}
    place.server.asked.clear()
    visitor = Visitor(place, visits.page())
    yield visitor
    visitor.tap.close()


def unnamed(place: Place, text: bytes) -> bool:
    """Whether no system, model, server or key is told."""
    address = place.server.url.removeprefix("http://").encode()
    return named(text) == [] and address not in text and KEY.encode() not in text


@dataclass
class Asking:
    """One question, from its sending to the thanks."""

    question: str
    seconds: float
    """From its sending to the vote."""
    views: list[dict[str, Any]]
    page: list[list[tuple[int, str]]]
    """(words, classes) of both answers, after every change of the page."""
    texts: dict[str, str]
    open: bytes
    """All traffic before the vote."""
    kept: str
    """The page, and what the browser keeps."""
    revealed: bytes


@dataclass
class Session:
    """Two questions, the first answered slowly by one system, the second by the other; the study before and after."""

    askings: list[Asking]
    before: dict[str, Any]
    after: dict[str, Any]
    files_before: dict[str, list[dict[str, Any]]]
    files: dict[str, list[dict[str, Any]]]
    results: tuple[str, str]
    votes: list[Vote]
    bodies: list[Mapping[str, Any]]


def results_page(page: Page, url: str) -> str:
    page.goto(f"{url}/results")
    expect(page.get_by_test_id("answers")).to_be_visible()
    return page.get_by_test_id("answers").inner_text()


def asked(visitor: Visitor, question: str, slow: str) -> Asking:
    visitor.place.writers.paces = {slow: PACE}
    visitor.page.evaluate(SEEN)
    begun = time.monotonic()
    visitor.ask(question).screen("vote")
    seconds, texts = time.monotonic() - begun, visitor.texts()
    page = visitor.page.evaluate("window.seen")
    traffic, kept = visitor.tap.bytes(), visitor.page.evaluate(STORED)
    visitor.vote()
    expect(visitor.part("revealed")).to_be_visible()
    return Asking(question, seconds, visitor.views, page, texts, traffic, kept, visitor.tap.bytes())


@pytest.fixture(scope="module")
def session(place: Place, chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Session:
    visits, out = Visits(chromium), tmp_path_factory.mktemp("exported")
    place.server.asked.clear()
    other = visits.page()
    before, files_before, results = (
        summary_of(place.events()),
        place.exported(out / "before"),
        results_page(other, place.app.url),
    )
    askings = []
    for n, slow in enumerate((ZEBRA, QUOKKA)):
        visitor = Visitor(place, visits.page())
        askings.append(asked(visitor, f"What would you do here, number {n}?", slow))
        visitor.tap.close()
    found = Session(
        askings,
        before,
        summary_of(place.events()),
        files_before,
        place.exported(out / "after"),
        (results, results_page(other, place.app.url)),
        place.votes(),
        [one.body for one in place.server.asked],
    )
    visits.close()
    return found


def test_a_question_with_both_answers_and_the_vote_is_stored(place: Place, session: Session) -> None:
    study = place.events()
    assert [one.arm for one in session.votes] == [Arm.LIVE] * 2
    prompts = {one.id: one for one in study.live_prompts}
    for asking, cast in zip(session.askings, session.votes, strict=True):
        assert prompts[cast.prompt_id].text == asking.question
        assert set(cast.outcomes.values()) == {"a"} and set(cast.outcomes) == set(study.config.keys)
        responses = {one.system: one for one in study.live_responses if one.prompt_id == cast.prompt_id}
        shown = {cast.system_a: asking.texts["a"], cast.system_b: asking.texts["b"]}
        assert {system: one.text for system, one in responses.items()} == shown
        for system, model in ((MARKED[0].id, ZEBRA), (MARKED[1].id, QUOKKA)):
            assert responses[system].text == text_of(model, asking.question), "as it was streamed, to its end"
            sampling = responses[system].sampling or {}
            assert sampling["model"] == model
            assert sampling["seed"] in {body["seed"] for body in session.bodies if body["model"] == model}


def test_who_voted_had_agreed(place: Place, session: Session) -> None:
    store = place.app.store()
    with store.work(place.app.study.name) as work:
        assert all(work.live.consented_at(one.rater) is not None for one in session.votes)
        assert work.live.consented_at(place.app.study.votes[0].rater) is None, "who rated the study alone has not"
    store.close()
    assert len({one.rater for one in session.votes}) == 2


def test_nothing_names_a_system_before_the_vote(place: Place, session: Session) -> None:
    for asking in session.askings:
        assert asking.open.count(b"component_server") > 3
        assert unnamed(place, asking.open) and unnamed(place, asking.kept.encode())
        assert all(one.name.lower().encode() in named(asking.revealed) for one in MARKED), "it would have been found"


def test_which_system_is_slow_can_be_seen_neither_on_the_page_nor_in_the_traffic(session: Session) -> None:
    for asking in session.askings:
        assert asking.seconds > PACE * WORDS, "the slow one was waited for"
        growing = [one["item"] for one in asking.views if one.get("screen") == "answering"]
        counts = [tuple(len(re.findall(r"w\d+", item[side])) for side in "ab") for item in growing]
        assert len({a for a, _ in counts if 0 < a < WORDS}) > 1, "it was shown as it was written"
        assert all(a == b for a, b in counts)
        assert all(item["a_ended"] == item["b_ended"] for item in growing), "both end together"
        assert {frozenset(item) for item in growing} == {frozenset(growing[0])}
        assert asking.page and all(a == b for a, b in asking.page), "as many words, drawn alike, at any moment"


def test_the_studys_own_numbers_do_not_change(session: Session) -> None:
    after = dict(session.after) | {"arms": dict(session.after["arms"])}
    live = after["arms"].pop("live")
    assert after == session.before and "live" not in session.before["arms"]
    assert live["criteria"]["overall"]["human"]["n"] == 2
    assert session.results[0] == session.results[1] and re.search(r"\d", session.results[0])


def test_an_export_has_the_live_votes_apart(session: Session) -> None:
    files = {name: [one for one in rows if not is_live(name, one)] for name, rows in session.files.items()}
    assert {name: rows for name, rows in files.items() if rows} == session.files_before
    live = {name: [one for one in rows if is_live(name, one)] for name, rows in session.files.items()}
    counts = {name: len(rows) for name, rows in live.items() if rows}
    assert counts == {"prompts.jsonl": 2, "responses.jsonl": 4, "votes.jsonl": 2, "assignments.jsonl": 2}
    assert [one["vote_id"] for one in live["votes.jsonl"]] == [one.vote_id for one in session.votes]


def is_live(name: str, row: Mapping[str, Any]) -> bool:
    """By the marks that docs/live.md names."""
    if name == "prompts.jsonl":
        return row.get("split") == "live"
    if name == "responses.jsonl":
        return str(row["prompt_id"]).startswith("live-")
    return row.get("arm") == "live"


@pytest.mark.parametrize(("model", "lost"), [(ZEBRA, False), (QUOKKA, True)], ids=["error", "lost in the middle"])
def test_a_failing_system_is_not_named_stores_nothing_and_can_be_tried_again(
    place: Place, visitor: Visitor, model: str, lost: bool
) -> None:
    question, before = f"How do we go on from here, {model[0]}?", place.events()
    place.writers.paces = dict.fromkeys((ZEBRA, QUOKKA), 2 * PACE)
    broken = Reply(text_of(model, question), pace=2 * PACE, delay=LATE, lost_after=WORDS - 2)
    place.writers.faults = {model: broken if lost else failure(500, None, f"{model} is out of order")}
    visitor.ask(question)
    sides = visitor.until_words().sides() if lost else None
    visitor.screen("failed")
    expect(visitor.page.get_by_text("One of the two models did not answer.")).to_be_visible()
    assert visitor.view("failed") == {"screen": "failed", "question": question, "reason": "error.live_failed"}
    assert place.events() == before, "nothing is stored"
    place.writers.faults = {}
    visitor.part("retry").click()
    visitor.screen("vote")
    assert unnamed(place, visitor.tap.bytes())
    again = visitor.sides()
    assert sides in (None, again), "the same systems on the same sides"
    assert len({one.body["seed"] for one in place.server.asked}) == 1
    visitor.vote("b")
    [*others, stored] = place.votes()
    assert len(others) == len(before.live_prompts)
    assert {"a": stored.system_a, "b": stored.system_b} == again


def test_a_reload_in_the_middle_goes_on_with_the_same_answers(place: Place, visitor: Visitor) -> None:
    place.writers.paces = {ZEBRA: PACE}
    visitor.ask("What if I look away, will it wait?").until_words()
    visitor.page.reload()
    visitor.screen("vote")
    whole = sorted(text_of(model, "What if I look away, will it wait?") for model in (ZEBRA, QUOKKA))
    assert sorted(visitor.texts().values()) == whole
    assert len(place.server.asked) == 2, "nothing is written twice"
    assert unnamed(place, visitor.tap.bytes()) and unnamed(place, visitor.page.evaluate(STORED).encode())
    visitor.vote("tie")
    assert set(place.votes()[-1].outcomes.values()) == {"tie"}


def test_a_stop_ends_the_writing_and_keeps_the_question_on_the_page_alone(place: Place, visitor: Visitor) -> None:
    question = "Is it too late to change my mind?"
    before = place.events()
    place.writers.paces = dict.fromkeys((ZEBRA, QUOKKA), 0.5)
    visitor.ask(question).screen("answering")
    wait_for(lambda: place.server.in_flight, lambda number: number == 2)
    begun = time.monotonic()
    visitor.part("stop").click()
    expect(visitor.screen("ask").part("question")).to_have_value(question)
    wait_for(lambda: place.server.in_flight, lambda number: number == 0)
    assert time.monotonic() - begun < WORDS * 0.5 / 2, "long before the answers would have ended"
    assert place.events() == before, "nothing is stored"
    place.writers.paces = {}
    visitor.part("send").click()
    visitor.screen("vote").vote()
    assert [one.text for one in place.events().live_prompts if one not in before.live_prompts] == [question]


def test_one_question_is_answered_at_a_time_and_others_wait_with_their_place(
    place: Place, visitor: Visitor, visits: Visits
) -> None:
    place.writers.paces = dict.fromkeys((ZEBRA, QUOKKA), PACE)
    second = Visitor(place, visits.page())
    visitor.ask("Does the first one wait for anybody, 1?").screen("answering")
    second.ask("Does the second one wait for the first, 2?").screen("queued")
    expect(second.part("place")).to_contain_text("number 1")
    visitor.screen("vote")
    second.screen("vote")
    *first, third, fourth = place.server.asked
    assert {one.user[-2] for one in first} == {"1"} and {third.user[-2], fourth.user[-2]} == {"2"}
    assert third.at - first[-1].at > PACE * WORDS, "after the answers to the first were written"
    assert unnamed(place, second.tap.bytes())
    second.tap.close()


def test_danger_is_answered_with_help_lines_and_no_model_is_asked(place: Place, visitor: Visitor) -> None:
    before = place.events()
    visitor.ask("I want to kill myself and nobody helps me").screen("crisis")
    assert visitor.part("lines").get_by_role("link").count() > 2
    assert place.server.asked == [] and place.events() == before
