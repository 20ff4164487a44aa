"""Claims of judge runs: two runs never hold the same item, and a dead run's items are free again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import KINDS, new_store
from small_studies import small_study, verdict
from sqlalchemy import update

from ppai.schema import Verdict
from ppai.store import tables as t
from ppai.store.base import JudgeRun
from ppai.store.judging import FORGOTTEN_SECONDS
from ppai.store.sql import SqlStore

LEASE = 15.0
ITEMS = [f"{number:064x}" for number in range(1200)]
"""More than one statement names."""


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    store = new_store(request.param, tmp_path)
    store.load(small_study())
    yield store
    store.close()


def start(store: SqlStore, run_id: str, seen_at: float | None = 0.0) -> None:
    with store.judging("small") as work:
        work.start(JudgeRun(run_id, seen_at))


def take(store: SqlStore, run_id: str, items: list[str]) -> set[str]:
    with store.judging("small") as work:
        return set(work.claim(run_id, items, lease=LEASE).granted)


def age(store: SqlStore, run_id: str, seconds: float) -> None:
    """As if the run had given no sign of life for so long."""
    with store._database.writing() as connection:
        r = t.judge_runs.c
        connection.execute(update(t.judge_runs).where(r.run_id == run_id).values(seen_at=r.seen_at - seconds))


def on_item(item: str, prompt: str = "p1", **more: object) -> Verdict:
    return verdict(prompt, "base", "new", "a", item=item, **more)


def test_an_item_is_granted_to_one_run(store: SqlStore) -> None:
    start(store, "one")
    start(store, "two")
    assert take(store, "one", ITEMS[:1100]) == set(ITEMS[:1100])
    assert take(store, "two", ITEMS) == set(ITEMS[1100:])
    assert take(store, "one", ITEMS[:3]) == set(ITEMS[:3]), "what is one's own already stays so"
    with store.judging("small") as work:
        work.release(ITEMS[:1])
    assert take(store, "two", ITEMS[:2]) == set(ITEMS[:1])
    with store.judging("small") as work:
        work.end("one")
        assert [run.run_id for run in work.runs()] == ["two"]
    assert take(store, "two", ITEMS) == set(ITEMS)


def test_a_run_without_a_sign_of_life_loses_its_items_and_a_sign_keeps_them(store: SqlStore) -> None:
    start(store, "dead")
    start(store, "alive")
    take(store, "dead", ITEMS[:2])
    age(store, "dead", LEASE - 1)
    assert take(store, "alive", ITEMS[:2]) == set()
    with store.judging("small") as work:
        work.beat("dead")
    age(store, "dead", LEASE - 1)
    assert take(store, "alive", ITEMS[:2]) == set()
    age(store, "dead", 2)
    assert take(store, "alive", ITEMS[:2]) == set(ITEMS[:2])


def test_the_claims_of_a_batch_outlive_every_lease(store: SqlStore) -> None:
    start(store, "batch", None)
    start(store, "run")
    take(store, "batch", ITEMS[:1])
    with store.judging("small") as work:
        claimed = work.claim("run", ITEMS[:2], lease=-1e9)
        assert (claimed.granted, claimed.in_batches) == ({ITEMS[1]}, {ITEMS[0]})
        work.set_record("batch", {"batch": "b1"})
    with store.judging("small") as work:
        assert {run.run_id: (run.seen_at is None, dict(run.record)) for run in work.runs()} == {
            "batch": (True, {"batch": "b1"}),
            "run": (False, {}),
        }


def test_a_run_that_died_long_ago_is_forgotten_and_may_come_back(store: SqlStore) -> None:
    start(store, "old")
    take(store, "old", ITEMS[:1])
    age(store, "old", FORGOTTEN_SECONDS + 1)
    start(store, "new")
    with store.judging("small") as work:
        assert [run.run_id for run in work.runs()] == ["new"]
        work.beat("old")
    assert take(store, "old", ITEMS[:1]) == set(ITEMS[:1])


def test_the_clock_is_the_stores(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two machines share a server, the one whose clock is behind does not lose its claims."""
    start(store, "one", 123.0)
    with store.judging("small") as work:
        (run,) = work.runs()
    assert run.seen_at is not None and abs(run.seen_at - time.time()) < 5
    if not store._database.sqlite:
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() - 3600)
        start(store, "behind")
        take(store, "behind", ITEMS[:1])
        monkeypatch.undo()
        assert take(store, "one", ITEMS[:1]) == set()


def test_saving_stores_takes_the_place_of_the_same_and_lets_go(store: SqlStore) -> None:
    start(store, "one")
    start(store, "two")
    take(store, "one", ITEMS[:2])
    with store.judging("small") as work:
        work.save([on_item(ITEMS[0]), on_item(ITEMS[1], "p2"), on_item(ITEMS[2], "p3", judge="other")])
        assert work.stored(ITEMS) == {
            ITEMS[0]: on_item(ITEMS[0]),
            ITEMS[1]: on_item(ITEMS[1], "p2"),
            ITEMS[2]: on_item(ITEMS[2], "p3", judge="other"),
        }
    with store.judging("small") as work:
        claimed = work.claim("two", ITEMS[:2], lease=LEASE)
        assert claimed.granted == set(ITEMS[:2]) and claimed.stored.keys() == set(ITEMS[:2])
        work.save([on_item(ITEMS[9])])
        assert [one.item for one in work.verdicts()] == [ITEMS[1], ITEMS[2], ITEMS[9]]
        assert [one.judge for one in work.verdicts("other")] == ["other"]
        assert work.verdicts("nobody") == []


def test_studies_do_not_share_verdicts_or_claims(store: SqlStore) -> None:
    store.load(small_study(name="second"))
    start(store, "one")
    take(store, "one", ITEMS[:1])
    with store.judging("small") as work:
        work.save([on_item(ITEMS[5])])
    with store.judging("second") as work:
        work.start(JudgeRun("two", 0.0))
        claimed = work.claim("two", [ITEMS[0], ITEMS[5]], lease=LEASE)
        assert claimed.granted == {ITEMS[0], ITEMS[5]} and claimed.stored == {}
        assert [run.run_id for run in work.runs()] == ["two"] and work.verdicts() == []


def test_runs_that_claim_at_once_share_the_items_out(store: SqlStore) -> None:
    granted: list[str] = []

    def run(run_id: str) -> None:
        start(store, run_id)
        for place in range(0, 300, 20):
            granted.extend(take(store, run_id, ITEMS[place : place + 20]))

    threads = [threading.Thread(target=run, args=(f"run{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(granted) == Counter(ITEMS[:300])


def test_saving_is_quick(store: SqlStore) -> None:
    """Under half a millisecond a verdict, in the portions in which answers come."""
    study = small_study(prompts=[f"p{n}" for n in range(1000)], name="large")
    store.load(study)
    verdicts = [on_item(f"{n:064x}", f"p{n}") for n in range(1000)]
    times = []
    for portion in range(0, 1000, 50):
        begun = time.thread_time()
        with store.judging("large") as work:
            work.save(verdicts[portion : portion + 50])
        times.append((time.thread_time() - begun) / 50)
    assert sorted(times)[len(times) // 2] < 0.5e-3, f"{sorted(times)[len(times) // 2] * 1e3:.2f} ms"
