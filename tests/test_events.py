"""The votes in memory are those in the store, at every look."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from databases import KINDS, new_store
from rating import Clock, Rater, desk_of, rating_study
from small_studies import verdict, vote

from ppai.frames import A_WINS, current_votes, outcome_column, showings
from ppai.schema import Criterion
from ppai.store.sql import SqlStore
from ppai.ui import events as events_module
from ppai.ui.events import LAG_SECONDS, Events

NAME = "rated"
KEYS = ("clarity", "overall")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    store = new_store(request.param, tmp_path)
    yield store
    store.close()


def whole(store: SqlStore) -> pd.DataFrame:
    return current_votes(store.votes_after(NAME, 0, KEYS)[0])


def same(one: pd.DataFrame, two: pd.DataFrame) -> bool:
    return set(one["vote_id"]) == set(two["vote_id"]) and len(one) == len(two)


def test_every_look_sees_what_was_stored_until_then(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "LAG", 5)
    desk = desk_of(store, rating_study(25))
    events = Events(store, NAME)
    assert len(events.votes()) == 0
    rater = Rater(desk)
    for n in range(30):
        if rater.view["screen"] == "pause":
            rater.act("go_on")
        if n % 7 == 3:
            rater.undo()
        elif n % 5 == 2:
            rater.skip()
        else:
            rater.submit()
        if n % 3 == 0:
            assert same(events.votes(), whole(store))
    store.void(NAME, rater=rater.id, reason="a test")
    found = events.votes()
    assert same(found, whole(store)) and set(found["status"]) == {"void"}
    assert events.votes() is found, "nothing new, nothing made again"


def test_a_late_commit_with_a_lower_number_is_seen(store: SqlStore) -> None:
    """PostgreSQL may commit a lower sequence number after a higher one was read."""
    study = rating_study(10).model_copy(update={"votes": tuple(vote(f"p{n}", "base", "tuned", "a") for n in range(6))})
    store.load(study)

    class Late:
        def __init__(self) -> None:
            self.hidden: set[int] = set()
            self.loaded_at, self.config = store.loaded_at, store.config

        def votes_after(self, name: str, seq: int, keys: tuple[str, ...]) -> tuple[pd.DataFrame, int]:
            frame, seen = store.votes_after(name, seq, keys)
            return frame[~frame["seq"].isin(self.hidden)], seen

    late = Late()
    late.hidden = {2, 4}
    events = Events(late, NAME)  # type: ignore[arg-type]
    assert len(events.votes()) == 4
    late.hidden = {4}
    assert len(events.votes()) == 5
    late.hidden = set()
    assert same(events.votes(), whole(store)) and len(events.votes()) == 6


def test_verdicts_are_read_again_only_when_they_changed(store: SqlStore) -> None:
    study = rating_study(3).model_copy(update={"verdicts": (verdict("p0", "base", "tuned", "a"),)})
    store.load(study)
    events = Events(store, NAME)
    first = events.verdicts()
    assert len(first) == 1 and events.verdicts() is first
    more = study.model_copy(update={"verdicts": (*study.verdicts, verdict("p1", "base", "tuned", "b"))})
    store.load(more, replace=True)
    assert len(events.verdicts()) == 2


def test_many_threads_may_look_at_once(store: SqlStore) -> None:
    desk = desk_of(store, rating_study(15))
    events = Events(store, NAME)
    wrong: list[object] = []

    def look() -> None:
        try:
            for _ in range(10):
                frame = events.votes()
                if frame["vote_id"].duplicated().any():
                    wrong.append(frame)
        except BaseException as error:  # noqa: BLE001
            wrong.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    rater = Rater(desk)
    for _ in range(14):
        rater.submit()
    for thread in threads:
        thread.join()
    assert not wrong and same(events.votes(), whole(store))


def test_a_criterion_that_a_replacement_adds_is_counted(store: SqlStore) -> None:
    store.load(rating_study(3))
    events = Events(store, NAME)
    assert outcome_column("newest") not in events.votes()
    criteria = (Criterion(key="newest", question="Which is newer?"), Criterion(key="overall", question="Which?"))
    store.load(rating_study(3, criteria=criteria), replace=True)
    Rater(desk_of(store, rating_study(3, criteria=criteria))).submit()
    assert events.votes()[outcome_column("newest")].tolist() == [A_WINS]


def test_showings_and_guesses_are_those_in_the_store_and_made_again_only_when_they_changed(store: SqlStore) -> None:
    clock = Clock()
    desk = desk_of(store, rating_study(12), clock=clock)
    events = Events(store, NAME)
    assert len(events.showings()) == 0 and len(events.guesses()) == 0
    raters = [Rater(desk), Rater(desk)]
    for _ in range(4):
        for rater in raters:
            rater.submit()
        clock.now += LAG_SECONDS / 2
        found = events.showings()
        expected = showings(store.assignments(NAME), events.votes())
        columns = ["rater", "prompt_id", "system_a", "system_b", "arm", "repeat", "draw"]
        assert sorted(found[columns].itertuples(index=False)) == sorted(expected[columns].itertuples(index=False))
        assert len(found) == len(store.assignments(NAME)), "each was shown once, answered or open"
    assert events.showings() is found, "nothing new, nothing made again"
    raters[0].act("finish")
    assert events.guesses() is events.guesses()
    shown = {one.assignment_id: one.system_a for one in store.events(NAME).assignments}
    for guess in ("a", "unsure"):
        raters[0].act("probe", token=raters[0].token, guess=guess)
        probes = store.probes(NAME)
        assert events.guesses().to_dict("records") == [
            {"rater": raters[0].id, "arm": "as_is", "correct": probe.correct, "system_a": shown[probe.assignment_id]}
            for probe in probes
        ]
    assert events.guesses()["correct"].tolist()[1] is None
