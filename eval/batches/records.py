"""What a store remembers of a batch, so that it is paid for once and can be collected on another day."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from eval.judges.base import Judge
from eval.judging.items import Item
from eval.judging.ledger import LEASE_SECONDS
from ppai.errors import RequestFailed
from ppai.schema import Criterion, StudyConfig
from ppai.store.base import JudgeRun, Judging

KIND = "batch"


@dataclass(frozen=True)
class Batch:
    """One batch of one judge: a run in the store whose claims hold until it is collected.

    It is stored with its items before anything is sent; with `file_id` before the batch is made, which costs money;
    with `batch_id` once the server has answered. A process that dies in between leaves a batch that was made or not:
    the server's own list tells, since it keeps `run_id` with the batch.
    """

    judge: str
    model: str
    prompt_version: str
    server: str
    path: str
    """Of the requests, such as `/v1/responses`."""
    arm: str
    samples: int
    submitter: str
    """Id of the run that sent it; while that run is alive, nobody else needs to ask what became of it."""
    created_at: str
    items: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Keys of criteria, and the keys of the items that are asked these."""
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    file_id: str | None = None
    batch_id: str | None = None

    @classmethod
    def of(cls, judge: Judge, items: Iterable[Item], *, server: str, path: str, submitter: str, samples: int) -> Self:
        by_criteria: dict[tuple[str, ...], list[str]] = {}
        arm = ""
        for item in items:
            arm = item.arm.value
            by_criteria.setdefault(tuple(one.key for one in item.criteria), []).append(item.key)
        return cls(
            judge=judge.name,
            model=judge.model,
            prompt_version=judge.prompt_version,
            server=server,
            path=path,
            arm=arm,
            samples=samples,
            submitter=submitter,
            created_at=datetime.now(UTC).isoformat(),
            items=tuple((criteria, tuple(keys)) for criteria, keys in by_criteria.items()),
        )

    @classmethod
    def read(cls, run: JudgeRun) -> Self | None:
        """None where the run is no batch."""
        values = dict(run.record)
        if values.pop("kind", None) != KIND:
            return None
        items = tuple((tuple(criteria), tuple(keys)) for criteria, keys in values.pop("items"))
        return cls(**values, items=items, run_id=run.run_id)

    @property
    def record(self) -> dict[str, Any]:
        """As the store keeps it, in JSON."""
        values = asdict(self)
        del values["run_id"]
        return {"kind": KIND, **values}

    @property
    def keys(self) -> list[str]:
        return [key for _, keys in self.items for key in keys]

    @property
    def created(self) -> datetime:
        return datetime.fromisoformat(self.created_at)

    def __len__(self) -> int:
        return sum(len(keys) for _, keys in self.items)

    def asks(self, judge: Judge) -> bool:
        """Whether the judge as it is now would ask the same."""
        return (self.model, self.prompt_version) == (judge.model, judge.prompt_version)

    def criteria(self, config: StudyConfig) -> Mapping[str, tuple[Criterion, ...]]:
        """What each item is asked, by its key."""
        by_key = {criterion.key: criterion for criterion in config.criteria}
        return {
            key: tuple(by_key[name] for name in names if name in by_key) for names, keys in self.items for key in keys
        }


def batches_of(work: Judging, judge: str) -> list[Batch]:
    """The judge's batches that are not collected, oldest first."""
    found = [batch for run in work.runs() if (batch := Batch.read(run)) is not None and batch.judge == judge]
    return sorted(found, key=lambda batch: batch.created_at)


def is_alive(runs: Sequence[JudgeRun], run_id: str) -> bool:
    """Whether that run gave a sign of life lately."""
    since = time.time() - LEASE_SECONDS
    return any(run.run_id == run_id and run.seen_at is not None and run.seen_at >= since for run in runs)


def hand_over(work: Judging, batch: Batch) -> None:
    """The submitter's claims become the batch's, which need no sign of life.

    Raises RequestFailed where the submitter does not hold them any more.
    """
    keys = batch.keys
    still = work.claim(batch.submitter, keys, lease=LEASE_SECONDS)
    if len(still.granted) < len(keys):
        raise RequestFailed("another run has taken what was to be sent: nothing was sent, try again")
    work.start(JudgeRun(batch.run_id, None, batch.record))
    work.release(keys)
    work.claim(batch.run_id, keys, lease=LEASE_SECONDS)


def keep(work: Judging, batch: Batch, **known: str) -> Batch:
    """Adds what is known of a batch now: `file_id`, `batch_id`."""
    batch = replace(batch, **known)  # type: ignore[arg-type]
    work.set_record(batch.run_id, batch.record)
    return batch
