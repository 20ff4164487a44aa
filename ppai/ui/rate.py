"""The rating page: one HTML component that our script fills from the desk's views, and the browser's copy of a code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.context import Context

if TYPE_CHECKING:
    from ppai.ui.desk import Desk

STATIC = Path(__file__).with_name("static")
STORAGE_KEY = "ppai.rater"
"""Under which a browser keeps its rater's code; a study's systems leave no trace in it."""

SCRIPTS = (
    "dom.js",
    "language.js",
    "live.js",
    "clock.js",
    "draft.js",
    "desk.js",
    "dialog.js",
    "guidelines.js",
    "code.js",
    "header.js",
    "cards.js",
    "criteria.js",
    "pair.js",
    "probe.js",
    "pages.js",
    "keys.js",
    "start.js",
)
"""In this order they make one function: what one declares, the others see."""

STYLES = ("page.css", "controls.css", "pair.css", "dialog.css")

SHELL = """
<div class="ppai">
  <div class="ppai-page">
    <div class="ppai-screen" data-testid="screen-loading"><p class="ppai-loading">…</p></div>
    <div class="ppai-toast" role="status" data-testid="notice"></div>
    <div class="ppai-alarm" role="alert" data-testid="alarm"></div>
  </div>
</div>
"""


def script() -> str:
    """The body of the function that runs when the component is on the page."""
    parts = ['"use strict";', *((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)]
    return "\n".join(parts)


def styles(names: tuple[str, ...] = STYLES) -> str:
    """Style sheets as one element for the page's head. Gradio's own `css` would rewrite their selectors."""
    return "<style>\n" + "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names) + "</style>"


def build(desk: Desk, *, secret: str, results_path: str = "results") -> gr.HTML:
    """Lays out the rating page inside the current Blocks.

    `secret` encrypts what the browser keeps, and must outlive a restart. `results_path` is where the thanks link to.
    """

    def act(request: dict[str, Any]) -> dict[str, Any]:
        return desk.act(request)

    def first_view(code: object) -> dict[str, Any]:
        return desk.open(code if isinstance(code, str) else None)

    memory = gr.BrowserState(None, storage_key=STORAGE_KEY, secret=secret)
    screen = gr.HTML(
        value=None,
        html_template=SHELL,
        js_on_load=script(),
        head=styles(),
        apply_default_css=False,
        server_functions=[act],
        results_path=results_path,
    )
    blocks = Context.root_block
    if blocks is None:
        raise RuntimeError("build() belongs inside a gr.Blocks")
    blocks.load(
        first_view,
        inputs=[memory],
        outputs=[screen],
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    screen.identity(
        fn=None,
        inputs=[screen],
        outputs=[memory],
        js="(view) => (view && view.code) || null",
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
    return screen
