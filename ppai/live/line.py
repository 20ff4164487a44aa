"""The queue of live questions: who is answered, who waits, and who has left. Pure; times are given to it."""

from __future__ import annotations

from dataclasses import dataclass, field

GONE_SECONDS = 75.0
"""Who has not asked for her place for so long has left the queue; a hidden tab asks once a minute."""


@dataclass
class Line:
    """Answers `at_once` questions together; `longest` more may wait. A name stands for a question."""

    at_once: int
    longest: int
    _served: set[str] = field(default_factory=set)
    _waiting: dict[str, float] = field(default_factory=dict)
    """When each was last seen, in the order in which they came."""

    @property
    def full(self) -> bool:
        """Who is not served yet, as while the models are loaded, waits in the room of those who will be."""
        return len(self._waiting) + len(self._served) >= self.longest + self.at_once

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def join(self, name: str, now: float) -> None:
        self._waiting[name] = now

    def seen(self, name: str, now: float) -> None:
        if name in self._waiting:
            self._waiting[name] = now

    def leave(self, name: str) -> None:
        """Out of the queue, or done with its answer; nothing where it is neither."""
        self._served.discard(name)
        self._waiting.pop(name, None)

    def place(self, name: str) -> int:
        """1 for the next; 0 where it does not wait."""
        return next((place for place, one in enumerate(self._waiting, 1) if one == name), 0)

    def drop_gone(self, now: float) -> list[str]:
        """Takes out who has not been seen for long; their names."""
        gone = [name for name, at in self._waiting.items() if now - at > GONE_SECONDS]
        for name in gone:
            del self._waiting[name]
        return gone

    def serve(self) -> list[str]:
        """Moves whom there is room for from the queue to the served; their names, to be answered now."""
        called = list(self._waiting)[: max(0, self.at_once - len(self._served))]
        for name in called:
            del self._waiting[name]
            self._served.add(name)
        return called
