"""The Summary of a study: everything that the results page and the report show, in the contract's form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eval.parts import NOT_ASKED, Part
from eval.statistics.balance import Balance
from eval.statistics.blinding_index import Blinding
from eval.statistics.combined import CombinedRates
from eval.statistics.criteria_correlation import CriteriaPair, same_criteria
from eval.statistics.followed import Followed
from eval.statistics.human_agreement import HumanAgreement
from eval.statistics.interval import Interval
from eval.statistics.judge_agreement import JudgeAgreement
from eval.statistics.raters import moved
from eval.statistics.source import Source
from eval.statistics.win_rate import Rates


@dataclass(frozen=True)
class Summary:
    """One arm's figures, and at the top level those of the other arms; arms are never pooled.

    A part that was not asked for is empty or None, see `not_asked`.
    """

    study: str
    confidence: float
    arm: str
    systems: tuple[str, ...]
    reference: str | None
    criteria: Mapping[str, Mapping[str, Source]]
    """By criterion, then `human` and `judge:<judge>`."""
    balance: Balance
    agreement: Mapping[str, Mapping[str, HumanAgreement | JudgeAgreement]] = field(default_factory=dict)
    """By criterion, then `human_human` and `judge:<judge>`."""
    combined: Mapping[str, Mapping[str, CombinedRates]] = field(default_factory=dict)
    """By criterion, then `combined:<judge>`, where people voted: their win rates and a judge's in one."""
    sequence: Followed | None = None
    """People's win rates on the primary criterion after each completed prompt."""
    correlations: Mapping[str, Mapping[str, CriteriaPair]] = field(default_factory=dict)
    """By source, then `key1|key2`."""
    unflagged: Mapping[str, Rates | None] = field(default_factory=dict)
    """By criterion, people's rates without flagged raters; None where nobody is flagged."""
    blinding: Blinding | None = None
    topics: Mapping[str, Mapping[str, Mapping[str, Rates]]] = field(default_factory=dict)
    """By criterion, source and topic."""
    not_asked: frozenset[Part] = frozenset()
    n_outside: int = 0
    """Votes and verdicts, of all arms, on prompts or systems that the study no longer has; in no other figure."""
    n_outdated: int = 0
    """Verdicts, of all arms, on texts that the study has changed since; in no other figure."""
    arms: Mapping[str, Summary] = field(default_factory=dict)
    clusters: str = "prompt"

    def as_json(self) -> dict[str, Any]:
        """The contract's summary: plain dicts, lists, strings, finite numbers and nulls."""
        return {
            "study": self.study,
            "confidence": self.confidence,
            "clusters": self.clusters,
            "arm": self.arm,
            "systems": list(self.systems),
            "reference": self.reference,
            "n_outside": self.n_outside,
            "n_outdated": self.n_outdated,
            "criteria": {key: _json({**found, **self.combined.get(key, {})}) for key, found in self.criteria.items()},
            "agreement": {key: _json(found) for key, found in self.agreement.items()},
            "balance": self.balance.as_json(),
            "sequence": None if self.sequence is None else self.sequence.as_json(),
            "correlations": {source: _json(found) for source, found in self.correlations.items()},
            "same_criteria": {source: list(same_criteria(found)) for source, found in self.correlations.items()},
            "without_flagged": {key: self._without_flagged(key) for key in self.unflagged},
            "blinding": Interval.missing(NOT_ASKED).as_json() if self.blinding is None else self.blinding.as_json(),
            "topics": {
                key: {source: _json(found) for source, found in by_source.items()}
                for key, by_source in self.topics.items()
            },
            "not_asked": {part.value: NOT_ASKED for part in Part if part in self.not_asked},
            "arms": {arm: summary.as_json() for arm, summary in self.arms.items()},
        }

    def _without_flagged(self, key: str) -> dict[str, Any] | None:
        """The rates, and by how much they moved from those of all raters."""
        kept = self.unflagged[key]
        return None if kept is None else kept.as_json() | {"moved": moved(self.criteria[key]["human"].rates, kept)}


def _json(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if one is None else one.as_json() for name, one in found.items()}
