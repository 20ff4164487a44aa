"""What a plan has to do for a judge before anything is asked: how much is finished, and what the rest will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from eval.judges.base import Judge
from eval.judges.openai import OpenAIJudge
from eval.judging.items import Item
from eval.judging.plan import Plan
from eval.judging.verdicts import missing
from ppai.schema import Verdict


@dataclass
class Scan:
    """What stands of one judge, and an estimate of what is missing."""

    judge: str
    total: int = 0
    open: set[str] = field(default_factory=set)
    """Keys of the items that lack something."""
    outdated: int = 0
    """Verdicts that give way to new ones: of the same pair, order, arm and sample, but on other texts, or by another
    prompt or model."""
    foreign: int = 0
    """Verdicts in the place of an item that no run gave, such as another program's; they give way only when told."""
    unpriced: int = 0
    """Requests whose price is not known."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def finished(self) -> int:
        return self.total - len(self.open)


def scan(plan: Plan, judge: Judge, verdicts: Sequence[Verdict], *, retry_unscored: bool, estimate: bool) -> Scan:
    """Compares the plan with the judge's verdicts; nothing is asked.

    `estimate` adds up what the rest will take, with the output tokens that verdicts of the same prompt took.
    """
    if estimate and isinstance(judge, OpenAIJudge):
        judge.expected_output_tokens = _measured(judge, verdicts)
    by_item = {verdict.item: verdict for verdict in verdicts if verdict.item}
    by_place = {_place(verdict): verdict.item for verdict in verdicts}
    retry_before = datetime.now(UTC) if retry_unscored else None
    found = Scan(judge.name)
    for item in plan.items(judge):
        found.total += 1
        left = missing(by_item.get(item.key), item.criteria, retry_before=retry_before)
        here = by_place.get(_place(item), item.key)
        found.foreign += here is None
        found.outdated += here is not None and here != item.key
        if left:
            found.open.add(item.key)
            if estimate:
                _add(found, judge, replace(item, criteria=left))
    return found


def _measured(judge: Judge, verdicts: Sequence[Verdict]) -> float | None:
    """Mean output tokens of the verdicts that this prompt gave; None where there are none."""
    told = [verdict.usage for verdict in verdicts if verdict.usage and verdict.prompt_version == judge.prompt_version]
    taken = [usage["output_tokens"] for usage in told if usage.get("output_tokens")]
    return sum(taken) / len(taken) if taken else None


def _add(found: Scan, judge: Judge, item: Item) -> None:
    usage = judge.estimate(item.question)
    found.input_tokens += usage.input_tokens
    found.output_tokens += usage.output_tokens
    found.unpriced += usage.cost_usd is None
    found.cost_usd += usage.cost_usd or 0.0


def _place(of: Verdict | Item) -> tuple[object, ...]:
    return (of.prompt_id, of.system_a, of.system_b, of.arm, of.sample)
