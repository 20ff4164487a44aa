"""All votes, verdicts, showings and scorings of a study in memory, of which only the new are read at each look."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pandas as pd

from ppai.frames import current_votes, showings
from ppai.schema import Scores
from ppai.store.base import Store

LAG = 500
"""How many of the newest rows are read again: PostgreSQL may commit a lower sequence number later."""
LAG_SECONDS = 600.0
"""From how far back assignments are read again, which have no sequence number."""


class Events:
    """The frames of one study (see `ppai.frames`) and its scorings, kept up to date. Safe for many threads.

    Each gives the same object until something in it changes.

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
        self._log: pd.DataFrame | None = None
        self._showings: pd.DataFrame | None = None
        self._shown_of: tuple[object, object] = (None, None)
        self._guesses: pd.DataFrame | None = None
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
            return self._newest_votes()

    def _newest_votes(self) -> pd.DataFrame:
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

    def showings(self) -> pd.DataFrame:
        """Every showing of a pair to a rater; see `ppai.frames.showings`."""
        with self._lock:
            self._refresh()
            of = (self._newest_votes(), self._newest_log())
            if self._showings is None or any(now is not then for now, then in zip(of, self._shown_of, strict=True)):
                self._showings, self._shown_of = showings(of[1], of[0]), of
            return self._showings

    def _newest_log(self) -> pd.DataFrame:
        if self._log is None:
            self._log = self._store.assignments(self._study)
            return self._log
        since = self._log["opened_at"].max() - LAG_SECONDS if len(self._log) else 0.0
        old, new = self._log[self._log["opened_at"] < since], self._store.assignments(self._study, since)
        if len(old) + len(new) != len(self._log):
            self._log = pd.concat([old, new], ignore_index=True) if len(old) else new
        return self._log

    def guesses(self) -> pd.DataFrame:
        """The answers to the blinding probe, which are only ever added; see `ppai.frames.guess_frame`."""
        with self._lock:
            self._refresh()
            found = self._store.guesses(self._study)
            if self._guesses is None or len(found) != len(self._guesses):
                self._guesses = found
            return self._guesses

    def verdicts(self) -> pd.DataFrame:
        with self._lock:
            self._refresh()
            marker = self._store.verdict_marker(self._study)
            if self._verdicts is None or marker != self._marker:
                self._verdicts, self._marker = self._store.verdicts(self._study, self._keys)
            return self._verdicts

    def scores(self) -> Sequence[Scores]:
        """The scorings by name."""
        with self._lock:
            self._refresh()
            marker = self._store.scores_marker(self._study)
            if self._scores is None or marker != self._scores_marker:
                self._scores, self._scores_marker = self._store.scores(self._study), marker
            return self._scores
