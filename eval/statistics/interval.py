"""The one form in which every estimate leaves the statistics: a number, its interval, its n and its method."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval, or the reason why there is none.

    Either all three numbers are finite with `low <= estimate <= high`, or all three are None and `reason` says
    why; anything else raises ValueError. `n` is what the method counted, as its docstring says.
    """

    estimate: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.estimate is None or self.low is None or self.high is None:
            if not (self.estimate is None and self.low is None and self.high is None and self.reason):
                raise ValueError("an interval without numbers has none at all, and a reason")
        elif not all(map(math.isfinite, (self.estimate, self.low, self.high))):
            raise ValueError(f"not finite: {self.low}, {self.estimate}, {self.high}")
        elif not self.low <= self.estimate <= self.high:
            raise ValueError(f"estimate {self.estimate} lies outside [{self.low}, {self.high}]")

    @classmethod
    def missing(cls, reason: str, n: int = 0) -> Self:
        """An interval that could not be computed, for `reason`."""
        return cls(None, None, None, n, "none", reason)

    def as_json(self) -> dict[str, Any]:
        """The contract's INTERVAL; `reason` stands only where the numbers are null."""
        fields: dict[str, Any] = {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "method": self.method,
        }
        return fields if self.reason is None else fields | {"reason": self.reason}
