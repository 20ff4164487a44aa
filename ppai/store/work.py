"""One rater's transaction: reads what it needs, appends events and keeps the tallies beside them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, insert, select, update

from ppai.schema import Arm, Assignment, Vote, VoteStatus
from ppai.store import tables as t
from ppai.store.base import Given, HarmReport, Item, Participant, ProbeAnswer
from ppai.store.live import SqlLive, of_live
from ppai.store.rows import epoch, given_of, vote_of, vote_row


def participants_query(study_id: int) -> Select[Any]:
    """The fields of every `Participant` of a study, in their order."""
    p, g = t.participants.c, t.probes.c
    guesses = select(func.count()).where(g.study_id == p.study_id, g.rater == p.rater).scalar_subquery()
    return select(p.rater, p.consented_at, p.sittings, p.finished_at, guesses).where(p.study_id == study_id)


class SqlWork:
    """`Work` on an open connection, which the caller commits."""

    def __init__(self, connection: Connection, study_id: int, loaded_at: float = 0.0) -> None:
        self._connection = connection
        self._study = study_id
        self.loaded_at = loaded_at
        self.live = SqlLive(connection, study_id)

    def participant(self, rater: str) -> Participant | None:
        chosen = participants_query(self._study).where(t.participants.c.rater == rater)
        row = self._connection.execute(chosen).one_or_none()
        return None if row is None else Participant(*row)

    def add_participant(self, rater: str) -> Participant:
        now = time.time()
        self._connection.execute(
            insert(t.participants).values(study_id=self._study, rater=rater, consented_at=now, sittings=1)
        )
        return Participant(rater, now, 1, None)

    def set_sittings(self, rater: str, sittings: int) -> None:
        self._update_participant(rater, sittings=sittings)

    def finish(self, rater: str) -> None:
        self._update_participant(rater, finished_at=time.time())

    def _update_participant(self, rater: str, **values: float) -> None:
        p = t.participants.c
        self._connection.execute(
            update(t.participants).where(p.study_id == self._study, p.rater == rater).values(**values)
        )

    def items(self) -> Sequence[Item]:
        i = t.items.c
        rows = self._connection.execute(
            select(i.pair_id, i.arm, i.n_votes, i.n_shown)
            .join(t.pairs, t.pairs.c.pair_id == i.pair_id)
            .where(i.study_id == self._study, t.pairs.c.active)
        )
        return [Item(row[0], Arm(row[1]), row[2], row[3]) for row in rows]

    def open_elsewhere(self, rater: str, since: float) -> Mapping[tuple[int, Arm], int]:
        a = t.assignments.c
        rows = self._connection.execute(
            select(a.pair_id, a.arm, func.count())
            .where(
                a.study_id == self._study,
                a.status.is_(None),
                a.opened_at > since,
                a.rater != rater,
                a.repeat == 0,
            )
            .group_by(a.pair_id, a.arm)
        )
        return {(row[0], Arm(row[1])): row[2] for row in rows}

    def _given(self) -> Select[tuple[object, ...]]:
        return (
            select(t.assignments, t.pairs.c.prompt_id)
            .join(t.pairs, t.pairs.c.pair_id == t.assignments.c.pair_id)
            .where(t.assignments.c.study_id == self._study)
        )

    def given(self, rater: str) -> Sequence[Given]:
        a = t.assignments.c
        rows = self._connection.execute(self._given().where(a.rater == rater, ~of_live()).order_by(a.ordinal))
        return [given_of(row) for row in rows.mappings()]

    def assignment(self, assignment_id: str) -> Given | None:
        chosen = self._given().where(t.assignments.c.assignment_id == assignment_id)
        row = self._connection.execute(chosen).mappings().one_or_none()
        return None if row is None else given_of(row)

    def give(self, pair_id: int, assignment: Assignment) -> Given:
        a, i = t.assignments.c, t.items.c
        same = of_live() if assignment.arm is Arm.LIVE else ~of_live()
        ordinal = self._connection.execute(
            select(func.count()).where(a.study_id == self._study, a.rater == assignment.rater, same)
        ).scalar_one()
        opened = epoch(assignment.created_at) or time.time()
        self._connection.execute(
            insert(t.assignments).values(
                assignment_id=assignment.assignment_id,
                study_id=self._study,
                pair_id=pair_id,
                rater=assignment.rater,
                arm=assignment.arm.value,
                repeat=assignment.repeat,
                ordinal=ordinal,
                system_a=assignment.system_a,
                system_b=assignment.system_b,
                draw=assignment.draw,
                opened_at=opened,
                revision=0,
            )
        )
        if assignment.repeat == 0:
            self._connection.execute(
                update(t.items).where(i.pair_id == pair_id, i.arm == assignment.arm.value).values(n_shown=i.n_shown + 1)
            )
        return Given(assignment, pair_id, ordinal, None, 0, opened, None)

    def vote_by_submission(self, submission: str) -> Vote | None:
        v = t.votes.c
        return self._one_vote(select(t.votes).where(v.study_id == self._study, v.submission == submission))

    def last_vote(self, given: Given) -> Vote | None:
        v, entry = t.votes.c, given.assignment
        return self._one_vote(
            select(t.votes)
            .where(
                v.study_id == self._study,
                v.rater == entry.rater,
                v.pair_id == given.pair_id,
                v.arm == entry.arm.value,
                v.repeat == entry.repeat,
                v.status != VoteStatus.VOID.value,
            )
            .order_by(v.revision.desc())
            .limit(1)
        )

    def _one_vote(self, query: Select[tuple[object, ...]]) -> Vote | None:
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else vote_of(row)

    def add_vote(self, given: Given, vote: Vote, submission: str | None) -> None:
        """Appends the event; a void one opens its assignment again."""
        row = vote_row(vote, given.pair_id, submission)
        self._connection.execute(insert(t.votes).values(study_id=self._study, **row))
        self._tally(given, vote, None if vote.status is VoteStatus.VOID else vote.status)

    def _tally(self, given: Given, vote: Vote, status: VoteStatus | None) -> None:
        """Keeps the assignment and its item in step with the event that was just added."""
        a, i = t.assignments.c, t.items.c
        self._connection.execute(
            update(t.assignments)
            .where(a.assignment_id == given.assignment.assignment_id)
            .values(
                status=None if status is None else status.value,
                revision=vote.revision,
                answered_at=epoch(vote.created_at),
            )
        )
        change = (vote.status is VoteStatus.SUBMITTED) - (given.status is VoteStatus.SUBMITTED)
        if change and vote.repeat == 0:
            self._connection.execute(
                update(t.items)
                .where(i.pair_id == given.pair_id, i.arm == vote.arm.value)
                .values(n_votes=i.n_votes + change)
            )

    def add_probe(self, answer: ProbeAnswer) -> None:
        self._connection.execute(
            insert(t.probes).values(
                study_id=self._study,
                assignment_id=answer.assignment_id,
                rater=answer.rater,
                guess=answer.guess,
                correct=answer.correct,
                created_at=answer.created_at,
            )
        )

    def probes(self, rater: str) -> Sequence[ProbeAnswer]:
        p = t.probes.c
        rows = self._connection.execute(
            select(p.assignment_id, p.rater, p.guess, p.correct, p.created_at)
            .where(p.study_id == self._study, p.rater == rater)
            .order_by(p.probe_id)
        )
        return [ProbeAnswer(*row) for row in rows]

    def count_reports(self, rater: str) -> int:
        r = t.reports.c
        chosen = select(func.count()).select_from(t.reports).where(r.study_id == self._study, r.rater == rater)
        return int(self._connection.execute(chosen).scalar_one())

    def add_report(self, report: HarmReport) -> None:
        self._connection.execute(
            insert(t.reports).values(
                study_id=self._study,
                assignment_id=report.assignment_id,
                rater=report.rater,
                side=report.side,
                text=report.text,
                created_at=report.created_at,
            )
        )

    def void(self, *, vote_id: str | None, rater: str | None, reason: str, now: datetime) -> int:
        """Appends a void event to every current vote that is chosen; how many."""
        v = t.votes.c
        chosen = select(t.votes).where(v.study_id == self._study)
        chosen = chosen.where(v.vote_id == vote_id) if vote_id is not None else chosen.where(v.rater == rater)
        newest: dict[tuple[object, ...], RowMapping] = {}
        for row in self._connection.execute(chosen.order_by(v.revision)).mappings():
            newest[(row["rater"], row["pair_id"], row["arm"], row["repeat"])] = row
        count = 0
        for row in newest.values():
            count += self._void_one(row, reason, now)
        return count

    def _void_one(self, row: RowMapping, reason: str, now: datetime) -> bool:
        v, a = t.votes.c, t.assignments.c
        same = (
            v.study_id == self._study,
            v.rater == row["rater"],
            v.pair_id == row["pair_id"],
            v.arm == row["arm"],
            v.repeat == row["repeat"],
        )
        last = self._connection.execute(select(t.votes).where(*same).order_by(v.revision.desc()).limit(1))
        current = vote_of(last.mappings().one())
        if current.status is VoteStatus.VOID or current.vote_id != row["vote_id"]:
            return False
        event = current.model_copy(
            update={
                "vote_id": uuid.uuid4().hex,
                "revision": current.revision + 1,
                "status": VoteStatus.VOID,
                "outcomes": {},
                "reason": reason,
                "comment": None,
                "seconds": None,
                "created_at": now,
            }
        )
        self._connection.execute(insert(t.votes).values(study_id=self._study, **vote_row(event, row["pair_id"])))
        given = (
            self._connection.execute(
                self._given().where(
                    a.rater == row["rater"],
                    a.pair_id == row["pair_id"],
                    a.arm == row["arm"],
                    a.repeat == row["repeat"],
                )
            )
            .mappings()
            .one_or_none()
        )
        if given is not None:
            self._tally(given_of(given), event, VoteStatus.VOID)
        return True
