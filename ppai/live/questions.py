"""One visitor's question on its way: what it asks, who answers, and how far both answers are. No model, no store."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ppai.live.drawing import Drawn
from ppai.live.pacing import Pace

KEPT_SECONDS = 3600.0
"""A question that was not looked at for so long is forgotten."""


class Stage(StrEnum):
    """Where a question is; also the name of the screen that shows it."""

    QUEUED = "queued"
    ANSWERING = "answering"
    VOTE = "vote"
    THANKS = "thanks"
    FAILED = "failed"


class Failure(StrEnum):
    """Text keys."""

    FAILED = "error.live_failed"
    TIMEOUT = "error.live_timeout"


@dataclass
class Question:
    """The state of one question; whoever changes it holds the arena's lock."""

    token: str
    rater: str
    text: str
    submission: str
    drawn: Drawn
    pace: Pace
    asked_at: float
    id: str
    stage: Stage = Stage.QUEUED
    failure: Failure = Failure.FAILED
    seen_at: float = 0.0
    started_at: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    """Of the attempt that is under way; each has its own, so that a late one changes nothing."""
    prompt_id: str = field(default_factory=lambda: f"live-{uuid.uuid4().hex[:16]}")
    assignment_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    stored: bool = False
    """With its answers: voted on, or reported."""
    retries: int = 0

    @property
    def in_flight(self) -> bool:
        return self.stage in (Stage.QUEUED, Stage.ANSWERING)

    def begin(self, now: float) -> threading.Event:
        """A new attempt; the event that ends it."""
        self.stage, self.started_at = Stage.ANSWERING, now
        self.pace = Pace(self.pace.words_per_second)
        self.stop = threading.Event()
        return self.stop

    def fail(self, failure: Failure) -> None:
        self.stop.set()
        self.stage, self.failure = Stage.FAILED, failure

    def overdue(self, now: float, seconds: float) -> bool:
        """Whether the answers are not complete in time, or have not begun in half of it."""
        if self.stage is not Stage.ANSWERING or self.pace.written:
            return False
        return now - self.started_at > (seconds if self.pace.begun else seconds / 2)

    def advance(self, now: float) -> None:
        """To the vote, once all text of both answers is shown."""
        if self.stage is Stage.ANSWERING and self.pace.shown(now).complete:
            self.stage = Stage.VOTE

    def payload(self, now: float) -> dict[str, Any]:
        """What a browser gets of it: nothing that is constant for a system."""
        self.advance(now)
        view: dict[str, Any] = {"state": self.stage.value, "token": self.token}
        if self.stage is not Stage.THANKS:
            view["question"] = self.text
        if self.stage in (Stage.ANSWERING, Stage.VOTE):
            shown = self.pace.shown(now)
            view |= {"a": shown.texts[0], "b": shown.texts[1]}
            if self.stage is Stage.ANSWERING:
                view |= {"a_ended": shown.ended[0], "b_ended": shown.ended[1]}
        if self.stage is Stage.FAILED:
            view["reason"] = self.failure.value
        return view
