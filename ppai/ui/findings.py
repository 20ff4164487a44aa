"""Reports of the study that a store holds, kept until a vote, a verdict, a scoring or the study changes."""

from __future__ import annotations

import threading
from typing import Any

from ppai.schema import Study
from ppai.store.base import Store
from ppai.ui.events import Events
from ppai.ui.report import Data, Keeping, Report, make_report

__all__ = ["Data", "Findings", "Report", "make_report"]


class Findings:
    """Reports of one study, made from frames in memory. Safe for many threads."""

    def __init__(self, store: Store, study: str, events: Events, statistics: Any) -> None:
        self._store = store
        self._name = study
        self._events = events
        self._statistics = statistics
        self._lock = threading.Lock()
        self._study: Study | None = None
        self._marker: object = None
        self._keeping = Keeping()

    def warm(self) -> None:
        """Reads what there is, so that the first visitor need not wait for it."""
        self.report({})

    def report(self, request: object) -> Report:
        """The page for what a browser asked; raises StoreError where the store cannot be read."""
        events = self._events
        votes, verdicts, scores = events.votes(), events.verdicts(), events.scores()
        data = Data(self._current_study(), votes, verdicts, scores, events.showings(), events.guesses())
        return make_report(data, request, self._statistics, self._keeping)

    def _current_study(self) -> Study:
        """Its texts change with a load or a live question alone, not with every verdict of a judge that is at work."""
        marker = (self._store.loaded_at(self._name), self._store.live_marker(self._name))
        with self._lock:
            if self._study is None or marker != self._marker:
                self._study, self._marker = self._store.study(self._name), marker
            return self._study
