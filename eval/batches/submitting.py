"""Sends what is missing as batches, such that whenever the process dies, the next one knows what was paid for."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from eval.batches.api import MAX_BYTES, MAX_REQUESTS, request_line
from eval.batches.desk import BatchDesk
from eval.batches.records import Batch, hand_over, keep
from eval.judging.items import Item
from eval.judging.ledger import Ledger
from eval.judging.run import known_ceiling
from ppai.errors import JudgeStopped

PORTION = 500
"""Items that are claimed in one transaction."""
CREATIONS = 5
"""How often a batch is asked for while the server says that it is too much at once."""
LONGEST_WAIT = 600.0
"""Seconds that a server may ask to wait in between."""


@dataclass
class _Part:
    """The file of one batch, while it is written."""

    path: str
    file: Path
    items: list[Item] = field(default_factory=list)
    size: int = 0

    def takes(self, path: str, line: bytes) -> bool:
        """A batch has one path, and the API's limits."""
        return self.path == path and len(self.items) < MAX_REQUESTS and self.size + len(line) <= MAX_BYTES

    def add(self, item: Item, line: bytes) -> None:
        with self.file.open("ab" if self.items else "wb") as file:
            file.write(line)
        self.items.append(item)
        self.size += len(line)


class Submission:
    """Of all that a judge's plan lacks and nobody is asking."""

    def __init__(self, desk: BatchDesk, budget: float | None) -> None:
        """`budget` in US dollars, None for no limit."""
        self._desk, self._judge = desk, desk.judge
        self.budget = budget
        """What is left of it: every request that is sent counts at the most that it can cost."""
        self.over_budget = False

    async def run(self) -> None:
        """Raises JudgeStopped, RequestFailed, and PPAIError where a budget is set and the price is not known."""
        desk = self._desk
        ledger = Ledger(desk.workplace.store, desk.workplace.name, retry_unscored=desk.settings.retry_unscored)
        with ledger, tempfile.TemporaryDirectory() as scratch:
            part: _Part | None = None
            for item in self._mine(ledger):
                path, body = self._judge.question_request(item.question)
                line = request_line(item.key, path, body)
                if part is not None and not part.takes(path, line):
                    await self._send(ledger, part)
                    part = None
                part = part or _Part(path, Path(scratch) / "requests.jsonl")
                part.add(item, line)
            if part is not None:
                await self._send(ledger, part)

    def _mine(self, ledger: Ledger) -> Iterator[Item]:
        """Items that are this run's to send, as far as the budget goes."""
        desk = self._desk
        # What this run has collected without an outcome is not asked again by it.
        done = desk.collected if desk.settings.retry_unscored else set[str]()
        items = (item for item in desk.plan.items(self._judge) if item.key not in done)
        while portion := list(islice(items, PORTION)):
            taken = ledger.take(portion)
            desk.tally.finished += sum(item.key not in desk.collected for item in taken.finished)
            if taken.held:
                desk.say(f"{self._judge.name}: another run is asking {len(taken.held):,}")
            for item in taken.mine:
                if not self._affords(item):
                    self.over_budget = True
                    return
                yield item

    def _affords(self, item: Item) -> bool:
        if self.budget is None:
            return True
        factor = self._judge.price.batch_factor if self._judge.price else 1.0
        ceiling = known_ceiling(self._judge, item.question) * factor
        if ceiling > self.budget:
            return False
        self.budget -= ceiling
        return True

    async def _send(self, ledger: Ledger, part: _Part) -> None:
        """Uploads a file and makes a batch of it; the store knows of each step before it is taken."""
        desk = self._desk
        batch = Batch.of(
            self._judge,
            part.items,
            server=self._judge.client.base_url,
            path=part.path,
            submitter=ledger.run_id,
            samples=desk.plan.samples,
        )
        with desk.work() as work:
            hand_over(work, batch)
        with desk.explained():
            batch = await self._created(await self._uploaded(batch, part.file))
        desk.say(f"{batch.judge}: batch {batch.batch_id} of {len(batch):,} requests is submitted")

    async def _uploaded(self, batch: Batch, file: Path) -> Batch:
        from openai import APIError

        try:
            file_id = await self._desk.api.upload(file)
        except APIError:
            with self._desk.work() as work:
                work.end(batch.run_id)
            raise
        with self._desk.work() as work:
            return keep(work, batch, file_id=file_id)

    async def _created(self, batch: Batch) -> Batch:
        """Raises what the library raises where no batch was made."""
        from openai import APIError, RateLimitError

        assert batch.file_id is not None
        attempt = 0
        while True:
            attempt += 1
            try:
                made = await self._desk.api.create(batch.file_id, batch.path, batch.run_id)
            except RateLimitError as error:
                if attempt < CREATIONS and not isinstance(self._judge.client.explained(error), JudgeStopped):
                    await asyncio.sleep(_retry_after(error) or self._desk.pauses.first * 2**attempt)
                    continue
                failure: APIError = error
            except APIError as error:
                failure = error
            else:
                with self._desk.work() as work:
                    return keep(work, batch, batch_id=made.batch_id)
            found = await self._desk.settle(batch)
            if found is None:
                raise failure
            return found


def _retry_after(error: Exception) -> float | None:
    """Seconds that the server asks to wait; None where it does not say."""
    given = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")
    return min(float(given), LONGEST_WAIT) if given.replace(".", "", 1).isdigit() else None
