"""Who may see results and single votes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from databases import new_store
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from pydantic import SecretStr
from rating import Rater, desk_of, rating_study, settings

from ppai.schema import ResultsAccess
from ppai.store.sql import SqlStore
from ppai.ui import access
from ppai.ui.access import LOGINS_AT_ONCE, Gate, Refusal, TooManyLogins
from ppai.ui.admin import NO_TOKEN, AdminPage
from ppai.ui.desk import Desk

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "LOGIN_SECONDS", 0.05)


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    store = new_store("sqlite", tmp_path)
    yield desk_of(store, rating_study())
    store.close()


def gate(desk: Desk, **given: Any) -> Gate:
    return Gate(desk.store, desk, settings(**given))


def protected(desk: Desk, password: str = PASSWORD, **given: Any) -> Gate:
    return gate(desk, admin_password=SecretStr(password), **given)


OPEN, AFTER, ADMIN = ResultsAccess.OPEN, ResultsAccess.AFTER_SESSION, ResultsAccess.ADMIN


@pytest.mark.parametrize(
    ("level", "who", "results", "browse"),
    [
        (OPEN, "stranger", None, Refusal.AFTER_SESSION),
        (OPEN, "rating", Refusal.FINISH_FIRST, Refusal.FINISH_FIRST),
        (OPEN, "finished", None, None),
        (OPEN, "left at once", None, Refusal.AFTER_SESSION),
        (AFTER, "stranger", Refusal.AFTER_SESSION, Refusal.AFTER_SESSION),
        (AFTER, "rating", Refusal.FINISH_FIRST, Refusal.FINISH_FIRST),
        (AFTER, "finished", None, None),
        (AFTER, "left at once", Refusal.AFTER_SESSION, Refusal.AFTER_SESSION),
        (ADMIN, "stranger", Refusal.ADMIN_ONLY, Refusal.ADMIN_ONLY),
        (ADMIN, "rating", Refusal.ADMIN_ONLY, Refusal.ADMIN_ONLY),
        (ADMIN, "finished", Refusal.ADMIN_ONLY, Refusal.ADMIN_ONLY),
    ],
)
def test_each_level_opens_to_whom_it_says(
    desk: Desk, level: ResultsAccess, who: str, results: Refusal | None, browse: Refusal | None
) -> None:
    code = None
    if who != "stranger":
        rater = Rater(desk)
        code = rater.code
        if who == "finished":
            rater.submit()
        while who != "rating" and rater.view["screen"] != "thanks":
            rater.act("finish")
            if rater.view["screen"] == "probe":
                rater.act("probe", token=rater.token, guess="unsure")
    doors = protected(desk, results=level)
    assert doors.results(code, None) is results
    assert doors.browse(code, None) is browse
    admin = doors.log_in(PASSWORD)
    assert doors.results(code, admin) is None and doors.browse(code, admin) is None


def test_what_is_no_code_is_a_stranger(desk: Desk) -> None:
    for code in (None, 5, "", "x" * 10_000, ["a"], {"code": "x"}, "\ud800", b"bytes"):
        assert gate(desk, results=OPEN).results(code, None) is None
        assert gate(desk, results=AFTER).results(code, code) is Refusal.AFTER_SESSION


def test_the_setting_is_stronger_than_the_study_and_the_study_than_the_place(tmp_path: Path) -> None:
    store = new_store("sqlite", tmp_path)
    desk = desk_of(store, rating_study(results=ADMIN))
    assert gate(desk).results(None, None) is Refusal.ADMIN_ONLY
    assert gate(desk, results=OPEN).results(None, None) is None
    silent = desk_of(store, rating_study(name="silent"))
    assert gate(silent).results(None, None) is None
    assert gate(silent, host="0.0.0.0").results(None, None) is Refusal.AFTER_SESSION
    assert gate(silent, space_id="user/space").results(None, None) is Refusal.AFTER_SESSION
    store.close()


def test_only_the_password_makes_an_admin(desk: Desk) -> None:
    doors = protected(desk)
    token = doors.log_in(PASSWORD)
    assert doors.is_admin(token)
    for wrong in ("", "Correct horse", PASSWORD + " ", None, 5, [PASSWORD], "\ud800", "é", b"correct horse"):
        assert doors.log_in(wrong) is None
    for forged in (None, "", "admin", "x.y.z", 5, token[:-2], token + "x", "\ud800", [token]):  # type: ignore[index]
        assert not doors.is_admin(forged)


def test_a_token_is_good_for_this_store_and_this_password_alone(desk: Desk, tmp_path: Path) -> None:
    token = protected(desk).log_in(PASSWORD)
    assert protected(desk).is_admin(token), "another process of the same store"
    assert not protected(desk, "another").is_admin(token)
    assert not gate(desk).is_admin(token)
    elsewhere = SqlStore(f"sqlite:///{tmp_path / 'other.db'}")
    assert not protected(desk_of(elsewhere, rating_study())).is_admin(token)
    elsewhere.close()
    known = URLSafeTimedSerializer(hashlib.sha256(PASSWORD.encode()).digest(), salt="ppai.admin").dumps("admin")
    assert not protected(desk).is_admin(known), "the password alone signs nothing"
    rating = desk._tokens.sign("admin")
    assert not protected(desk).is_admin(rating), "no more does a rater's token"


def test_without_a_password_there_is_no_admin(desk: Desk) -> None:
    doors = gate(desk, results=ADMIN)
    for password in ("", "None", None):
        assert doors.log_in(password) is None
    assert doors.results(None, "admin") is Refusal.ADMIN_ONLY


def test_an_admin_session_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    doors = protected(desk)
    token = doors.log_in(PASSWORD)
    now = TimestampSigner(b"k").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: now + access.ADMIN_HOURS * 3600 + 5)
    assert not doors.is_admin(token)


def test_a_wrong_password_takes_as_long_as_a_right_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "LOGIN_SECONDS", 0.2)
    doors = protected(desk)
    for password in (PASSWORD, "wrong", None):
        started = time.monotonic()
        doors.log_in(password)
        assert time.monotonic() - started >= 0.2


class Held:
    """A clock whose sleepers sleep until they are let go."""

    def __init__(self) -> None:
        self.asleep = threading.Semaphore(0)
        self.go = threading.Event()

    def sleep(self, _seconds: float) -> None:
        self.asleep.release()
        assert self.go.wait(30)

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Held:
    held = Held()
    monkeypatch.setattr(access, "time", held)
    return held


def while_full(clock: Held, log_in: Callable[[object], object], then: Callable[[], None]) -> list[object]:
    """Calls `then` while as many logins run as may; what these were answered."""
    with ThreadPoolExecutor(LOGINS_AT_ONCE) as threads:
        running = [threads.submit(log_in, "wrong") for _ in range(LOGINS_AT_ONCE)]
        try:
            assert all(clock.asleep.acquire(timeout=30) for _ in running)
            then()
        finally:
            clock.go.set()
        return [one.result(30) for one in running]


def test_more_logins_than_may_run_at_once_are_refused_without_waiting(desk: Desk, clock: Held) -> None:
    doors = protected(desk)

    def refused() -> None:
        for password in (PASSWORD, "wrong", None):
            with pytest.raises(TooManyLogins):
                doors.log_in(password)

    assert while_full(clock, doors.log_in, refused) == [None] * LOGINS_AT_ONCE
    assert doors.is_admin(doors.log_in(PASSWORD)), "afterwards there is room again"


def test_a_login_that_fails_leaves_its_place(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    doors = protected(desk)

    def fails(_seconds: float) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(access.time, "sleep", fails)
        for _ in range(LOGINS_AT_ONCE + 1):
            with pytest.raises(RuntimeError):
                doors.log_in("wrong")
    assert doors.log_in("wrong") is None


def test_the_admin_page_says_to_try_again(desk: Desk, clock: Held) -> None:
    doors = protected(desk)
    page = AdminPage(SimpleNamespace(gate=doors, settings=doors.settings))  # type: ignore[arg-type]

    def told() -> None:
        view, token = page.act(None, {"act": "log_in", "password": PASSWORD})
        assert token == NO_TOKEN and "admin.too_many" in view["announce"]
        form = dict(view["parts"])["login"]
        assert "admin.too_many" in form and "admin.wrong" not in form and "aria-invalid" not in form

    while_full(clock, doors.log_in, told)


def test_a_replaced_study_opens_and_closes_at_once(desk: Desk) -> None:
    doors = gate(desk)
    assert doors.results(None, None) is None
    desk.store.load(rating_study(results="admin"), replace=True)
    assert doors.results(None, None) is Refusal.ADMIN_ONLY
    desk.store.load(rating_study(results="open"), replace=True)
    assert doors.results(None, None) is None
