"""Refuses what no page of PPAI sends: file uploads, and bodies larger than any vote."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 256 * 1024
"""Bytes; a vote with the longest comment in four-byte letters takes a tenth of it."""


class _TooLarge(Exception):
    pass


class Guard:
    """ASGI middleware in front of Gradio's routes."""

    def __init__(self, app: ASGIApp, max_body: int = MAX_BODY) -> None:
        self.app = app
        self.max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        if scope["path"].rstrip("/").endswith("/upload"):
            await _refuse(403, "uploads are not taken")(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.max_body:
            await _refuse(413, "too large")(scope, receive, send)
            return
        try:
            await self.app(scope, self._limited(receive), send)
        except _TooLarge:
            await _refuse(413, "too large")(scope, receive, send)

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


def _refuse(status: int, why: str) -> JSONResponse:
    return JSONResponse({"detail": why}, status_code=status)
