"""Requests over the wire: the openai library's own retries, and what they lack."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eval.client.refusals import Refusal
from eval.client.reply import NotAReply, Reply
from eval.client.secrets import Redactor
from ppai.errors import MissingPackage, PPAIError, RequestFailed, ServerSilent

if TYPE_CHECKING:
    import httpx2
    from openai import APIError, AsyncOpenAI

LONGEST_WAIT = 600.0
"""Seconds that a server may ask to wait before the request is given up."""
_LIBRARYS_LONGEST = 120.0
"""Seconds of Retry-After that the library waits by itself; it gives up at once where more is asked for."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Transport:
    """Posts JSON and reads replies.

    The library retries 408, 409, 429, 5xx, timeouts, lost connections and cut bodies with growing pauses, and waits as
    Retry-After says, up to two minutes. Added here: longer waits, bodies that hold no reply, and no retry where the
    quota is spent.
    """

    def __init__(
        self, base_url: str, key: str, timeout: float, max_retries: int, server: str, redactor: Redactor
    ) -> None:
        try:
            import httpx2
            from openai import APIError, AsyncOpenAI, DefaultAsyncHttpxClient
        except ImportError:
            raise MissingPackage("openai", "judge") from None
        self._server, self._redactor = server, redactor
        self._timeout, self._max_retries = timeout, max_retries
        self._answered = False
        http_client = DefaultAsyncHttpxClient(
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            # A proxy of the environment never leads to this machine.
            trust_env=urlsplit(base_url).hostname not in _LOOPBACK,
            event_hooks={"response": [_no_retry_without_quota]},
        )
        self.api: AsyncOpenAI = AsyncOpenAI(
            api_key=key,
            admin_api_key="",
            base_url=base_url,
            timeout=httpx2.Timeout(timeout, connect=min(timeout, 10.0)),
            max_retries=max_retries,
            http_client=http_client,
        )
        self._response, self._api_error = httpx2.Response, APIError

    async def post(self, path: str, content: bytes, read: Callable[[bytes], Reply]) -> Reply | Refusal:
        """What `read` makes of the answer, or the refusal. Raises RequestFailed once the retries are used up, and
        ServerSilent where the server has never answered.

        `read` raises NotAReply or ValueError for a body that it can make nothing of.
        """
        for attempt in range(self._max_retries + 1):
            answer, wait = await self._once(path, content, read, attempt)
            if wait is None or attempt == self._max_retries:
                break
            await asyncio.sleep(wait)
        if not isinstance(answer, PPAIError):
            return answer
        raise answer if self._answered else ServerSilent(str(answer))

    async def _once(
        self, path: str, content: bytes, read: Callable[[bytes], Reply], attempt: int
    ) -> tuple[Reply | Refusal | PPAIError, float | None]:
        """The outcome, and the seconds to wait where it is worth another attempt."""
        try:
            response = await self.api.post(path, content=content, cast_to=self._response)
        except self._api_error as error:
            return self._refused(error)
        self._answered = True
        pause = min(0.5 * 2**attempt, 8.0)
        try:
            return read(response.content), None
        except NotAReply as error:
            if not error.transient:
                return Refusal(404, error.what), None
            return RequestFailed(f"{self._server} answered with {self._short(error.what)}"), pause
        except ValueError:
            return RequestFailed(f"{self._server} answered with a body that is not JSON"), pause

    def _refused(self, error: APIError) -> tuple[Refusal | PPAIError, float | None]:
        answer = self.explained(error)
        wait = _long_wait(error) if isinstance(answer, Refusal) else None
        if wait is not None and wait > LONGEST_WAIT:
            return RequestFailed(f"{self._server} asks to wait {wait:.0f} s"), None
        return answer, wait

    def explained(self, error: Exception) -> Refusal | PPAIError:
        """The library's exception as a refusal, or as the error that it is; any other is raised again."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        if isinstance(error, APIStatusError):
            self._answered = True
            return Refusal.read(error.status_code, error.response.content)
        if isinstance(error, APITimeoutError):
            return RequestFailed(f"{self._server} did not answer within {self._timeout:g} s")
        if isinstance(error, APIConnectionError):
            how = "lost the connection" if self._answered else "cannot be reached"
            return RequestFailed(f"{self._server} {how}: {self._short(str(error.__cause__ or error))}")
        raise error

    async def close(self) -> None:
        await self.api.close()

    def _short(self, text: str) -> str:
        return " ".join(self._redactor.message(text).split())[:200]


async def _no_retry_without_quota(response: httpx2.Response) -> None:
    """`x-should-retry` is the header by which servers tell the library not to try again."""
    if response.status_code == 429:
        await response.aread()
        if Refusal.read(429, response.content).spent:
            response.headers["x-should-retry"] = "false"


def _long_wait(error: Any) -> float | None:
    """Seconds of a Retry-After that the library does not wait by itself; None where there is none."""
    headers: Mapping[str, str] = error.response.headers
    given = headers.get("retry-after", "")
    try:
        seconds = float(given)
    except ValueError:
        date = email.utils.parsedate_tz(given)
        seconds = email.utils.mktime_tz(date) - time.time() if date else 0.0
    retried = error.status_code in (408, 409, 429) or error.status_code >= 500
    return seconds if retried and seconds > _LIBRARYS_LONGEST else None
