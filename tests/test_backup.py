"""The store's copy outlives the app's disk: in a directory, and on the hub, spoken to over a real connection."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from small_studies import small_study, vote

from ppai.backup import DirectoryBackup, HubBackup, Keeper, restore
from ppai.errors import PPAIError, SettingsError
from ppai.settings import Settings, read_settings
from ppai.store.sql import SqlStore
from ppai.studyfiles import write_general
from ppai.ui.serve import open_context

DATASET = "someone/votes"
TOKEN = "hf_secretsecretsecret"


@dataclass
class Hub:
    """What a stand-in of the Hugging Face Hub holds, and how it misbehaves."""

    url: str = ""
    exists: bool = False
    private: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0
    asked: list[str] = field(default_factory=list)
    hang: str | None = None
    """Requests whose path holds this get no answer for 30 s."""
    status: dict[str, int] = field(default_factory=dict)
    """Answers by a part of `METHOD path`."""
    cut_downloads: int = 0
    """So many downloads end in the middle."""

    @property
    def sha(self) -> str:
        return hashlib.sha1(str(self.commits).encode()).hexdigest()


class HubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, body: Any = b"", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def handle_any(self) -> None:
        hub, body = self.hub, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        line = f"{self.command} {self.path}"
        hub.asked.append(line)
        if hub.hang is not None and hub.hang in line:
            time.sleep(30)
            self.close_connection = True
            return
        status = next((code for part, code in hub.status.items() if part in line), None)
        if status is None and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status = 401
        if status is not None:
            self.answer(status, {"error": f"no, {self.headers.get('Authorization')}\nnor later"})
        elif line == "POST /api/repos/create":
            asked = json.loads(body)
            hub.exists, hub.private = True, asked["visibility"] == "private"
            self.answer(200, {"url": f"{hub.url}/datasets/{asked['organization']}/{asked['name']}"})
        elif not hub.exists:
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        elif line == f"GET /api/datasets/{DATASET}":
            siblings = [{"rfilename": name} for name in hub.files]
            self.answer(200, {"id": DATASET, "sha": hub.sha, "private": hub.private, "siblings": siblings})
        elif line == f"POST /api/datasets/{DATASET}/preupload/main":
            files = json.loads(body)["files"]
            regular = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]
            self.answer(200, {"files": regular})
        elif line == f"POST /api/datasets/{DATASET}/commit/main":
            for item in map(json.loads, body.splitlines()):
                if item["key"] == "file":
                    hub.files[item["value"]["path"]] = base64.b64decode(item["value"]["content"])
            hub.commits += 1
            self.answer(200, {"commitUrl": f"{hub.url}/datasets/{DATASET}/commit/{hub.sha}", "commitOid": hub.sha})
        elif self.path.startswith(f"/datasets/{DATASET}/resolve/{hub.sha}/"):
            self.download(hub.files[self.path.rpartition("/")[2]])
        else:
            self.answer(500, {"error": f"unexpected: {line}"})

    def download(self, content: bytes) -> None:
        tag = f'"{hashlib.sha1(content).hexdigest()}"'
        if self.command == "GET" and self.hub.cut_downloads:
            self.hub.cut_downloads -= 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        self.answer(200, content, ETag=tag, X_Repo_Commit=self.hub.sha)

    do_GET = do_HEAD = do_POST = handle_any  # noqa: N815


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    held = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (HubHandler,), {"hub": held}))
    held.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", held.url)
    template = held.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield held
    server.shutdown()
    server.server_close()


def settings_of(disk: Path, backup: str, **more: Any) -> Settings:
    return read_settings(database_url=f"sqlite:///{disk / 'ppai.db'}", backup=backup, **more)


@contextmanager
def running(settings: Settings, seconds: float = 60.0) -> Iterator[tuple[SqlStore, Keeper]]:
    """The store as the app opens it: after a restore, with its keeper."""
    backup = restore(settings)
    assert backup is not None and settings.sqlite_file is not None
    store = SqlStore(settings.database_url)
    keeper = Keeper(backup, store, settings.sqlite_file, seconds)
    keeper.start()
    yield store, keeper
    keeper.close()
    store.close()


def study_with_votes(n: int) -> Any:
    study = small_study()
    return study.model_copy(update={"votes": tuple(vote("p1", "base", "new", "a", f"r{i}") for i in range(n))})


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def votes_in(file: Path) -> int:
    connection = sqlite3.connect(file)
    try:
        return int(connection.execute("SELECT count(*) FROM votes").fetchone()[0])
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["directory", "hub"])
def test_a_restart_on_an_empty_disk_restores_every_vote_and_the_secret(kind: str, hub: Hub, tmp_path: Path) -> None:
    place = str(tmp_path / "backup") if kind == "directory" else DATASET
    with running(settings_of(tmp_path / "one", place)) as (store, keeper):
        store.load(study_with_votes(7))
        before, secret = store.events("small").votes, store.secret("sides")
    assert keeper.state().last_success is not None and keeper.state().last_error is None
    with running(settings_of(tmp_path / "two", place)) as (store, _):
        assert store.events("small").votes == before and len(before) == 7
        assert store.secret("sides") == secret
        store.void("small", rater="r1", reason="a later event")
    with running(settings_of(tmp_path / "three", place)) as (store, _):
        assert len(store.events("small").votes) == 8
    assert hub.private
    assert not list((tmp_path / "three").glob(".ppai*"))


def test_the_app_restores_before_it_opens_the_store(tmp_path: Path) -> None:
    write_general(study_with_votes(2), tmp_path / "study")
    secrets = []
    for disk in ("one", "two"):
        context = open_context(settings_of(tmp_path / disk, str(tmp_path / "backup"), study=tmp_path / "study"), None)
        assert context.backup is not None
        context.backup.start()
        context.backup.close()
        secrets.append(context.browser_secret)
        context.store.close()
    assert secrets[0] == secrets[1]


def test_it_is_copied_when_it_changed_and_only_then(tmp_path: Path) -> None:
    puts = []

    class Counting(DirectoryBackup):
        def put(self, file: Path) -> None:
            puts.append(votes_in(file))
            super().put(file)

    store = SqlStore(f"sqlite:///{tmp_path / 'ppai.db'}")
    store.load(small_study())
    keeper = Keeper(Counting(tmp_path / "backup"), store, tmp_path / "ppai.db", seconds=0.02)
    keeper.start()
    wait_for(lambda: puts == [0])
    time.sleep(0.2)
    assert puts == [0]
    store.load(study_with_votes(3), replace=True)
    wait_for(lambda: puts[-1] == 3)
    keeper.close()
    keeper.close()
    assert puts == [0, 3] and votes_in(tmp_path / "backup" / "ppai.db") == 3


def test_a_kill_between_copy_and_replace_leaves_the_old_backup(tmp_path: Path) -> None:
    with running(settings_of(tmp_path / "disk", str(tmp_path / "backup"))) as (store, _):
        store.load(study_with_votes(4))
    killed = (
        "import os, pathlib, sys\n"
        "from ppai.backup import DirectoryBackup\n"
        "os.replace = os.rename = pathlib.Path.replace = lambda *a: os._exit(9)\n"
        "DirectoryBackup(pathlib.Path(sys.argv[1])).put(pathlib.Path(sys.argv[2]))\n"
    )
    other = tmp_path / "other"
    other.write_bytes(b"half of a store")
    assert subprocess.run([sys.executable, "-c", killed, tmp_path / "backup", other], check=False).returncode == 9
    with running(settings_of(tmp_path / "new", str(tmp_path / "backup"))) as (store, _):
        assert len(store.events("small").votes) == 4


def test_a_kill_during_a_restore_leaves_no_half_store(tmp_path: Path) -> None:
    backup = str(tmp_path / "backup")
    with running(settings_of(tmp_path / "one", backup)) as (store, _):
        store.load(study_with_votes(4))
    killed = (
        "import os, pathlib, sys\n"
        "from ppai import backup, settings\n"
        "pathlib.Path.replace = lambda *a: os._exit(9)\n"
        "backup.restore(settings.read_settings(database_url='sqlite:///' + sys.argv[1], backup=sys.argv[2]))\n"
    )
    file = tmp_path / "two" / "ppai.db"
    assert subprocess.run([sys.executable, "-c", killed, file, backup], check=False).returncode == 9
    assert not file.exists()
    with running(settings_of(tmp_path / "two", backup)) as (store, _):
        assert len(store.events("small").votes) == 4


def test_log_files_of_a_lost_store_are_not_replayed_into_the_restored_one(tmp_path: Path) -> None:
    backup = str(tmp_path / "backup")
    with running(settings_of(tmp_path / "one", backup)) as (store, _):
        store.load(study_with_votes(4))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "ppai.db-wal").write_bytes(b"x" * 5000)
    with running(settings_of(tmp_path / "two", backup)) as (store, _):
        assert len(store.events("small").votes) == 4


def test_a_store_killed_after_its_last_copy_goes_on_from_its_own_file(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "disk", str(tmp_path / "backup"))
    with running(settings) as (store, _):
        store.load(study_with_votes(2))
    later = SqlStore(settings.database_url)
    later.void("small", rater="r1", reason="not copied")
    later.close()
    with running(settings) as (store, _):
        assert len(store.events("small").votes) == 3
    assert votes_in(tmp_path / "backup" / "ppai.db") == 3


@pytest.mark.parametrize("local", ["another store", "an older file"])
def test_a_file_that_lacks_votes_of_the_backup_never_overwrites_it(local: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "disk", str(tmp_path / "backup"))
    with running(settings) as (store, _):
        if local == "an older file":
            store.load(small_study())
            store.snapshot(str(tmp_path / "old.db"))
        store.load(study_with_votes(2), replace=True)
    file = tmp_path / "disk" / "ppai.db"
    file.unlink()
    if local == "an older file":
        (tmp_path / "old.db").rename(file)
    else:
        SqlStore(settings.database_url).close()
    with pytest.raises(PPAIError, match=r"holds votes that .* does not"):
        restore(settings)
    assert votes_in(tmp_path / "backup" / "ppai.db") == 2


def test_a_file_without_tables_is_no_store_yet(tmp_path: Path) -> None:
    backup = str(tmp_path / "backup")
    with running(settings_of(tmp_path / "one", backup)) as (store, _):
        store.load(study_with_votes(2))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "ppai.db").touch()
    restore(settings_of(tmp_path / "two", backup))
    assert votes_in(tmp_path / "two" / "ppai.db") == 2


def test_a_backup_that_is_not_a_store_is_named_and_kept(tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "ppai.db").write_bytes(b"not a database, " * 100)
    with pytest.raises(PPAIError, match="is not a whole PPAI store"):
        restore(settings_of(tmp_path / "disk", str(tmp_path / "backup")))
    assert not (tmp_path / "disk" / "ppai.db").exists()


def test_a_download_that_ends_in_the_middle_is_taken_up_again(hub: Hub, tmp_path: Path) -> None:
    with running(settings_of(tmp_path / "one", DATASET)) as (store, _):
        store.load(study_with_votes(3))
    hub.cut_downloads = 1
    with running(settings_of(tmp_path / "two", DATASET)) as (store, _):
        assert len(store.events("small").votes) == 3
    assert hub.cut_downloads == 0


def refused(settings: Settings) -> str:
    """The one line with which a start ends; nothing is made, here or there."""
    with pytest.raises(PPAIError) as caught:
        restore(settings)
    assert settings.sqlite_file is not None and not settings.sqlite_file.exists()
    line = str(caught.value)
    assert "\n" not in line and TOKEN not in line
    return line


def test_a_hub_that_is_down_stops_the_start(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert refused(settings_of(tmp_path, DATASET)).endswith("the hub cannot be reached")


@pytest.mark.parametrize("step", ["GET /api", "HEAD /datasets"])
def test_a_hub_that_hangs_stops_the_start(step: str, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub.exists, hub.files, hub.hang = True, {"ppai.db": b"votes"}, step
    monkeypatch.setattr("ppai.backup.backup_of", lambda _: HubBackup(DATASET, seconds=0.3))
    started = time.monotonic()
    assert refused(settings_of(tmp_path, DATASET)).endswith("the hub does not answer in time")
    assert time.monotonic() - started < 10
    assert hub.files == {"ppai.db": b"votes"}


@pytest.mark.parametrize(
    ("status", "exists", "says"),
    [
        ({"GET /api": 401}, True, "does not accept the token"),
        ({"GET /api": 403}, True, "may not read and write it"),
        ({"GET /api": 502}, True, "answers with status 502"),
        ({"HEAD": 401}, True, "does not accept the token"),
        ({"POST /api/repos/create": 409}, False, "may not read and write it"),
        ({"POST /api/repos/create": 403}, False, "may not read and write it"),
    ],
)
def test_a_refusal_of_the_hub_stops_the_start(
    status: dict[str, int], exists: bool, says: str, hub: Hub, tmp_path: Path
) -> None:
    hub.exists, hub.files, hub.status = exists, {"ppai.db": b"votes"}, status
    assert says in refused(settings_of(tmp_path, DATASET))
    assert hub.files == {"ppai.db": b"votes"} and hub.commits == 0


def test_a_start_without_a_token_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert "set HF_TOKEN" in refused(settings_of(tmp_path, DATASET))
    assert not hub.asked


def test_offline_mode_is_named(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refused(settings_of(tmp_path, DATASET)).endswith("HF_HUB_OFFLINE is set")


def test_a_public_dataset_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.exists, hub.private = True, False
    assert "is public" in refused(settings_of(tmp_path, DATASET))


@pytest.mark.parametrize("trouble", ["refused", "hangs"])
def test_a_failed_upload_is_logged_shown_and_made_up_for(
    trouble: str, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ppai.backup.backup_of", lambda _: HubBackup(DATASET, seconds=0.3))
    hub.exists = True
    if trouble == "refused":
        hub.status = {"/commit/": 401}
    else:
        hub.hang = "/commit/"
    with running(settings_of(tmp_path, DATASET), seconds=0.05) as (store, keeper):
        store.load(study_with_votes(2))
        wait_for(lambda: keeper.state().last_error)
        assert keeper.state().last_success is None
        hub.status, hub.hang = {}, None
        wait_for(lambda: keeper.state().last_success)
        assert keeper.state().last_error is None
    lines = [record.getMessage() for record in caplog.records if record.name == "ppai"]
    assert any(line.startswith("backup failed: PPAI_BACKUP: dataset someone/votes") for line in lines)
    assert TOKEN not in caplog.text and not any("\n" in line for line in lines)


def test_a_stop_does_not_wait_for_ever(hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hub.exists, hub.hang = True, "/commit/"
    store = SqlStore(f"sqlite:///{tmp_path / 'ppai.db'}")
    keeper = Keeper(HubBackup(DATASET, seconds=5.0), store, tmp_path / "ppai.db")
    keeper.start()
    wait_for(lambda: any("/commit/" in line for line in hub.asked))
    started = time.monotonic()
    keeper.close(seconds=0.2)
    assert time.monotonic() - started < 4
    assert "was not finished" in caplog.text


SERVED = """
import signal
import threading
import time
import gradio as gr
from ppai.backup import Keeper, restore
from ppai.settings import read_settings
from ppai.store.sql import SqlStore
from ppai.ui.serve import Served

settings = read_settings()
backup = restore(settings)
store = SqlStore(settings.database_url)
keeper = Keeper(backup, store, settings.sqlite_file)
keeper.start()
with gr.Blocks() as pages:
    gr.Markdown("here")
_, url, _ = pages.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)

def say_when_ready():
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        time.sleep(0.01)
    print("ready", flush=True)

threading.Thread(target=say_when_ready, daemon=True).start()
Served(url, pages, keeper).wait()
"""


def test_a_space_that_is_asked_to_stop_copies_what_came_last(hub: Hub, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ppai.db'}"
    environment = os.environ | {
        "PPAI_DATABASE_URL": url,
        "PPAI_BACKUP": DATASET,
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "home"),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    app = subprocess.Popen([sys.executable, "-c", SERVED], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert app.stdout is not None and app.stdout.readline() == "ready\n"
        wait_for(lambda: hub.commits == 1)
        store = SqlStore(url)
        store.load(study_with_votes(5))
        store.close()
        app.send_signal(signal.SIGTERM)
        assert app.wait(60) == 0
    finally:
        app.kill()
        app.communicate()
    assert hub.commits >= 2, "at the start and at the end; under load another may come between"
    (tmp_path / "copy.db").write_bytes(hub.files["ppai.db"])
    assert votes_in(tmp_path / "copy.db") == 5


@pytest.mark.parametrize(
    ("value", "directory", "dataset"),
    [
        ("/data/backup", Path("/data/backup"), None),
        ("./backup", Path("backup"), None),
        ("someone/votes", None, "someone/votes"),
        (None, None, None),
    ],
)
def test_a_directory_is_told_from_a_dataset(value: str | None, directory: Path | None, dataset: str | None) -> None:
    settings = read_settings(backup=value)
    assert (settings.backup_directory, settings.backup_dataset) == (directory, dataset)


@pytest.mark.parametrize(
    "value", ["backup", "a/b/c", "https://huggingface.co/datasets/someone/votes", "someone/vo tes"]
)
def test_another_backup_is_a_wrong_setting(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPAI_BACKUP", value)
    with pytest.raises(SettingsError, match=r"^PPAI_BACKUP: neither a directory.*$"):
        read_settings()


@pytest.mark.parametrize("url", ["postgresql://localhost/ppai", "sqlite://", "sqlite:///:memory:"])
def test_only_a_sqlite_file_is_backed_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPAI_BACKUP", DATASET)
    with pytest.raises(SettingsError, match=r"^PPAI_BACKUP: only a SQLite file is copied.*$"):
        read_settings(database_url=url)


@pytest.mark.parametrize(
    ("database", "backup", "lost"),
    [
        ("sqlite:///var/ppai.db", None, True),
        ("sqlite:///var/ppai.db", DATASET, False),
        ("sqlite:///var/ppai.db", "/data/backup", False),
        ("sqlite:///var/ppai.db", "/home/user/app/backup", True),
        ("sqlite:////data/ppai.db", None, False),
        ("sqlite:///:memory:", None, True),
        ("postgresql://localhost/ppai", None, False),
    ],
)
def test_votes_may_be_lost_on_a_space_whose_disk_is_emptied(
    database: str, backup: str | None, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) in ("/", "/data"))
    assert read_settings(database_url=database, backup=backup, space_id="someone/space").votes_may_be_lost is lost
    assert not read_settings(database_url=database, backup=backup).votes_may_be_lost
