"""Win rates and shares topic by topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from eval.statistics.arrays import Ints
from eval.statistics.coding import code_verdicts, code_votes
from eval.statistics.pairs import PairOutcomes, judged_pairs, voted_pairs
from eval.statistics.source import counted
from eval.statistics.study_index import StudyIndex
from eval.statistics.win_rate import Rates, grouped_rates
from ppai.schema import Arm, Study


@dataclass(frozen=True)
class TopicRates:
    """What one source says on one topic."""

    topic: str
    source: str
    """`human` or `judge:<judge>`."""
    rates: Rates


@dataclass(frozen=True)
class Topics:
    """The topics of a study's prompts."""

    names: tuple[str, ...]
    """In the order of the prompts."""
    code: Ints
    """Of each prompt, the place of its topic in `names`; -1 where it has none. Shape (prompts,)."""

    @classmethod
    def of(cls, study: Study) -> Self:
        code, names = pd.factorize(np.array([prompt.topic or None for prompt in study.prompts], dtype=object))
        return cls(tuple(map(str, names)), np.asarray(code, dtype=np.int64))

    def rates(self, pairs: PairOutcomes, index: StudyIndex, *, confidence: float = 0.95) -> dict[str, Rates]:
        """The rates of each topic's pairs; prompts without a topic are left out."""
        code = self.code[pairs.prompt]
        known = code >= 0
        found = grouped_rates(pairs.take(known), index, code[known], len(self.names), confidence=confidence)
        return dict(zip(self.names, found, strict=True))


def topics(
    study: Study,
    votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    criterion: str,
    *,
    arm: str = Arm.AS_IS.value,
    confidence: float = 0.95,
) -> tuple[TopicRates, ...]:
    """Rates of each topic and source on one criterion in one arm, topics in the order of the prompts, people first.

    `votes` and `verdicts` are frames as `ppai.frames` makes them. Prompts without a topic are left out. Raises
    ValueError for a criterion that the study does not have. A Summary has those of every criterion.
    """
    if criterion not in study.config.keys:
        raise ValueError(f"criterion: {criterion!r} is not one of the study's")
    index, known = StudyIndex.of(study), Topics.of(study)
    return tuple(
        TopicRates(topic, source, found)
        for source, pairs in _sources(index, votes, verdicts, criterion, arm).items()
        for topic, found in known.rates(pairs, index, confidence=confidence).items()
    )


def _sources(
    index: StudyIndex, votes: pd.DataFrame, verdicts: pd.DataFrame, criterion: str, arm: str
) -> Mapping[str, PairOutcomes]:
    voted = code_votes(index, votes, [criterion])[0].of_arm(arm)
    judged = code_verdicts(index, verdicts, [criterion])[0].of_arm(arm)
    by_judge = {
        f"judge:{judge}": judged_pairs(rows, criterion).merged
        for code, judge in enumerate(judged.names)
        if len(rows := judged.take(judged.who == code))
    }
    return {"human": voted_pairs(counted(voted), criterion), **by_judge}
