"""One judge's batches on one study: which are under way, and what became of those whose sending was interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from eval.batches.api import BatchApi, BatchState
from eval.batches.records import Batch, batches_of, is_alive, keep
from eval.judges.openai import OpenAIJudge
from eval.judging.plan import Plan
from eval.judging.study import Settings
from eval.judging.tally import Tally
from eval.judging.verdicts import missing
from ppai.errors import JudgeStopped
from ppai.store.base import Judging
from ppai.workplace import Workplace

FORGOTTEN = timedelta(days=2)
"""After so long, twice what a batch may take, one that the server does not know is given up and may be sent again."""


@dataclass(frozen=True)
class Pauses:
    """Seconds between looks at batches: short at first, then longer, since one may take a day."""

    first: float = 2.0
    growth: float = 1.5
    longest: float = 60.0
    settling: float = 2.0
    """Before the server's list is believed that a batch was not made."""


@dataclass
class BatchDesk:
    """What sending and collecting one judge's batches share."""

    workplace: Workplace
    judge: OpenAIJudge
    plan: Plan
    settings: Settings
    tally: Tally
    say: Callable[[str], None]
    pauses: Pauses = field(default_factory=Pauses)

    def __post_init__(self) -> None:
        self.api = BatchApi(self.judge.client.api, self.judge.client.redacted)
        self.began = datetime.now(UTC)
        self.wanted = {item.key for item in self.plan.items(self.judge)}
        """Keys of the plan's items."""
        self.collected: set[str] = set()
        """Keys of the items of which this run stored verdicts."""

    def work(self) -> AbstractContextManager[Judging]:
        """A transaction on the store."""
        return self.workplace.store.judging(self.workplace.name)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """The library's errors as ours."""
        from openai import APIError

        try:
            yield
        except APIError as error:
            raise self.judge.client.explained(error) from None

    def open(self) -> list[Batch]:
        """Batches that this judge, as it is, can collect, and that are not collected."""
        with self.work() as work:
            found = batches_of(work, self.judge.name)
        return [batch for batch in found if batch.asks(self.judge) and batch.server == self.judge.client.base_url]

    def under_way(self) -> int:
        """How many of the plan's items are with batches."""
        return sum(key in self.wanted for batch in self.open() for key in batch.keys)

    def finished(self) -> int:
        """How many of the plan's items the store has in full that this run did not collect: others may have since."""
        retry_before = self.began if self.settings.retry_unscored else None
        with self.work() as work:
            stored = work.stored(self.wanted - self.collected)
        return sum(not missing(one, self.plan.criteria, retry_before=retry_before) for one in stored.values())

    def tell_others(self) -> None:
        """Says which of the judge's batches cannot be collected as things are."""
        ours = {batch.run_id for batch in self.open()}
        with self.work() as work:
            others = [batch for batch in batches_of(work, self.judge.name) if batch.run_id not in ours]
        for batch in others:
            how = f"model {batch.model}, prompt {batch.prompt_version}, server {batch.server}"
            self.say(f"{batch.judge}: a batch of {len(batch):,} is to be collected as it was sent: {how}")

    async def settle_all(self) -> bool:
        """Finds out what became of batches whose sending was interrupted; whether items are free again by it.

        Raises JudgeStopped, RequestFailed.
        """
        freed = False
        for batch in self.open():
            if batch.batch_id is None:
                with self.work() as work:
                    alive = is_alive(work.runs(), batch.submitter)
                if not alive:
                    with self.explained():
                        freed |= await self.settle(batch) is None
        return freed

    async def settle(self, batch: Batch) -> Batch | None:
        """The batch as the server has it, or None where it was never made, and its items are free again.

        Without its file no batch can be made any more, should the request for it still be on its way.
        Raises what the library raises.
        """
        found = None
        if batch.file_id is not None:
            found = await self.api.find(batch.run_id)
            if found is None:
                await self.api.drop(batch.file_id)
                await asyncio.sleep(self.pauses.settling)
                found = await self.api.find(batch.run_id)
        with self.work() as work:
            if found is not None:
                return keep(work, batch, batch_id=found.batch_id)
            work.end(batch.run_id)
            return None

    async def look(self, batch: Batch) -> BatchState:
        """Raises RequestFailed, and JudgeStopped where the server does not know the batch, but another account may."""
        from openai import NotFoundError

        assert batch.batch_id is not None
        with self.explained():
            try:
                return await self.api.look(batch.batch_id)
            except NotFoundError:
                if datetime.now(UTC) - batch.created > FORGOTTEN:
                    return BatchState(batch.batch_id, "forgotten")
                sent = f"{batch.batch_id}, sent {batch.created:%Y-%m-%d %H:%M} UTC"
                where = self.judge.client.server
                raise JudgeStopped(f"{where} does not know the batch {sent}: is the key of another account?") from None
