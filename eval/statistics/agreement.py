"""Raw agreement: the share of equal outcomes between votes on one pair, and between votes and a judge's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from eval.statistics.arrays import Bools, Floats, Ints
from eval.statistics.clustered import clustered_mean
from eval.statistics.interval import Interval
from eval.statistics.pair_counts import HIGHER, LOWER, TIE, PairCounts, Table, two_of
from eval.statistics.pairs import PairOutcomes

NO_TWO_VOTES = "no pair has two votes"
NO_DECISIVE_VOTES = "no pair has two decisive votes"
NO_COMMON_PAIRS = "no votes on the pairs that the judge judged"
NO_DECISIVE_COMMON = "no pair has both a decisive vote and a decisive verdict"


def votes_agree(counts: PairCounts, *, ties: bool = True, confidence: float = 0.95) -> Interval:
    """Share of equal outcomes over all pairs of votes on the same pair; without `ties`, of decisive votes.

    `n` counts the pairs of votes; the interval is that of `clustered_mean`, over prompts.
    """
    table = counts.counts if ties else np.delete(counts.counts, TIE, axis=1)
    return clustered_mean(
        equal_votes(table),
        counts.prompt,
        weights=two_of(table.sum(axis=1)),
        confidence=confidence,
        empty=NO_TWO_VOTES if ties else NO_DECISIVE_VOTES,
    )


def equal_votes(table: Table) -> Floats:
    """By unit, the share of its pairs of votes that are equal, 0 where it has fewer than two votes; shape (units,)."""
    pairs = two_of(table.sum(axis=1))
    return np.divide(two_of(table).sum(axis=1), pairs, out=np.zeros(len(table)), where=pairs > 0)


@dataclass(frozen=True)
class Compared:
    """The pairs that have both votes and a merged verdict; arrays of shape (pairs,)."""

    votes: PairCounts
    verdict: Ints
    """The merged verdict's column in `votes.counts`."""

    def __len__(self) -> int:
        return len(self.verdict)

    @classmethod
    def of(cls, votes: PairCounts, merged: PairOutcomes) -> Self:
        """A merged verdict is what its shares say: a win where every order names the same system, else a tie."""
        place = votes.places(merged.prompt * len(votes.index.systems) ** 2 + merged.matchup)
        merged, place = merged.take(place >= 0), place[place >= 0]
        for_x = merged.x_share - merged.y_share
        for_lower = np.where(votes.index.x_is_lower(merged.matchup), for_x, -for_x)
        return cls(votes.take(place), np.select([for_lower > 0, for_lower < 0], [LOWER, HIGHER], TIE).astype(np.int64))

    def take(self, chosen: Bools) -> Self:
        return type(self)(self.votes.take(chosen), self.verdict[chosen])

    @property
    def equal(self) -> Floats:
        """Votes equal to the verdict."""
        return self.votes.counts[np.arange(len(self)), self.verdict]

    @property
    def tables(self) -> Floats:
        """By pair, verdict by vote, shape (pairs, 3, 3)."""
        tables = np.zeros((len(self), 3, 3))
        tables[np.arange(len(self)), self.verdict] = self.votes.counts
        return tables

    def agree(self, *, ties: bool = True, confidence: float = 0.95) -> Interval:
        """Share of equal outcomes over all pairs of a vote and a merged verdict; without `ties`, where both decide.

        `n` counts these; the interval is that of `clustered_mean`, over prompts.
        """
        compared = self if ties else self.take(self.verdict != TIE)
        table = compared.votes.counts
        size = (table if ties else np.delete(table, TIE, axis=1)).sum(axis=1)
        return clustered_mean(
            np.divide(compared.equal, size, out=np.zeros(len(size)), where=size > 0),
            compared.votes.prompt,
            weights=size,
            confidence=confidence,
            empty=NO_COMMON_PAIRS if ties else NO_DECISIVE_COMMON,
        )
