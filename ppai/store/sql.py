"""The one store: SQLAlchemy Core on SQLite or PostgreSQL, the same code for both."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, RowMapping, Table, Text, cast, delete, func, insert, select

from ppai.blinding import stored_rater, with_hashed_raters
from ppai.errors import StoreError
from ppai.schema import Pair, Prompt, Response, Scores, Study, StudyConfig, VoteStatus
from ppai.store import tables as t
from ppai.store.base import (
    HarmReport,
    LoadReport,
    Participant,
    ProbeAnswer,
    StudyInfo,
)
from ppai.store.engine import Database
from ppai.store.judging import SqlJudging
from ppai.store.live import live_fields, live_marker, of_live
from ppai.store.loading import load_study, store_scores
from ppai.store.rows import assignment_of, verdict_of, vote_of
from ppai.store.work import SqlWork, participants_query

if TYPE_CHECKING:
    import pandas as pd

LOAD_LOCK = 0x70706162
"""Key of the lock under which two processes neither load nor make the secret at once."""

JUDGING_LOCK = 0x7070616A
"""Key of the lock under which two judge runs do not claim at once."""


class SqlStore:
    """A `Store` in the database at `url`, which is created (unless `create` is false) and migrated as needed."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        self._database = Database(url, create=create)
        self._database.migrate()
        self._master = self._master_secret()
        self._ids: dict[str, int] = {}

    def _master_secret(self) -> bytes:
        """Made once; of two processes that start at once on a new database the first one's is kept."""
        chosen = select(t.secrets.c.value).where(t.secrets.c.name == "master")
        with self._database.reading() as connection:
            stored = connection.execute(chosen).scalar_one_or_none()
        if stored is None:
            with self._database.writing() as connection:
                self._database.lock(connection, LOAD_LOCK)
                stored = connection.execute(chosen).scalar_one_or_none()
                if stored is None:
                    stored = secrets.token_bytes(32)
                    connection.execute(insert(t.secrets).values(name="master", value=stored))
        return bytes(stored)

    @property
    def shown_url(self) -> str:
        """Its URL as a message may show it, without the password."""
        return self._database.url.render_as_string(hide_password=True)

    def secret(self, purpose: str) -> bytes:
        return hmac.digest(self._master, purpose.encode(), hashlib.sha256)

    def _study_id(self, connection: Connection, name: str) -> int:
        if name not in self._ids:
            row = connection.execute(select(t.studies.c.study_id).where(t.studies.c.name == name)).scalar_one_or_none()
            if row is None:
                raise StoreError(f"no study {name!r} is loaded")
            self._ids[name] = row
        return self._ids[name]

    def load(self, study: Study, *, replace: bool = False) -> LoadReport:
        known = with_hashed_raters(study, self.secret("raters"))
        with self._database.writing() as connection:
            self._database.lock(connection, LOAD_LOCK)
            return load_study(connection, known, replace)

    def studies(self) -> Sequence[StudyInfo]:
        with self._database.reading() as connection:
            rows = connection.execute(select(t.studies).order_by(t.studies.c.study_id)).mappings().all()
            return [self._info(connection, row) for row in rows]

    def _info(self, connection: Connection, row: RowMapping) -> StudyInfo:
        study_id = row["study_id"]

        def count(table: Table, active: bool = False) -> int:
            query = select(func.count()).select_from(table).where(table.c.study_id == study_id)
            return int(connection.execute(query.where(table.c.active) if active else query).scalar_one())

        systems = select(func.count(t.responses.c.system.distinct())).where(
            t.responses.c.study_id == study_id, t.responses.c.active
        )
        of_live_question = t.votes.c.prompt_id.in_(
            select(t.live_questions.c.prompt_id).where(t.live_questions.c.study_id == study_id)
        )
        own = (t.votes.c.study_id == study_id, ~of_live_question)
        raters = select(func.count(t.votes.c.rater.distinct())).where(*own)
        return StudyInfo(
            name=row["name"],
            prompts=count(t.prompts, active=True),
            systems=connection.execute(systems).scalar_one(),
            pairs=count(t.pairs, active=True),
            votes=connection.execute(select(func.count()).select_from(t.votes).where(*own)).scalar_one(),
            verdicts=count(t.verdicts),
            raters=connection.execute(raters).scalar_one(),
            loaded_at=row["loaded_at"],
        )

    def study(self, name: str) -> Study:
        with self._database.reading() as connection:
            return self._study(connection, name)

    def _study(self, connection: Connection, name: str) -> Study:
        study_id = self._study_id(connection, name)

        def records(table: Table) -> list[dict[str, Any]]:
            chosen = select(table.c.record).where(table.c.study_id == study_id, table.c.active)
            return list(connection.scalars(chosen.order_by(table.c.position)))

        config = self._study_config(connection, study_id)
        return Study(
            config=config,
            prompts=tuple(Prompt.model_validate(record) for record in records(t.prompts)),
            responses=tuple(Response.model_validate(record) for record in records(t.responses)),
            pairs=tuple(self._pairs(connection, study_id).values()),
            **live_fields(connection, study_id, config.system_ids),
        )

    def _pairs(self, connection: Connection, study_id: int) -> dict[int, Pair]:
        p = t.pairs.c
        rows = connection.execute(
            select(p.pair_id, p.prompt_id, p.first, p.second)
            .where(p.study_id == study_id, p.active)
            .order_by(p.pair_id)
        )
        return {row[0]: Pair(prompt_id=row[1], first=row[2], second=row[3]) for row in rows}

    def live_marker(self, name: str) -> object:
        with self._database.reading() as connection:
            return live_marker(connection, self._study_id(connection, name))

    def config(self, name: str) -> StudyConfig:
        with self._database.reading() as connection:
            return self._study_config(connection, self._study_id(connection, name))

    def pair_ids(self, name: str) -> Mapping[int, Pair]:
        with self._database.reading() as connection:
            return self._pairs(connection, self._study_id(connection, name))

    @contextmanager
    def work(self, name: str) -> Iterator[SqlWork]:
        """A rater's transaction. On PostgreSQL one of a study at a time, as SQLite has it by itself."""
        with self._database.writing() as connection:
            study_id = self._study_id(connection, name)
            lock = select(t.studies.c.loaded_at).where(t.studies.c.study_id == study_id).with_for_update()
            yield SqlWork(connection, study_id, connection.execute(lock).scalar_one())

    @contextmanager
    def judging(self, name: str) -> Iterator[SqlJudging]:
        """A judge run's transaction. On PostgreSQL one of a study at a time, as SQLite has it by itself."""
        with self._database.writing() as connection:
            self._database.lock(connection, JUDGING_LOCK)
            yield SqlJudging(connection, self._study_id(connection, name))

    def set_scores(self, name: str, scores: Scores) -> None:
        with self._database.writing() as connection:
            store_scores(connection, self._study_id(connection, name), scores)

    def forget_scores(self, name: str, scoring: str) -> bool:
        """Deletes a scoring; False where there is none of that name."""
        s = t.scores.c
        with self._database.writing() as connection:
            chosen = delete(t.scores).where(s.study_id == self._study_id(connection, name), s.name == scoring)
            return connection.execute(chosen).rowcount > 0

    def scores(self, name: str) -> Sequence[Scores]:
        with self._database.reading() as connection:
            return self._scores(connection, self._study_id(connection, name))

    def scores_marker(self, name: str) -> object:
        """What changes when a scoring is added or takes another's place."""
        s = t.scores.c
        text = cast(s.record, Text)
        with self._database.reading() as connection:
            chosen = select(s.name, s.record["created_at"].as_string(), func.length(text))
            rows = connection.execute(chosen.where(s.study_id == self._study_id(connection, name)).order_by(s.name))
            return tuple(tuple(row) for row in rows)

    @staticmethod
    def _scores(connection: Connection, study_id: int) -> list[Scores]:
        chosen = select(t.scores.c.record).where(t.scores.c.study_id == study_id).order_by(t.scores.c.name)
        return [Scores.model_validate(record) for record in connection.scalars(chosen)]

    def events(self, name: str) -> Study:
        with self._database.reading() as connection:
            study = self._study(connection, name)
            study_id = self._study_id(connection, name)
            a = t.assignments.c
            assignments = connection.execute(
                select(t.assignments, t.pairs.c.prompt_id)
                .join(t.pairs, t.pairs.c.pair_id == a.pair_id)
                .where(a.study_id == study_id)
                .order_by(a.opened_at, a.ordinal, a.assignment_id)
            ).mappings()
            return study.model_copy(
                update={
                    "votes": tuple(self._rows(connection, t.votes, study_id, vote_of)),
                    "verdicts": tuple(self._rows(connection, t.verdicts, study_id, verdict_of)),
                    "assignments": tuple(assignment_of(row, row["prompt_id"]) for row in assignments),
                    "scores": tuple(self._scores(connection, study_id)),
                }
            )

    def assignments(self, name: str, since: float = 0.0) -> pd.DataFrame:
        import numpy as np
        import pandas as pd

        from ppai.frames import ASSIGNMENT_COLUMNS

        a = t.assignments.c
        columns = [t.pairs.c.prompt_id, a.system_a, a.system_b, a.rater, a.arm, a.repeat, a.draw, a.opened_at]
        with self._database.reading() as connection:
            rows = connection.execute(
                select(*columns)
                .join(t.pairs, t.pairs.c.pair_id == a.pair_id)
                .where(a.study_id == self._study_id(connection, name), a.opened_at >= since)
            ).all()
        frame = pd.DataFrame([tuple(row) for row in rows], columns=[*ASSIGNMENT_COLUMNS, "opened_at"], dtype=object)
        return frame.astype({"arm": str, "repeat": np.int64, "opened_at": float})

    def guesses(self, name: str) -> pd.DataFrame:
        from ppai.frames import guess_frame

        a, p = t.assignments.c, t.probes.c
        with self._database.reading() as connection:
            rows = connection.execute(
                select(p.rater, a.arm, p.correct, a.system_a)
                .join(t.assignments, a.assignment_id == p.assignment_id)
                .where(p.study_id == self._study_id(connection, name))
                .order_by(p.probe_id)
            )
            return guess_frame((rater, arm, correct, system_a) for rater, arm, correct, system_a in rows)

    def loaded_at(self, name: str) -> float:
        with self._database.reading() as connection:
            return self._loaded_at(connection, self._study_id(connection, name))

    @staticmethod
    def _loaded_at(connection: Connection, study_id: int) -> float:
        chosen = select(t.studies.c.loaded_at).where(t.studies.c.study_id == study_id)
        return float(connection.execute(chosen).scalar_one())

    def votes_on(self, name: str, prompt_id: str) -> Study:
        with self._database.reading() as connection:
            study_id = self._study_id(connection, name)
            config = self._study_config(connection, study_id)
            return Study(
                config=config,
                prompts=(),
                responses=(),
                pairs=(),
                votes=tuple(self._rows(connection, t.votes, study_id, vote_of, prompt_id)),
                verdicts=tuple(self._rows(connection, t.verdicts, study_id, verdict_of, prompt_id)),
            )

    def _study_config(self, connection: Connection, study_id: int) -> StudyConfig:
        chosen = select(t.studies.c.config).where(t.studies.c.study_id == study_id)
        return StudyConfig.model_validate(connection.execute(chosen).scalar_one())

    @staticmethod
    def _rows(
        connection: Connection, table: Table, study_id: int, read: Any, prompt_id: str | None = None
    ) -> list[Any]:
        chosen = select(table).where(table.c.study_id == study_id).order_by(table.c.seq)
        if prompt_id is not None:
            chosen = chosen.where(table.c.prompt_id == prompt_id)
        return [read(row) for row in connection.execute(chosen).mappings()]

    def votes_after(self, name: str, seq: int, keys: Sequence[str]) -> tuple[pd.DataFrame, int]:
        import numpy as np
        import pandas as pd

        from ppai.frames import VOTE_COLUMNS, encode_outcomes

        v = t.votes.c
        columns = ["seq", *VOTE_COLUMNS, "outcomes"]
        # many votes say the same: their outcomes are read as text, and each different text decoded once
        wanted = [*(v[column] for column in columns[:-1]), cast(v.outcomes, Text)]
        with self._database.reading() as connection:
            chosen = select(*wanted).where(v.study_id == self._study_id(connection, name), v.seq > seq)
            rows = connection.execute(chosen.order_by(v.seq)).all()
        values = list(zip(*rows, strict=True)) if rows else [() for _ in columns]
        data: dict[str, Any] = {
            column: np.array(row, dtype=object) for column, row in zip(columns, values, strict=True)
        }
        texts = data.pop("outcomes")
        for column in ("seconds", "created_at"):
            data[column] = data[column].astype(float)
        for column in ("seq", "repeat", "revision"):
            data[column] = data[column].astype(np.int64)
        which, different = pd.factorize(texts)
        encoded = encode_outcomes([orjson.loads(text) for text in different], keys)
        frame = pd.DataFrame(data | {column: codes[which] for column, codes in encoded.items()})
        return frame, int(rows[-1][0]) if rows else seq

    def verdicts(self, name: str, keys: Sequence[str]) -> tuple[pd.DataFrame, object]:
        from ppai.frames import verdict_frame

        with self._database.reading() as connection:
            study_id = self._study_id(connection, name)
            marker = self._verdict_marker(connection, study_id)
            rows = self._rows(connection, t.verdicts, study_id, verdict_of)
        return verdict_frame(rows, keys), marker

    def verdict_marker(self, name: str) -> object:
        """What changes when verdicts are added or the study is loaded again."""
        with self._database.reading() as connection:
            return self._verdict_marker(connection, self._study_id(connection, name))

    @classmethod
    def _verdict_marker(cls, connection: Connection, study_id: int) -> object:
        v = t.verdicts.c
        newest = connection.execute(select(func.count(), func.max(v.seq)).where(v.study_id == study_id)).one()
        return (*newest, cls._loaded_at(connection, study_id))

    def probes(self, name: str) -> Sequence[ProbeAnswer]:
        p = t.probes.c
        with self._database.reading() as connection:
            rows = connection.execute(
                select(p.assignment_id, p.rater, p.guess, p.correct, p.created_at)
                .where(p.study_id == self._study_id(connection, name))
                .order_by(p.probe_id)
            )
            return [ProbeAnswer(*row) for row in rows]

    def reports(self, name: str) -> Sequence[HarmReport]:
        r, a = t.reports.c, t.assignments.c
        with self._database.reading() as connection:
            rows = connection.execute(
                select(r.assignment_id, r.rater, r.side, r.text, r.created_at, t.pairs.c.prompt_id)
                .add_columns(a.system_a, a.system_b)
                .join(t.assignments, a.assignment_id == r.assignment_id)
                .join(t.pairs, t.pairs.c.pair_id == a.pair_id)
                .where(r.study_id == self._study_id(connection, name))
                .order_by(r.report_id)
            )
            return [
                HarmReport(
                    row[0],
                    row[1],
                    row[2],
                    row[3],
                    row[4],
                    row[5],
                    systems={"a": (row[6],), "b": (row[7],)}.get(row[2], (row[6], row[7])),
                )
                for row in rows
            ]

    def participants(self, name: str) -> Sequence[Participant]:
        with self._database.reading() as connection:
            chosen = participants_query(self._study_id(connection, name))
            return [Participant(*row) for row in connection.execute(chosen.order_by(t.participants.c.consented_at))]

    def participant(self, name: str, rater: str) -> Participant | None:
        with self._database.reading() as connection:
            return SqlWork(connection, self._study_id(connection, name)).participant(rater)

    def answered(self, name: str, rater: str) -> int:
        a = t.assignments.c
        with self._database.reading() as connection:
            chosen = select(func.count()).where(
                a.study_id == self._study_id(connection, name),
                a.rater == rater,
                a.status == VoteStatus.SUBMITTED.value,
                ~of_live(),
            )
            return int(connection.execute(chosen).scalar_one())

    def void(self, name: str, *, vote_id: str | None = None, rater: str | None = None, reason: str) -> int:
        known = None if rater is None else stored_rater(self.secret("raters"), rater)
        with self.work(name) as work:
            return work.void(vote_id=vote_id, rater=known, reason=reason, now=datetime.now(UTC))

    def snapshot(self, file: str) -> None:
        if not self._database.sqlite:
            raise StoreError("only a SQLite store can be copied to a file")
        source = sqlite3.connect(str(self._database.url.database))
        try:
            source.execute("VACUUM INTO ?", (file,))
        except sqlite3.Error as error:
            raise StoreError(f"the store cannot be copied: {error}") from error
        finally:
            source.close()

    def close(self) -> None:
        self._database.close()
