"""The confidence sequences of the criterion that a study was set up to decide, as a Summary tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eval.statistics.rows import VoteRows
from eval.statistics.sequence import ConfidenceSequence, follow
from ppai.schema import StudyConfig


@dataclass(frozen=True)
class Followed:
    """By `x>y`, the sequence of each matchup and what it says for readers."""

    criterion: str
    overlap: int
    """Votes that complete a prompt."""
    matchups: Mapping[str, ConfidenceSequence]
    sentences: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        return {
            "criterion": self.criterion,
            "overlap": self.overlap,
            "matchups": {
                label: found.as_json() | {"sentence": self.sentences[label]} for label, found in self.matchups.items()
            },
        }


def followed(answers: VoteRows, config: StudyConfig, *, confidence: float = 0.95) -> Followed:
    """The sequences of the primary criterion; `answers` are one arm's votes that count.

    Criterion, margin and votes a pair are those of study.yaml, which were fixed before any vote. Only one criterion
    is followed, so that it has the whole error to itself, shared among the matchups; see `follow`.
    """
    key, index = config.primary_key, answers.index
    matchups = follow(answers, key, overlap=config.overlap, margin=config.margin, confidence=confidence)
    names = [config.systems[place].label for place in range(len(index.systems))]
    x, y = index.x_y(index.matchups)
    sentences = {
        label: found.sentence(names[one], names[other])
        for (label, found), one, other in zip(matchups.items(), x.tolist(), y.tolist(), strict=True)
    }
    return Followed(key, config.overlap, matchups, sentences)
