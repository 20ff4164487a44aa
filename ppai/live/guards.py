"""How long a question may be, and how many are answered an hour: of one rater, and in all. Pure."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field

HOUR = 3600.0


@dataclass
class Window:
    """What happened within the last hour, by the times at which it did."""

    limit: int
    _times: deque[float] = field(default_factory=deque)

    def wait(self, now: float) -> float:
        """Seconds until there is room for one more; 0 where there is."""
        self.forget(now)
        return self._times[len(self._times) - self.limit] + HOUR - now if len(self._times) >= self.limit else 0.0

    def take(self, now: float) -> None:
        self._times.append(now)

    def forget(self, now: float) -> bool:
        """Drops what is older than an hour; whether nothing is left."""
        while self._times and self._times[0] <= now - HOUR:
            self._times.popleft()
        return not self._times


class Rates:
    """Questions an hour of each rater, and of all together."""

    def __init__(self, per_rater: int, overall: int) -> None:
        self._per_rater = per_rater
        self._overall = Window(overall)
        self._raters: dict[str, Window] = {}
        self._lock = threading.Lock()

    def take(self, rater: str, now: float) -> tuple[str, int] | None:
        """Counts a question; or says which limit it meets, `rate` or `overall`, and for how many seconds."""
        with self._lock:
            self._raters = {name: window for name, window in self._raters.items() if not window.forget(now)}
            own = self._raters.get(rater) or Window(self._per_rater)
            for name, window in (("rate", own), ("overall", self._overall)):
                if wait := window.wait(now):
                    return name, math.ceil(wait)
            own.take(now)
            self._overall.take(now)
            self._raters[rater] = own
            return None


def length_fault(question: str, shortest: int, longest: int) -> str | None:
    """`too_short` or `too_long`, in characters without the blanks around; None where the length is right."""
    length = len(question.strip())
    if length < shortest:
        return "too_short"
    return "too_long" if length > longest else None
