"""Lays out a page that its script fills from a handler's views: parts of HTML, figures and files.

A layout is public, whoever may see the page; so it says nothing of the study, and every handler asks the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ppai.errors import StoreError
from ppai.ui.access import Refusal
from ppai.ui.markup import ENGLISH, said
from ppai.ui.plotly_file import plotly_address

if TYPE_CHECKING:
    from ppai.settings import Settings
    from ppai.ui.context import Context

STATIC = Path(__file__).with_name("static")
SCRIPTS = ("dom.js", "language.js", "live.js", "charts.js", "files.js", "results.js")
STYLES = ("page.css", "controls.css", "results.css")
RATER_KEY, ADMIN_KEY = "ppai.rater", "ppai.admin"
"""Under which a browser keeps its rater's code and its admin token."""

_answers = count(1)

LINKS = (("results", "results"), ("browse", "browse"), ("admin", "admin"))
LIVE_LINK = ("live", "live")
"""Only where live questions are on."""


@dataclass(frozen=True)
class View:
    """What a handler answers."""

    parts: tuple[tuple[str, str], ...]
    """Name and HTML of each part, in order; parts that are not named go."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Of the controls, by name."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    """By name `{"name", "text"}`, which the browser saves when asked: no copy of it stays on the server."""
    announce: str = ""
    """HTML of what is read out after an act."""
    basis: str = ""
    """What a chart's file says beneath it."""

    def payload(self) -> dict[str, Any]:
        return {
            "parts": [list(part) for part in self.parts],
            "values": dict(self.values),
            "figures": dict(self.figures),
            "files": dict(self.files),
            "announce": self.announce,
            "basis": self.basis,
        }


def refused(reason: Refusal, settings: Settings, page: str = "results") -> View:
    """The reason and what to do, and nothing else."""
    key = f"{reason.value}_{page}"
    text = said(key if key in ENGLISH else reason.value, "p", 'class="ppai-lead"')
    links = [] if reason is Refusal.ADMIN_ONLY else [("./", "access.go_rate")]
    if settings.admin_password is not None or reason is Refusal.ADMIN_ONLY:
        links.append(("admin", "access.go_admin"))
    kinds = ("ppai-primary", "")
    more = "".join(
        said(label, "a", f'class="ppai-button {kind}" href="{path}"')
        for (path, label), kind in zip(links, kinds, strict=False)
    )
    return View(
        (("refused", f'<div class="ppai-notice" data-testid="refused">{text}<p class="ppai-stack">{more}</p></div>'),)
    )


def unavailable() -> View:
    return View((("refused", f'<div class="ppai-notice">{said("error.unavailable", "p", "class=ppai-lead")}</div>'),))


def answering(make: Callable[[], View]) -> dict[str, Any]:
    """A view as the browser gets it, also where the store cannot be reached.

    Each has a number of its own: Gradio passes nothing on to a page that equals what it has.
    """
    try:
        view = make()
    except StoreError:
        view = unavailable()
    return {"answer": next(_answers), **view.payload()}


@dataclass(frozen=True)
class Shell:
    """The components of a page: what a browser remembers, and the one that shows views."""

    code: gr.BrowserState
    admin: gr.BrowserState
    screen: gr.HTML


def lay_out(context: Context, name: str, *, charts: bool = False) -> Shell:
    """The components of page `name`, inside the current Blocks; its handlers are the caller's."""
    code = gr.BrowserState(None, storage_key=RATER_KEY, secret=context.browser_secret)
    admin = gr.BrowserState(None, storage_key=ADMIN_KEY, secret=context.browser_secret)
    screen = gr.HTML(
        value=None,
        html_template=_template(name, live=context.arena is not None),
        js_on_load=script(),
        head=_styles(),
        apply_default_css=False,
        library=plotly_address() if charts else "",
    )
    return Shell(code, admin, screen)


QUIETLY: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "multiple",
}
"""For every event of a page: at once, without Gradio's own veil over the screen. The page's script asks one thing at a
time; Gradio would drop what is asked before it has taken in the last answer."""


def on_load(handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
    """Calls the handler when a browser has opened the page."""
    blocks = gr.context.Context.root_block
    if blocks is None:
        raise RuntimeError("a page belongs inside a gr.Blocks")
    blocks.load(handler, inputs=inputs, outputs=outputs, **QUIETLY)


def script() -> str:
    """The body of the function that runs when the component is on the page."""
    return "\n".join(['"use strict";', *((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)])


def _styles() -> str:
    return "<style>\n" + "\n".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES) + "</style>"


def _template(name: str, *, live: bool) -> str:
    links = "".join(
        said(f"{page}.title", "a", f'class="ppai-button ppai-quiet" href="{path}"')
        for page, path in (*((LIVE_LINK,) if live else ()), *LINKS)
        if page != name
    )
    heading = said(f"{name}.title", "h1", 'class="ppai-title" tabindex="-1" data-testid="heading"')
    return f"""
<div class="ppai ppai-pages" data-page="{name}">
  <div class="ppai-top"><div class="ppai-top-row">
    <div class="ppai-where">{heading}</div>
    <nav class="ppai-tools" data-text-label="page.pages">{links}<span data-slot="language"></span></nav>
  </div></div>
  <div class="ppai-column" data-slot="parts" data-testid="parts">
    <p class="ppai-loading" data-text="page.loading">…</p>
  </div>
  <div class="ppai-toast" role="status" data-testid="notice"></div>
  <div class="ppai-alarm" role="alert"></div>
</div>
"""
