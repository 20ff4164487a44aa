"""The Files and Batches endpoints of the scripted server: each line of a batch is answered by its script."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web
from openai_replies import Reply, body_of, error_body, failure

if TYPE_CHECKING:
    from openai_server import ScriptedServer

FINAL = ("completed", "failed", "expired", "cancelled")
LIMIT_REQUESTS = 50_000
LIMIT_BYTES = 200 * 1024 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def cut_off(request: web.Request, body: str) -> web.StreamResponse:
    """Half of `body`, and then the connection is closed."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2].encode())
    if request.transport is not None:
        request.transport.close()
    return response


def _error(reply: Reply) -> web.Response:
    return web.json_response(error_body(reply), status=reply.status, headers=reply.headers)


@dataclass
class Batches:
    """Files and batches by id. A batch is done at its `polls`-th look; a line's `expired` reply expires the batch."""

    server: ScriptedServer
    polls: int = 1
    """How often a batch says `in_progress` before it is done; a large number holds all batches."""
    fails: str | None = None
    """The message with which the next batches fail as a whole."""
    lose_answers: int = 0
    """How many creations of batches are done and never answered: the connection is closed."""
    unlisted: int = 0
    """How many lists of batches do not show the latest one yet."""
    hold_answers: bool = False
    """Whether creations of batches are done and then hang."""
    faults: dict[str, list[Reply]] = field(default_factory=dict)
    """Errors for the next requests to an endpoint, in turn: by `POST /v1/batches`, `GET /v1/files/{id}/content`, ..."""
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Purpose and content."""
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    inputs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The requests of each batch, as its file was when it was made."""
    looks: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    """`METHOD path` of every request to these endpoints."""
    headers: dict[str, str] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/files", self._guarded(self._upload)),
            web.get("/v1/files/{id}/content", self._guarded(self._content)),
            web.delete("/v1/files/{id}", self._guarded(self._delete)),
            web.post("/v1/batches", self._guarded(self._create)),
            web.get("/v1/batches", self._guarded(self._list)),
            web.get("/v1/batches/{id}", self._guarded(self._look)),
            web.post("/v1/batches/{id}/cancel", self._guarded(self._cancel)),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self.calls.append(f"{request.method} {request.path}")
            if self.server.refuses(request.headers):
                return _error(failure(401, "invalid_api_key", "Incorrect API key provided."))
            resource = request.match_info.route.resource
            place = f"{request.method} {resource.canonical if resource else request.path}"
            if self.faults.get(place):
                fault = self.faults[place].pop(0)
                return await cut_off(request, fault.text) if fault.kind == "cut" else _error(fault)
            wanted = request.match_info.get("id")
            if wanted is not None and wanted not in self.files and wanted not in self.batches:
                return _error(failure(404, None, f"No such object: {wanted}"))
            return await handler(request)

        return answer

    def _keep(self, purpose: str, content: bytes) -> str:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = (purpose, content)
        return name

    async def _upload(self, request: web.Request) -> web.Response:
        purpose, content, name = "", b"", ""
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            if part.name == "purpose":
                purpose = await part.text()
            elif part.name == "file":
                content, name = await part.read(), part.filename or ""
        if len(content) > LIMIT_BYTES:
            return _error(failure(400, None, "The file is larger than 200 MB."))
        file = self._keep(purpose, bytes(content))
        body = {"id": file, "object": "file", "bytes": len(content), "created_at": int(time.time())}
        return web.json_response(body | {"filename": name, "purpose": purpose, "status": "processed"})

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]][1])

    async def _delete(self, request: web.Request) -> web.Response:
        del self.files[request.match_info["id"]]
        return web.json_response({"id": request.match_info["id"], "object": "file", "deleted": True})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if self.files.get(asked["input_file_id"], ("",))[0] != "batch":
            return _error(failure(400, None, "There is no such file of purpose batch."))
        lines = self._lines(asked["input_file_id"])
        if len(lines) > LIMIT_REQUESTS:
            return _error(failure(400, None, "The file has more than 50,000 requests."))
        name = f"batch_{len(self.batches) + 1}"
        self.headers = dict(request.headers)
        self.inputs[name] = lines
        self.batches[name] = asked | {
            "id": name,
            "object": "batch",
            "status": "failed" if self.fails else "validating",
            "created_at": int(time.time()),
            "errors": {"object": "list", "data": [{"code": "x", "message": self.fails}]} if self.fails else None,
            "output_file_id": None,
            "error_file_id": None,
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }
        if self.lose_answers:
            self.lose_answers -= 1
            assert request.transport is not None
            request.transport.close()
        if self.hold_answers:
            await asyncio.sleep(3600)
        return web.json_response(self.batches[name])

    async def _list(self, request: web.Request) -> web.Response:
        """Newest first, a page of `limit` after the batch `after`."""
        shown = list(reversed(self.batches.values()))
        if self.unlisted:
            self.unlisted -= 1
            shown = shown[1:]
        after, limit = request.query.get("after"), int(request.query.get("limit", 20))
        start = 1 + next((n for n, batch in enumerate(shown) if batch["id"] == after), -1)
        page = shown[start : start + limit]
        body = {"object": "list", "data": page, "has_more": len(shown) > start + limit}
        ids = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        return web.json_response(body | ids)

    async def _look(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        batch = self.batches[name]
        if batch["status"] not in FINAL:
            self.looks[name] = self.looks.get(name, 0) + 1
            batch["status"] = "in_progress"
            if self.looks[name] > self.polls:
                self.finish(name)
        return web.json_response(batch)

    async def _cancel(self, request: web.Request) -> web.Response:
        self.finish(request.match_info["id"], "cancelled", done=0)
        return web.json_response(self.batches[request.match_info["id"]])

    def _lines(self, file: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.files[file][1].splitlines() if line.strip()]

    def finish(self, name: str, status: str = "completed", done: int | None = None) -> None:
        """Answers the first `done` lines (all where it is not said) and ends the batch with `status`."""
        batch = self.batches[name]
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for number, line in enumerate(self.inputs[name]):
            reply = self._answer(line, name) if done is None or number < done else Reply(kind="expired")
            if reply.kind == "expired":
                status = "expired" if status == "completed" else status
                error = {"code": f"batch_{status}", "message": "This request was not executed."}
                bad.append({"id": f"req_{number}", "custom_id": line["custom_id"], "response": None, "error": error})
                continue
            fault = reply.kind == "error"
            body = error_body(reply) if fault else body_of(reply, line["url"], line["body"], number)
            answer = {"status_code": reply.status, "request_id": f"r{number}", "body": body}
            (bad if fault else good).append(
                {"id": f"req_{number}", "custom_id": line["custom_id"], "response": answer, "error": None}
            )
        batch["status"] = status
        batch["output_file_id"] = self._write(good)
        batch["error_file_id"] = self._write(bad)
        batch["request_counts"] = {"total": len(good) + len(bad), "completed": len(good), "failed": len(bad)}

    def _answer(self, line: dict[str, Any], name: str) -> Reply:
        from openai_server import Asked

        asked = Asked(line["url"], line["body"], self.headers, time.time(), batch=name)
        reply = self.server.decide(asked)
        asked.status = reply.status
        asked.answered_at = time.time() if reply.kind not in ("error", "expired") else None
        return reply

    def _write(self, lines: list[dict[str, Any]]) -> str | None:
        """Output comes in any order: here the last first."""
        content = "".join(json.dumps(line) + "\n" for line in reversed(lines)).encode()
        return self._keep("batch_output", content) if lines else None
