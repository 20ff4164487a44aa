"""What the guard in front of Gradio's routes lets through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from ppai.ui.guard import MAX_BODY, Guard


class Reader:
    """An ASGI app that reads the whole body and answers with its length."""

    def __init__(self) -> None:
        self.called = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.called = True
        size, more = 0, True
        while more and scope["type"] == "http":
            message = await receive()
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(size).encode()})


def ask(
    path: str = "/gradio_api/call",
    method: str = "POST",
    chunks: Iterable[bytes] = (b"{}",),
    headers: dict[str, str] | None = None,
) -> tuple[int, Reader]:
    """The status of a raw request, without a client that mends its headers."""
    reader, sent = Reader(), []
    parts = list(chunks)
    messages = iter(
        {"type": "http.request", "body": part, "more_body": n < len(parts) - 1} for n, part in enumerate(parts)
    )

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(key.encode(), value.encode()) for key, value in (headers or {}).items()],
    }
    asyncio.run(Guard(reader)(scope, receive, send))
    return sent[0]["status"], reader


@pytest.mark.parametrize("path", ["/upload", "/gradio_api/upload", "/gradio_api/upload/", "/a/space/upload//"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_uploads_are_refused_unread(path: str, method: str) -> None:
    status, reader = ask(path, method)
    assert status == 403 and not reader.called


@pytest.mark.parametrize("path", ["/gradio_api/call/act", "/gradio_api/queue/join", "/uploaded", "/upload/x"])
def test_other_routes_are_let_through(path: str) -> None:
    assert ask(path, headers={"content-length": "2"})[0] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_let_through(method: str) -> None:
    assert ask("/gradio_api/upload", method)[0] == 200


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 30, "-1", "1e3", "", "two", "²"])
def test_a_body_that_says_it_is_too_long_is_refused_unread(length: str) -> None:
    status, reader = ask(headers={"content-length": length})
    assert status == 413 and not reader.called


def test_a_body_of_the_greatest_length_is_taken() -> None:
    whole = b"x" * MAX_BODY
    assert ask(chunks=[whole], headers={"content-length": str(MAX_BODY)})[0] == 200
    assert ask(chunks=[whole[:1000]] * (MAX_BODY // 1000))[0] == 200


@pytest.mark.parametrize("headers", [{}, {"transfer-encoding": "chunked"}, {"content-length": "5"}])
def test_a_body_is_counted_whatever_it_says(headers: dict[str, str]) -> None:
    assert ask(chunks=[b"x" * 1000] * (MAX_BODY // 1000 + 1), headers=headers)[0] == 413
    assert ask(chunks=[b"x" * (MAX_BODY + 1)], headers=headers)[0] == 413


def test_other_protocols_are_let_through() -> None:
    called = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["type"])

    for kind in ("websocket", "lifespan"):
        asyncio.run(Guard(app)({"type": kind}, None, None))  # type: ignore[arg-type]
    assert called == ["websocket", "lifespan"]


def test_in_front_of_a_real_app() -> None:
    app = FastAPI()

    @app.post("/vote")
    async def vote(request: Request) -> dict[str, Any]:
        return {"got": len(await request.body())}

    @app.post("/json")
    async def parsed(values: dict[str, Any]) -> dict[str, Any]:
        return {"got": len(values)}

    app.add_middleware(Guard)
    client = TestClient(app)

    def chunks() -> Iterable[bytes]:
        yield from [b"x" * 10_000] * 100

    assert client.post("/vote", content=b"x" * 100).json() == {"got": 100}
    assert client.post("/vote", content=b"x" * (MAX_BODY + 1)).status_code == 413
    assert client.post("/vote", content=chunks()).status_code == 413
    big = json.dumps({"a": "x" * MAX_BODY}).encode()
    assert client.post("/json", content=iter([big]), headers={"content-type": "application/json"}).status_code in (
        400,
        413,
    )
    assert client.post("/upload", files={"files": b"x"}).status_code == 403
    assert client.post("/json", json={"a": 1}).json() == {"got": 1}
