"""Uploading an adapter: to a local stand-in of the hub, with all that can go wrong there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from finetune.hub import Repository
from ppai.errors import PPAIError

FILES = {"README.md": "card", "adapter_config.json": "{}", "run.json": "{}", "checkpoints/checkpoint-3/x.json": "{}"}


class Hub(ThreadingHTTPServer):
    """Keeps what it is asked; answers with `status` where that is no 200, and after `hangs` seconds."""

    status = 200
    hangs = 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.created: list[dict[str, Any]] = []
        self.committed: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(self.server.hangs)
        if self.server.status != 200:
            return self.answer({"error": "no"}, self.server.status)
        if self.path.endswith("/repos/create"):
            self.server.created.append(json.loads(body))
            return self.answer({"url": f"{self.server.url}/ann/tuned", "id": "ann/tuned"})
        if "/preupload/" in self.path:
            files = json.loads(body)["files"]
            named = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]
            return self.answer({"files": named})
        if self.path.endswith("/validate-yaml"):
            return self.answer({"errors": [], "warnings": []})
        self.server.committed += [json.loads(line) for line in body.splitlines()]
        return self.answer({"commitUrl": f"{self.server.url}/ann/tuned/commit/1", "commitOid": "1", "success": True})

    def do_GET(self) -> None:
        self.answer({"sha": "0" * 40, "siblings": [], "id": "ann/tuned"}, self.server.status)

    def answer(self, value: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import HfApi, constants

    server = Hub()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(HfApi, "__init__", _at(server.url, HfApi.__init__))
    yield server
    server.shutdown()
    server.server_close()


def _at(url: str, made: Any) -> Any:
    def init(self: Any, *args: Any, **options: Any) -> None:
        made(self, *args, **{"endpoint": url, "token": "hf_test", **options})

    return init


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "adapter" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "adapter"


def test_the_adapter_is_uploaded_to_a_private_repository_without_its_checkpoints(hub: Hub, folder: Path) -> None:
    repository = Repository("ann/tuned")
    repository.open()
    assert hub.created[0]["name"] == "tuned" and hub.created[0]["visibility"] == "private"
    assert repository.upload(folder).endswith("/ann/tuned/commit/1")
    sent = {one["value"]["path"] for one in hub.committed if one["key"] == "file"}
    assert sent == {"README.md", "adapter_config.json"}


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "the hub does not accept the token in HF_TOKEN, or there is none"),
        (403, "the token in HF_TOKEN may not write it (status 403)"),
        (418, "the hub answers with status 418"),
    ],
)
def test_a_refusal_is_one_line_before_training(hub: Hub, status: int, told: str) -> None:
    hub.status = status
    with pytest.raises(PPAIError) as refused:
        Repository("ann/tuned").open()
    assert str(refused.value) == f"--push-to-hub: ann/tuned cannot be written: {told}"


def test_a_hub_that_is_not_there_is_one_line(hub: Hub, folder: Path) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(PPAIError, match=r"^--push-to-hub: ann/tuned cannot be written: the hub cannot be reached$"):
        Repository("ann/tuned").upload(folder)


def test_a_hub_that_hangs_is_given_up(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.hangs = 2.0
    monkeypatch.setattr("finetune.hub.SECONDS", 0.3)
    with pytest.raises(PPAIError, match=r"cannot be written: the hub does not answer in time$"):
        Repository("ann/tuned").open()


@pytest.mark.parametrize("name", ["tuned", "ann/", "a b/c", "../x"])
def test_a_name_that_is_no_id_is_refused(name: str) -> None:
    with pytest.raises(PPAIError, match="is no OWNER/NAME"):
        Repository(name)
