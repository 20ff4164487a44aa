"""Asks a judge everything that is missing: concurrently, within a budget, each answer stored as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from eval.judges.base import Answer, Judge, Question
from eval.judging.budget import Budget
from eval.judging.items import Item
from eval.judging.ledger import Ledger, Taken
from eval.judging.progress import Progress
from eval.judging.tally import Tally
from eval.judging.verdicts import to_verdict
from ppai.errors import JudgeStopped, PPAIError, RequestFailed, ServerSilent
from ppai.schema import Verdict

LEAST_FAILURES = 16
"""How many requests have to fail in a row, or as many as are in flight, before a run gives up."""
GRACE_SECONDS = 5.0
"""How long what is in flight may still be answered after a run has to stop."""
WAIT_SECONDS = 1.0
"""Between two looks at what another run is asking."""


@dataclass(frozen=True)
class _Failed:
    """The key of an item whose request failed."""

    key: str


class Asking:
    """One judge's run over its items.

    A feeder claims items in portions a little ahead of the workers; workers ask; a writer stores what has come, many
    in one transaction. Each of the three can stop the run, which then waits a little for what is in flight.
    """

    def __init__(
        self, judge: Judge, ledger: Ledger, tally: Tally, progress: Progress, concurrency: int, budget: Budget | None
    ) -> None:
        self._judge, self._ledger, self._tally, self._progress = judge, ledger, tally, progress
        self._workers = min(concurrency, judge.concurrency or concurrency)
        self._budget = budget
        self._portion = max(4 * self._workers, 32)
        self._items: asyncio.Queue[Item] = asyncio.Queue(maxsize=2 * self._workers)
        self._answers: asyncio.Queue[Verdict | _Failed | None] = asyncio.Queue()
        self._held: list[Item] = []
        self._stopping = asyncio.Event()
        self._error: Exception | None = None
        self._failed_in_a_row = 0
        self._in_flight = 0
        self.over_budget = False
        """Whether it stopped since the next request could have passed the budget."""

    async def run(self, items: Iterable[Item]) -> None:
        """Asks all of `items` that nobody has asked. What has come is stored when this ends, however it ends.

        Raises JudgeStopped where no request can succeed, or none does any more, and StoreError.
        """
        writer = asyncio.create_task(self._write())
        feeder = asyncio.create_task(self._guarded(self._feed(iter(items))))
        tasks = [feeder, *(asyncio.create_task(self._guarded(self._work())) for _ in range(self._workers))]
        try:
            await self._until_stopped(feeder)
            await self._land(None if self._error is None else GRACE_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._answers.put_nowait(None)
            await writer
        if self._error is not None:
            raise self._error

    async def _land(self, seconds: float | None) -> None:
        """Waits for what is in flight, at most so long."""
        until = None if seconds is None else time.monotonic() + seconds
        while self._in_flight and (until is None or time.monotonic() < until):
            await asyncio.sleep(0.05)

    async def _until_stopped(self, feeder: asyncio.Task[None]) -> None:
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({feeder, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()

    async def _guarded(self, part: Coroutine[Any, Any, None]) -> None:
        """Runs a part; its error stops the whole run."""
        try:
            await part
        except Exception as error:  # noqa: BLE001 - raised again by run(), once what has come is stored
            self._stop(error)

    def _stop(self, error: Exception | None) -> None:
        self._error = self._error or error
        self._stopping.set()

    async def _feed(self, items: Iterator[Item]) -> None:
        while True:
            taken = await asyncio.to_thread(self._take, items)
            if taken is None:
                break
            await self._sort(taken)
        await self._items.join()
        while self._held:
            held, self._held = self._held, []
            await self._sort(await asyncio.to_thread(self._ledger.take, held))
            await self._items.join()
            self._progress.waiting(len(self._held))
            if self._held:
                await asyncio.sleep(WAIT_SECONDS)

    def _take(self, items: Iterator[Item]) -> Taken | None:
        portion = list(islice(items, self._portion))
        return self._ledger.take(portion) if portion else None

    async def _sort(self, taken: Taken) -> None:
        self._tally.finished += len(taken.finished)
        self._tally.in_batches += len(taken.in_batches)
        self._held += taken.held
        self._progress.show()
        for item in taken.mine:
            await self._items.put(item)

    async def _work(self) -> None:
        while not self._stopping.is_set():
            item = await self._items.get()
            try:
                if not self._ledger.holds:
                    self._held.append(item)  # the store did not answer for so long that another run may have it
                elif not self._stopping.is_set():
                    await self._ask(item)
            finally:
                self._items.task_done()

    async def _ask(self, item: Item) -> None:
        question = item.question
        ceiling = 0.0
        if self._budget:
            ceiling = known_ceiling(self._judge, question)
            if not await self._budget.reserve(ceiling):
                self.over_budget = True
                return self._stop(None)
        cost = 0.0 if self._stopping.is_set() else None
        self._in_flight += 1
        try:
            if cost is None:
                answer = await self._judge.ask(question)
                cost = answer.usage.cost_usd if answer.usage else None
                self._answered(item, answer)
        except RequestFailed as error:
            self._failed(item, error)
        finally:
            self._in_flight -= 1
            if self._budget:
                await self._budget.settle(ceiling, cost)
        return None

    def _answered(self, item: Item, answer: Answer) -> None:
        self._failed_in_a_row = 0
        self._tally.count_usage(answer.usage)
        self._answers.put_nowait(to_verdict(item, answer, self._judge))

    def _failed(self, item: Item, error: RequestFailed) -> None:
        self._tally.failed += 1
        self._tally.last_failure = str(error)
        self._failed_in_a_row += 1
        self._answers.put_nowait(_Failed(item.key))
        if isinstance(error, ServerSilent):
            self._stop(JudgeStopped(f"{self._judge.name}: {error}"))
        elif self._failed_in_a_row >= max(LEAST_FAILURES, self._workers):
            self._stop(JudgeStopped(f"{self._judge.name}: {self._failed_in_a_row} requests in a row failed: {error}"))

    async def _write(self) -> None:
        """Stores what has come, in one transaction all that came during the last one, until a None has come."""
        more = True
        while more:
            come = [await self._answers.get()]
            while not self._answers.empty():
                come.append(self._answers.get_nowait())
            more = None not in come
            verdicts = [one for one in come if isinstance(one, Verdict)]
            failed = [one.key for one in come if isinstance(one, _Failed)]
            if verdicts or failed:
                try:
                    await asyncio.to_thread(self._ledger.save, verdicts, failed)
                except Exception as error:  # noqa: BLE001 - raised again by run()
                    return self._stop(error)
            for verdict in verdicts:
                self._tally.count_verdict(verdict)
            self._progress.show()
        return None


def known_ceiling(judge: Judge, question: Question) -> float:
    """The most that an answer can cost. Raises PPAIError where that is not known."""
    ceiling = judge.ceiling(question)
    if ceiling is None:
        raise PPAIError(
            f"--max-cost: what an answer of {judge.name} can cost is not known: give its price with --prices; "
            "a server that takes no limit of output tokens cannot be kept below a sum"
        )
    return ceiling
