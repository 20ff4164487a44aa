"""A local stand-in of the Hugging Face Hub that takes uploads, and may refuse or hang."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


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

    @property
    def sent(self) -> set[str]:
        """Paths of the files that were uploaded."""
        return {one["value"]["path"] for one in self.committed if one["key"] == "file"}


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


@contextmanager
def serving_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub that this process knows, for a while."""
    from huggingface_hub import HfApi, constants

    server = Hub()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(HfApi, "__init__", _at(server.url, HfApi.__init__))
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _at(url: str, made: Any) -> Any:
    def init(self: Any, *args: Any, **options: Any) -> None:
        made(self, *args, **{"endpoint": url, "token": "hf_test", **options})

    return init
