"""Collects a batch that has come to its end: verdicts are stored, and what has no result is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from eval.batches.api import BatchState, Result
from eval.batches.desk import BatchDesk
from eval.batches.records import Batch
from eval.client import Reply
from eval.judging.items import Item
from eval.judging.plan import plan
from eval.judging.verdicts import missing, to_verdict
from ppai.errors import JudgeStopped, RequestFailed
from ppai.schema import Arm, Verdict

PORTION = 500
"""Verdicts that are stored in one transaction."""


async def collect_ready(desks: Sequence[BatchDesk]) -> list[BatchState]:
    """Collects every batch that has come to its end; the states of the others. Raises JudgeStopped, RequestFailed."""
    left = []
    for desk in desks:
        for batch in desk.open():
            if batch.batch_id is not None:
                state = await desk.look(batch)
                if state.final:
                    await Collection(desk, batch, state).run()
                else:
                    left.append(state)
    return left


class Collection:
    """Of one batch; a verdict that is stored already, since an earlier collection broke off, is left as it is."""

    def __init__(self, desk: BatchDesk, batch: Batch, state: BatchState) -> None:
        self._desk, self._batch, self._state = desk, batch, state
        self._lost: Counter[str] = Counter()
        """Why requests have no answer."""
        self._changed = 0
        """Results on texts that are no longer the study's."""
        self._stopped: JudgeStopped | None = None

    async def run(self) -> None:
        """Afterwards what has no result is free to be sent again.

        Raises JudgeStopped where every request of this kind is in vain, once the others' results are stored, and
        RequestFailed where the results cannot be had just now.
        """
        items = self._items()
        with self._desk.explained(), self._storing() as store:
            async for result in self._desk.api.results(self._state):
                item = items.pop(result.key, None)
                reply = self._reply(result) if item is not None else None
                if item is None:
                    self._changed += 1
                elif reply is not None:
                    store(item, reply)
        with self._desk.work() as work:
            work.end(self._batch.run_id)
        self._tell(without=len(items))
        if self._stopped is not None:
            raise self._stopped

    def _items(self) -> dict[str, Item]:
        """The batch's items by key, with the criteria that they were asked; without those whose texts have changed."""
        study = self._desk.workplace.study
        asked = self._batch.criteria(study.config)
        whole = plan(study, arm=Arm(self._batch.arm), samples=self._batch.samples)
        return {
            item.key: replace(item, criteria=asked[item.key])
            for item in whole.items(self._desk.judge)
            if item.key in asked
        }

    def _reply(self, result: Result) -> Reply | None:
        """None, and noted, where there is none."""
        judge = self._desk.judge
        try:
            if result.status is None or result.body is None:
                raise RequestFailed(result.error or "no answer")
            return judge.client.read_result(self._batch.path, result.status, result.body, judge.max_output_tokens)
        except RequestFailed as error:
            self._lost[str(error)] += 1
        except JudgeStopped as error:
            self._stopped = error
        return None

    @contextmanager
    def _storing(self) -> Iterator[Callable[[Item, Reply], None]]:
        """Takes replies and stores them in portions; at the end, however it comes, the rest."""
        ready: list[tuple[Item, Reply]] = []

        def take(item: Item, reply: Reply) -> None:
            ready.append((item, reply))
            if len(ready) >= PORTION:
                self._store(ready)
                ready.clear()

        try:
            yield take
        finally:
            self._store(ready)

    def _store(self, ready: Sequence[tuple[Item, Reply]]) -> None:
        desk, verdicts = self._desk, list[Verdict]()
        with desk.work() as work:
            stored = work.stored([item.key for item, _ in ready])
            for item, reply in ready:
                before = stored.get(item.key)
                criteria = missing(before, item.criteria, retry_before=self._batch.created)
                if criteria:
                    answer = desk.judge.answer_of(item.question, reply, batch=True)
                    desk.tally.count_usage(answer.usage)
                    verdicts.append(to_verdict(replace(item, criteria=criteria, before=before), answer, desk.judge))
            work.save(verdicts)
        for verdict in verdicts:
            desk.collected.add(str(verdict.item))
            if verdict.item in desk.wanted:
                desk.tally.count_verdict(verdict)

    def _tell(self, without: int) -> None:
        """`without`: how many requests the results say nothing of."""
        tally, say = self._desk.tally, self._desk.say
        name = f"{self._batch.judge}: batch {self._state.batch_id}"
        tally.failed += self._lost.total() + without
        for problem in self._state.problems:
            say(f"{name} {self._state.status}: {problem}")
        for why, count in self._lost.most_common():
            tally.last_failure = why
            say(f"{name}: {count:,} without an answer: {why}")
        if without:
            tally.last_failure = f"the batch {self._state.status} without a result"
            say(f"{name} {self._state.status}: {without:,} without a result")
        if self._changed:
            say(f"{name}: {self._changed:,} results are of texts that have changed since, and are left out")
