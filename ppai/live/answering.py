"""What the arena asks of models, so that `ppai` stays below `eval`: who answers, and in which pieces."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ppai.errors import PPAIError


@dataclass(frozen=True)
class Piece:
    """New text of one of two answers that are written together."""

    place: int
    """0 or 1: which of the two systems asked for."""
    text: str
    """Only what is new, in whole characters; may be empty with `ended`."""
    ended: bool
    """Whether the answer is complete; no piece of this place follows."""


class AnswerFailed(PPAIError):
    """One of two systems gave no answer. `reason` is for the log, and never shown to a visitor."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


class Readiness(StrEnum):
    """Whether the models are there: they are loaded after the pages are served."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class Answerers(Protocol):
    """The systems that answer live questions; `eval.generating.live.open_answerers` makes them."""

    @property
    def state(self) -> str:
        """One of `Readiness`."""
        ...

    @property
    def systems(self) -> tuple[str, ...]:
        """Ids of the systems that can answer, in the study's order."""
        ...

    def answer(self, systems: tuple[str, str], question: str, seed: int, stop: threading.Event) -> Iterator[Piece]:
        """Both answers at once, piece by piece; ends soon after `stop` is set. Raises AnswerFailed."""
        ...

    def settings(self, system: str) -> dict[str, object]:
        """How the system writes, as it is recorded with a response; plain JSON."""
        ...
