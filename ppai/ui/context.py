"""What every page is built from: the store, the rating service, who may see what, and the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from ppai.backup import Keeper
from ppai.schema import Study
from ppai.settings import Settings
from ppai.store.base import Store
from ppai.ui.access import Gate
from ppai.ui.desk import Desk
from ppai.ui.events import Events


class JsonReady(Protocol):
    """A Summary: everything that the results page shows, as the contract's JSON."""

    def as_json(self) -> dict[str, Any]: ...


class Statistics(Protocol):
    """The statistics that `app.py` hands to the pages, so that the pages stay below `eval`."""

    def summarise(self, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame) -> JsonReady: ...
    def topics(
        self, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, criterion: str, *, arm: str = ...
    ) -> Sequence[Any]: ...
    def leaderboard(
        self, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, criterion: str, *, arm: str = ...
    ) -> Mapping[str, JsonReady]: ...


class Live(Protocol):
    """The service of live questions: `ppai.live.arena.Arena`."""

    def act(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what a browser asks, and answers with a view."""
        ...


@dataclass(frozen=True)
class Context:
    """One served study."""

    settings: Settings
    store: Store
    desk: Desk
    gate: Gate
    events: Events
    statistics: Any
    """A module or object with the functions of `Statistics`: `eval.report`."""

    browser_secret: str
    """Scrambles what a browser keeps for itself; public by Gradio's design, so it protects nothing else."""

    backup: Keeper | None = None
    """Copies the store elsewhere, where PPAI_BACKUP says so; the admin page shows its `state()`."""

    arena: Live | None = None
    """Live questions, where they are on."""

    @property
    def name(self) -> str:
        return self.desk.name
