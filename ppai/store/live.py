"""Live questions in the tables: visitors' consents, and their questions with both answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select

from ppai.schema import Arm, Pair, Prompt, Response, VoteStatus
from ppai.store import tables as t

LiveQuestion = tuple[Prompt, tuple[Response, ...]]


def of_live() -> ColumnElement[bool]:
    """Of assignments: those of live questions."""
    return t.assignments.c.arm == Arm.LIVE.value


class SqlLive:
    """The live part of a `Work`, on its open connection."""

    def __init__(self, connection: Connection, study_id: int) -> None:
        self._connection = connection
        self._study = study_id

    def consented_at(self, rater: str) -> float | None:
        c = t.live_consents.c
        chosen = select(c.consented_at).where(c.study_id == self._study, c.rater == rater)
        return self._connection.execute(chosen).scalar_one_or_none()

    def consent(self, rater: str, now: float) -> None:
        """Does nothing where she has agreed before."""
        if self.consented_at(rater) is None:
            row = {"study_id": self._study, "rater": rater, "consented_at": now}
            self._connection.execute(insert(t.live_consents).values(**row))

    def add(self, prompt: Prompt, responses: Sequence[Response], pair: Pair) -> int:
        """Stores a question with its answers; the id of its pair, which is never given to a rater."""
        store_live(self._connection, self._study, [(prompt, tuple(responses))])
        row = {"study_id": self._study, "active": False, **pair.model_dump()}
        added = self._connection.execute(insert(t.pairs).values(**row))
        return int(added.inserted_primary_key[0])  # type: ignore[index]

    def comparisons(self) -> Mapping[frozenset[str], int]:
        """How many live questions each two systems have answered, votes that were voided included."""
        a, p = t.assignments.c, t.pairs.c
        rows = self._connection.execute(
            select(p.first, p.second, func.count())
            .join(t.pairs, p.pair_id == a.pair_id)
            .where(a.study_id == self._study, of_live())
            .group_by(p.first, p.second)
        )
        found: dict[frozenset[str], int] = {}
        for first, second, count in rows:
            found[frozenset((first, second))] = found.get(frozenset((first, second)), 0) + count
        return found

    def answered(self, rater: str) -> int:
        """How many questions of hers a rater has voted on."""
        a = t.assignments.c
        chosen = select(func.count()).where(
            a.study_id == self._study, a.rater == rater, of_live(), a.status == VoteStatus.SUBMITTED.value
        )
        return int(self._connection.execute(chosen).scalar_one())


def store_live(connection: Connection, study_id: int, questions: Iterable[LiveQuestion]) -> None:
    rows = [
        {
            "study_id": study_id,
            "prompt_id": prompt.id,
            "prompt": prompt.model_dump(mode="json", exclude_none=True),
            "responses": [response.model_dump(mode="json", exclude_none=True) for response in responses],
        }
        for prompt, responses in questions
    ]
    if rows:
        connection.execute(insert(t.live_questions), rows)


def stored_live(connection: Connection, study_id: int) -> list[LiveQuestion]:
    """All live questions of a study in the order in which they came."""
    q = t.live_questions.c
    chosen = select(q.prompt, q.responses).where(q.study_id == study_id).order_by(q.seq)
    return [
        (Prompt.model_validate(prompt), tuple(Response.model_validate(one) for one in responses))
        for prompt, responses in connection.execute(chosen)
    ]


def live_fields(connection: Connection, study_id: int, systems: Collection[str]) -> dict[str, Any]:
    """`live_prompts` and `live_responses` of the stored study, but those of systems that it has no more."""
    known = set(systems)
    found = [one for one in stored_live(connection, study_id) if {response.system for response in one[1]} <= known]
    return {
        "live_prompts": tuple(prompt for prompt, _ in found),
        "live_responses": tuple(response for _, responses in found for response in responses),
    }


def live_marker(connection: Connection, study_id: int) -> int:
    """What changes when a question is added."""
    q = t.live_questions.c
    return int(connection.execute(select(func.max(q.seq)).where(q.study_id == study_id)).scalar_one() or 0)
