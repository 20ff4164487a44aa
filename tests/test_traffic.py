"""Blinding on the wire: all HTTP traffic of a rater's whole session, byte by byte, names no system before its end."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect
from rating import CRITERIA
from rating_page import RatingPage
from serving import App, serving
from visits import Visits

from ppai.schema import Pair, Prompt, Response, Study, StudyConfig, System

MARKED = (
    System(id="zebra-7b-XQ", name="Zebra Grande XQ-1", model="savanna/zebra-7b"),
    System(id="quokka-ft-XQ", name="Quokka Piccolo XQ-2", model="rottnest/quokka-ft"),
)
MARKS = tuple(value for system in MARKED for value in (system.id, system.name, system.model or ""))
PAIRS = 14
"""Enough that a hidden repeat may be among them."""


def marked_study() -> Study:
    prompts = tuple(Prompt(id=f"post{n}", text=f"Post number {n}, what now?") for n in range(PAIRS))
    config = StudyConfig(
        name="marked", systems=MARKED, criteria=CRITERIA, session_pairs=PAIRS - 2, results="open", reveal=True
    )
    texts = {
        (p.id, s.id): f"Answer {hashlib.sha256((p.id + s.id).encode()).hexdigest()[:12]}"
        for p in prompts
        for s in MARKED
    }
    return Study(
        config=config,
        prompts=prompts,
        responses=tuple(Response(prompt_id=p, system=s, text=text) for (p, s), text in texts.items()),
        pairs=tuple(Pair(prompt_id=p.id, first=MARKED[0].id, second=MARKED[1].id) for p in prompts),
    )


class Tap:
    """A relay in front of the app that keeps every byte of both directions; asks for answers that are not packed."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._lock = threading.Lock()
        self._streams: list[bytearray] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def bytes(self) -> bytes:
        with self._lock:
            return b"\n".join(bytes(stream) for stream in self._streams)

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        kept = bytearray()
        with self._lock:
            self._streams.append(kept)
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                data = re.sub(rb"(?i)(\r\naccept-encoding:)[^\r]*", rb"\1 identity", data)
                with self._lock:
                    kept += data
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def forms(mark: str) -> set[bytes]:
    """A mark as it may stand in a text: as it is, escaped, encoded at every offset, or hashed without a key."""
    raw = mark.encode()
    found = {
        raw,
        quote(mark).encode(),
        quote(mark, safe="").encode(),
        json.dumps(mark)[1:-1].encode(),
        raw.hex().encode(),
    }
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            packed = encode(b"\0" * before + raw)
            found.add(packed[0 if before == 0 else 4 : len(packed) - 4])
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(name, raw)
        found |= {digest.hexdigest()[:16].encode(), base64.urlsafe_b64encode(digest.digest())[:16]}
    return {form.lower() for form in found if len(form) >= 8}


def named(text: bytes) -> list[bytes]:
    """The forms of marks in a text, whatever their case; the frames of chunked answers are taken out of it."""
    whole = re.sub(rb"\r\n[0-9a-f]{1,8}\r\n", b"", text, flags=re.IGNORECASE).lower()
    return sorted(form for mark in MARKS for form in forms(mark) if form in whole or form in text.lower())


@dataclass
class Recorded:
    """What a session left behind up to its end, and after it."""

    app: App
    tap: Tap
    page: Page
    open: bytes = b""
    """All traffic while the session was open."""
    log: str = ""
    storage: str = ""
    items: list[dict[str, Any]] = field(default_factory=list)
    revealed: bytes = b""
    """All traffic, the end included."""


STORED = """async () => {
  const all = [document.cookie, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })];
  all.push(JSON.stringify(history.state), document.documentElement.outerHTML);
  all.push(JSON.stringify(await indexedDB.databases()));
  return all.join("\\n");
}"""


@pytest.fixture(scope="module")
def recorded(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """A session with everything that a rater can do in it, and attempts to see more than she may."""
    directory: Path = tmp_path_factory.mktemp("traffic")
    with serving(marked_study(), directory, PPAI_ADMIN_PASSWORD="another-secret") as app:
        tap, visits = Tap(app.port), Visits(chromium)
        page = visits.page()
        session = Recorded(app, tap, page)

        def keep(response: Any) -> None:
            if response.request.method == "POST" and "application/json" in response.headers.get("content-type", ""):
                view = response.json()
                if isinstance(view, dict) and view.get("item"):
                    session.items.append(view["item"])

        page.on("response", keep)
        rater = RatingPage(page, tap.url).begin()
        code = rater.code()
        drive(rater)
        for name in ("results", "browse", "admin"):
            page.goto(f"{tap.url}/{name}")
            expect(page.get_by_test_id("login" if name == "admin" else "refused")).to_be_visible()
        page.get_by_label("Password").fill("a guess")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#wrong")).to_be_visible()
        ask_around(session, code)
        rater.open("pause")
        rater.part("finish").click()
        for number in (1, 2, 3):
            expect(rater.heading).to_have_text(f"One last thing: {number} of 3")
            session.storage += page.evaluate(STORED)
            rater.page.get_by_role("radio", name="Response A", exact=True).check()
            if number == 3:
                session.open, session.log = tap.bytes(), app.output
            rater.submit()
        rater.expect_screen("thanks")
        expect(rater.part("preferred")).to_be_visible()
        session.revealed = tap.bytes()
        visits.close()
        yield session
        tap.close()


def favour(rater: RatingPage) -> str:
    """The side at which the second system stands."""
    at_a = rater.part("response-a-text").inner_text()
    return "a" if any(at_a == one.text for one in marked_study().responses if one.system == MARKED[1].id) else "b"


def drive(rater: RatingPage) -> None:
    """Rates a sitting; skips, undoes, reports, reloads, changes the language and reads every dialog on the way."""
    rater.part("report").click()
    rater.part("dialog-report").get_by_role("radio").first.check()
    rater.part("report-send").click()
    expect(rater.part("dialog-report")).to_have_count(0)
    before = rater.pair()
    rater.part("skip").click()
    rater.part("dialog-skip").get_by_role("radio").first.check()
    rater.part("skip-send").click()
    rater.expect_moved(before)
    for name in ("guidelines", "your-code", "keys"):
        rater.part(name).click()
        rater.page.keyboard.press("Escape")
    for number in range(1, PAIRS - 1):
        rater.expect_pair(number, PAIRS - 2)
        rater.rate(favour(rater) if number % 3 else "tie")
        if number == 2:
            rater.part("undo").click()
            rater.expect_pair(2, PAIRS - 2)
            rater.submit()
            rater.expect_pair(3, PAIRS - 2)
            rater.part("language").select_option("de")
            rater.page.reload()
            rater.part("language").select_option("en")
    rater.expect_screen("pause")


def ask_around(session: Recorded, code: str) -> None:
    """What a curious rater may ask of the server besides: its routes, and every handler by its number."""
    with httpx.Client(base_url=session.tap.url, headers={"accept-encoding": "identity"}, timeout=20) as client:
        config = client.get("/config").json()
        for path in (
            "/config",
            "/results/config",
            "/gradio_api/info",
            "/info",
            "/theme.css",
            "/monitoring",
            "/openapi.json",
        ):
            client.get(path)
        for page in ("results", "browse", "admin"):
            client.get(f"/config?page={page}")
            client.get(f"/gradio_api/config?page={page}")
        for dependency in config["dependencies"]:
            data = [code] * len(dependency["inputs"])
            body = {"fn_index": dependency["id"], "data": data, "session_hash": "curious", "event_data": {}}
            client.post("/gradio_api/run/predict", json=body)


def test_no_traffic_of_an_open_session_names_a_system(recorded: Recorded) -> None:
    assert len(recorded.open) > 1_000_000
    assert b"content-encoding" not in recorded.open.lower()
    assert recorded.open.count(b"component_server") > PAIRS
    assert named(recorded.open) == []


def test_the_recording_would_have_shown_it(recorded: Recorded) -> None:
    """The end of the session reveals a name, and that is found."""
    assert MARKED[1].name.lower().encode() in named(recorded.revealed)
    for mark in MARKS:
        assert named(b"x" + base64.b64encode(b"{1" + mark.encode() + b"}")), mark
        assert named(hashlib.sha256(mark.encode()).hexdigest().encode()), mark


def test_neither_the_log_nor_the_browser_keeps_a_name(recorded: Recorded) -> None:
    assert recorded.log and named(recorded.log.encode()) == []
    assert "ppai.rater" in recorded.storage and named(recorded.storage.encode()) == []


def test_an_item_holds_texts_and_a_token_and_nothing_that_stays_with_a_system(recorded: Recorded) -> None:
    """Any value that comes back with other texts could be learnt, and then tell a system."""
    assert len({item["id"] for item in recorded.items}) >= PAIRS - 1
    seen: dict[str, set[str]] = {}
    for item in recorded.items:
        assert set(item) == {"id", "token", "title", "topic", "body", "a", "b", "choices", "comment"}
        assert re.fullmatch(r"[0-9a-f]{32}", item["id"])
        named_by_token = json.loads(base64.urlsafe_b64decode(item["token"].split(".")[0] + "=="))
        assert named_by_token == item["id"]
        for word in re.findall(r"[A-Za-z0-9_-]{7,}", f"{item['token']} {item['a']} {item['b']}"):
            seen.setdefault(word, set()).add(item["id"])
    assert [word for word, items in seen.items() if len(items) > 2] == []


def test_nothing_token_like_in_the_answers_comes_back_with_a_system(recorded: Recorded) -> None:
    """Of all words in all answers to acts, none stands in those of several pairs and not in all of them."""
    by_pair: dict[str, set[str]] = {}
    shared: Counter[str] = Counter()
    for item in recorded.items:
        rest = {key: value for key, value in item.items() if key not in ("choices", "comment")}
        by_pair.setdefault(item["id"], set()).update(
            re.findall(r"[0-9a-fA-F]{8,}|[A-Za-z0-9+/_-]{16,}", json.dumps(rest))
        )
    for words in by_pair.values():
        shared.update(words)
    repeated = {word for word, n in shared.items() if 2 < n < len(by_pair)}
    assert repeated == set()


def test_sides_vary(recorded: Recorded) -> None:
    """Else the letter itself would be constant for a system."""
    study = recorded.app.study
    system = {f"<p>{one.text}</p>": one.system for one in study.responses}
    sides = Counter(system[item["a"].strip()] for item in recorded.items)
    assert len(sides) == 2
