"""Asks for what a set lacks, several requests at once, and keeps every reply as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from eval.asking.replies import KeptReplies
from eval.asking.request import Request
from eval.asking.rounds import Rounds
from eval.client.reply import Reply
from eval.judges.base import Usage
from eval.judging.budget import Budget
from eval.judging.tally import Tally
from ppai.errors import PPAIError, RequestFailed

SAYS_HOW = "the same command goes on from the replies that are kept"
GRACE_SECONDS = 5.0
"""How long what is in flight may still be answered after a run has to stop."""


class Unfinished(PPAIError):
    """The set is not whole; the same command goes on from what is kept."""


class Author(Protocol):
    """Who writes. `write` raises JudgeStopped where no request can succeed, RequestFailed where this one did not."""

    async def write(self, request: Request) -> Reply: ...

    def cost(self, reply: Reply) -> float | None:
        """US dollars; None where the price is not known."""
        ...

    def ceiling(self, request: Request) -> float | None:
        """The most that a reply can cost; None where the price is not known."""
        ...


class Asking:
    """One run over the rounds of a set."""

    def __init__(
        self,
        author: Author,
        kept: KeptReplies,
        *,
        concurrency: int = 8,
        max_cost: float | None = None,
        came: Callable[[], None] = lambda: None,
    ) -> None:
        """`max_cost` in US dollars bounds what this run spends; `came` is called after each reply."""
        self._author, self._kept, self._concurrency, self._came = author, kept, concurrency, came
        self._budget = None if max_cost is None else Budget(max_cost)
        self._failures: list[RequestFailed] = []
        self._over_budget = self._stopped = False
        self.tally = Tally()
        """What this run took; `stored` counts the replies."""

    async def write(self, rounds: Rounds) -> None:
        """Asks until every item has its text or its attempts are used up.

        Raises Unfinished where requests failed or the next could pass `max_cost`, and what the author raises. What came
        is kept however this ends.
        """
        while lacking := rounds.missing():
            await self._ask_all(lacking)
            if self._over_budget:
                raise Unfinished(f"stopped before --max-cost would be passed; {SAYS_HOW}")
            if self._failures:
                count = len(self._failures)
                raise Unfinished(f"{count} request{'s' if count > 1 else ''} failed: {self._failures[-1]}; {SAYS_HOW}")

    async def _ask_all(self, requests: Sequence[Request]) -> None:
        waiting = iter(requests)
        workers = [asyncio.create_task(self._work(waiting)) for _ in range(min(self._concurrency, len(requests)))]
        try:
            done, others = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            if others:
                await asyncio.wait(others, timeout=GRACE_SECONDS)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        for worker in done:
            worker.result()

    async def _work(self, waiting: Iterator[Request]) -> None:
        for request in waiting:
            nothing_works = not self.tally.stored and len(self._failures) >= self._concurrency
            if self._stopped or self._over_budget or nothing_works:
                return
            try:
                await self._ask(request)
            except PPAIError:
                self._stopped = True
                raise

    async def _ask(self, request: Request) -> None:
        ceiling = 0.0
        if self._budget is not None:
            ceiling = _known(self._author.ceiling(request))
            if not await self._budget.reserve(ceiling):
                self._over_budget = True
                return
        cost = None
        try:
            reply = await self._author.write(request)
            cost = self._author.cost(reply)
            self._kept.keep(request.key, reply, cost)
            self.tally.stored += 1
            self.tally.count_usage(Usage(reply.input_tokens or 0, reply.cached_tokens, reply.output_tokens or 0, cost))
            self._came()
        except RequestFailed as error:
            self._failures.append(error)
        finally:
            if self._budget is not None:
                await self._budget.settle(ceiling, cost)


def _known(ceiling: float | None) -> float:
    if ceiling is None:
        raise PPAIError("--max-cost: the price of the model is not known; give one with --prices")
    return ceiling
