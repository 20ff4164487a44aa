"""The tables of a store. Votes are events: rows of `votes` are only ever added.

`items.n_votes`, `items.n_shown` and an assignment's `status`, `revision` and `answered_at` are tallies of those
events, kept in the same transaction, so that no page has to read them all. Times are seconds since 1970, UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _study() -> Column[int]:
    return Column("study_id", Integer, ForeignKey("studies.study_id"), nullable=False)


def _extra() -> Column[Any]:
    """What a file adds to the format of an event; NULL where it adds nothing."""
    return Column("extra", JSON(none_as_null=True))


secrets = Table(
    "secrets",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

studies = Table(
    "studies",
    metadata,
    Column("study_id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("config", JSON, nullable=False),
    Column("loaded_at", Double, nullable=False),
)

prompts = Table(
    "prompts",
    metadata,
    _study(),
    Column("prompt_id", String(200), nullable=False),
    Column("position", Integer, nullable=False),
    Column("record", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
    UniqueConstraint("study_id", "prompt_id"),
)

responses = Table(
    "responses",
    metadata,
    _study(),
    Column("prompt_id", String(200), nullable=False),
    Column("system", String(200), nullable=False),
    Column("position", Integer, nullable=False),
    Column("record", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
    UniqueConstraint("study_id", "prompt_id", "system"),
)

pairs = Table(
    "pairs",
    metadata,
    Column("pair_id", Integer, primary_key=True),
    _study(),
    Column("prompt_id", String(200), nullable=False),
    Column("first", String(200), nullable=False),
    Column("second", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
    UniqueConstraint("study_id", "prompt_id", "first", "second"),
)

items = Table(
    "items",
    metadata,
    Column("pair_id", Integer, ForeignKey("pairs.pair_id"), primary_key=True),
    Column("arm", String(20), primary_key=True),
    _study(),
    Column("n_votes", Integer, nullable=False),
    Column("n_shown", Integer, nullable=False),
    Index(None, "study_id"),
)

live_questions = Table(
    "live_questions",
    metadata,
    Column("seq", Integer, primary_key=True),
    _study(),
    Column("prompt_id", String(200), nullable=False),
    Column("prompt", JSON, nullable=False),
    Column("responses", JSON, nullable=False),
    UniqueConstraint("study_id", "prompt_id"),
    sqlite_autoincrement=True,
)
"""Visitors' own questions with both answers, apart from the study's prompts; their pairs are never active."""

live_consents = Table(
    "live_consents",
    metadata,
    Column("study_id", Integer, ForeignKey("studies.study_id"), primary_key=True),
    Column("rater", String(200), primary_key=True),
    Column("consented_at", Double, nullable=False),
)
"""Who has agreed that her questions are stored; to rate the study's pairs is agreed to apart from it."""

participants = Table(
    "participants",
    metadata,
    Column("study_id", Integer, ForeignKey("studies.study_id"), primary_key=True),
    Column("rater", String(200), primary_key=True),
    Column("consented_at", Double, nullable=False),
    Column("sittings", Integer, nullable=False),
    Column("finished_at", Double),
)

assignments = Table(
    "assignments",
    metadata,
    Column("assignment_id", String(200), primary_key=True),
    _study(),
    Column("pair_id", Integer, ForeignKey("pairs.pair_id"), nullable=False),
    Column("rater", String(200), nullable=False),
    Column("arm", String(20), nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("system_a", String(200), nullable=False),
    Column("system_b", String(200), nullable=False),
    Column("draw", Text, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("status", String(20)),
    Column("revision", Integer, nullable=False),
    Column("answered_at", Double),
    _extra(),
    UniqueConstraint("study_id", "rater", "pair_id", "arm", "repeat"),
    Index(None, "study_id", "status", "opened_at"),
)

votes = Table(
    "votes",
    metadata,
    Column("seq", Integer, primary_key=True),
    _study(),
    Column("vote_id", String(200), nullable=False),
    Column("submission", String(100)),
    Column("pair_id", Integer, ForeignKey("pairs.pair_id"), nullable=False),
    Column("prompt_id", String(200), nullable=False),
    Column("system_a", String(200), nullable=False),
    Column("system_b", String(200), nullable=False),
    Column("rater", String(200), nullable=False),
    Column("arm", String(20), nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("outcomes", JSON, nullable=False),
    Column("reason", Text),
    Column("comment", Text),
    Column("seconds", Double),
    Column("created_at", Double),
    _extra(),
    UniqueConstraint("study_id", "rater", "pair_id", "arm", "repeat", "revision"),
    UniqueConstraint("study_id", "vote_id"),
    UniqueConstraint("study_id", "submission"),
    Index(None, "study_id", "prompt_id"),
    sqlite_autoincrement=True,
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("seq", Integer, primary_key=True),
    _study(),
    Column("judge", String(200), nullable=False),
    Column("prompt_id", String(200), nullable=False),
    Column("system_a", String(200), nullable=False),
    Column("system_b", String(200), nullable=False),
    Column("arm", String(20), nullable=False),
    Column("sample", Integer, nullable=False),
    Column("item", String(64)),
    Column("record", JSON, nullable=False),
    UniqueConstraint("study_id", "judge", "prompt_id", "system_a", "system_b", "arm", "sample"),
    Index(None, "study_id", "prompt_id"),
    Index(None, "study_id", "item"),
    sqlite_autoincrement=True,
)

judge_runs = Table(
    "judge_runs",
    metadata,
    Column("run_id", String(40), primary_key=True),
    _study(),
    Column("seen_at", Double),
    Column("record", JSON, nullable=False),
    Index(None, "study_id"),
)
"""Runs of judges under way. `seen_at` is their last sign of life; NULL for a batch, which lives on at its server."""

claims = Table(
    "claims",
    metadata,
    Column("study_id", Integer, ForeignKey("studies.study_id"), primary_key=True),
    Column("item", String(64), primary_key=True),
    Column("run_id", String(40), ForeignKey("judge_runs.run_id"), nullable=False),
    Index(None, "run_id"),
)
"""Which run is asking an item, so that two never pay for the same."""

scores = Table(
    "scores",
    metadata,
    Column("study_id", Integer, ForeignKey("studies.study_id"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("record", JSON, nullable=False),
)

probes = Table(
    "probes",
    metadata,
    Column("probe_id", Integer, primary_key=True),
    _study(),
    Column("assignment_id", String(200), ForeignKey("assignments.assignment_id"), nullable=False),
    Column("rater", String(200), nullable=False),
    Column("guess", String(10), nullable=False),
    Column("correct", Boolean),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("assignment_id"),
    Index(None, "study_id", "rater"),
)

reports = Table(
    "reports",
    metadata,
    Column("report_id", Integer, primary_key=True),
    _study(),
    Column("assignment_id", String(200), ForeignKey("assignments.assignment_id"), nullable=False),
    Column("rater", String(200), nullable=False),
    Column("side", String(10), nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Index(None, "study_id"),
)
