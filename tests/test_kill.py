"""A server that is killed in a storm of votes has lost none that it acknowledged, and invented none."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from databases import KINDS, new_database
from rating import rating_study
from sqlalchemy import select

from ppai.store import tables as t
from ppai.store.sql import SqlStore
from ppai.studyfiles import write_general

ROOT = Path(__file__).parents[1]
RATERS = 8
ACKNOWLEDGED = 120
"""How many votes are stored before the server is killed."""
START_SECONDS = 60


class Server:
    """`python app.py` in a process of its own."""

    def __init__(self, study: Path, url: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PPAI_", "GRADIO_"))}
        self.log = study.parent / "server.log"
        settings = {"PPAI_PORT": str(self.port), "PPAI_STUDY": str(study), "PPAI_DATABASE_URL": url}
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=kept | settings,
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("w"),
        )
        self.component = self._wait()

    def _wait(self) -> int:
        """Until the first page is served; the id of the component that answers acts."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                config = Browser(self).get("/config")
            except OSError:
                time.sleep(0.05)
                continue
            found = [one["id"] for one in config["components"] if one["props"].get("server_fns")]
            return found[0] if found else next(one["id"] for one in config["components"] if one["type"] == "html")
        self.kill()
        raise AssertionError(f"the server did not start: {self.log.read_text('utf-8')}")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Browser:
    """One connection of a browser, over the same route as the page's."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.session = uuid.uuid4().hex
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def get(self, path: str) -> Any:
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        assert answer.status == 200
        return json.loads(answer.read())

    def act(self, act: str, **values: Any) -> dict[str, Any]:
        asked = {
            "session_hash": self.session,
            "component_id": self.server.component,
            "fn_name": "act",
            "data": {"act": act, **values},
        }
        self.connection.request(
            "POST", "/gradio_api/component_server", json.dumps(asked), {"content-type": "application/json"}
        )
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body)
        view = json.loads(body)
        assert isinstance(view, dict)
        return view


@dataclass
class Storm:
    """What raters saw."""

    enough: threading.Event = field(default_factory=threading.Event)
    acknowledged: set[str] = field(default_factory=set)
    in_flight: dict[int, dict[str, Any]] = field(default_factory=dict)
    wrong: list[Any] = field(default_factory=list)

    def rate(self, number: int, server: Server) -> None:
        try:
            browser = Browser(server)
            view = browser.act("consent")
            while view.get("screen") == "pair":
                vote = {
                    "code": view["code"],
                    "token": view["item"]["token"],
                    "submission": f"{number}-{uuid.uuid4().hex}",
                    "outcomes": {"overall": "a", "clarity": "tie"},
                }
                self.in_flight[number] = vote
                view = browser.act("submit", **vote)
                if view.get("notice") != "notice.saved":
                    self.wrong.append(view)
                    return
                self.acknowledged.add(vote["submission"])
                del self.in_flight[number]
                if len(self.acknowledged) >= ACKNOWLEDGED:
                    self.enough.set()
            self.wrong.append(view)
        except (OSError, http.client.HTTPException):
            self.enough.set()
        except BaseException as error:  # noqa: BLE001
            self.wrong.append(error)
            self.enough.set()


def stored_submissions(url: str) -> Counter[str]:
    store = SqlStore(url)
    with store._database.reading() as connection:
        found = Counter(connection.scalars(select(t.votes.c.submission)))
    store.close()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_server_keeps_every_acknowledged_vote_and_no_other(kind: str, tmp_path: Path) -> None:
    url = new_database(kind, tmp_path)
    write_general(rating_study(400, session_pairs=1000), tmp_path / "study")
    server = Server(tmp_path / "study", url)
    storm = Storm()
    try:
        threads = [threading.Thread(target=storm.rate, args=(n, server), daemon=True) for n in range(RATERS)]
        for thread in threads:
            thread.start()
        assert storm.enough.wait(60)
    finally:
        server.kill()
    for thread in threads:
        thread.join(30)
    assert not storm.wrong and len(storm.acknowledged) >= ACKNOWLEDGED

    stored = stored_submissions(url)
    assert set(stored.values()) == {1}
    assert storm.acknowledged <= set(stored), "an acknowledged vote was lost"
    lost_answers = set(stored) - storm.acknowledged
    assert lost_answers <= {vote["submission"] for vote in storm.in_flight.values()}, "a vote that nobody sent"

    again = Server(tmp_path / "study", url)
    try:
        browser = Browser(again)
        for vote in [*storm.in_flight.values()] * 2:
            assert browser.act("submit", **vote)["notice"] == "notice.saved"
    finally:
        again.kill()
    after = stored_submissions(url)
    assert set(after.values()) == {1}
    assert set(after) == storm.acknowledged | {vote["submission"] for vote in storm.in_flight.values()}
    store = SqlStore(url)
    with store.work("rated") as work:
        assert sum(item.n_votes for item in work.items()) == sum(not one.repeat for one in store.events("rated").votes)
    store.close()
