"""Opens what `STUDY` names on the command line: a study directory or a store's URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ppai.errors import StoreError, StudyError
from ppai.schema import Scores, Study
from ppai.store.base import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Source:
    """A study with its vote, verdict, showing and guess frames (see `ppai.frames`)."""

    study: Study
    votes: pd.DataFrame
    verdicts: pd.DataFrame
    showings: pd.DataFrame
    guesses: pd.DataFrame
    """Answers to the blinding probe, which a store alone has."""
    scores: Sequence[Scores]
    """The scorings by name."""
    address: str
    """Where it was read, as it may be shown to anybody: without a password."""


def pick(store: Store, name: str | None) -> str:
    """The study `name` of a store, or its only one. Raises StoreError."""
    names = [info.name for info in store.studies()]
    if name is not None:
        if name not in names:
            raise StoreError(f"no study {name!r} in this store; it holds: {', '.join(names) or 'none'}")
        return name
    if not names:
        raise StoreError("no study is loaded: ppai study load DIR")
    if len(names) > 1:
        raise StoreError(f"this store holds several studies, choose one with --study: {', '.join(names)}")
    return names[0]


def open_source(source: str, name: str | None = None) -> Source:
    """Reads a directory, or a store where `source` has a `://`; `name` must be the directory's study, if given.

    Raises StudyError or StoreError.
    """
    from ppai.frames import assignment_frame, guess_frame, showings, verdict_frame, vote_frame

    if "://" not in source:
        from ppai.studyfiles import read_study

        study = read_study(Path(source))
        if name is not None and name != study.config.name:
            raise StudyError([f"--study: {source} holds the study {study.config.name!r}, not {name!r}"])
        keys = study.config.keys
        votes, verdicts = vote_frame(study.votes, keys), verdict_frame(study.verdicts, keys)
        shown = showings(assignment_frame(study.assignments), votes)
        scores = sorted(study.scores, key=lambda one: one.name)
        return Source(study, votes, verdicts, shown, guess_frame(), scores, source)
    from ppai.store.sql import SqlStore

    store = SqlStore(source, create=False)
    try:
        chosen = pick(store, name)
        study = store.study(chosen)
        votes, _ = store.votes_after(chosen, 0, study.config.keys)
        verdicts, _ = store.verdicts(chosen, study.config.keys)
        shown = showings(store.assignments(chosen), votes)
        return Source(study, votes, verdicts, shown, store.guesses(chosen), store.scores(chosen), store.shown_url)
    finally:
        store.close()
