"""Systems that answer live questions with texts that a test gives them, at a pace of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ppai.live.answering import AnswerFailed, Piece, Readiness


@dataclass
class ScriptedAnswerers:
    """System `systems[n]` writes `write(system, question)` in words, one every `seconds[n]`."""

    systems: tuple[str, ...]
    write: Callable[[str, str], str]
    seconds: tuple[float, ...]
    failures: int = 0
    """So many questions more fail halfway."""

    @property
    def state(self) -> str:
        return Readiness.READY

    def settings(self, system: str) -> dict[str, object]:
        return {"model": system}

    def answer(self, systems: tuple[str, str], question: str, seed: int, stop: threading.Event) -> Iterator[Piece]:
        fails, self.failures = self.failures > 0, max(0, self.failures - 1)
        begun = time.monotonic()
        due = [
            (n * self.seconds[self.systems.index(system)], place, word)
            for place, system in enumerate(systems)
            for n, word in enumerate(self.write(system, question).split(" "), start=1)
        ]
        left = [sum(1 for _, place, _ in due if place == side) for side in (0, 1)]
        for at, place, word in sorted(due):
            if stop.wait(max(0.0, begun + at - time.monotonic())):
                return
            left[place] -= 1
            if fails and left[place] == 0:
                raise AnswerFailed(place, f"{systems[place]} is out of order")
            yield Piece(place, word if left[place] == 0 else f"{word} ", ended=left[place] == 0)
