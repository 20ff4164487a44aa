"""Lets through what PPAI's pages send, and nothing else of what Gradio answers: no uploads, files, queue or proxy."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 256 * 1024
"""Bytes; a vote with the longest comment in four-byte letters takes a tenth of it."""

API = "/gradio_api/"
POSTED = frozenset(("component_server", "run/predict"))
"""What pages post to, below `API`: acts of the rating page, and events of all pages."""
FETCHED = frozenset(("app_id", "heartbeat", "startup-events", "theme.css"))
"""What Gradio's script and its own start may get there; of `heartbeat`, one part more: the browser's session."""


class _TooLarge(Exception):
    pass


class Guard:
    """ASGI middleware in front of Gradio's routes; a route that a later Gradio adds below `API` is closed."""

    def __init__(self, app: ASGIApp, max_body: int = MAX_BODY) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        try:
            await self.app(scope, self._limited(receive), send)
        except _TooLarge:
            await _refuse(413, "too large")(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        """Decided before anything of the body is read."""
        method, path = scope["method"], scope["path"]
        if method == "OPTIONS":
            return None
        if method in ("GET", "HEAD"):
            return None if _may_get(path) else _refuse(404, "not found")
        if method != "POST":
            return _refuse(405, "method not allowed")
        if _below_api(path) not in POSTED:
            return _refuse(403, "not taken here")
        headers = dict(scope["headers"])
        if headers.get(b"content-type", b"").split(b";")[0].strip().lower() != b"application/json":
            return _refuse(415, "JSON only")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.max_body:
            return _refuse(413, "too large")
        return None

    def _limited(self, receive: Receive) -> Receive:
        """Counts what arrives, for bodies whose length was not said or not true."""
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_body:
                raise _TooLarge
            return message

        return limited


def _below_api(path: str) -> str | None:
    """What follows the first `API`, wherever a proxy or Gradio's root path has put it; None where it is not there."""
    _, found, rest = path.partition(API)
    return rest.removesuffix("/") if found else None


def _may_get(path: str) -> bool:
    """Outside `API` are pages, their configuration and the files of Gradio's own build."""
    below = _below_api(path)
    if below is None:
        return True
    name, _, more = below.partition("/")
    return name in FETCHED and (not more or name == "heartbeat")


def _refuse(status: int, why: str) -> JSONResponse:
    return JSONResponse({"detail": why}, status_code=status)
