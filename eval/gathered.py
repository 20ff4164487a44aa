"""One arm's votes and verdicts, with what several parts of a Summary read of them made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from eval.statistics.balance import Balance, balance
from eval.statistics.pairs import JudgedPairs, PairOutcomes, judged_pairs, voted_pairs
from eval.statistics.rows import Rows, VerdictRows, VoteRows
from eval.statistics.sampling import Drawn, drawn
from eval.statistics.source import counted
from eval.statistics.study_index import StudyIndex
from eval.statistics.topics import Topics
from ppai.schema import Sides, StudyConfig

HUMAN = "human"


@dataclass(frozen=True)
class Gathered:
    """What the figures of one arm are made of."""

    config: StudyConfig
    arm: str
    votes: VoteRows
    """The current ones, of every status."""
    verdicts: VerdictRows
    showings: Rows | None
    """None where votes stand for them."""
    assignments: pd.DataFrame | None
    """The showings of all arms with their draws, as `summarise` was given them."""
    guesses: pd.DataFrame
    topics: Topics
    confidence: float

    @property
    def index(self) -> StudyIndex:
        return self.votes.index

    @property
    def keys(self) -> tuple[str, ...]:
        return self.config.keys

    @property
    def sides_known(self) -> bool:
        return self.config.sides is Sides.SHOWN

    @cached_property
    def answers(self) -> VoteRows:
        """The votes that count."""
        return counted(self.votes)

    @cached_property
    def drawn(self) -> Drawn:
        """How people's pairs were chosen."""
        return drawn(self.config, self.votes, self.assignments)

    @cached_property
    def judges(self) -> Mapping[str, VerdictRows]:
        """The verdicts of each judge that has any in this arm."""
        return {
            judge: rows
            for code, judge in enumerate(self.verdicts.names)
            if len(rows := self.verdicts.take(self.verdicts.who == code))
        }

    @cached_property
    def voted(self) -> Mapping[str, PairOutcomes]:
        """People's pairs by criterion."""
        return {key: voted_pairs(self.answers, key) for key in self.keys}

    @cached_property
    def judged(self) -> Mapping[str, Mapping[str, JudgedPairs]]:
        """By judge, its pairs by criterion, both orders merged."""
        return {judge: {key: judged_pairs(rows, key) for key in self.keys} for judge, rows in self.judges.items()}

    @cached_property
    def sources(self) -> Mapping[str, Mapping[str, PairOutcomes]]:
        """By source, the pairs of people and of each judge by criterion."""
        merged = {
            f"judge:{judge}": {key: pairs.merged for key, pairs in found.items()}
            for judge, found in self.judged.items()
        }
        return {HUMAN: self.voted, **merged}

    @cached_property
    def balance(self) -> Balance:
        return balance(self.votes, self.config.overall_key, sides_known=self.sides_known, assignments=self.showings)
