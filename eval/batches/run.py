"""Runs judges through batches: collects what is ready, sends what is missing, waits, and collects that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from eval.batches.collecting import collect_ready
from eval.batches.desk import BatchDesk, Pauses
from eval.batches.progress import BatchProgress
from eval.batches.submitting import Submission
from eval.judges.base import Judge
from eval.judges.openai import OpenAIJudge
from eval.judging.plan import Plan
from eval.judging.study import Settings
from eval.judging.tally import Tally
from ppai.errors import PPAIError, RequestFailed
from ppai.workplace import Workplace

SILENT_LOOKS = 20
"""How many looks in a row may fail before waiting is given up; the batches go on."""


async def judge_in_batches(
    workplace: Workplace,
    judges: Sequence[Judge],
    plan: Plan,
    settings: Settings,
    tally: Tally,
    say: Callable[[str], None],
    *,
    wait: bool = True,
    pauses: Pauses | None = None,
) -> bool:
    """Collects what is ready, submits what is missing, and with `wait` collects that when it is ready, too.

    `tally` counts along; `say` is told in lines what was submitted and what has no result. Stopped while it waits,
    the batches go on, and the next call collects them. False where the budget ended it.
    Raises JudgeStopped, RequestFailed, StoreError; PPAIError where a judge has no Batch API.
    """
    desks = []
    for judge in judges:
        if not isinstance(judge, OpenAIJudge):
            raise PPAIError(f"--batch: {judge.name} has no Batch API; openai: judges have")
        desks.append(BatchDesk(workplace, judge, plan, settings, tally, say, pauses or Pauses()))
    tally.total = sum(len(plan) for _ in desks)
    try:
        within = await _go_on(desks, settings.max_cost, wait)
    finally:
        tally.in_batches = sum(desk.under_way() for desk in desks)
        tally.finished = sum(desk.finished() for desk in desks)
    for desk in desks:
        desk.tell_others()
    return within


async def _go_on(desks: Sequence[BatchDesk], budget: float | None, wait: bool) -> bool:
    """Once more where items became free, or results taught a client that its requests have to be put otherwise."""
    while True:
        forms = [desk.judge.client.form for desk in desks]
        desks[0].tally.finished = 0
        for desk in desks:
            await desk.settle_all()
            await collect_ready([desk])
            submission = Submission(desk, budget)
            await submission.run()
            budget = submission.budget
            if submission.over_budget:
                break
        freed = await _wait(desks) if wait else False
        learned = [desk.judge.client.form for desk in desks] != forms
        if submission.over_budget or not wait or not (freed or learned):
            return not submission.over_budget
        desks[0].tally.failed = 0  # what failed is sent once more


async def _wait(desks: Sequence[BatchDesk]) -> bool:
    """Until every batch is collected; whether items became free of one that was never made."""
    pauses, freed, silent = desks[0].pauses, False, 0
    pause = pauses.first
    with BatchProgress(desks[0].tally) as progress:
        while any(desk.open() for desk in desks):
            await asyncio.sleep(pause)
            pause = min(pause * pauses.growth, pauses.longest)
            try:
                for desk in desks:
                    freed |= await desk.settle_all()
                progress.show(await collect_ready(desks))
                silent = 0
            except RequestFailed:
                silent += 1
                if silent >= SILENT_LOOKS:
                    raise
    return freed
