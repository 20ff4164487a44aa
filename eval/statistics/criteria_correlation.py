"""How far the criteria say the same: the share of equal outcomes of every two, and their correlation over pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from eval.statistics.clustered import clustered_mean
from eval.statistics.correlation import correlation
from eval.statistics.interval import Interval
from eval.statistics.pairs import PairOutcomes, judged_pairs, voted_pairs
from eval.statistics.rows import VerdictRows, VoteRows
from eval.statistics.study_index import StudyIndex
from ppai.frames import MISSING

NO_COMMON = "no pair has an outcome on both criteria"


@dataclass(frozen=True)
class CriteriaPair:
    """Two criteria of one source, over the pairs that have an outcome on both."""

    equal: Interval
    """Share of equal outcomes, averaged per pair: of one vote's two answers, or of the merged verdict's. `n` counts
    pairs; the interval is that of `clustered_mean`, over prompts."""
    pearson: Interval
    """Pearson's correlation of the pairs' outcomes for x, see `eval.statistics.correlation`. With several matchups each
    matchup's own means are taken off first, so that neither which of two systems is called x nor the matchups'
    differences enter."""

    @property
    def correlation(self) -> float | None:
        return self.pearson.estimate

    def as_json(self) -> dict[str, Any]:
        """`correlation` is the estimate of `correlation_interval`, `reason` why there is none."""
        values = {
            "equal": self.equal.as_json(),
            "correlation": self.correlation,
            "correlation_interval": self.pearson.as_json(),
        }
        return values if self.correlation is not None else values | {"reason": self.pearson.reason}


def criteria_of_votes(answers: VoteRows, keys: Sequence[str], *, confidence: float = 0.95) -> dict[str, CriteriaPair]:
    """By `key1|key2`, how far people's votes on two criteria agree; `answers` are the votes that count."""
    pairs = {key: voted_pairs(answers, key) for key in keys}
    place, codes = answers.pairs
    prompt = codes // max(len(answers.index.systems) ** 2, 1)
    found = {}
    for one, other in combinations(keys, 2):
        first, second = answers.outcomes[one], answers.outcomes[other]
        both = (first != MISSING) & (second != MISSING)
        # Each pair weighs the same, however many votes it has.
        n_votes = np.bincount(place[both], minlength=len(codes))
        n_equal = np.bincount(place[both & (first == second)], minlength=len(codes))
        some = n_votes > 0
        share = clustered_mean(n_equal[some] / n_votes[some], prompt[some], confidence=confidence, empty=NO_COMMON)
        pearson = _correlation(*_common(pairs[one], pairs[other], answers.index), confidence)
        found[f"{one}|{other}"] = CriteriaPair(share, pearson)
    return found


def criteria_of_verdicts(
    verdicts: VerdictRows, keys: Sequence[str], *, confidence: float = 0.95
) -> dict[str, CriteriaPair]:
    """By `key1|key2`, how far one judge's merged verdicts on two criteria agree."""
    pairs = {key: judged_pairs(verdicts, key).merged for key in keys}
    found = {}
    for one, other in combinations(keys, 2):
        first, second = _common(pairs[one], pairs[other], verdicts.index)
        # The score too: a win in one order and a tie in the other merge to the shares of a tie.
        same = (first.x_share == second.x_share) & (first.y_share == second.y_share) & (first.score == second.score)
        share = clustered_mean(same, first.prompt, confidence=confidence, empty=NO_COMMON)
        found[f"{one}|{other}"] = CriteriaPair(share, _correlation(first, second, confidence))
    return found


def same_criteria(found: Mapping[str, CriteriaPair]) -> tuple[str, ...]:
    """The `key1|key2` whose outcomes are equal in every pair, and vary: one question asked twice."""
    return tuple(label for label, pair in found.items() if pair.equal.estimate == 1 and pair.correlation is not None)


def _correlation(one: PairOutcomes, other: PairOutcomes, confidence: float) -> Interval:
    """Of the same pairs in the same order."""
    return correlation(one.score, other.score, one.matchup, one.prompt, confidence=confidence, empty=NO_COMMON)


def _common(one: PairOutcomes, other: PairOutcomes, index: StudyIndex) -> tuple[PairOutcomes, PairOutcomes]:
    """The pairs that both have, in the same order."""
    systems = len(index.systems) ** 2
    code, other_code = one.prompt * systems + one.matchup, other.prompt * systems + other.matchup
    _, first, second = np.intersect1d(code, other_code, assume_unique=True, return_indices=True)
    return one.take(first), other.take(second)
