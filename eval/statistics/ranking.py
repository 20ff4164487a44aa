"""Bradley-Terry strengths of one source on one criterion, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eval.statistics.cells import Comparisons
from eval.statistics.connected import Disconnected
from eval.statistics.strengths import Strengths, strengths

TWO_SYSTEMS = "two systems: see win_rate"


@dataclass(frozen=True)
class Ranking:
    """What a leaderboard of three or more systems shows."""

    strengths: Strengths | None
    reason: str | None = None
    """Why there are no strengths."""

    @property
    def reasons(self) -> dict[str, str]:
        """Why a figure that has no interval of its own is null, by its key."""
        return {} if self.reason is None else {"bradley_terry": self.reason}

    def as_json(self) -> dict[str, Any]:
        """The contract's keys of a SOURCE; `n_degenerate` counts bootstrap replicates that needed a prior."""
        found = self.strengths
        if found is None:
            values: dict[str, Any] = {"bradley_terry": None, "bradley_terry_differences": None, "p_better": None}
            return {"n_degenerate": 0} | values | {"reasons": self.reasons}
        return {
            "n_degenerate": found.n_degenerate,
            "bradley_terry": {system: strength.as_json() for system, strength in found.systems.items()},
            "bradley_terry_differences": {label: one.as_json() for label, one in found.differences.items()},
            "p_better": dict(found.better),
            "reasons": self.reasons,
        }


def ranking(comparisons: Comparisons, *, empty: str, confidence: float = 0.95) -> Ranking:
    """The strengths of the systems of `comparisons`; `empty` is the reason where nothing was compared."""
    if len(comparisons.systems) <= 2:
        return Ranking(None, TWO_SYSTEMS)
    if not len(comparisons.prompt):
        return Ranking(None, empty)
    try:
        return Ranking(strengths(comparisons, confidence=confidence))
    except Disconnected as error:
        return Ranking(None, str(error))
