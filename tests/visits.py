"""Visits of a real browser: each watches for errors, dialogs of scripts, and requests to anybody but the server."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

LAPTOP = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 812}


@dataclass
class Visits:
    """The contexts that a test opens. `troubles` collects what should not happen in any of them."""

    browser: Browser
    troubles: list[str] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=list)
    """Patterns of troubles that the test brings about itself."""
    _contexts: list[BrowserContext] = field(default_factory=list)

    def context(self, size: dict[str, int] | None = None, *, touch: bool = False, **options: Any) -> BrowserContext:
        options.setdefault("locale", "en-US")
        context = self.browser.new_context(viewport=size or LAPTOP, has_touch=touch, is_mobile=touch, **options)
        context.set_default_timeout(20_000)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.troubles.append(f"page error: {error.error}"))
        context.on("dialog", self._dialog)
        context.on("request", self._request)
        self._contexts.append(context)
        return context

    def page(self, size: dict[str, int] | None = None, *, touch: bool = False, **options: Any) -> Page:
        """A page in a context of its own: another browser, as far as the app can tell."""
        return self.context(size, touch=touch, **options).new_page()

    def tolerate(self, *patterns: str) -> None:
        self.tolerated.extend(patterns)

    def close(self) -> None:
        """Ends all visits. Raises AssertionError where there was trouble."""
        for context in self._contexts:
            context.close()
        untold = [one for one in self.troubles if not any(re.search(pattern, one) for pattern in self.tolerated)]
        assert not untold, untold

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.hostname != "127.0.0.1":
            self.troubles.append(f"request to another host: {request.url}")
