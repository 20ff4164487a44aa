"""Loads a study's files into the tables: what is new, what differs, and what is kept."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, case, delete, exists, func, insert, select, update

from ppai.errors import StudyChanged
from ppai.schema import Arm, Assignment, Pair, Record, Response, Scores, Study, StudyConfig, Verdict, Vote, VoteStatus
from ppai.store import tables as t
from ppai.store.base import LoadReport
from ppai.store.judging import VERDICT_KEY
from ppai.store.live import LiveQuestion, store_live, stored_live
from ppai.store.rows import epoch, extra_of, verdict_row, vote_row

PairIds = dict[tuple[str, frozenset[str]], int]
Records = dict[tuple[str, ...], dict[str, Any]]
QUOTED = 3
"""How many ids a difference names."""


def load_study(connection: Connection, study: Study, replace: bool) -> LoadReport:
    """Adds `study`, or what it brings that is new; everything happens in the caller's transaction.

    Raises StudyChanged where a stored study of this name differs and `replace` is not set; verdicts and scorings that
    were added since are taken over either way. Replacing never deletes an event: what votes were given on stays
    stored, inactive where the new files lack it.
    """
    named = select(t.studies).where(t.studies.c.name == study.name).with_for_update()
    row = connection.execute(named).mappings().one_or_none()
    config = study.config.model_dump(mode="json", exclude_defaults=True)
    if row is None:
        result = connection.execute(insert(t.studies).values(name=study.name, config=config, loaded_at=time.time()))
        study_id = int(result.inserted_primary_key[0])  # type: ignore[index]
        loading = _Loading(connection, study_id, study)
        loading.contents()
        votes, verdicts = loading.events()
        return LoadReport(study.name, created=True, votes_added=votes, verdicts_added=verdicts)
    loading = _Loading(connection, int(row["study_id"]), study)
    stored = StudyConfig.model_validate(row["config"]).model_dump(mode="json", exclude_defaults=True)
    refused = [*_config_differences(stored, config), *loading.differences()]
    if refused and not replace:
        raise StudyChanged(study.name, refused)
    differences = [*refused, *loading.additions()]
    if not differences:
        return LoadReport(study.name, created=False)
    connection.execute(
        update(t.studies).where(t.studies.c.study_id == loading.study_id).values(config=config, loaded_at=time.time())
    )
    loading.contents()
    votes, verdicts = loading.events()
    return LoadReport(study.name, False, tuple(differences), votes, verdicts)


def _config_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    return [f"study.yaml: {', '.join(keys)}"] if keys else []


def _said(noun: str, verb: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    named = ", ".join(ids[:QUOTED]) + (", ..." if len(ids) > QUOTED else "")
    return [f"{len(ids)} {noun}{'' if len(ids) == 1 else 's'} {verb} ({named})"]


def _record(record: Record) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude_none=True)


class _Loading:
    """One load into one study."""

    def __init__(self, connection: Connection, study_id: int, study: Study) -> None:
        self.connection = connection
        self.study_id = study_id
        self.study = study
        self.prompts: Records = {(prompt.id,): _record(prompt) for prompt in study.prompts}
        self.responses: Records = {(r.prompt_id, r.system): _record(r) for r in study.responses}
        self.new_votes, self.changed_votes = self._sort(
            study.votes, t.votes, ("vote_id",), lambda vote: (vote.vote_id,), self._same_vote
        )
        self.new_verdicts, self.changed_verdicts = self._sort(
            study.verdicts, t.verdicts, VERDICT_KEY, lambda verdict: verdict.place, self._same_verdict
        )
        self.new_live, self.changed_live = self._sort_live()
        stored = {key[0]: Scores.model_validate(row["record"]) for key, row in self._stored(t.scores, "name").items()}
        self.new_scores = [one for one in study.scores if _supersedes(one, stored.get(one.name))]
        self.new_assignments, _ = self._sort(
            study.assignments,
            t.assignments,
            ("assignment_id",),
            lambda entry: (entry.assignment_id,),
            lambda _row, _entry: True,
        )

    def _stored(self, table: Table, *keys: str) -> dict[tuple[Any, ...], RowMapping]:
        rows = self.connection.execute(select(table).where(table.c.study_id == self.study_id)).mappings()
        return {tuple(row[key] for key in keys): row for row in rows}

    def _sort(
        self, events: Iterable[Any], table: Table, keys: tuple[str, ...], key_of: Any, same: Any
    ) -> tuple[list[Any], list[Any]]:
        """Which events are not stored yet, and which are stored otherwise."""
        given = list(events)
        if not given:
            return [], []
        stored = self._stored(table, *keys)
        new = [event for event in given if key_of(event) not in stored]
        changed = [event for event in given if key_of(event) in stored and not same(stored[key_of(event)], event)]
        return new, changed

    def _sort_live(self) -> tuple[list[LiveQuestion], list[str]]:
        """Live questions that are not stored yet, and the ids of those that are stored otherwise."""
        if not self.study.live_prompts:
            return [], []
        answers: dict[str, list[Response]] = {}
        for response in self.study.live_responses:
            answers.setdefault(response.prompt_id, []).append(response)
        given = [(prompt, tuple(answers.get(prompt.id, ()))) for prompt in self.study.live_prompts]
        stored = {prompt.id: (prompt, responses) for prompt, responses in stored_live(self.connection, self.study_id)}
        new = [one for one in given if one[0].id not in stored]
        return new, [one[0].id for one in given if one[0].id in stored and stored[one[0].id] != one]

    @staticmethod
    def _same_vote(row: Mapping[str, Any], vote: Vote) -> bool:
        wanted = vote_row(vote, row["pair_id"], row["submission"])
        # an export leaves out comments, extras, and why a vote was voided: their absence is no difference
        skipped = {name for name in ("comment", "extra") if wanted[name] is None}
        skipped |= {"reason"} if vote.reason is None and vote.status is VoteStatus.VOID else set()
        return all(row[name] == value for name, value in wanted.items() if name not in skipped)

    @staticmethod
    def _same_verdict(row: Mapping[str, Any], verdict: Verdict) -> bool:
        """Whether the stored verdict stands: it is the same, or of a later run than the file's."""
        stored = Verdict.model_validate(row["record"])
        if stored.created_at is not None and verdict.created_at is not None and stored.created_at > verdict.created_at:
            return True
        return bool(row["record"] == verdict_row(verdict)["record"])

    def differences(self) -> list[str]:
        """What the files say that the store does not, one sentence each."""
        said = []
        for noun, table, keys, given in (
            ("prompt", t.prompts, ("prompt_id",), self.prompts),
            ("response", t.responses, ("prompt_id", "system"), self.responses),
        ):
            rows = self._stored(table, *keys)
            stored = {key: row["record"] for key, row in rows.items() if row["active"]}
            said += _said(noun, "added", [":".join(key) for key in given if key not in stored])
            said += _said(noun, "removed", [":".join(key) for key in stored if key not in given])
            changed = [key for key in given if key in stored and stored[key] != given[key]]
            said += _said(noun, "changed", [":".join(key) for key in changed])
        stored_pairs = self._stored(t.pairs, "prompt_id", "first", "second")
        active = {(key[0], frozenset(key[1:])) for key, row in stored_pairs.items() if row["active"]}
        wanted = {(pair.prompt_id, frozenset((pair.first, pair.second))) for pair in self.study.pairs}
        if active != wanted and not said:
            said.append(f"pairs: {len(wanted - active)} added, {len(active - wanted)} removed")
        said += _said("live question", "added", [prompt.id for prompt, _ in self.new_live])
        said += _said("live question", "changed (kept as stored)", self.changed_live)
        said += _said("vote", "added", [vote.vote_id for vote in self.new_votes])
        said += _said("vote", "changed (kept as stored)", [vote.vote_id for vote in self.changed_votes])
        said += _said("assignment", "added", [entry.assignment_id for entry in self.new_assignments])
        said += _said("verdict", "changed", [":".join(map(str, v.place)) for v in self.changed_verdicts])
        return said

    def additions(self) -> list[str]:
        """What judges and metrics have said since: no change of the study, one sentence each."""
        said = _said("verdict", "added", [":".join(map(str, v.place)) for v in self.new_verdicts])
        return said + _said("scoring", "added", [one.name for one in self.new_scores])

    def contents(self) -> None:
        """Writes prompts, responses, pairs and items as the files have them."""
        self._write_records(t.prompts, ("prompt_id",), self.prompts)
        self._write_records(t.responses, ("prompt_id", "system"), self.responses)
        stored = self._pair_ids()
        wanted = {(p.prompt_id, frozenset((p.first, p.second))): p for p in self.study.pairs}
        self.connection.execute(update(t.pairs).where(t.pairs.c.study_id == self.study_id).values(active=False))
        kept = [stored[key] for key in wanted if key in stored]
        for start in range(0, len(kept), 500):
            chosen = t.pairs.c.pair_id.in_(kept[start : start + 500])
            self.connection.execute(update(t.pairs).where(chosen).values(active=True))
        self._add_pairs([pair for key, pair in wanted.items() if key not in stored], active=True)
        self._add_items()

    def _write_records(self, table: Table, keys: tuple[str, ...], records: Records) -> None:
        """Replaces the rows, keeping as inactive those that the files lack now."""
        stored = self._stored(table, *keys)
        gone = [dict(row) | {"active": False} for key, row in stored.items() if key not in records]
        self.connection.execute(delete(table).where(table.c.study_id == self.study_id))
        rows = [
            dict(zip(keys, key, strict=True))
            | {"study_id": self.study_id, "position": position, "record": record, "active": True}
            for position, (key, record) in enumerate(records.items())
        ]
        if rows or gone:
            self.connection.execute(insert(table), [*rows, *gone])

    def _pair_ids(self) -> PairIds:
        p = t.pairs.c
        rows = self.connection.execute(
            select(p.pair_id, p.prompt_id, p.first, p.second).where(p.study_id == self.study_id)
        )
        return {(row[1], frozenset((row[2], row[3]))): row[0] for row in rows}

    def _add_pairs(self, pairs: Sequence[Pair], active: bool) -> None:
        if pairs:
            rows = [pair.model_dump() | {"study_id": self.study_id, "active": active} for pair in pairs]
            self.connection.execute(insert(t.pairs), rows)

    def _add_items(self) -> None:
        """An item for every active pair in each of the study's arms, where there is none yet."""
        p, i = t.pairs.c, t.items.c
        pair_ids = self.connection.scalars(select(p.pair_id).where(p.study_id == self.study_id, p.active)).all()
        stored = {
            tuple(row) for row in self.connection.execute(select(i.pair_id, i.arm).where(i.study_id == self.study_id))
        }
        rows = [
            {"pair_id": pair_id, "arm": arm.value, "study_id": self.study_id, "n_votes": 0, "n_shown": 0}
            for pair_id in pair_ids
            for arm in self.study.config.format.arms
            if (pair_id, arm.value) not in stored
        ]
        if rows:
            self.connection.execute(insert(t.items), rows)

    def events(self) -> tuple[int, int]:
        """Appends the votes, verdicts and assignments that are not stored yet; how many of the first two."""
        store_live(self.connection, self.study_id, self.new_live)
        ids = self._ids_with_pairs_of_events()
        if self.new_votes:
            rows = [vote_row(vote, ids[_pair_key(vote)]) | {"study_id": self.study_id} for vote in self.new_votes]
            self.connection.execute(insert(t.votes), rows)
        for verdict in self.changed_verdicts:
            chosen = [t.verdicts.c[name] == value for name, value in zip(VERDICT_KEY, verdict.place, strict=True)]
            self.connection.execute(
                update(t.verdicts).where(t.verdicts.c.study_id == self.study_id, *chosen).values(**verdict_row(verdict))
            )
        if self.new_verdicts:
            rows = [verdict_row(verdict) | {"study_id": self.study_id} for verdict in self.new_verdicts]
            self.connection.execute(insert(t.verdicts), rows)
        for scores in self.new_scores:
            store_scores(self.connection, self.study_id, scores)
        self._assignments(ids)
        self.tallies()
        return len(self.new_votes), len(self.new_verdicts)

    def _ids_with_pairs_of_events(self) -> PairIds:
        """Ids of all pairs, those added that only an event names."""
        ids = self._pair_ids()
        missing = {
            _pair_key(event): Pair(prompt_id=event.prompt_id, first=event.system_a, second=event.system_b)
            for event in (*self.new_votes, *self.new_assignments)
            if _pair_key(event) not in ids
        }
        self._add_pairs(list(missing.values()), active=False)
        return self._pair_ids() if missing else ids

    def _assignments(self, ids: PairIds) -> None:
        """The assignment log of an export, behind what each rater was given here."""
        if not self.new_assignments:
            return
        a = t.assignments.c
        counts = select(a.rater, a.arm, func.count()).where(a.study_id == self.study_id).group_by(a.rater, a.arm)
        ordinals: Counter[tuple[str, bool]] = Counter()
        for rater, arm, count in self.connection.execute(counts):
            ordinals[(rater, arm == Arm.LIVE.value)] += count
        rows = []
        for entry in self.new_assignments:
            whose = (entry.rater, entry.arm is Arm.LIVE)
            rows.append(self._assignment_row(entry, ids[_pair_key(entry)], ordinals[whose]))
            ordinals[whose] += 1
        self.connection.execute(insert(t.assignments), rows)

    def _assignment_row(self, entry: Assignment, pair_id: int, ordinal: int) -> dict[str, Any]:
        return {
            "assignment_id": entry.assignment_id,
            "study_id": self.study_id,
            "pair_id": pair_id,
            "rater": entry.rater,
            "arm": entry.arm.value,
            "repeat": entry.repeat,
            "ordinal": ordinal,
            "system_a": entry.system_a,
            "system_b": entry.system_b,
            "draw": entry.draw,
            "opened_at": epoch(entry.created_at) or 0.0,
            "revision": 0,
            "extra": extra_of(entry),
        }

    def tallies(self) -> None:
        """Counts again what assignments and items tally of the votes that are stored."""
        a, i, v = t.assignments.c, t.items.c, t.votes.c
        of_assignment = (
            v.study_id == a.study_id,
            v.rater == a.rater,
            v.pair_id == a.pair_id,
            v.arm == a.arm,
            v.repeat == a.repeat,
        )

        def newest(value: Any) -> Any:
            return select(value).where(*of_assignment).order_by(v.revision.desc()).limit(1).scalar_subquery()

        self.connection.execute(
            update(t.assignments)
            .where(a.study_id == self.study_id, exists().where(*of_assignment, v.revision > a.revision))
            .values(
                status=newest(case((v.status != VoteStatus.VOID.value, v.status), else_=None)),
                revision=newest(v.revision),
                answered_at=newest(v.created_at),
            )
        )
        shown = select(func.count()).where(a.pair_id == i.pair_id, a.arm == i.arm, a.repeat == 0)
        answered = shown.where(a.status == VoteStatus.SUBMITTED.value)
        self.connection.execute(
            update(t.items)
            .where(i.study_id == self.study_id)
            .values(n_shown=shown.scalar_subquery(), n_votes=answered.scalar_subquery())
        )


def store_scores(connection: Connection, study_id: int, scores: Scores) -> None:
    """Stores a scoring in place of that of the same name."""
    s = t.scores.c
    connection.execute(delete(t.scores).where(s.study_id == study_id, s.name == scores.name))
    record = scores.model_dump(mode="json", exclude_defaults=True)
    connection.execute(insert(t.scores).values(study_id=study_id, name=scores.name, record=record))


def _supersedes(scores: Scores, stored: Scores | None) -> bool:
    if stored is None or scores.created_at is None or stored.created_at is None:
        return stored != scores
    return scores.created_at > stored.created_at


def _pair_key(event: Vote | Assignment) -> tuple[str, frozenset[str]]:
    return event.prompt_id, frozenset((event.system_a, event.system_b))
