"""The client: one question in, one reply out, with the dialect found out once and everything else told apart."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
from pydantic import SecretStr

from eval.client.dialects import Call, Dialect, Wire
from eval.client.refusals import Refusal
from eval.client.reply import Finish, NotAReply, Reply, read_reply
from eval.client.secrets import PLACEHOLDER, Redactor, checked_key
from eval.client.transport import Transport
from ppai.errors import JudgeStopped, PPAIError, RequestFailed

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"

_FIRST_ALONE = 0.25
"""Seconds for which others wait while the first request finds out what the server speaks: a refusal comes at once,
and whoever has not refused by then is most likely answering."""


class ModelClient:
    """Asks one model of one server; many requests may be under way at once.

    Responses where the server has it, else Chat Completions, both with a strict JSON schema, else plain text with
    JSON inside; fields that the server refuses are left out. Whatever is found out is remembered.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: SecretStr | None = None,
        timeout: float = 60.0,
        max_retries: int = 6,
        dialect: Dialect = Dialect.RESPONSES,
    ) -> None:
        """`timeout` in seconds for each attempt; `dialect` is the first that is tried. The server is not asked here, so
        that a cost can be estimated without a key.

        Raises JudgeStopped for a key that can be none, PPAIError for a wrong address, MissingPackage without the
        openai package.
        """
        self.model = model
        self.base_url = self.server = checked_url(base_url or OPENAI_URL)
        """As messages name it."""
        key = checked_key(api_key)
        self._has_key = key != PLACEHOLDER
        at_openai = urlsplit(self.base_url).hostname == "api.openai.com"
        self._needs_key = at_openai and not self._has_key
        self._redactor = Redactor(key)
        self._transport = Transport(self.base_url, key, timeout, max_retries, self.server, self._redactor)
        self._wire = Wire.of(self.base_url, dialect)
        self._settled = False
        self._first: asyncio.Event | None = None

    @property
    def api(self) -> AsyncOpenAI:
        """The library's client, for the endpoints that are not of this class: files and batches.

        Raises JudgeStopped where OpenAI's own server is asked without a key.
        """
        self._check_key()
        return self._transport.api

    @property
    def limits_output(self) -> bool:
        """Whether the server takes a limit of output tokens."""
        return self._wire.limits_output

    async def complete(
        self,
        system: str,
        user: str,
        schema: Mapping[str, Any] | None = None,
        *,
        seed: int | None = None,
        max_output_tokens: int = 1000,
        temperature: float | None = 0.0,
        top_p: float | None = None,
        repetition_penalty: float | None = None,
    ) -> Reply:
        """The model's reply, good or not: a refusal, a cut-off and a content filter are replies too.

        `schema` is a JSON Schema in which every property is required and no others are allowed.
        Raises JudgeStopped where no request can succeed, RequestFailed where this one did not.
        """
        self._check_key()
        call = Call(system, user, schema, seed, max_output_tokens, temperature, top_p, repetition_penalty)
        started = time.perf_counter()
        if self._settled:
            reply = await self._negotiate(call)
        elif self._first is None:
            self._first = asyncio.Event()
            try:
                reply = await self._negotiate(call)
            finally:
                self._first.set()
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._first.wait(), _FIRST_ALONE)
            reply = await self._negotiate(call)
        return replace(reply, seconds=time.perf_counter() - started)

    def request_body(
        self,
        system: str,
        user: str,
        schema: Mapping[str, Any] | None = None,
        *,
        seed: int | None = None,
        max_output_tokens: int = 1000,
        temperature: float | None = 0.0,
    ) -> tuple[str, dict[str, Any]]:
        """The same request as a line of a batch has it: the path, such as `/v1/responses`, and the body."""
        call = Call(system, user, schema, seed, max_output_tokens, temperature)
        return "/v1" + self._wire.dialect.path, self._wire.body(self.model, call)

    def read_body(self, path: str, body: Any, max_output_tokens: int | None = None) -> Reply:
        """The reply in the body of a response, such as a line of a batch's output holds. Raises RequestFailed."""
        try:
            reply = read_reply(path, body, max_output_tokens)
        except NotAReply as error:
            raise RequestFailed(self._redactor.message(error.what)) from None
        return self._redacted(reply, Dialect.RESPONSES if path.endswith("/responses") else Dialect.CHAT)

    @property
    def form(self) -> Wire:
        """How requests are put at present; another one after a server has refused something in it."""
        return self._wire

    def read_result(self, path: str, status: int, body: Any, max_output_tokens: int | None = None) -> Reply:
        """The reply to one request of a batch, by the status and the body that the server says it would have given.

        What is refused in the request's form is put otherwise from then on; see `form`.
        Raises RequestFailed, and JudgeStopped where no such request can succeed.
        """
        if status == 200:
            return self.read_body(path, body, max_output_tokens)
        refusal = Refusal.read(status, orjson.dumps(body))
        if (stop := self._stops(refusal)) is not None:
            raise stop
        if (reply := self._unanswered(refusal)) is not None:
            return reply
        # A batch has many such lines: one step is enough, so those that speak of the last form's path alone count.
        if path == "/v1" + self._wire.dialect.path and (refusal.fields or refusal.no_such_path):
            self._wire = self._following(self._wire, refusal) or self._wire
        raise RequestFailed(str(self._failed(refusal)))

    def explained(self, error: Exception) -> PPAIError:
        """The library's exception, of any endpoint, as one of ours."""
        answer = self._transport.explained(error)
        if isinstance(answer, PPAIError):
            return answer
        return self._stops(answer) or RequestFailed(self._said(answer))

    def redacted(self, text: str) -> str:
        """What a server says, in one line and without the key: servers repeat it, or parts of it."""
        return " ".join(self._redactor.message(text).split())

    async def close(self) -> None:
        await self._transport.close()

    def _check_key(self) -> None:
        if self._needs_key:
            raise JudgeStopped("OPENAI_API_KEY is not set")

    async def _negotiate(self, call: Call) -> Reply:
        """Asks until the server takes the form of the request, or refuses for good."""
        wire = known = self._wire
        while True:
            answer = await self._attempt(wire, call)
            if isinstance(answer, Reply):
                if self._wire is known:
                    self._wire = wire
                self._settled = True
                return self._redacted(answer, wire.dialect)
            if (stop := self._stops(answer)) is not None:
                raise stop
            if (reply := self._unanswered(answer)) is not None:
                return reply
            if self._wire is not known:
                wire = known = self._wire
                continue
            following = self._following(wire, answer)
            if following is None:
                raise self._failed(answer)
            wire = following

    async def _attempt(self, wire: Wire, call: Call) -> Reply | Refusal:
        body = wire.body(self.model, call)
        limit = call.max_output_tokens if wire.limits_output else None

        def read(content: bytes) -> Reply:
            return read_reply(wire.dialect.path, orjson.loads(content), limit)

        return await self._transport.post(wire.dialect.path, orjson.dumps(body), read)

    def _following(self, wire: Wire, refusal: Refusal) -> Wire | None:
        """What to try after a refusal. One that says nothing moves on only while nothing has worked yet."""
        if refusal.no_such_path:
            return wire.stepped_down() if wire.dialect is Dialect.RESPONSES else None
        if refusal.status not in (400, 422):
            return None
        if refusal.fields:
            return wire.without(refusal.fields)
        return None if self._settled else wire.stepped_down()

    def _unanswered(self, refusal: Refusal) -> Reply | None:
        """A refusal that is about what was asked, and so an answer of a kind."""
        if refusal.too_long:
            return Reply(finish=Finish.TOO_LONG, refusal=self._redactor.message(refusal.message))
        if refusal.by_policy:
            return Reply(finish=Finish.CONTENT_FILTER, refusal=self._redactor.message(refusal.message))
        return None

    def _stops(self, refusal: Refusal) -> JudgeStopped | None:
        """What makes every further request vain; in words of ours, since servers repeat parts of the key."""
        if refusal.spent:
            return JudgeStopped(f"{self.server}: the quota of the key is spent ({refusal.status})")
        if refusal.status == 401:
            wanted = "does not accept the key in OPENAI_API_KEY" if self._has_key else "asks for a key: OPENAI_API_KEY"
            return JudgeStopped(f"{self.server} {wanted} (401)")
        if refusal.of_model(self.model):
            return JudgeStopped(f"{self.server} does not have the model {self.model!r} ({refusal.status})")
        if refusal.status == 403 and not refusal.by_policy:
            return JudgeStopped(f"{self.server} forbids the request: the key has no right to {self.model!r} (403)")
        return None

    def _failed(self, refusal: Refusal) -> RequestFailed | JudgeStopped:
        if refusal.no_such_path:
            return JudgeStopped(f"{self._said(refusal)}: it does not speak OpenAI's API there")
        return RequestFailed(self._said(refusal))

    def _said(self, refusal: Refusal) -> str:
        return f"{self.server} answered {refusal.status} {self._redactor.message(refusal.message)[:200]}".rstrip()

    def _redacted(self, reply: Reply, dialect: Dialect) -> Reply:
        refusal = self._redactor.text(reply.refusal) if reply.refusal else reply.refusal
        return replace(reply, text=self._redactor.text(reply.text), refusal=refusal, dialect=dialect.value)


def checked_url(url: str) -> str:
    """Raises PPAIError where `url` cannot be an address, or holds a password: addresses are shown and stored."""
    url = url.strip().rstrip("/")
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise PPAIError("--base-url: an address without a user, a password or a query; a key goes into OPENAI_API_KEY")
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url):
        raise PPAIError(f"--base-url: {url!r} is not an address such as http://127.0.0.1:8000/v1")
    return url
