"""Systems that answer live questions by a script, and visitors who ask them, for the tests of the arena."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from rating import Clock, desk_of

from ppai.live.answering import AnswerFailed, Piece
from ppai.live.arena import Arena
from ppai.store.base import Store

QUESTION = "My daughter wakes up at five every morning. What can we do?"
WORDS = {
    "base": "Put her to bed later and keep the room dark",
    "tuned": "We had that too, it passed",
    "third": "Try",
}
VOTE = {"clarity": "a", "overall": "tie"}


class Script:
    """Answers with `WORDS`, word by word; `fail` names systems that fail, `hold` keeps all from going on."""

    def __init__(self, systems: tuple[str, ...] = ("base", "tuned")) -> None:
        self.systems = systems
        self.state = "ready"
        self.fail: set[str] = set()
        self.go = threading.Event()
        self.go.set()
        self.asked: list[tuple[tuple[str, str], str, int]] = []
        self.stopped = threading.Event()
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def answer(self, systems: tuple[str, str], question: str, seed: int, stop: threading.Event) -> Iterator[Piece]:
        with self._lock:
            self.asked.append((systems, question, seed))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            while not self.go.wait(0.01):
                if stop.is_set():
                    self.stopped.set()
                    return
            for place, system in enumerate(systems):
                if system in self.fail:
                    raise AnswerFailed(place, "its server is down")
                for word in WORDS[system].split():
                    yield Piece(place, f"{word} ", False)
                yield Piece(place, "", True)
        finally:
            with self._lock:
                self.at_once -= 1

    def settings(self, system: str) -> dict[str, object]:
        return {"model": f"model-of-{system}", "temperature": 0.7}


def arena_of(store: Store, script: Script, name: str = "rated", **given: Any) -> tuple[Arena, Clock]:
    clock = Clock()
    return Arena(desk_of(store, name, clock=clock, **given), script, clock=clock, rng=random.Random(1)), clock


class Visitor:
    """One browser."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.code: str | None = None
        self.token = ""

    def act(self, act: str, **more: Any) -> dict[str, Any]:
        view = self.arena.act({"act": act, "code": self.code, "token": self.token} | more)
        self.code = view.get("code") or self.code
        self.token = view.get("token") or self.token
        return view

    def ask(self, question: str = QUESTION, **more: Any) -> dict[str, Any]:
        if self.code is None:
            self.act("consent")
        return self.act("ask", question=question, submission=more.pop("submission", uuid.uuid4().hex), **more)

    def wait_for(self, *states: str) -> dict[str, Any]:
        """Polls until the view is one of the states; the tests' clock stands still meanwhile."""
        return wait_for(lambda: self.act("poll"), lambda view: view.get("state") in states)

    def vote(self, **more: Any) -> dict[str, Any]:
        given = {"outcomes": VOTE, "submission": uuid.uuid4().hex, "seconds": 12.5, "comment": ""} | more
        return self.act("vote", **given)

    def until_vote(self, clock: Clock, question: str = QUESTION) -> dict[str, Any]:
        """Asks, and reads until both answers are out."""
        self.ask(question)
        return self.read_on(clock)

    def read_on(self, clock: Clock, seconds: float = 10.0) -> dict[str, Any]:
        """Polls, a moment of the tests' clock later each time, until both answers are out or have failed."""

        def read() -> dict[str, Any]:
            clock.now += 0.3
            return self.act("poll")

        return wait_for(read, lambda view: view.get("state") in ("vote", "failed"), seconds)


def wait_for(look: Callable[[], Any], enough: Callable[[Any], bool], seconds: float = 10.0) -> Any:
    end = time.monotonic() + seconds
    while not enough(seen := look()):
        assert time.monotonic() < end, seen
        time.sleep(0.005)
    return seen
