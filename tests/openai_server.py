"""A scripted HTTP server that speaks OpenAI's API over a real connection, and counts what it is asked.

In a test: `with ScriptedServer(script) as server:` and `server.url`. In a process of its own, with the same answer to
every request, the counts at /counts and what it was asked at /bodies: python tests/openai_server.py --latency 0.02
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web
from openai_batches import Batches, cut_off
from openai_replies import (
    Reply,
    body_of,
    error_body,
    events_of,
    failure,
    outcomes,
    unknown_model,
    unsupported,
    word_events,
)

MODEL_PATHS = ("/v1/responses", "/v1/chat/completions", "/v1/moderations")


@dataclass
class Asked:
    """One request to a model."""

    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    at: float
    """Seconds since 1970, as `answered_at`."""
    answered_at: float | None = None
    """When a good answer (status 200) had been sent; None for errors, hangs and lost connections."""
    status: int | None = None
    batch: str | None = None
    """Id of the batch that it came with."""

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        given = self.body.get("messages", self.body.get("input", ""))
        return [{"role": "user", "content": given}] if isinstance(given, str) else list(given)

    def _said_by(self, *roles: str) -> str:
        return "\n".join(_content(one) for one in self.messages if one.get("role") in roles)

    @property
    def user(self) -> str:
        return self._said_by("user")

    @property
    def system(self) -> str:
        """The instructions, wherever the dialect puts them."""
        return str(self.body.get("instructions") or "") + self._said_by("system", "developer")

    @property
    def item(self) -> str:
        """Tells what was asked apart: a hash of the user's message."""
        return hashlib.sha256(self.user.encode()).hexdigest()[:16]

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema that the reply must meet."""
        given = self.body.get("text", {}).get("format") or self.body.get("response_format", {}).get("json_schema")
        return (given or {}).get("schema")

    @property
    def criteria(self) -> list[str]:
        """Keys of the schema whose values are chosen from a set."""
        return [key for key, value in ((self.schema or {}).get("properties") or {}).items() if "enum" in value]


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(str(part.get("text", "")) for part in content)


Script = Callable[[Asked], Reply]


def first_wins(asked: Asked) -> Reply:
    """`Response 1` on every criterion of the schema."""
    return outcomes(dict.fromkeys(asked.criteria or ["overall"], "Response 1"))


def in_turn(replies: Iterable[Reply | Script], then: Script = first_wins) -> Script:
    """Each reply once, in this order, and `then` for the rest."""
    queue = list(replies)

    def script(asked: Asked) -> Reply:
        reply = queue.pop(0) if queue else then
        return reply if isinstance(reply, Reply) else reply(asked)

    return script


@dataclass
class ScriptedServer:
    """Serves on a thread of its own, from `with` on; `url` is what a client takes as its base."""

    script: Script = first_wins
    responses: bool = True
    """Whether there is a Responses API; 404 where not."""
    streams: bool = False
    """Whether it streams unless `stream: false` is sent, as `transformers serve` does."""
    unsupported: Sequence[str] = ()
    """Fields of a request's body that it answers 400 for, such as `seed` or `response_format`."""
    models: Sequence[str] | None = None
    """Those that it knows; all where none are named."""
    key: str | None = None
    """The one that it takes; any where none is given."""
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    in_flight: int = 0
    max_in_flight: int = 0

    def __post_init__(self) -> None:
        self.batches = Batches(self)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def paths(self) -> Counter[str]:
        return Counter(asked.path for asked in self.asked)

    @property
    def answers(self) -> Counter[str]:
        """How often each item was answered with status 200, whatever became of the answer."""
        return Counter(asked.item for asked in list(self.asked) if asked.answered_at is not None)

    def asked_after_answer(self, since: float = 0.0) -> list[Asked]:
        """Requests made `since` seconds or more after the same item had been answered."""
        first: dict[str, float] = {}
        again = []
        for asked in sorted(self.asked, key=lambda one: one.at):
            if asked.at >= first.get(asked.item, float("inf")) + since:
                again.append(asked)
            if asked.answered_at is not None:
                first.setdefault(asked.item, asked.answered_at)
        return again

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _start(self) -> None:
        app = web.Application(client_max_size=2**30)
        app.add_routes([web.post(path, self._model) for path in MODEL_PATHS])
        app.add_routes([web.get("/counts", self._counts), web.get("/bodies", self._bodies), *self.batches.routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._runner.cleanup()
        hanging = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    async def _counts(self, _: web.Request) -> web.Response:
        repeated = sum(count - 1 for count in self.answers.values())
        answered = [asked.answered_at for asked in self.asked if asked.answered_at is not None]
        span = max(answered) - self.asked[0].at if answered else None
        counts = {"asked": len(self.asked), "answered_again": repeated, "max_in_flight": self.max_in_flight}
        return web.json_response(counts | {"span": span})

    async def _bodies(self, _: web.Request) -> web.Response:
        return web.json_response([asked.body for asked in self.asked])

    async def _model(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.path, await request.json(), dict(request.headers), time.time())
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            reply = self.decide(asked)
            await asyncio.sleep(reply.delay)
            return await self._send(request, asked, reply)
        finally:
            self.in_flight -= 1

    def decide(self, asked: Asked) -> Reply:
        """Notes the request; the server's own limits come before the script."""
        self.asked.append(asked)
        model = str(asked.body.get("model"))
        if self.refuses(asked.headers):
            return wrong_key(asked.headers)
        if asked.path == "/v1/responses" and not self.responses:
            return failure(404, None, "Not Found")
        if self.models is not None and model not in self.models:
            return unknown_model(model)
        for name in self.unsupported:
            if name in asked.body or (name == "text.format" and "format" in asked.body.get("text", {})):
                return unsupported(name)
        return self.script(asked)

    def refuses(self, headers: Mapping[str, str]) -> bool:
        return self.key is not None and headers.get("Authorization") != f"Bearer {self.key}"

    async def _send(self, request: web.Request, asked: Asked, reply: Reply) -> web.StreamResponse:
        if reply.kind == "hang":
            await asyncio.sleep(3600)
        if reply.kind == "drop" or request.transport is None:
            return _lose(request)
        asked.status = reply.status
        if reply.kind == "error":
            return web.json_response(error_body(reply), status=reply.status, headers=reply.headers)
        if reply.kind == "raw":
            return web.Response(text=reply.text, status=reply.status, headers=reply.headers)
        body = body_of(reply, asked.path, asked.body, len(self.asked))
        if reply.kind == "cut":
            return await cut_off(request, json.dumps(body))
        asked.answered_at = time.time()
        if asked.body.get("stream", self.streams) and reply.pace is not None:
            return await _word_by_word(request, body, reply)
        if asked.body.get("stream", self.streams):
            return web.Response(text=events_of(body), content_type="text/event-stream")
        return web.json_response(body, headers=reply.headers)


def wrong_key(headers: Mapping[str, str]) -> Reply:
    """OpenAI's echoes a part of the key; this one the whole, so that a test sees who repeats it."""
    given = headers.get("Authorization", "").removeprefix("Bearer ")
    return failure(401, "invalid_api_key", f"Incorrect API key provided: {given}.")


async def _word_by_word(request: web.Request, body: Mapping[str, Any], reply: Reply) -> web.StreamResponse:
    """A stream that takes its time, and may lose its connection; a client that went away ends it."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number, event in enumerate(word_events(body)):
        if number == reply.lost_after:
            return _lose(request)
        try:
            await response.write(event.encode())
        except ConnectionError:
            return response
        await asyncio.sleep(reply.pace or 0.0)
    with suppress(ConnectionError):
        await response.write_eof()
    return response


def _lose(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    given = parser.parse_args()

    def script(asked: Asked) -> Reply:
        answers = dict.fromkeys(asked.criteria or ["overall"], "Response 1")
        return Reply(json.dumps({"justification": "As asked."} | answers), delay=given.latency)

    with ScriptedServer(script, port=given.port) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
