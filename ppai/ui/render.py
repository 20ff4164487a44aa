"""Turns prompts and responses into the HTML that a browser may show: no script, link, image or attribute."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_TAGS = {
    "p",
    "br",
    "strong",
    "em",
    "s",
    "ul",
    "ol",
    "li",
    "code",
    "pre",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "hr",
}
_ATTRIBUTES = {"ol": {"start"}}


class _Renderer(RendererHTML):
    """Headings become bold paragraphs, so that a response cannot stand in the page's outline; images their text."""

    def heading_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "<p><strong>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</strong></p>\n"

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return html.escape(tokens[idx].content)


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer).enable("table")


def markdown_html(text: str) -> str:
    """Markdown as sanitised HTML; empty for a text of white space alone."""
    if not text.strip():
        return ""
    return nh3.clean(_MARKDOWN.render(text), tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None)


def plain_html(text: str) -> str:
    """Plain text as paragraphs, every mark shown as it was typed."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n")) if part.strip()]
    return "".join("<p>{}</p>".format(html.escape(part).replace("\n", "<br>")) for part in paragraphs)
