"""Puts the pages of one study together and serves them."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from ppai.backup import Keeper, restore
from ppai.errors import PPAIError
from ppai.schema import StudyConfig
from ppai.settings import Settings
from ppai.store.base import Store
from ppai.store.sql import SqlStore
from ppai.studyfiles import read_study
from ppai.ui.access import Gate
from ppai.ui.context import Context
from ppai.ui.desk import Desk
from ppai.ui.events import Events
from ppai.ui.guard import Guard
from ppai.ui.plotly_file import plotly_route

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

if TYPE_CHECKING:
    import gradio as gr

    from ppai.live.answering import Answerers
    from ppai.live.arena import Arena

OpenAnswerers = Callable[[StudyConfig, Path, Settings], "Answerers"]
"""Opens the systems that answer live questions, so that the pages stay below `eval`."""

CONCURRENCY = 16
"""How many events of one page handler run at once; voting does not go through the queue."""

_log = logging.getLogger("ppai")


def open_context(
    settings: Settings, statistics: Any, store: Store | None = None, open_answerers: OpenAnswerers | None = None
) -> Context:
    """The store with the study of `settings` loaded, and the services on it.

    A SQLite store that is not there is first fetched from its backup. `open_answerers` is called where live questions
    are on, before anything is stored.

    Raises StudyError, StudyChanged, StoreError, or PPAIError where the backup cannot be read, or where live questions
    are on and the study's systems cannot answer them.
    """
    study = read_study(settings.study)
    answerers = None
    if settings.live:
        if open_answerers is None:
            raise PPAIError("PPAI_LIVE: nothing here can answer live questions")
        answerers = open_answerers(study.config, settings.study, settings)
    backup = restore(settings) if store is None else None
    store = store or SqlStore(settings.database_url)
    report = store.load(study, replace=settings.replace)
    for difference in report.differences:
        _log.warning("study %r was replaced: %s", study.name, difference)
    desk = Desk(store, study.name, settings)
    return Context(
        settings=settings,
        store=store,
        desk=desk,
        gate=Gate(store, desk, settings),
        events=Events(store, study.name),
        statistics=statistics,
        browser_secret=store.secret("browser-state").hex()[:32],
        backup=Keeper(backup, store, settings.sqlite_file) if backup and settings.sqlite_file else None,
        arena=None if answerers is None else _arena(desk, answerers),
    )


def _arena(desk: Desk, answerers: Answerers) -> Arena:
    from ppai.live.arena import Arena

    return Arena(desk, answerers)


def build(context: Context) -> gr.Blocks:
    """All pages, without any study data in their layout."""
    import gradio as gr

    from ppai.ui import admin, browse, rate, results

    with gr.Blocks(title="PPAI", analytics_enabled=False) as pages:
        live_path = None if context.arena is None else "live"
        rate.build(context.desk, secret=context.browser_secret, live_path=live_path)
    if context.arena is not None:
        from ppai.ui import arena

        with pages.route("Live", "/live", show_in_navbar=False):
            arena.build_arena(context)
    with pages.route("Results", "/results", show_in_navbar=False):
        results.build_results(context)
    with pages.route("Browse", "/browse", show_in_navbar=False):
        browse.build_browse(context)
    with pages.route("Admin", "/admin", show_in_navbar=False):
        admin.build_admin(context)
    pages.queue(default_concurrency_limit=CONCURRENCY, api_open=False)
    return pages


@dataclass(frozen=True)
class Served:
    """A running server."""

    url: str
    pages: Any
    backup: Keeper | None = None

    def wait(self) -> None:
        """Until the server is interrupted; being asked to end, as a Space is, counts where a last copy is due."""
        if self.backup is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self.pages.block_thread()
        finally:
            self._keep()

    def close(self) -> None:
        self.pages.close(verbose=False)
        self._keep()

    def _keep(self) -> None:
        if self.backup is not None:
            self.backup.close()


def app_options() -> dict[str, Any]:
    """Of the FastAPI app beneath the pages: what it refuses, and what it serves beside Gradio's routes."""
    return {
        "middleware": [Middleware(Guard)],
        "routes": [plotly_route()],
        "docs_url": None,
        "redoc_url": None,
        "openapi_url": None,
    }


def launch(context: Context) -> Served:
    """Serves until `wait` returns. Raises PPAIError where the port is taken."""
    from ppai.ui.theme import launch_options

    settings = context.settings
    if settings.votes_may_be_lost:
        _log.warning(
            "votes may be lost: they are in a SQLite file on the Space's own disk, which a restart empties. "
            "Set PPAI_DATABASE_URL to a PostgreSQL database, or PPAI_BACKUP."
        )
    pages = build(context)
    try:
        _, url, shared = pages.launch(
            server_name=settings.address,
            server_port=settings.port,
            share=settings.share,
            prevent_thread_lock=True,
            quiet=True,
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            enable_monitoring=False,
            app_kwargs=app_options(),
            **launch_options(),
        )
    except OSError as error:
        where = f"{settings.address}:{settings.port}"
        raise PPAIError(f"{where} cannot be served, or is taken: choose another with PPAI_PORT or --port") from error
    if context.backup is not None:
        context.backup.start()
    return Served(shared or url, pages, context.backup)
