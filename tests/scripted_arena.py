"""The page of live questions, served in this process with an arena whose answers a test writes line by line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rating import rating_study, settings

from ppai.schema import DEFAULT_CRITERIA
from ppai.store.sql import SqlStore
from ppai.ui.context import Context
from ppai.ui.desk import Desk

SECRET = "x" * 32
WELCOME = "welcome"


class ScriptedArena:
    """Consent and first views as the service has them; to everything else the answer that stands in `answers`."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        """By act; it stands until it is changed."""
        self._agreed: set[str] = set()

    def clear(self) -> None:
        self.asked.clear()
        self.answers.clear()

    def requests(self, act: str) -> list[dict[str, Any]]:
        return [one for one in self.asked if one["act"] == act]

    def act(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        code = request.get("code")
        if request["act"] == "consent":
            code = code or str(self.desk.act({"act": "consent"})["code"])
            self._agreed.add(code)
            return {"state": "ask", "code": code, "frame": self._frame()}
        if request["act"] == "open":
            agreed = code in self._agreed
            return {"state": "ask" if agreed else WELCOME, "code": code, "consented": agreed, "frame": self._frame()}
        return self.answers[request["act"]]

    def _frame(self) -> dict[str, Any]:
        frame = self.desk.content.frame(votes_may_be_lost=False)
        questions = [asdict(question) for question in frame.questions]
        return {"questions": questions, "min_chars": 10, "max_chars": 2000, "seconds_limit": 120}


@contextmanager
def serving_scripted(directory: Path) -> Iterator[tuple[ScriptedArena, str]]:
    """The arena, and the address of the pages: rating at its root, live questions at /live."""
    import gradio as gr

    from ppai.ui import arena as live
    from ppai.ui import rate
    from ppai.ui.serve import app_options
    from ppai.ui.theme import launch_options

    store = SqlStore(f"sqlite:///{directory / 'ppai.db'}")
    study = rating_study(4, criteria=DEFAULT_CRITERIA, overlap=1000)
    store.load(study)
    desk = Desk(store, study.name, settings())
    arena = ScriptedArena(desk)
    context = cast(Context, SimpleNamespace(arena=arena, browser_secret=SECRET))
    with gr.Blocks(title="PPAI", analytics_enabled=False) as pages:
        rate.build(desk, secret=SECRET, live_path="live")
    with pages.route("Live", "/live", show_in_navbar=False):
        live.build_arena(context)
    _, url, _ = pages.launch(
        server_name="127.0.0.1",
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        mcp_server=False,
        app_kwargs=app_options(),
        **launch_options(),
    )
    try:
        yield arena, url.rstrip("/")
    finally:
        pages.close(verbose=False)
        store.close()
