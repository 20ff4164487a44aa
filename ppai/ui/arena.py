"""The page of live questions: lays it out, and turns the arena's views into what the page's script draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ppai.ui.rate import component
from ppai.ui.render import markdown_html, plain_html

if TYPE_CHECKING:
    import gradio as gr

    from ppai.ui.context import Context

SCRIPTS = (
    "dom.js",
    "language.js",
    "live.js",
    "clock.js",
    "draft.js",
    "desk.js",
    "dialog.js",
    "guidelines.js",
    "header.js",
    "plain.js",
    "cards.js",
    "criteria.js",
    "answers.js",
    "stage.js",
    "arena_kept.js",
    "arena_poll.js",
    "arena_ask.js",
    "arena_answer.js",
    "keys.js",
    "arena_start.js",
)
"""The rating page's own, and those of its own screens."""

STYLES = ("page.css", "controls.css", "pair.css", "dialog.css", "arena.css")
SIDES = ("a", "b")
SCREENS_AFTER = {"error.live_stale": "ask", "error.live_consent": "welcome"}
"""Where a visitor goes on after an error that ends what she was at; after all others the screen stays."""


def build_arena(context: Context, *, rate_path: str = "./") -> gr.HTML:
    """Lays out the page inside the current Blocks; `rate_path` leads to the rating page.

    The context has an arena: without live questions there is no such page.
    """
    arena = context.arena
    if arena is None:
        raise RuntimeError("live questions are off: there is no arena to lay out")

    def act(request: dict[str, Any]) -> dict[str, Any]:
        return drawn(arena.act(request), asked=request.get("act") if isinstance(request, dict) else None)

    def first_view(code: object) -> dict[str, Any]:
        return act({"act": "open", "code": code if isinstance(code, str) else None})

    return component(
        act, first_view, secret=context.browser_secret, scripts=SCRIPTS, styles_of=STYLES, rate_path=rate_path
    )


def drawn(view: Mapping[str, Any], *, asked: object = None) -> dict[str, Any]:
    """A view as the script draws it: its `state` as `screen`, question and answers as sanitised HTML in an `item`.

    `asked` is the act that it answers: a report leaves the screen as it is.
    """
    if asked == "report":
        error = view.get("error")
        return {"error": error} if error else {"notice": "notice.reported"}
    shown = {name: value for name, value in view.items() if name not in ("state", *SIDES, "a_ended", "b_ended")}
    screen = view.get("state") or SCREENS_AFTER.get(str(view.get("error")))
    if screen:
        shown["screen"] = str(screen)
    if "a" in view and "b" in view:
        shown["item"] = _item(view)
    return shown


def _item(view: Mapping[str, Any]) -> dict[str, Any]:
    question = str(view.get("question") or "")
    return {
        "id": view["token"],
        "token": view["token"],
        "question": question,
        "title": "",
        "topic": "",
        "body": plain_html(question),
        **{side: markdown_html(str(view[side])) for side in SIDES},
        **{f"{side}_ended": bool(view.get(f"{side}_ended", True)) for side in SIDES},
    }
