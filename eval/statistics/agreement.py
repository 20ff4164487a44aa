"""Agreement among raters and between raters and judges: the contract's AGREEMENT, with what is computed so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from eval.statistics.coding import Rows
from eval.statistics.interval import Interval
from ppai.frames import MISSING

NOT_COMPUTED = "agreement is not computed by this version"


def _missing() -> Interval:
    return Interval.missing(NOT_COMPUTED)


@dataclass(frozen=True)
class HumanAgreement:
    """Agreement between the raters' votes on one criterion."""

    vote_pairs: int
    """Pairs of votes on the same pair."""
    with_ties: Interval = field(default_factory=_missing)
    without_ties: Interval = field(default_factory=_missing)
    krippendorff_alpha: Interval = field(default_factory=_missing)
    gwet_ac1: Interval = field(default_factory=_missing)
    test_retest: Interval = field(default_factory=_missing)
    fleiss_kappa: float | None = None
    raters: Mapping[str, float | None] = field(default_factory=dict)
    """Cohen's kappa by `r1|r2`."""

    def as_json(self) -> dict[str, Any]:
        return {
            "vote_pairs": self.vote_pairs,
            "with_ties": self.with_ties.as_json(),
            "without_ties": self.without_ties.as_json(),
            "krippendorff_alpha": self.krippendorff_alpha.as_json(),
            "gwet_ac1": self.gwet_ac1.as_json(),
            "fleiss_kappa": self.fleiss_kappa,
            "raters": dict(self.raters),
            "test_retest": self.test_retest.as_json(),
        }


@dataclass(frozen=True)
class JudgeAgreement:
    """Agreement of one judge with the raters' votes, and between its own orders, on one criterion."""

    with_ties: Interval = field(default_factory=_missing)
    without_ties: Interval = field(default_factory=_missing)
    majority_accuracy: Interval = field(default_factory=_missing)
    cohen_kappa: Interval = field(default_factory=_missing)
    orders_consistent: Interval = field(default_factory=_missing)
    flips_to_first: Interval = field(default_factory=_missing)
    usable: bool = False
    """Whether the judge may stand in for raters; False until agreement shows that it may."""
    reasons: tuple[str, ...] = (NOT_COMPUTED,)

    def as_json(self) -> dict[str, Any]:
        return {
            "with_ties": self.with_ties.as_json(),
            "without_ties": self.without_ties.as_json(),
            "majority_accuracy": self.majority_accuracy.as_json(),
            "cohen_kappa": self.cohen_kappa.as_json(),
            "orders_consistent": self.orders_consistent.as_json(),
            "flips_to_first": self.flips_to_first.as_json(),
            "usable": self.usable,
            "reasons": list(self.reasons),
        }


def human_agreement(votes: Rows, key: str) -> HumanAgreement:
    """Agreement between votes that count: one a rater and pair, submitted, no hidden repeat, one arm."""
    pair, _ = pd.factorize(votes.pair_codes()[votes.outcomes[key] != MISSING])
    count = np.bincount(pair)
    return HumanAgreement(vote_pairs=int((count * (count - 1) // 2).sum()))
