"""A run's hold on a study's items: what it may ask, what is stored, and that no other run asks the same."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from eval.judging.items import Item
from eval.judging.verdicts import missing
from ppai.errors import StoreError
from ppai.schema import Verdict
from ppai.store.base import JudgeRun, Store

LEASE_SECONDS = 15.0
"""After so long without a sign of life a run is taken for dead, and its items may be asked by another."""
BEAT_SECONDS = 2.0
MARGIN_SECONDS = 5.0
"""How long before its lease is over a run that could not give a sign of life stops asking."""


@dataclass
class Taken:
    """What became of items that a run wanted."""

    mine: list[Item] = field(default_factory=list)
    """To be asked by this run, each with what is known and what is missing."""
    finished: list[Item] = field(default_factory=list)
    held: list[Item] = field(default_factory=list)
    """Another run is asking them."""
    in_batches: list[Item] = field(default_factory=list)
    """A batch is asking them, perhaps until tomorrow."""


class Ledger:
    """One run's claims and verdicts in a store; a context manager, which gives a sign of life while it is open.

    Every method is one transaction, and may be called from any thread.
    """

    def __init__(self, store: Store, study: str, *, retry_unscored: bool = False) -> None:
        self.run_id = uuid.uuid4().hex
        self._store, self._study = store, study
        self._retry_before = datetime.now(UTC) if retry_unscored else None
        self._seen = 0.0
        self._closing = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="judge-run", daemon=True)

    def __enter__(self) -> Self:
        with self._store.judging(self._study) as work:
            work.start(JudgeRun(self.run_id, time.time()))
        self._seen = time.monotonic()
        self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._beating.join()
        with self._store.judging(self._study) as work:
            work.end(self.run_id)

    @property
    def holds(self) -> bool:
        """Whether the claims are still this run's: it has given a sign of life lately enough."""
        return time.monotonic() - self._seen < LEASE_SECONDS - MARGIN_SECONDS

    def _beat(self) -> None:
        while not self._closing.wait(BEAT_SECONDS):
            now = time.monotonic()
            try:
                with self._store.judging(self._study) as work:
                    work.beat(self.run_id)
            except StoreError:
                continue  # a store that is gone for good is met by the next verdict, too
            self._seen = now

    def take(self, items: Sequence[Item]) -> Taken:
        """Claims those of the items that nobody has asked or is asking."""
        taken = Taken()
        with self._store.judging(self._study) as work:
            stored = work.stored([item.key for item in items])
            wanted: dict[str, Item] = {}
            for item in items:
                before = stored.get(item.key)
                criteria = missing(before, item.criteria, retry_before=self._retry_before)
                if criteria:
                    wanted[item.key] = replace(item, criteria=criteria, before=before)
                else:
                    taken.finished.append(item)
            if not wanted:
                return taken
            claimed = work.claim(self.run_id, list(wanted), lease=LEASE_SECONDS)
        for item in items:
            if item.key in claimed.granted:
                taken.mine.append(wanted[item.key])
            elif item.key in wanted:
                (taken.in_batches if item.key in claimed.in_batches else taken.held).append(item)
        return taken

    def save(self, verdicts: Sequence[Verdict], failed: Collection[str] = ()) -> None:
        """Stores verdicts, and lets go of them and of the items (by key) whose request failed."""
        with self._store.judging(self._study) as work:
            work.save(verdicts)
            work.release(failed)
