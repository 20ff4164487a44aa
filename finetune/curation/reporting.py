"""What a run tells while it is at work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Reporting(Protocol):
    """Bars and notes, wherever they go."""

    def note(self, text: str) -> None:
        """One line on what is being done now."""

    def bar(self, what: str, total: int, unit: str) -> AbstractContextManager[Callable[[int], object]]:
        """Within it, what is called with each further number of units done."""
