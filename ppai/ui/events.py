"""All votes, verdicts and scorings of a study in memory, of which only the new ones are read at each look."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pandas as pd

from ppai.frames import current_votes
from ppai.schema import Scores
from ppai.store.base import Store

LAG = 500
"""How many of the newest rows are read again: PostgreSQL may commit a lower sequence number later."""


class Events:
    """The vote and verdict frames of one study and its scorings, kept up to date. Safe for many threads.

    A study that is replaced while it is served may ask other criteria: then all is read anew.
    """

    def __init__(self, store: Store, study: str) -> None:
        self._store = store
        self._study = study
        self._lock = threading.Lock()
        self._loaded_at: float | None = None
        self._forget()

    def _forget(self) -> None:
        self._votes: pd.DataFrame | None = None
        self._current: pd.DataFrame | None = None
        self._seen = 0
        self._verdicts: pd.DataFrame | None = None
        self._marker: object = None
        self._scores: Sequence[Scores] | None = None
        self._scores_marker: object = None

    def _refresh(self) -> None:
        loaded_at = self._store.loaded_at(self._study)
        if loaded_at != self._loaded_at:
            self._forget()
            self._keys = self._store.config(self._study).keys
            self._loaded_at = loaded_at

    def votes(self) -> pd.DataFrame:
        """The current votes of every status; see `ppai.frames.current_votes`."""
        with self._lock:
            self._refresh()
            new, seen = self._store.votes_after(self._study, max(0, self._seen - LAG), self._keys)
            if self._votes is None:
                self._votes = new
            else:
                new = new[~new["seq"].isin(self._votes["seq"].tail(2 * LAG))]
                if len(new):
                    self._votes = pd.concat([self._votes, new], ignore_index=True)
            self._seen = max(self._seen, seen)
            if self._current is None or len(new):
                self._current = current_votes(self._votes)
            return self._current

    def verdicts(self) -> pd.DataFrame:
        with self._lock:
            self._refresh()
            marker = self._store.verdict_marker(self._study)
            if self._verdicts is None or marker != self._marker:
                self._verdicts, self._marker = self._store.verdicts(self._study, self._keys)
            return self._verdicts

    def scores(self) -> Sequence[Scores]:
        """The scorings by name; the same object until one of them changes."""
        with self._lock:
            self._refresh()
            marker = self._store.scores_marker(self._study)
            if self._scores is None or marker != self._scores_marker:
                self._scores, self._scores_marker = self._store.scores(self._study), marker
            return self._scores
