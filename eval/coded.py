"""A study's votes, verdicts and showings in the codes of its own arms, and apart from them in those of the live arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import pandas as pd

from eval.statistics.coding import code_assignments, code_verdicts, code_votes
from eval.statistics.rows import Rows, VerdictRows, VoteRows
from eval.statistics.study_index import StudyIndex
from eval.statistics.topics import Topics
from ppai.schema import Arm, Study


@dataclass(frozen=True)
class Coded:
    """Votes, verdicts and showings in the codes of one study: of the arms of its own prompts, or of the live arm."""

    study: Study
    votes: VoteRows
    verdicts: VerdictRows
    assignments: Rows | None
    topics: Topics
    n_outside: int
    """Votes and verdicts on what the study does not have."""

    @classmethod
    def of(cls, study: Study, votes: pd.DataFrame, verdicts: pd.DataFrame, assignments: pd.DataFrame | None) -> Self:
        index, keys = StudyIndex.of(study), study.config.keys
        voted, votes_outside = code_votes(index, votes, keys)
        judged, verdicts_outside = code_verdicts(index, verdicts, keys)
        given = None if assignments is None else code_assignments(index, assignments)
        return cls(study, voted, judged, given, Topics.of(study), votes_outside + verdicts_outside)

    @property
    def arms(self) -> set[str]:
        return set(self.votes.arms_present()) | set(self.verdicts.arms_present())


def of_arms(frame: pd.DataFrame, live: bool) -> pd.DataFrame:
    """The rows of the live arm, or those of the others; the frame itself where it has no other rows."""
    chosen = ((frame["arm"] == Arm.LIVE.value) == live).to_numpy()
    return frame if chosen.all() else frame[chosen]
