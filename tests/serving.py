"""The app in a process of its own, on a study of the tests, for the tests that need a real connection."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ppai.schema import Study, Vote
from ppai.store.engine import Database
from ppai.store.sql import SqlStore
from ppai.store.tables import votes
from ppai.studyfiles import write_general

ROOT = Path(__file__).parent.parent
START_SECONDS = 90
READY = "PPAI is ready:"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class App:
    """`python app.py` on `study`, with a SQLite store; it may be killed and started again on the same port."""

    def __init__(self, study: Study, directory: Path, **environment: str) -> None:
        self.study = study
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.file = directory / "ppai.db"
        self.database = f"sqlite:///{self.file}"
        self.log = directory / "server.log"
        self._environment = environment | {
            "PPAI_PORT": str(self.port),
            "PPAI_DATABASE_URL": self.database,
            "PPAI_STUDY": str(directory / "study"),
            "PYTHONUNBUFFERED": "1",
        }
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        (directory / "study").mkdir(parents=True, exist_ok=True)
        write_general(study, directory / "study")

    def begin(self, **environment: str) -> App:
        """Starts the process and does not wait for it; `environment` holds until it ends."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PPAI_", "SPACE_"))}
        self._lines = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=inherited | self._environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        threading.Thread(target=self._read, args=(self._process, self._lines), daemon=True).start()
        return self

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        with self.log.open("a", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                lines.put(line)
        code = process.wait()
        if process is self._process:
            self._note(f"the app ended by itself with code {code}")
        lines.put(None)

    def _note(self, words: str) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{words}\n")

    def wait(self) -> App:
        """Until the app says that it is ready."""
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the app did not start:\n{self.output}") from None
            if line is None:
                raise AssertionError(f"the app ended:\n{self.output}")
            if READY in line:
                return self

    def start(self, **environment: str) -> App:
        return self.begin(**environment).wait()

    def kill(self) -> None:
        """As a crash would: no handler runs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(30)

    def restart(self, **environment: str) -> None:
        self.kill()
        self.start(**environment)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything that the processes printed."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def store(self) -> SqlStore:
        """The app's store, opened beside it."""
        return SqlStore(self.database)

    def votes(self) -> list[Vote]:
        """Every vote event that is stored."""
        store = self.store()
        try:
            return list(store.events(self.study.name).votes)
        finally:
            store.close()

    def submissions(self) -> list[str]:
        """The submission ids of every vote event, in the order in which they were stored."""
        database = Database(self.database)
        try:
            with database.reading() as connection:
                return [row[0] for row in connection.execute(select(votes.c.submission).order_by(votes.c.seq))]
        finally:
            database.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Meanwhile another process's transaction keeps the app from storing anything."""
        import sqlite3

        connection = sqlite3.connect(self.file, isolation_level=None, timeout=30)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
        finally:
            connection.close()


@contextmanager
def serving(study: Study, directory: Path, **environment: str) -> Iterator[App]:
    app = App(study, directory, **environment)
    try:
        yield app.start()
    finally:
        app.kill()


def http_act(app: App, **request: Any) -> dict[str, Any]:
    """Calls the rating service as the page does, without a browser."""
    import httpx

    component = next(
        one["id"]
        for one in httpx.get(f"{app.url}/config").json()["components"]
        if "act" in (one["props"].get("server_fns") or [])
    )
    body = {"session_hash": "tests", "component_id": component, "fn_name": "act", "data": request}
    answer = httpx.post(f"{app.url}/gradio_api/component_server", json=body)
    answer.raise_for_status()
    return dict(answer.json())
