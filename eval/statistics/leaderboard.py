"""Bradley-Terry strengths of one criterion, by source: what a leaderboard of three or more systems shows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from eval.statistics.coding import StudyIndex, code_verdicts, code_votes
from eval.statistics.comparisons import judged_comparisons, voted_comparisons
from eval.statistics.pairs import judged_pairs
from eval.statistics.source import counted
from eval.statistics.strengths import Strengths, strengths
from ppai.schema import Arm, Study


def leaderboard(
    study: Study,
    votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    criterion: str,
    *,
    arm: str = Arm.AS_IS.value,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
    prior: float = 0.0,
    side_term: bool = False,
) -> Mapping[str, Strengths]:
    """Strengths by source, `human` and `judge:<judge>`, of those that compared anything in one arm.

    `votes` and `verdicts` are frames as `ppai.frames` makes them. `prior` lends wins to the point estimates too, which
    connects systems that no path of wins and losses does. `side_term` fits the effect of standing first: judges' orders
    are then not merged, so that a pair seen in both orders counts twice. Raises ValueError for a criterion that the
    study does not have, and its kinds Disconnected, naming the systems, and UnknownSide.
    """
    if criterion not in study.config.keys:
        raise ValueError(f"criterion: {criterion!r} is not one of the study's")
    index = StudyIndex.of(study)
    voted = counted(code_votes(index, votes, [criterion])[0].of_arm(arm))
    judged = code_verdicts(index, verdicts, [criterion])[0].of_arm(arm)
    compared = {"human": voted_comparisons(voted, criterion)}
    for code, judge in enumerate(judged.names):
        rows = judged.take(judged.who == code)
        compared[f"judge:{judge}"] = (
            voted_comparisons(rows, criterion)
            if side_term
            else judged_comparisons(judged_pairs(rows, criterion).merged, index)
        )
    return {
        source: strengths(
            one, confidence=confidence, replicates=replicates, seed=seed, prior=prior, side_term=side_term
        )
        for source, one in compared.items()
        if len(one.prompt)
    }
