"""Votes and merged verdicts folded into the comparisons that Bradley-Terry is fitted to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from eval.statistics.arrays import Floats, Ints
from eval.statistics.cells import Comparisons
from eval.statistics.pairs import PairOutcomes
from eval.statistics.rows import Rows
from eval.statistics.study_index import StudyIndex
from ppai.frames import MISSING


def voted_comparisons(rows: Rows, key: str) -> Comparisons:
    """Every answered row once, a tie as half a win each; `first` is the system that stood at side A."""
    answered = rows.outcomes[key] != MISSING
    outcome = rows.outcomes[key][answered]
    x, y = rows.index.x_y(rows.matchup[answered])
    x_is_a = rows.x_is_a[answered]
    return _folded(
        rows.index, rows.prompt[answered], np.where(x_is_a, x, y), np.where(x_is_a, y, x), (1.0 + outcome) / 2
    )


def judged_comparisons(merged: PairOutcomes, index: StudyIndex) -> Comparisons:
    """Every merged verdict once: a win where each order names the same system, else a tie; sides are not known."""
    x, y = index.x_y(merged.matchup)
    return _folded(index, merged.prompt, x, y, merged.x_share + merged.tie_share / 2)


def _folded(index: StudyIndex, prompt: Ints, first: Ints, second: Ints, wins: Floats) -> Comparisons:
    """Rows of the same prompt and ordered pair in one; the reference comes last, so that it is y in each `x>y`."""
    k = max(len(index.systems), 1)
    order = sorted(range(len(index.systems)), key=lambda system: (system == index.reference, system))
    place = np.argsort(order)
    cell, cells = pd.factorize((prompt * k + place[first]) * k + place[second])
    total = np.bincount(cell, minlength=len(cells)).astype(np.float64)
    won = np.bincount(cell, wins, len(cells)).astype(np.float64)
    rest, second_place = np.divmod(np.asarray(cells, dtype=np.int64), k)
    prompts, first_place = np.divmod(rest, k)
    return Comparisons(
        tuple(index.systems[system] for system in order), prompts, first_place, second_place, won, total - won
    )
