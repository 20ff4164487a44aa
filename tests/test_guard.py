"""What the guard in front of Gradio's routes lets through."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient

from ppai.ui.guard import MAX_BODY, Guard
from ppai.ui.serve import app_options

ACT, EVENT = "/gradio_api/component_server", "/gradio_api/run/predict"
OPEN = {f"{path}{end}" for path in (ACT, EVENT) for end in ("", "/")}
"""All that a browser posted in a session of rating, of reading results and browsing, and of logging in."""
JSON = {"content-type": "application/json"}
BEFORE = ("", "/a/space", "/user/name/proxy")


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
    path: str = ACT,
    method: str = "POST",
    chunks: Iterable[bytes] = (b"{}",),
    headers: dict[str, str] | None = None,
) -> tuple[int, Reader]:
    """The status of a raw request of JSON, without a client that mends its headers."""
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
        "headers": [(key.encode(), value.encode()) for key, value in (JSON | (headers or {})).items()],
    }
    asyncio.run(Guard(reader)(scope, receive, send))
    return sent[0]["status"], reader


# One request


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("path", sorted(OPEN))
def test_what_pages_post_is_let_through(before: str, path: str) -> None:
    assert ask(before + path, headers={"content-length": "2"})[0] == 200
    assert ask(before + path, headers={"content-type": "Application/JSON; charset=utf-8"})[0] == 200


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/upload/",
        "/gradio_api/process_recording",
        "/gradio_api/queue/join",
        "/gradio_api/run/other",
        "/gradio_api/run/predict/more",
        "/gradio_api/component_server//",
        "/gradio_api//component_server",
        "/gradio_api/stream/gradio_api/component_server",
        "/gradio_api/",
        "/component_server",
        "/login",
        "/",
        "/upload",
    ],
)
def test_other_posts_are_refused_unread(before: str, path: str) -> None:
    status, reader = ask(before + path)
    assert status == 403 and not reader.called


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "post", "ANY"])
@pytest.mark.parametrize("path", [ACT, "/gradio_api/upload", "/"])
def test_other_methods_are_refused_unread(method: str, path: str) -> None:
    status, reader = ask(path, method)
    assert status == 405 and not reader.called


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
        "application/jsonx",
        "text/plain; application/json",
    ],
)
def test_what_is_not_json_is_refused_unread(kind: str) -> None:
    status, reader = ask(headers={"content-type": kind})
    assert status == 415 and not reader.called


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("before", BEFORE)
def test_reading_below_the_api_is_refused_but_for_what_pages_need(method: str, before: str) -> None:
    for path in ("app_id", "heartbeat/abc123", "theme.css", "startup-events", "startup-events/"):
        assert ask(f"{before}/gradio_api/{path}", method)[0] == 200, path
    for path in (
        "file=/etc/passwd",
        "file=gradio_api/app_id",
        "file/etc/passwd",
        "proxy=https://example.org/",
        "proxy=/gradio_api/app_id",
        "app_id/more",
        "queue/data",
        "info",
        "openapi.json",
        "",
    ):
        status, reader = ask(f"{before}/gradio_api/{path}", method)
        assert status == 404 and not reader.called, path


@pytest.mark.parametrize("path", ["/", "/results", "/config", "/assets/index.js", "/ppai/plotly.min.js", "/a/space/"])
def test_pages_and_their_files_are_let_through(path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert ask(path, method)[0] == 200


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 30, "-1", "1e3", "", "two", "²"])
def test_a_body_that_says_it_is_too_long_is_refused_unread(length: str) -> None:
    status, reader = ask(headers={"content-length": length})
    assert status == 413 and not reader.called


def test_a_body_of_the_greatest_length_is_taken() -> None:
    whole = b"x" * MAX_BODY
    assert ask(chunks=[whole], headers={"content-length": str(MAX_BODY)})[0] == 200
    assert ask(chunks=[whole[:1000]] * (MAX_BODY // 1000))[0] == 200


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("headers", [{}, {"transfer-encoding": "chunked"}, {"content-length": "5"}])
def test_a_body_is_counted_whatever_it_says(method: str, headers: dict[str, str]) -> None:
    path = ACT if method == "POST" else "/"
    assert ask(path, method, [b"x" * 1000] * (MAX_BODY // 1000 + 1), headers)[0] == 413
    assert ask(path, method, [b"x" * (MAX_BODY + 1)], headers)[0] == 413


def test_other_protocols_are_let_through() -> None:
    called = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["type"])

    for kind in ("websocket", "lifespan"):
        asyncio.run(Guard(app)({"type": kind}, None, None))  # type: ignore[arg-type]
    assert called == ["websocket", "lifespan"]


# In front of Gradio


def gradio_app() -> gr.routes.App:
    """Gradio's own routes as PPAI serves them, around a page with an act and an event."""

    def act(request: Any) -> dict[str, Any]:
        return {"got": len(json.dumps(request))}

    with gr.Blocks(analytics_enabled=False) as pages:
        screen = gr.HTML(value=None, server_functions=[act])
        pages.load(lambda: "loaded", outputs=[screen], queue=False)
    pages.enable_monitoring = False  # as launch() is told
    return gr.routes.App.create_app(pages, app_kwargs=app_options())


@pytest.fixture(scope="module")
def app() -> gr.routes.App:
    return gradio_app()


@pytest.fixture(scope="module")
def client(app: gr.routes.App) -> Iterator[TestClient]:
    with TestClient(app) as opened:
        yield opened


def routes(app: gr.routes.App) -> list[tuple[str, str]]:
    """(method, path with every parameter filled in) of all routes."""
    found = []
    for route in _flat(app.routes):
        path = re.sub(r"\{[^}]+\}", "x", route.path)
        found += [(method, path) for method in sorted(route.methods or ())]
    return found


def _flat(given: Iterable[Any]) -> Iterator[Any]:
    for route in given:
        inner = getattr(route, "effective_route_contexts", None)
        if inner is not None:
            yield from inner()
        elif hasattr(route, "methods"):
            yield route
        else:
            raise AssertionError(f"a route without methods: {route!r}")


def test_every_route_that_takes_a_body_is_known_or_refused(app: gr.routes.App) -> None:
    writing = {(method, path) for method, path in routes(app) if method not in ("GET", "HEAD", "OPTIONS")}
    assert len(writing) > 15
    for name in ("upload", "process_recording", "queue/join", "cancel", "vibe-edit", "component_server"):
        assert ("POST", f"/gradio_api/{name}") in writing, name
    taken = {path for method, path in writing if ask(path, method)[0] == 200}
    assert taken == OPEN & {path for _, path in writing} and {ACT, f"{ACT}/"} <= taken
    assert ("POST", "/gradio_api/run/x") in writing, "the route of an event"


def test_every_route_below_the_api_that_is_read_is_known_or_refused(app: gr.routes.App) -> None:
    reading = {path for method, path in routes(app) if method in ("GET", "HEAD") and "gradio_api" in path}
    assert {"/gradio_api/file=x", "/gradio_api/proxy=x", "/gradio_api/deep_link"} <= reading
    taken = {path for path in reading if ask(path, "GET")[0] == 200}
    assert taken == {
        f"/gradio_api/{name}" for name in ("app_id", "app_id/", "heartbeat/x", "startup-events", "theme.css")
    }


def test_a_route_that_gradio_adds_is_refused() -> None:
    app = gradio_app()
    called = []

    @app.post("/gradio_api/brand_new")
    def taken() -> None:
        called.append("POST")

    @app.get("/gradio_api/brand_new")
    def given() -> None:
        called.append("GET")

    client = TestClient(app)
    assert client.post("/gradio_api/brand_new", json={}).status_code == 403
    assert client.get("/gradio_api/brand_new").status_code == 404
    assert called == []


def test_acts_and_events_are_answered(client: TestClient) -> None:
    config = client.get("/config").json()
    component = next(one["id"] for one in config["components"] if one["props"].get("server_fns"))
    body = {"session_hash": "x", "component_id": component, "fn_name": "act", "data": {"a": 1}}
    assert client.post(f"{ACT}/", json=body).json() == {"got": 8}
    event = {"data": [], "fn_index": config["dependencies"][0]["id"], "session_hash": "x"}
    assert client.post(EVENT, json=event).json()["data"] == ["loaded"]


def test_files_are_taken_by_no_route(client: TestClient) -> None:
    for name in ("upload", "process_recording", "component_server", "run/predict", "vibe-edit"):
        answer = client.post(f"/gradio_api/{name}", files={"files": ("a.txt", b"x"), "file": ("b.wav", b"x")})
        assert answer.status_code in (403, 415) and answer.headers["content-type"] == "application/json"


def test_too_long_a_body_is_refused_also_where_its_length_is_not_said(client: TestClient) -> None:
    big = json.dumps({"a": "x" * MAX_BODY}).encode()
    assert client.post(ACT, content=big, headers=JSON).status_code == 413
    assert client.post(ACT, content=iter([big[:1000], big[1000:]]), headers=JSON).status_code in (400, 413)


LOCAL = (
    "/etc/passwd",
    "../../../../../../etc/passwd",
    "%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%2f..%2fapp.py",
)


@pytest.mark.parametrize("path", LOCAL)
@pytest.mark.parametrize(
    "route", ["gradio_api/file=", "gradio_api/file/", "file=", "static/", "assets/", "svelte/", "ppai/", "ppai/../"]
)
def test_no_file_of_the_server_can_be_read(client: TestClient, route: str, path: str) -> None:
    answer = client.get(f"/{route}{path}")
    assert answer.status_code in (400, 403, 404) and "root:" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/proxy=https://huggingface.co/",
        "gradio_api/proxy=http://127.0.0.1:7860/",
        "gradio_api/deep_link?session_hash=x",
        "gradio_api/run-history/buckets",
        "gradio_api/vibe-code",
        "gradio_api/token",
        "gradio_api/stream/x/x/1/playlist-file",
        "gradio_api/custom_component/x/client/x/x.js",
        "gradio_api/info?all_endpoints=true",
        "gradio_api/openapi.json",
        "monitoring",
        "monitoring/summary",
        "monitoring/x",
        "openapi.json",
        "docs",
        "redoc",
    ],
)
def test_what_no_page_needs_is_refused(client: TestClient, path: str) -> None:
    assert client.get(f"/{path}").status_code in (403, 404)
