"""At which pace two answers are shown, so that neither its speed nor its start tells a system. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ROUNDING = 1e-6
"""Of a step: what lies so near to the next is there."""
REST = 0.8
"""Of the pace of both, at which the longer answer goes on once the other is out."""
SLOWEST_REST = 2.0
"""Words a second of the longer answer's rest, however slow both were."""
_STEP = re.compile(r"\S{1,24}\s*")
"""What is shown at once: a word, or a part of one without end, as writing without spaces has them."""


@dataclass
class _Side:
    text: str = ""
    ended: bool = False

    @property
    def begun(self) -> bool:
        return self.ended or bool(self.text.strip())

    def steps(self) -> list[int]:
        """Where each step ends in the text; the last may still grow, and is left out until the side has ended."""
        ends = [found.end() for found in _STEP.finditer(self.text)]
        return ends if self.ended else ends[:-1]


@dataclass(frozen=True)
class Shown:
    """What may be seen of two answers."""

    texts: tuple[str, str]
    ended: tuple[bool, bool]

    @property
    def complete(self) -> bool:
        return all(self.ended)


@dataclass
class Pace:
    """Releases two texts in step, the same number of words of both at any time.

    Both begin once both have begun. Where one is written more slowly than `words_per_second`, both are shown as slowly;
    a side's end is shown when its own text is out. What is left of the other then comes somewhat slower than both came
    before: were it shown as fast as its model writes, a leap would tell that the side which ended was the slower model.
    """

    words_per_second: float
    _sides: tuple[_Side, _Side] = field(default_factory=lambda: (_Side(), _Side()))
    _steps: float = 0.0
    _at: float | None = None
    """When `_steps` was reckoned; None before both have begun."""
    _begun_at: float = 0.0
    _rest: float | None = None
    """Words a second once one side is out; None before."""

    def add(self, place: int, text: str, ended: bool, now: float) -> None:
        """New text of a side, or its end; text before its first word is left out."""
        self._advance(now)
        side = self._sides[place]
        side.text += text if side.text else text.lstrip()
        side.ended = side.ended or ended
        self._advance(now)

    def _advance(self, now: float) -> None:
        if not all(side.begun for side in self._sides):
            return
        if self._at is None:
            self._at = self._begun_at = now
        pace = self.words_per_second if self._rest is None else self._rest
        passed, self._at = max(0.0, now - self._at), max(self._at, now)
        there = [len(side.steps()) for side in self._sides if not side.ended]
        self._steps = min([self._steps + passed * pace, *map(float, there)])
        if self._rest is None and (self._out(0) or self._out(1)):
            self._rest = self._pace_of_the_rest(now)

    def _pace_of_the_rest(self, now: float) -> float:
        """The full pace where both came at that, or one side was empty."""
        together = min(len(side.steps()) for side in self._sides if side.ended)
        passed = now - self._begun_at
        if not together or together >= 0.9 * passed * self.words_per_second:
            return self.words_per_second
        return max(min(SLOWEST_REST, self.words_per_second), REST * together / passed)

    def shown(self, now: float) -> Shown:
        self._advance(now)
        if self._at is None:
            return Shown(("", ""), (False, False))
        return Shown((self._cut(0), self._cut(1)), (self._out(0), self._out(1)))

    def _cut(self, place: int) -> str:
        ends = self._sides[place].steps()[: int(self._steps + _ROUNDING)]
        return self._sides[place].text[: ends[-1]].rstrip() if ends else ""

    def _out(self, place: int) -> bool:
        side = self._sides[place]
        return side.ended and self._steps + _ROUNDING >= len(side.steps())

    @property
    def begun(self) -> bool:
        """Whether both have begun."""
        return self._at is not None

    @property
    def unwritten(self) -> list[int]:
        """Places of the answers that are not complete."""
        return [place for place, side in enumerate(self._sides) if not side.ended]

    @property
    def written(self) -> bool:
        """Whether both answers are complete, shown or not."""
        return all(side.ended for side in self._sides)

    @property
    def texts(self) -> tuple[str, str]:
        """All text there is, shown or not, as it will have been shown at the end."""
        return self._sides[0].text.rstrip(), self._sides[1].text.rstrip()
