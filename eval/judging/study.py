"""Judges a whole study: one or more judges, one after the other, over the same plan and within one budget."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from eval.judges.base import Judge
from eval.judging.budget import Budget
from eval.judging.ledger import Ledger
from eval.judging.plan import Plan
from eval.judging.progress import Progress
from eval.judging.run import Asking, known_ceiling
from eval.judging.scan import Scan, scan
from eval.judging.tally import Tally
from ppai.errors import PPAIError
from ppai.workplace import Workplace


@dataclass(frozen=True)
class Settings:
    """How a run asks."""

    concurrency: int = 16
    max_cost: float | None = None
    """US dollars that this run may spend; None for no limit."""
    retry_unscored: bool = False
    replace_foreign: bool = False
    """Whether verdicts give way that no run gave; see `Scan.foreign`."""

    def __post_init__(self) -> None:
        """Raises PPAIError where nothing can be asked so."""
        if self.concurrency < 1:
            raise PPAIError(f"--concurrency must be at least 1, not {self.concurrency}")
        if self.max_cost is not None and not 0 <= self.max_cost < float("inf"):
            raise PPAIError(f"--max-cost must be a sum in US dollars, not {self.max_cost}")


def scans(
    workplace: Workplace, judges: Sequence[Judge], plan: Plan, settings: Settings, *, estimate: bool = False
) -> list[Scan]:
    """What each judge has to do; asks nothing and changes nothing.

    Raises PPAIError where verdicts would give way that no run of a judge could give again.
    """
    found = [
        scan(plan, one, workplace.verdicts_of(one.name), retry_unscored=settings.retry_unscored, estimate=estimate)
        for one in judges
    ]
    for one in found:
        if one.foreign and not settings.replace_foreign:
            raise PPAIError(
                f"{one.judge}: verdicts are here under this name that another program gave ({one.foreign}): keep them "
                "and give this judge another --name, or replace them with --replace-foreign"
            )
    return found


async def ask_all(
    workplace: Workplace, judges: Sequence[Judge], plan: Plan, found: Sequence[Scan], settings: Settings, tally: Tally
) -> bool:
    """Asks what the scans found missing, and stores it; `tally` counts along. False where the budget ended it.

    Raises JudgeStopped, StoreError, and PPAIError where a budget is set and a price is not known.
    """
    budget = None if settings.max_cost is None else Budget(settings.max_cost)
    tally.total = sum(one.total for one in found)
    tally.finished = sum(one.finished for one in found)
    if budget:
        for judge in judges:
            known_ceiling(judge, next(plan.items(judge)).question)
    name = ", ".join(judge.name for judge in judges)
    ledger = Ledger(workplace.store, workplace.name, retry_unscored=settings.retry_unscored)
    with ledger, Progress(tally, name) as progress:
        for judge, one in zip(judges, found, strict=True):
            asking = Asking(judge, ledger, tally, progress, settings.concurrency, budget)
            await asking.run(item for item in plan.items(judge) if item.key in one.open)
            if asking.over_budget:
                return False
    return True


async def closing(judges: Sequence[Judge], asking: Coroutine[Any, Any, bool]) -> bool:
    """What `asking` returns; the judges are closed when it is over, however it ends."""
    try:
        return await asking
    finally:
        await asyncio.gather(*(judge.close() for judge in judges), return_exceptions=True)
