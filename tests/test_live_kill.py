"""Live questions over a real connection, with the server killed between two acts: what was stored stays, once."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from live_questions import QUESTION, VOTE, wait_for
from rating import rating_study
from serving import free_port

from ppai.store.sql import SqlStore
from ppai.studyfiles import write_general

ROOT = Path(__file__).parents[1]
SERVER = """
import sys
sys.path.insert(0, "tests")
from pathlib import Path
from eval import report
from live_questions import Script
from ppai.settings import read_settings
from ppai.ui.serve import launch, open_context
port, database, study = sys.argv[1:]
settings = read_settings(port=int(port), database_url=database, study=Path(study), live=True, live_words_per_second=100)
served = launch(open_context(settings, report, open_answerers=lambda *_: Script()))
print("ready", flush=True)
served.wait()
"""


class Server:
    """The app with scripted systems in a process of its own."""

    def __init__(self, port: int, database: str, study: Path) -> None:
        command = [sys.executable, "-c", SERVER, str(port), database, str(study)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{port}"
        assert self.process.stdout is not None and self.process.stdout.readline().strip() == "ready"
        components = httpx.get(f"{self.url}/config").json()["components"]
        self.component = [one["id"] for one in components if "act" in (one["props"].get("server_fns") or [])][-1]

    def act(self, act: str, **values: Any) -> dict[str, Any]:
        body = {
            "session_hash": "tests",
            "component_id": self.component,
            "fn_name": "act",
            "data": {"act": act} | values,
        }
        return dict(httpx.post(f"{self.url}/gradio_api/component_server", json=body).raise_for_status().json())

    def ask(self, code: str) -> str:
        """Asks, and reads until both answers are out; the question's token."""
        asked = self.act("ask", code=code, question=QUESTION, submission=uuid.uuid4().hex)
        token = str(asked["token"])
        wait_for(lambda: self.act("poll", code=code, token=token), lambda view: view["screen"] == "vote")
        return token

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def test_a_killed_server_loses_what_was_under_way_and_keeps_what_was_voted_on(tmp_path: Path) -> None:
    write_general(rating_study(), tmp_path / "study")
    database, port = f"sqlite:///{tmp_path / 'ppai.db'}", free_port()
    server = Server(port, database, tmp_path / "study")
    try:
        first, second = (server.act("consent")["code"] for _ in range(2))
        voted, reading = server.ask(first), server.ask(second)
        vote = {"token": voted, "code": first, "outcomes": VOTE, "submission": "before-the-kill"}
        assert server.act("vote", **vote)["screen"] == "thanks"
        server.kill()
        server = Server(port, database, tmp_path / "study")
        assert server.act("vote", **vote)["screen"] == "thanks"
        for act in ("poll", "vote", "retry"):
            stale = server.act(act, code=second, token=reading, outcomes=VOTE, submission="after-the-kill")
            assert stale["error"] == "error.live_stale", act
        assert server.act("open", code=second)["screen"] == "ask"
        began = time.monotonic()
        server.ask(second)
        assert time.monotonic() - began < 10
    finally:
        server.kill()
    store = SqlStore(database)
    events = store.events("rated")
    assert (len(events.live_prompts), len(events.live_responses), len(events.votes)) == (1, 2, 1)
    store.close()
