"""Win rates and shares of one criterion topic by topic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.statistics.coding import StudyIndex, code_verdicts, code_votes
from eval.statistics.pairs import PairOutcomes, judged_pairs, voted_pairs
from eval.statistics.source import counted
from eval.statistics.win_rate import Rates, rates
from ppai.schema import Arm, Study


@dataclass(frozen=True)
class TopicRates:
    """What one source says on one topic."""

    topic: str
    source: str
    """`human` or `judge:<judge>`."""
    rates: Rates


def topics(
    study: Study,
    votes: pd.DataFrame,
    verdicts: pd.DataFrame,
    criterion: str,
    *,
    arm: str = Arm.AS_IS.value,
    confidence: float = 0.95,
) -> tuple[TopicRates, ...]:
    """Rates of each topic and source in one arm, topics in the order of the prompts, people before judges.

    `votes` and `verdicts` are frames as `ppai.frames` makes them. Prompts without a topic are left out. Raises
    ValueError for a criterion that the study does not have.
    """
    if criterion not in study.config.keys:
        raise ValueError(f"criterion: {criterion!r} is not one of the study's")
    index = StudyIndex.of(study)
    topic, names = pd.factorize(np.array([prompt.topic for prompt in study.prompts], dtype=object))
    found = []
    for source, pairs in _sources(index, votes, verdicts, criterion, arm):
        for code, name in enumerate(names):
            of_topic = pairs.take(topic[pairs.prompt] == code)
            found.append(TopicRates(str(name), source, rates(of_topic, index, confidence=confidence)))
    return tuple(found)


def _sources(
    index: StudyIndex, votes: pd.DataFrame, verdicts: pd.DataFrame, criterion: str, arm: str
) -> Iterable[tuple[str, PairOutcomes]]:
    voted = code_votes(index, votes, [criterion])[0].of_arm(arm)
    yield "human", voted_pairs(counted(voted), criterion)
    judged = code_verdicts(index, verdicts, [criterion])[0].of_arm(arm)
    for code, judge in enumerate(judged.names):
        rows = judged.take(judged.who == code)
        if len(rows):
            yield f"judge:{judge}", judged_pairs(rows, criterion).merged
