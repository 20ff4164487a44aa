"""What a run has done so far, counted as it goes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from eval.judging.summary import kind
from ppai.schema import Verdict


@dataclass
class Tally:
    """Counts of one run over one or more judges."""

    total: int = 0
    finished: int = 0
    """Stored already, by an earlier run or by another that goes on beside this one."""
    stored: int = 0
    """Answered in this run and stored; those that are unscored too."""
    unscored: int = 0
    """Of those, verdicts in which a criterion that was asked has no outcome."""
    useless: Counter[str] = field(default_factory=Counter)
    """Of those, verdicts without any outcome, by the reason."""
    failed: int = 0
    last_failure: str = ""
    in_batches: int = 0
    """Left to a batch that is asking them."""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    """Of the answers whose price is known."""
    unpriced: int = 0
    """Answers whose price is not known."""

    @property
    def done(self) -> int:
        return self.finished + self.stored

    @property
    def left(self) -> int:
        """Neither finished nor with a batch."""
        return self.total - self.done - self.in_batches

    def count_usage(self, usage: object) -> None:
        """Adds what one answer took; an `eval.judges.base.Usage`, or None where the judge does not say."""
        self.input_tokens += getattr(usage, "input_tokens", 0)
        self.cached_tokens += getattr(usage, "cached_tokens", 0)
        self.output_tokens += getattr(usage, "output_tokens", 0)
        cost = getattr(usage, "cost_usd", None)
        self.cost_usd += cost or 0.0
        self.unpriced += cost is None

    def count_verdict(self, verdict: Verdict) -> None:
        self.stored += 1
        self.unscored += verdict.unscored is not None or bool(verdict.unscored_criteria)
        if verdict.unscored is not None:
            self.useless[kind(verdict.unscored)] += 1

    def all_useless(self) -> str | None:
        """What to say where no reply of this run had any outcome; None where one had, or there was none."""
        if not self.stored or self.useless.total() < self.stored:
            return None
        ((reason, count),) = self.useless.most_common(1)
        return f"none of the {self.stored:,} replies has a usable outcome, most often ({count:,}): {reason}"

    def cost_said(self) -> str:
        """`$0.0123`, or that the price is not known."""
        if self.unpriced and not self.cost_usd:
            return "cost unknown"
        return dollars(self.cost_usd) + (f" and {self.unpriced} of unknown cost" if self.unpriced else "")

    def said(self) -> str:
        """One line: how much was asked now, what failed, and what it took."""
        parts = [f"{self.stored:,} asked now", f"{self.finished:,} finished before", f"{self.failed:,} failed"]
        if self.in_batches:
            parts.append(f"{self.in_batches:,} with a batch that --batch collects")
        tokens = f"{self.input_tokens:,} tokens in ({self.cached_tokens:,} cached), {self.output_tokens:,} out"
        return f"{', '.join(parts)}; {tokens}, {self.cost_said()}"


def dollars(amount: float) -> str:
    """With cents from a dollar on, else with four significant digits' worth of places."""
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"
