"""What a run prints at its end: a judge's verdicts in short, before the report says more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from ppai.schema import Outcome, Verdict

REASONS = 5
"""How many different reasons of unscored verdicts are listed."""
HEADER = ("judge", "arm", "verdicts", "unscored", "same in both orders", "first shown won")

_MIRRORED = {Outcome.A: Outcome.B, Outcome.B: Outcome.A, Outcome.TIE: Outcome.TIE}


@dataclass
class Short:
    """One judge's verdicts in one arm, counted over all samples and criteria; orders are not merged."""

    judge: str
    arm: str
    verdicts: int = 0
    unscored: int = 0
    """Verdicts in which a criterion that was asked has no outcome."""
    reasons: Counter[str] = field(default_factory=Counter)
    same: int = 0
    """Outcomes that both orders of a pair agree on, of `in_both`."""
    in_both: int = 0
    first: int = 0
    """Outcomes that name the response shown first, of `decisive`."""
    decisive: int = 0

    @classmethod
    def of(cls, judge: str, arm: str, verdicts: Sequence[Verdict]) -> Self:
        short = cls(judge, arm, verdicts=len(verdicts))
        places = {(v.prompt_id, v.system_a, v.system_b, v.sample): v for v in verdicts}
        for verdict in verdicts:
            short._count(verdict)
            swapped = places.get((verdict.prompt_id, verdict.system_b, verdict.system_a, verdict.sample))
            if swapped is not None and verdict.system_a < verdict.system_b:
                for key in verdict.outcomes.keys() & swapped.outcomes.keys():
                    short.in_both += 1
                    short.same += verdict.outcomes[key] is _MIRRORED[swapped.outcomes[key]]
        return short

    def _count(self, verdict: Verdict) -> None:
        reasons = {verdict.unscored} if verdict.unscored else set(verdict.unscored_criteria.values())
        self.unscored += bool(reasons)
        self.reasons.update(kind(reason) for reason in reasons)
        decisive = [outcome for outcome in verdict.outcomes.values() if outcome is not Outcome.TIE]
        self.decisive += len(decisive)
        self.first += sum(outcome is Outcome.A for outcome in decisive)

    def cells(self) -> tuple[str, ...]:
        return (
            self.judge,
            self.arm,
            f"{self.verdicts:,}",
            f"{self.unscored:,}",
            _share(self.same, self.in_both),
            _share(self.first, self.decisive),
        )

    def why(self) -> str:
        """`12 refused, 3 cut off`."""
        listed = [f"{count} {reason}" for reason, count in self.reasons.most_common(REASONS)]
        others = len(self.reasons) - len(listed)
        return ", ".join(listed) + (f" and {others} other reasons" if others else "")


def lines(verdicts: Iterable[Verdict]) -> list[str]:
    """A table with a row a judge and arm, and below it why verdicts are unscored."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault((verdict.judge, verdict.arm.value), []).append(verdict)
    shorts = [Short.of(*group, of_group) for group, of_group in groups.items()]
    rows = [HEADER, *(short.cells() for short in shorts)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADER))]
    said = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return said + [f"unscored of {short.judge}: {short.why()}" for short in shorts if short.unscored]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} of {whole:,}" if whole else "-"


def kind(reason: str) -> str:
    """A reason without what is particular to one reply, so that like ones count together."""
    return re.split(r"[:(]", reason, maxsplit=1)[0].strip() or reason
