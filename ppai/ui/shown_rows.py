"""The votes, verdicts, showings and guesses that a results page is made of, under the filters' choices. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ppai.schema import Study
from ppai.ui.filters import of_arm, of_topic, without_raters

Choose = Callable[[pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Rows:
    """Frames of `ppai.frames`: of all arms, of one, or what the filters leave of it."""

    votes: pd.DataFrame
    verdicts: pd.DataFrame
    showings: pd.DataFrame | None
    guesses: pd.DataFrame | None

    def of_arm(self, arm: str) -> Rows:
        def chosen(frame: pd.DataFrame | None) -> pd.DataFrame | None:
            return None if frame is None else of_arm(frame, arm)

        return Rows(of_arm(self.votes, arm), of_arm(self.verdicts, arm), chosen(self.showings), chosen(self.guesses))

    def without(self, raters: frozenset[str]) -> Rows:
        return self._kept(lambda frame: without_raters(frame, raters), self.verdicts) if raters else self

    def of_topic(self, study: Study, topic: str | None) -> Rows:
        """All rows for None."""
        if topic is None:
            return self
        return self._kept(lambda frame: of_topic(frame, study, topic), of_topic(self.verdicts, study, topic))

    def _kept(self, choose: Choose, verdicts: pd.DataFrame) -> Rows:
        """Some of the votes, with their showings where a judge may be combined with them: nothing else needs them."""
        showings = choose(self.showings) if self.showings is not None and len(verdicts) else None
        return Rows(choose(self.votes), verdicts, showings, self.guesses)
