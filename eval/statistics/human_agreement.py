"""Agreement among the raters' votes on one criterion: the contract's `human_human`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import isfinite
from typing import Any

import numpy as np

from eval.statistics.agreement import NO_TWO_VOTES, votes_agree
from eval.statistics.arrays import Floats, Ints
from eval.statistics.cohen import cohen_kappa
from eval.statistics.fleiss import fleiss_kappa
from eval.statistics.gwet import gwet_interval
from eval.statistics.interval import Interval
from eval.statistics.krippendorff import krippendorff_interval
from eval.statistics.pair_counts import PairCounts, two_of
from eval.statistics.repeats import retest
from eval.statistics.rows import VoteRows
from ppai.frames import MISSING

RATERS_COMPARED = 10
"""Cohen's kappa is given for every two of this many raters, those with most votes on the criterion (then by name)."""


@dataclass(frozen=True)
class HumanAgreement:
    """Agreement between the raters' votes on one criterion."""

    vote_pairs: int
    """Pairs of votes on the same pair."""
    with_ties: Interval
    without_ties: Interval
    krippendorff_alpha: Interval
    """Nominal; `n` counts pairs with two votes or more."""
    krippendorff_alpha_ordinal: Interval
    """With a tie between a win of the one and of the other system, in code-point order of their ids."""
    gwet_ac1: Interval
    test_retest: Interval
    fleiss_kappa: float | None
    raters: Mapping[str, float | None]
    """Cohen's kappa by `r1|r2`, over the pairs that both voted on; of `RATERS_COMPARED` raters at most."""
    n_raters: int
    """Raters who answered the criterion, compared or not."""

    def as_json(self) -> dict[str, Any]:
        intervals = (
            "with_ties",
            "without_ties",
            "krippendorff_alpha",
            "krippendorff_alpha_ordinal",
            "gwet_ac1",
            "test_retest",
        )
        return {
            "vote_pairs": self.vote_pairs,
            **{name: getattr(self, name).as_json() for name in intervals},
            "fleiss_kappa": self.fleiss_kappa,
            "raters": dict(self.raters),
            "n_raters": self.n_raters,
        }


def human_agreement(
    votes: VoteRows, counts: PairCounts, repeats: tuple[VoteRows, VoteRows], key: str, *, confidence: float = 0.95
) -> HumanAgreement:
    """Agreement between votes that count: one a rater and pair, submitted, no hidden repeat, one arm.

    `counts` is `PairCounts.of(votes, key)`; `repeats` are the hidden repeats and the first votes that
    `eval.statistics.repeats.repeated` found. All outcomes are coded by the system that won.
    """
    table, clusters = counts.counts, counts.prompt
    by_rater = np.bincount(votes.who[votes.outcomes[key] != MISSING], minlength=len(votes.names))
    nominal, ordinal = (
        krippendorff_interval(table, clusters, ordinal=ordinal, confidence=confidence, empty=NO_TWO_VOTES)
        for ordinal in (False, True)
    )
    return HumanAgreement(
        vote_pairs=int(two_of(counts.votes).sum()),
        with_ties=votes_agree(counts, confidence=confidence),
        without_ties=votes_agree(counts, ties=False, confidence=confidence),
        krippendorff_alpha=nominal,
        krippendorff_alpha_ordinal=ordinal,
        gwet_ac1=gwet_interval(table, clusters, confidence=confidence, empty=NO_TWO_VOTES),
        test_retest=retest(*repeats, key, confidence=confidence),
        fleiss_kappa=fleiss_kappa(table),
        raters=rater_kappas(votes, counts, key),
        n_raters=int(np.count_nonzero(by_rater)),
    )


def rater_kappas(votes: VoteRows, counts: PairCounts, key: str) -> dict[str, float | None]:
    """Cohen's kappa of every two compared raters (see `RATERS_COMPARED`) with a pair in common, by `r1|r2`.

    None where both only ever said the same one thing.
    """
    raters, said = _sayings(votes, counts, key)
    # All confusion tables at once: (rater, outcome) by (rater, outcome).
    flat = said.reshape(3 * len(raters), len(counts))
    tables = (flat @ flat.T).reshape(len(raters), 3, len(raters), 3).swapaxes(1, 2)
    kappas = cohen_kappa(tables)
    return {
        f"{votes.names[raters[r]]}|{votes.names[raters[s]]}": float(kappas[r, s]) if isfinite(kappas[r, s]) else None
        for r, s in combinations(range(len(raters)), 2)
        if tables[r, s].any()
    }


def _sayings(votes: VoteRows, counts: PairCounts, key: str) -> tuple[Ints, Floats]:
    """The compared raters, by name, and 1 where each gave a pair an outcome: shape (raters, 3, pairs)."""
    answered = votes.outcomes[key] != MISSING
    n_votes = np.bincount(votes.who[answered], minlength=len(votes.names))
    most = np.argsort(-n_votes, kind="stable")[:RATERS_COMPARED]
    raters = np.sort(most[n_votes[most] > 0])
    place = np.full(len(votes.names), -1)
    place[raters] = np.arange(len(raters))
    rows = np.flatnonzero(answered & (place[votes.who] >= 0))
    pair = counts.places(votes.pair_codes()[rows])
    for_x = votes.for_x(key)[rows]
    said = np.zeros((len(raters), 3, len(counts)))
    lower = counts.index.x_is_lower(counts.matchup)[pair]
    said[place[votes.who[rows]], 1 - np.where(lower, for_x, -for_x), pair] = 1
    return raters, said
