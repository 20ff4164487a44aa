"""Whether the pairs that people voted on were drawn at random from the study's, as the assignment log has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.statistics.arrays import Bools, Ints
from eval.statistics.coding import code_assignments
from eval.statistics.rows import VoteRows
from eval.statistics.source import counted
from ppai.schema import Labelled, StudyConfig

RANDOM = "random: "
"""Stands in each draw of `ppai.assign` in which every eligible pair had the same chance."""


@dataclass(frozen=True)
class Drawn:
    """How the pairs that people voted on were chosen."""

    random: bool
    """Whether they are known to be a random set."""
    doubt: str | None = None
    """What the assignment log has against it, where study.yaml says that they are."""


def drawn(config: StudyConfig, votes: VoteRows, assignments: pd.DataFrame | None) -> Drawn:
    """Whether the votes of one arm that count stand on pairs drawn at random.

    So it is where study.yaml says `labelled: random`, or where each vote has an assignment to its rater whose `draw`
    was random. `assignments` is a frame with `prompt_id`, `system_a`, `system_b`, `rater`, `arm`, `repeat` and `draw`;
    without that column, or without a log, nothing is known. An empty `draw` is a showing that the log does not have.
    What study.yaml says stands, for the log knows nothing of votes from elsewhere; but where the log has some of the
    votes and not all as random, it is told.
    """
    said = config.labelled is Labelled.RANDOM
    answers = counted(votes)
    if assignments is None or "draw" not in assignments or not len(answers):
        return Drawn(said)
    first = assignments[(assignments["repeat"] == 0).to_numpy()]
    draw = first["draw"].astype(str)
    at_random = _shown(answers, first[draw.str.contains(RANDOM, regex=False).to_numpy()])
    if not said:
        return Drawn(bool(at_random.all()))
    logged = _shown(answers, first[(draw != "").to_numpy()])
    return Drawn(True, _doubt(len(answers), int(np.count_nonzero(logged)), int(np.count_nonzero(at_random))))


def _doubt(n: int, logged: int, at_random: int) -> str | None:
    if not logged or at_random == n:
        return None
    found = []
    if at_random < logged:
        found.append(f"has {logged - at_random:,} as not drawn at random")
    if logged < n:
        found.append(f"does not have {n - logged:,}")
    return f"study.yaml says `labelled: random`; of the {n:,} votes the assignment log {' and '.join(found)}"


def _shown(answers: VoteRows, assignments: pd.DataFrame) -> Bools:
    """Whether each vote's pair is among these assignments to its rater in its arm."""
    rows = code_assignments(answers.index, assignments)
    who, arm = _places(rows.names, answers.names)[rows.who], _places(rows.arms, answers.arms)[rows.arm]
    known = (who >= 0) & (arm >= 0)
    shown = _codes(rows.pair_codes()[known], who[known], arm[known], answers)
    return np.isin(_codes(answers.pair_codes(), answers.who, answers.arm, answers), shown)


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
