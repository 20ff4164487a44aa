"""Whether the pairs that people voted on were drawn at random from the study's, as the assignment log has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from eval.statistics.coding import Ints, VoteRows, code_assignments
from eval.statistics.source import counted
from ppai.schema import Labelled, StudyConfig

RANDOM = "random: "
"""Stands in each draw of `ppai.assign` in which every eligible pair had the same chance."""


def drawn_at_random(config: StudyConfig, votes: VoteRows, assignments: pd.DataFrame | None) -> bool:
    """Whether the votes of one arm that count stand on pairs drawn at random.

    So it is where study.yaml says `labelled: random`, or where each vote has an assignment to its rater whose `draw`
    was random. `assignments` is a frame with `prompt_id`, `system_a`, `system_b`, `rater`, `arm`, `repeat` and `draw`;
    without that column, or without a log, nothing is known.
    """
    if config.labelled is Labelled.RANDOM:
        return True
    answers = counted(votes)
    if assignments is None or "draw" not in assignments or not len(answers):
        return False
    random = assignments["draw"].astype(str).str.contains(RANDOM, regex=False) & (assignments["repeat"] == 0)
    drawn = code_assignments(votes.index, assignments[random.to_numpy()])
    who, arm = _places(drawn.names, answers.names)[drawn.who], _places(drawn.arms, answers.arms)[drawn.arm]
    known = (who >= 0) & (arm >= 0)
    shown = _codes(drawn.pair_codes()[known], who[known], arm[known], answers)
    return bool(np.isin(_codes(answers.pair_codes(), answers.who, answers.arm, answers), shown).all())


def _places(names: Sequence[str], known: Sequence[str]) -> Ints:
    """The place of each name in `known`, -1 where it is not there."""
    place = {name: number for number, name in enumerate(known)}
    return np.array([place.get(name, -1) for name in names], dtype=np.int64)


def _codes(pair: Ints, who: Ints, arm: Ints, answers: VoteRows) -> Ints:
    return (pair * len(answers.names) + who) * len(answers.arms) + arm


def chosen_judge(config: StudyConfig, judges: tuple[str, ...]) -> tuple[str | None, str]:
    """The judge that was fixed before the verdicts were seen, or None and why there is none."""
    if config.judge is not None:
        return config.judge, ""
    if len(judges) == 1:
        return judges[0], ""
    return None, "no judge was fixed beforehand; for the next study, name one in study.yaml before anyone votes"
