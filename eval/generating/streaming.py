"""Has a server write one response piece by piece, as its model writes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from eval.client.dialects import Call, Dialect, Wire
from eval.client.model_client import checked_url
from eval.client.refusals import Refusal
from eval.client.secrets import Redactor, checked_key
from eval.generating.endpoint import SEEDS, not_sent
from eval.generating.setup import Setup
from ppai.errors import MissingPackage, RequestFailed
from ppai.settings import Settings

if TYPE_CHECKING:
    from openai import OpenAI

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class StreamingEndpoint:
    """One system's model behind its server; several responses may be under way at once, each in its own thread.

    Fields that the server refuses are left out from then on.
    """

    def __init__(self, setup: Setup, settings: Settings) -> None:
        """Asks nothing. Raises PPAIError for a wrong address or key, MissingPackage without the openai package."""
        self._setup = setup
        self._url = checked_url(str(setup.generation.base_url))
        key = checked_key(settings.openai_api_key)
        self._redactor = Redactor(key)
        self._seconds = settings.live_seconds
        self._api = self._open(key)
        self._wire = Wire.of(self._url, Dialect.CHAT)

    def _open(self, key: str) -> OpenAI:
        try:
            import httpx2
            from openai import DefaultHttpxClient, OpenAI
        except ImportError:
            raise MissingPackage("openai", "live") from None
        # A proxy of the environment never leads to this machine.
        client = DefaultHttpxClient(trust_env=urlsplit(self._url).hostname not in LOOPBACK)
        timeout = httpx2.Timeout(self._seconds, connect=min(10.0, self._seconds))
        return OpenAI(api_key=key, base_url=self._url, timeout=timeout, max_retries=1, http_client=client)

    @property
    def not_sent(self) -> list[str]:
        """The settings that the server does not take."""
        return not_sent(self._wire)

    def stream(self, post: str, seed: int, stop: threading.Event) -> Iterator[tuple[str, str | None]]:
        """(new text, why it ended: None while it goes on); ends soon after `stop` is set, without a last piece.

        The reason is the server's: `stop`, `length`, ... Raises RequestFailed, in one line without the key.
        """
        from openai import APIError

        try:
            with self._opened(post, seed) as chunks:
                for chunk in chunks:
                    if stop.is_set():
                        return
                    text, reason = _said(chunk)
                    if text or reason:
                        yield self._redactor.text(text), reason
                    if reason:
                        return
        except APIError as error:
            raise self._failed(error) from None
        raise RequestFailed(f"{self._url} ended its answer without saying why")

    def _opened(self, post: str, seed: int) -> Any:
        """The stream, in a form that the server takes."""
        from openai import BadRequestError, UnprocessableEntityError

        how = self._setup.generation
        call = Call(
            self._setup.system_prompt,
            post,
            None,
            seed % SEEDS,
            how.max_new_tokens,
            how.temperature,
            how.top_p,
            how.repetition_penalty,
        )
        while True:
            wire = self._wire
            body = wire.body(how.model, call)
            named = {"model": body.pop("model"), "messages": body.pop("messages")}
            try:
                return self._api.chat.completions.create(
                    **named, stream=True, extra_body={name: value for name, value in body.items() if name != "stream"}
                )
            except (BadRequestError, UnprocessableEntityError) as error:
                refused = Refusal.read(error.status_code, error.response.content)
                other = wire.without(refused.fields) if refused.fields and not refused.too_long else None
                if other is None:
                    raise
                self._wire = other

    def _failed(self, error: Exception) -> RequestFailed:
        response = getattr(error, "response", None)
        said = Refusal.read(response.status_code, response.content).message if response is not None else str(error)
        status = f" answered {response.status_code}" if response is not None else ""
        return RequestFailed(" ".join(self._redactor.message(f"{self._url}{status}: {said}").split())[:300])

    def close(self) -> None:
        self._api.close()


def _said(chunk: Any) -> tuple[str, str | None]:
    """New text, and why the answer ended; servers send chunks that hold neither."""
    if not getattr(chunk, "choices", None):
        return "", None
    choice = chunk.choices[0]
    delta = choice.delta
    text = getattr(delta, "content", None) or getattr(delta, "refusal", None) or ""
    return cast(str, text), cast("str | None", choice.finish_reason)
