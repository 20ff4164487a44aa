"""Bradley-Terry strengths on one criterion, by source: what a leaderboard of three or more systems shows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from eval.statistics.coding import code_verdicts, code_votes
from eval.statistics.comparisons import judged_comparisons, voted_comparisons
from eval.statistics.pairs import judged_pairs
from eval.statistics.ranking import Ranking, ranking
from eval.statistics.source import NO_VERDICTS, NO_VOTES, counted
from eval.statistics.study_index import StudyIndex
from ppai.schema import Arm, Study


def leaderboard(
    study: Study,
    votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    criterion: str,
    *,
    arm: str = Arm.AS_IS.value,
    confidence: float = 0.95,
) -> Mapping[str, Ranking]:
    """Strengths by source in one arm: `human`, and `judge:<judge>` of each judge with verdicts there.

    `votes` and `verdicts` are frames as `ppai.frames` makes them. The same as in a Summary, which has those of every
    criterion. Raises ValueError for a criterion that the study does not have.
    """
    if criterion not in study.config.keys:
        raise ValueError(f"criterion: {criterion!r} is not one of the study's")
    index = StudyIndex.of(study)
    voted = counted(code_votes(index, votes, [criterion])[0].of_arm(arm))
    judged = code_verdicts(index, verdicts, [criterion])[0].of_arm(arm)
    compared = {"human": (voted_comparisons(voted, criterion), NO_VOTES)}
    for code, judge in enumerate(judged.names):
        if len(rows := judged.take(judged.who == code)):
            merged = judged_pairs(rows, criterion).merged
            compared[f"judge:{judge}"] = judged_comparisons(merged, index), NO_VERDICTS
    return {source: ranking(folded, empty=empty, confidence=confidence) for source, (folded, empty) in compared.items()}
