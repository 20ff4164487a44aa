"""Between records and rows: what a vote, an assignment or a verdict looks like in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import RowMapping

from ppai.schema import Arm, Assignment, Record, Verdict, Vote, VoteStatus
from ppai.store.base import Given


def epoch(when: datetime | None) -> float | None:
    """Seconds since 1970."""
    return None if when is None else when.timestamp()


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def extra_of(record: Record) -> dict[str, Any] | None:
    """What a file adds to the format of a record, as JSON has it; None where that is nothing."""
    return to_jsonable_python(record.model_extra) if record.model_extra else None


def vote_row(vote: Vote, pair_id: int, submission: str | None = None) -> dict[str, Any]:
    return {
        "vote_id": vote.vote_id,
        "submission": submission,
        "pair_id": pair_id,
        "prompt_id": vote.prompt_id,
        "system_a": vote.system_a,
        "system_b": vote.system_b,
        "rater": vote.rater,
        "arm": vote.arm.value,
        "repeat": vote.repeat,
        "revision": vote.revision,
        "status": vote.status.value,
        "outcomes": {key: outcome.value for key, outcome in vote.outcomes.items()},
        "reason": vote.reason,
        "comment": vote.comment,
        "seconds": vote.seconds,
        "created_at": epoch(vote.created_at),
        "extra": extra_of(vote),
    }


_VOTE_FIELDS = (
    "vote_id",
    "prompt_id",
    "system_a",
    "system_b",
    "rater",
    "outcomes",
    "arm",
    "repeat",
    "revision",
    "status",
    "reason",
    "comment",
    "seconds",
)


def vote_of(row: RowMapping) -> Vote:
    values = {name: row[name] for name in _VOTE_FIELDS}
    return Vote(**values, **(row["extra"] or {}), created_at=moment(row["created_at"]))


def verdict_row(verdict: Verdict) -> dict[str, Any]:
    record = verdict.model_dump(mode="json", exclude_defaults=True)
    keys = ("judge", "prompt_id", "system_a", "system_b", "arm", "sample")
    row = {key: getattr(verdict, key) for key in keys} | {"arm": verdict.arm.value}
    return row | {"item": verdict.item, "record": record}


def verdict_of(row: RowMapping) -> Verdict:
    return Verdict.model_validate(row["record"])


def assignment_of(row: RowMapping | Mapping[str, Any], prompt_id: str) -> Assignment:
    return Assignment(
        assignment_id=row["assignment_id"],
        prompt_id=prompt_id,
        system_a=row["system_a"],
        system_b=row["system_b"],
        rater=row["rater"],
        arm=Arm(row["arm"]),
        repeat=row["repeat"],
        draw=row["draw"],
        created_at=moment(row["opened_at"]),
        **(row["extra"] or {}),
    )


def given_of(row: RowMapping) -> Given:
    return Given(
        assignment=assignment_of(row, row["prompt_id"]),
        pair_id=row["pair_id"],
        order=row["ordinal"],
        status=None if row["status"] is None else VoteStatus(row["status"]),
        revision=row["revision"],
        opened_at=row["opened_at"],
        answered_at=row["answered_at"],
    )
