"""One transaction of a judge's run: who asks what, and the verdicts that came back."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, func, insert, select, update

from ppai.schema import Verdict
from ppai.store import tables as t
from ppai.store.base import Claimed, JudgeRun
from ppai.store.rows import verdict_of, verdict_row

VERDICT_KEY = ("judge", "prompt_id", "system_a", "system_b", "arm", "sample")
"""The columns of `Verdict.place`, in its order."""
PARAMETERS = 500
"""How many values one statement names; SQLite allows some thousands."""
FORGOTTEN_SECONDS = 3600.0
"""After so long without a sign of life a run and its claims are dropped."""

T = TypeVar("T")


def batched(values: Collection[T], size: int) -> Iterator[list[T]]:
    """The values in lists of at most `size`; Python has this from 3.12 on."""
    listed = list(values)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]


class SqlJudging:
    """`Judging` on an open connection, which the caller commits."""

    def __init__(self, connection: Connection, study_id: int) -> None:
        self._connection = connection
        self._study = study_id

    def start(self, run: JudgeRun) -> None:
        r = t.judge_runs.c
        gone = select(r.run_id).where(r.study_id == self._study, r.seen_at < self._now() - FORGOTTEN_SECONDS)
        for run_id in self._connection.scalars(gone).all():
            self.end(run_id)
        seen_at = None if run.seen_at is None else self._now()
        self._connection.execute(
            insert(t.judge_runs).values(
                run_id=run.run_id, study_id=self._study, seen_at=seen_at, record=dict(run.record)
            )
        )

    def _now(self) -> float:
        """Seconds since 1970 by the clock that all runs share: the server's, or this machine's for a file."""
        if self._connection.dialect.name == "sqlite":
            return time.time()
        return float(self._connection.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one())

    def beat(self, run_id: str) -> None:
        seen = update(t.judge_runs).where(t.judge_runs.c.run_id == run_id).values(seen_at=self._now())
        if not self._connection.execute(seen).rowcount:
            self.start(JudgeRun(run_id, self._now()))

    def set_record(self, run_id: str, record: Mapping[str, Any]) -> None:
        self._connection.execute(
            update(t.judge_runs).where(t.judge_runs.c.run_id == run_id).values(record=dict(record))
        )

    def runs(self) -> Sequence[JudgeRun]:
        r = t.judge_runs.c
        chosen = select(r.run_id, r.seen_at, r.record).where(r.study_id == self._study).order_by(r.run_id)
        return [JudgeRun(*row) for row in self._connection.execute(chosen)]

    def end(self, run_id: str) -> None:
        self._connection.execute(delete(t.claims).where(t.claims.c.run_id == run_id))
        self._connection.execute(delete(t.judge_runs).where(t.judge_runs.c.run_id == run_id))

    def claim(self, run_id: str, items: Collection[str], *, lease: float) -> Claimed:
        stored = self.stored(items)
        held = self._held_by_others(items, run_id, self._now() - lease)
        granted = [item for item in dict.fromkeys(items) if item not in held]
        self.release(granted)
        if granted:
            rows = [{"study_id": self._study, "item": item, "run_id": run_id} for item in granted]
            self._connection.execute(insert(t.claims), rows)
        in_batches = frozenset(item for item, seen_at in held.items() if seen_at is None)
        return Claimed(frozenset(granted), stored, in_batches)

    def _held_by_others(self, items: Collection[str], run_id: str, since: float) -> dict[str, float | None]:
        """Items that a run which is alive, or a batch, is asking; when it was last seen, None for a batch."""
        c, r = t.claims.c, t.judge_runs.c
        held = select(c.item, r.seen_at).join(t.judge_runs, r.run_id == c.run_id).where(c.study_id == self._study)
        held = held.where(c.run_id != run_id, r.seen_at.is_(None) | (r.seen_at >= since))
        return {
            item: seen_at
            for part in batched(items, PARAMETERS)
            for item, seen_at in self._connection.execute(held.where(c.item.in_(part)))
        }

    def stored(self, items: Collection[str]) -> Mapping[str, Verdict]:
        return {verdict.item: verdict for part in batched(items, PARAMETERS) for verdict in self._verdicts(part)}

    def verdicts(self, judge: str | None = None) -> Sequence[Verdict]:
        v = t.verdicts.c
        chosen = select(t.verdicts).where(v.study_id == self._study).order_by(v.seq)
        if judge is not None:
            chosen = chosen.where(v.judge == judge)
        return [verdict_of(row) for row in self._connection.execute(chosen).mappings()]

    def _verdicts(self, items: Sequence[str]) -> Iterator[Any]:
        v = t.verdicts.c
        chosen = select(t.verdicts).where(v.study_id == self._study, v.item.in_(items))
        return (verdict_of(row) for row in self._connection.execute(chosen).mappings())

    def save(self, verdicts: Sequence[Verdict]) -> None:
        v = t.verdicts.c
        for verdict in verdicts:
            row = verdict_row(verdict)
            same = [v.study_id == self._study, *(v[name] == row[name] for name in VERDICT_KEY)]
            self._connection.execute(delete(t.verdicts).where(*same))
        if verdicts:
            rows = [verdict_row(verdict) | {"study_id": self._study} for verdict in verdicts]
            self._connection.execute(insert(t.verdicts), rows)
        self.release([verdict.item for verdict in verdicts if verdict.item])

    def release(self, items: Collection[str]) -> None:
        c = t.claims.c
        for part in batched(items, PARAMETERS):
            self._connection.execute(delete(t.claims).where(c.study_id == self._study, c.item.in_(part)))
