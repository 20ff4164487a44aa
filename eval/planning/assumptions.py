"""What a study is planned for, and the range of each number of it."""

from __future__ import annotations

from dataclasses import dataclass

from eval.voting_model import VotingModel

RANGES = {
    "margin": (0.001, 0.499),
    "power": (0.5, 0.999),
    "overlap": (1, 100),
    "judge_agreement": (0.01, 1.0),
    "prompts": (1, 100_000_000),
    "win_rate": (0.001, 0.999),
    "tie_share": (0.0, 0.99),
    "icc": (0.0, 0.95),
    "seconds": (0.1, 86_400.0),
    "confidence": (0.5, 0.999),
}
"""Smallest and largest; a margin of .001 takes some million prompts."""


@dataclass(frozen=True)
class Assumptions:
    """Shares are in [0, 1]. Raises ValueError where a number is out of `RANGES` or contradicts another, naming it."""

    margin: float = 0.1
    power: float = 0.8
    overlap: int = 3
    judge_agreement: float | None = None
    """Share of verdicts that name what most people would say of the pair; None plans without a judge."""
    prompts: int | None = None
    """Prompts that the judge is given; `needs.POOLS` where none are said."""
    win_rate: float | None = None
    """The true win rate to be told from one half; `.5 + margin` where none is given."""
    tie_share: float = 0.1
    icc: float = 0.4
    """Intraclass correlation: of the outcomes of two votes on the same prompt."""
    seconds: float = 60.0
    """A vote's."""
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                option = name.replace("_", "-")
                raise ValueError(f"{option}: {_told(value)} is not between {_told(low)} and {_told(high)}")
        if abs(self.true_rate - 0.5) < RANGES["margin"][0] * (1 - 1e-9):
            raise ValueError(f"win-rate: {self.true_rate:g} is one half, or within .001 of it")
        if self.prompts is not None and self.judge_agreement is None:
            raise ValueError("prompts: says how many a judge is given, and there is no judge-agreement")
        self.model()

    @property
    def true_rate(self) -> float:
        return 0.5 + self.margin if self.win_rate is None else self.win_rate

    def model(self, *, equal: bool = False) -> VotingModel:
        """The votes on two systems of the true rate, or on two equal ones."""
        rate = 0.5 if equal else self.true_rate
        return VotingModel(rate, self.tie_share, self.icc, self.overlap, self.judge_agreement)


def _told(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"
