"""The rating page: one HTML component that our script fills from the desk's views, and the browser's copy of a code."""

from __future__ import annotations

from collections.abc import Callable
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
    "plain.js",
    "cards.js",
    "criteria.js",
    "answers.js",
    "pair.js",
    "probe.js",
    "pages.js",
    "stage.js",
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


def script(names: tuple[str, ...] = SCRIPTS) -> str:
    """The body of the function that runs when the component is on the page."""
    parts = ['"use strict";', *((STATIC / name).read_text(encoding="utf-8") for name in names)]
    return "\n".join(parts)


def styles(names: tuple[str, ...] = STYLES) -> str:
    """Style sheets as one element for the page's head. Gradio's own `css` would rewrite their selectors."""
    return "<style>\n" + "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names) + "</style>"


def build(desk: Desk, *, secret: str, results_path: str = "results", live_path: str | None = None) -> gr.HTML:
    """Lays out the rating page inside the current Blocks.

    `secret` encrypts what the browser keeps, and must outlive a restart. `results_path` is where the thanks link to,
    `live_path` the page of live questions, where there is one.
    """

    def act(request: dict[str, Any]) -> dict[str, Any]:
        return desk.act(request)

    def first_view(code: object) -> dict[str, Any]:
        return desk.open(code if isinstance(code, str) else None)

    return component(act, first_view, secret=secret, results_path=results_path, live_path=live_path)


def component(
    act: Callable[[dict[str, Any]], dict[str, Any]],
    first_view: Callable[[object], dict[str, Any]],
    *,
    secret: str,
    scripts: tuple[str, ...] = SCRIPTS,
    styles_of: tuple[str, ...] = STYLES,
    **props: Any,
) -> gr.HTML:
    """The component that shows views, inside the current Blocks: `first_view` of a kept code, then those of `act`.

    `props` are for the scripts; those that are None are left out.
    """
    memory = gr.BrowserState(None, storage_key=STORAGE_KEY, secret=secret)
    screen = gr.HTML(
        value=None,
        html_template=SHELL,
        js_on_load=script(scripts),
        head=styles(styles_of),
        apply_default_css=False,
        server_functions=[act],
        **{name: value for name, value in props.items() if value is not None},
    )
    blocks = Context.root_block
    if blocks is None:
        raise RuntimeError("a page belongs inside a gr.Blocks")
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
