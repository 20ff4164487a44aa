"""Runs of a judge that are killed, or go on at once: no item is asked again after its answer was stored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import KINDS, new_database
from openai_replies import Reply
from openai_server import Asked, ScriptedServer, first_wins
from rating import rating_study

from ppai.store.sql import SqlStore
from ppai.studyfiles import read_study, write_general

ROOT = Path(__file__).parents[1]
CONCURRENCY = 8
SOON_DEAD = """
from eval.judging import ledger
from ppai.__main__ import main

ledger.LEASE_SECONDS, ledger.BEAT_SECONDS, ledger.MARGIN_SECONDS = 3.0, 0.3, 1.0
main()
"""
"""The command, but for a run that is killed being taken for dead sooner."""


def slowly(seconds: float) -> Callable[[Asked], Reply]:
    return lambda asked: Reply(first_wins(asked).text, delay=seconds)


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return new_database(request.param, tmp_path)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_general(rating_study(60), tmp_path / "study")
    return tmp_path / "study"


class Runs:
    """`ppai judge` in processes of their own, on one study and one server."""

    def __init__(self, directory: Path, server: ScriptedServer, database: str | None) -> None:
        self.soon_dead = False
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PPAI_", "OPENAI_"))}
        self.environment = {**kept, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "sk-test"}
        if database is not None:
            self.environment["PPAI_DATABASE_URL"] = database
        judge = ["--judge", "openai:m", "--base-url", server.url, "--concurrency", str(CONCURRENCY)]
        self.arguments = ["judge", str(directory), *judge]
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *more: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, *(("-c", SOON_DEAD) if self.soon_dead else ("-m", "ppai")), *self.arguments, *more]
        run = subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=pipe, text=True)
        self.started.append(run)
        return run

    def finish(self, run: subprocess.Popen[str]) -> str:
        out, error = run.communicate(timeout=120)
        assert run.returncode == 0, out + error
        return out


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(slowly(0.1)) as server:
        yield server


@pytest.fixture
def runs(directory: Path, server: ScriptedServer, database: str) -> Iterator[Runs]:
    runs = Runs(directory, server, database)
    yield runs
    for run in runs.started:
        if run.poll() is None:
            run.kill()
            run.communicate()


def wait_until(reached: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.01)


def stored(database: str) -> int:
    store = SqlStore(database, create=False)
    try:
        return len(store.events("rated").verdicts)
    finally:
        store.close()


def runs_in(database: str) -> int:
    store = SqlStore(database, create=False)
    try:
        with store.judging("rated") as work:
            return len(work.runs())
    finally:
        store.close()


def test_a_killed_run_loses_at_most_what_was_in_flight(
    runs: Runs, server: ScriptedServer, directory: Path, database: str
) -> None:
    runs.soon_dead = True
    first = runs.start()
    wait_until(lambda: len(server.answers) >= 40)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    answered, kept = len(server.answers), stored(database)
    assert answered - 2 * CONCURRENCY <= kept <= answered < 120, "those in flight, and those that came with the kill"
    before = len(server.asked)
    said = runs.finish(runs.start())
    assert f"{120 - kept} asked now, {kept} finished before" in said
    assert len(server.asked) - before == 120 - kept, "what was stored was not asked again"
    assert len(server.answers) == 120 == len(read_study(directory).verdicts)
    assert sum(server.answers.values()) - 120 == answered - kept, "asked twice: only answers that were never stored"


def test_two_runs_at_once_share_the_items_out(
    runs: Runs, server: ScriptedServer, directory: Path, database: str
) -> None:
    server.script = slowly(1)
    both = [runs.start(), runs.start()]
    wait_until(lambda: server.max_in_flight > CONCURRENCY)
    server.script = slowly(0.1)
    said = [runs.finish(run) for run in both]
    assert Counter(server.answers.values()) == {1: 120}
    now = [int(line.split()[0]) for out in said for line in out.splitlines() if "asked now" in line]
    assert sum(now) == 120 and min(now) > 0, f"each asked some: {now}"
    assert stored(database) == 120 == len(read_study(directory).verdicts)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_run_takes_over_from_one_that_is_killed_beside_it(
    runs: Runs, server: ScriptedServer, directory: Path, database: str
) -> None:
    runs.soon_dead = True
    server.script = slowly(1)
    first, second = runs.start(), runs.start()
    wait_until(lambda: server.max_in_flight > CONCURRENCY)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    server.script = slowly(0.1)
    runs.finish(second)
    assert len(server.answers) == 120 == stored(database) == len(read_study(directory).verdicts)
    assert sum(server.answers.values()) - 120 <= 2 * CONCURRENCY, "what was in flight in the first"
    assert runs_in(database) == 1, "the dead one's"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_interrupted_run_says_how_to_go_on_and_holds_nothing(
    runs: Runs, server: ScriptedServer, directory: Path, database: str
) -> None:
    first = runs.start()
    wait_until(lambda: len(server.answers) >= 20)
    first.send_signal(signal.SIGINT)
    out, error = first.communicate(timeout=30)
    assert first.returncode == 130 and "the same command asks what is missing" in error and "Traceback" not in error
    kept = stored(database)
    assert 20 - CONCURRENCY <= kept == len(read_study(directory).verdicts) and f"{kept} asked now" in out
    assert runs_in(database) == 0, "so that nobody has to wait"
    runs.finish(runs.start())
    assert len(server.answers) == 120
    again = sum(server.answers.values()) - 120
    assert again <= CONCURRENCY, "at most what was in flight"


def test_a_directory_of_its_own_is_safe_from_a_kill_too(directory: Path, server: ScriptedServer) -> None:
    runs = Runs(directory, server, None)
    runs.soon_dead = True
    first = runs.start()
    wait_until(lambda: len(server.answers) >= 40)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert not (directory / "verdicts.jsonl").exists(), "written whole, at the end"
    second = runs.start()
    runs.finish(second)
    assert len(read_study(directory).verdicts) == 120 == len(server.answers)
    assert sum(server.answers.values()) - 120 <= 2 * CONCURRENCY
